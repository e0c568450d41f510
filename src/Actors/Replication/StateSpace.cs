using System.Diagnostics.CodeAnalysis;
using Actors.Storage;

namespace Actors.Replication;

/// <summary>The applied state of a group: the store's table with changes over it that are not written yet.</summary>
/// <remarks>
/// Changes gather in memory and leave as one atomic batch every so often (<see cref="TakeFlush"/>): hot keys are written once, and the
/// state in the store is always that of one applied index. What a crash loses of it is applied again from the log.
/// A command runs between <see cref="Begin"/> and <see cref="Commit"/> or <see cref="Undo"/>.
/// </remarks>
internal sealed class StateSpace(IStore store, StateKeys keys) : IStateSpace
{
    // The first byte of a key says whose it is; user keys come last, so that a user's scan to the end meets nothing else.
    public const byte CoreSpace = 0;
    public const byte SessionSpace = 1;
    public const byte TokenSpace = 2;
    public const byte TokenAgeSpace = 3;
    public const byte MachineSpace = 16;

    private readonly List<(byte[] Key, bool Was, byte[]? Value)> _undo = [];
    private Dictionary<byte[], byte[]?> _changes = new(BytesComparer.Instance);
    private Dictionary<byte[], byte[]?>? _flushing;
    private bool _inCommand;

    /// <summary>The changed keys that no flush has taken yet.</summary>
    public int Changes => _changes.Count;

    /// <summary>Roughly the bytes of the changes that no flush has taken yet.</summary>
    public long ChangedBytes { get; private set; }

    /// <summary>True while a batch is on its way to the store.</summary>
    public bool IsFlushing => _flushing is not null;

    public byte[]? Get(ReadOnlySpan<byte> key) => GetFull([MachineSpace, .. key]);

    public void Put(byte[] key, byte[] value) => Set([MachineSpace, .. key], value);

    public void Delete(byte[] key) => Set([MachineSpace, .. key], null);

    public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(byte[] from, byte[]? to)
    {
        foreach (var (key, value) in ScanFull([MachineSpace, .. from], to is null ? [MachineSpace + 1] : [MachineSpace, .. to]))
            yield return new(key[1..], value);
    }

    /// <summary>A value by its key with the leading byte that says whose it is.</summary>
    public byte[]? GetFull(byte[] key)
    {
        if (TryGetChange(key, out var value))
            return value;
        return store.Get(Table.State, keys.Of(key));
    }

    /// <summary>Sets (or with null removes) a value by its full key.</summary>
    public void Set(byte[] key, byte[]? value)
    {
        var was = _changes.TryGetValue(key, out var old);
        if (_inCommand)
            _undo.Add((key, was, old));
        _changes[key] = value;
        ChangedBytes += (value?.Length ?? 0) - (old?.Length ?? 0) + (was ? 0 : key.Length);
    }

    /// <summary>The pairs from <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive) by full key, the changes merged in.</summary>
    public IEnumerable<KeyValuePair<byte[], byte[]>> ScanFull(byte[] from, byte[] to)
    {
        var changed = new SortedDictionary<byte[], byte[]?>(BytesComparer.Instance);
        foreach (var (key, value) in Unwritten())
        {
            if (BytesComparer.Instance.Compare(key, from) >= 0 && BytesComparer.Instance.Compare(key, to) < 0)
                changed[key] = value;
        }

        return Merged(store.Scan(Table.State, keys.Of(from), keys.Of(to)), keys, changed);
    }

    /// <summary>The space as it stands now: the store as it is, and a copy of the changes over it.</summary>
    public FrozenState Freeze()
    {
        var changed = new SortedDictionary<byte[], byte[]?>(BytesComparer.Instance);
        foreach (var (key, value) in Unwritten())
            changed[key] = value;
        return new FrozenState(store.Snapshot(), keys, changed);
    }

    // Later changes of a key come after earlier ones.
    private IEnumerable<KeyValuePair<byte[], byte[]?>> Unwritten() => _flushing is null ? _changes : _flushing.Concat(_changes);

    /// <summary>What the store holds with <paramref name="changed"/> over it: pairs by full key, in order.</summary>
    public static IEnumerable<KeyValuePair<byte[], byte[]>> Merged(
        IEnumerable<KeyValuePair<byte[], byte[]>> held, StateKeys keys, SortedDictionary<byte[], byte[]?> changed)
    {
        using var changes = changed.GetEnumerator();
        var hasChange = changes.MoveNext();
        foreach (var (stored, value) in held)
        {
            var key = keys.Inner(stored);
            while (hasChange && BytesComparer.Instance.Compare(changes.Current.Key, key) < 0)
            {
                if (changes.Current.Value is { } inserted)
                    yield return new(changes.Current.Key, inserted);
                hasChange = changes.MoveNext();
            }

            if (hasChange && BytesComparer.Instance.Compare(changes.Current.Key, key) == 0)
                continue;       // replaced or removed: the next round or the rest below yields the change
            yield return new(key, value);
        }

        for (; hasChange; hasChange = changes.MoveNext())
        {
            if (changes.Current.Value is { } inserted)
                yield return new(changes.Current.Key, inserted);
        }
    }

    /// <summary>Begins a command: what follows can be undone.</summary>
    public void Begin() => _inCommand = true;

    /// <summary>Keeps what the command changed.</summary>
    public void Commit()
    {
        _undo.Clear();
        _inCommand = false;
    }

    /// <summary>Takes back what the command changed.</summary>
    public void Undo()
    {
        _inCommand = false;
        for (var i = _undo.Count - 1; i >= 0; i--)
        {
            var (key, was, old) = _undo[i];
            if (was)
                Set(key, old);
            else if (_changes.Remove(key, out var value))
                ChangedBytes -= key.Length + (value?.Length ?? 0);
        }

        _undo.Clear();
    }

    /// <summary>All changes as one batch; they stay readable until <see cref="Flushed"/>.</summary>
    public WriteSet TakeFlush()
    {
        InvariantViolation.Require(_flushing is null, "a second state flush began before the first had ended");
        var writes = new WriteSet();
        foreach (var (key, value) in _changes)
        {
            if (value is null)
                writes.Delete(Table.State, keys.Of(key));
            else
                writes.Put(Table.State, keys.Of(key), value);
        }

        (_flushing, _changes, ChangedBytes) = (_changes, new(BytesComparer.Instance), 0);
        return writes;
    }

    /// <summary>The batch is in the store.</summary>
    public void Flushed() => _flushing = null;

    private bool TryGetChange(byte[] key, [NotNullWhen(false)] out byte[]? value)
    {
        if (_changes.TryGetValue(key, out value))
            return true;
        return _flushing is not null && _flushing.TryGetValue(key, out value);
    }
}

/// <summary>A state as it stood at one applied index, for reads that take long, from any one thread.</summary>
internal sealed class FrozenState(IStoreSnapshot snapshot, StateKeys keys, SortedDictionary<byte[], byte[]?> changed) : IDisposable
{
    /// <summary>The pairs from <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive) by full key.</summary>
    public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(byte[] from, byte[] to)
    {
        var between = new SortedDictionary<byte[], byte[]?>(BytesComparer.Instance);
        foreach (var (key, value) in changed)
        {
            if (BytesComparer.Instance.Compare(key, from) >= 0 && BytesComparer.Instance.Compare(key, to) < 0)
                between.Add(key, value);
        }

        return StateSpace.Merged(snapshot.Scan(Table.State, keys.Of(from), keys.Of(to)), keys, between);
    }

    public void Dispose() => snapshot.Dispose();
}
