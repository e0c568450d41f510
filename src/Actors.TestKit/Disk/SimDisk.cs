using System.Diagnostics.CodeAnalysis;
using Actors.Storage;

namespace Actors.TestKit;

/// <summary>The disk of a simulated node. It outlives crashes, except for what was not synced.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "A simulated handle holds nothing that must be given back.")]
public sealed class SimDisk
{
    private readonly SimNode _node;
    private readonly SeededRandom _random;
    private readonly SortedTable[] _tables = [new(), new(), new()];
    private readonly List<Undo> _undo = [];
    private readonly Queue<int> _unsynced = [];             // how many undos each unsynced write set has
    private readonly Queue<(long At, long Writes)> _syncs = [];     // syncs that are not over, or were not when last looked at
    private SimStore? _open;
    private long _writes;
    private long _stalledUntil;
    private bool _failNextSync;
    private long _syncBegan;
    private long _syncEnds;

    internal SimDisk(SimNode node, SeededRandom random)
    {
        _node = node;
        _random = random;
    }

    /// <summary>How it behaves from now on.</summary>
    public DiskFaults Faults { get; set; } = new();

    /// <summary>How long a sync takes at least, whatever <see cref="Faults"/> say; default 0.</summary>
    public TimeSpan SyncsTake { get; set; }

    /// <summary>True: every write fails, and the store with it, until this is false and the store is opened anew.</summary>
    public bool IsFull { get; set; }

    /// <summary>Write sets so far.</summary>
    public long Writes => _writes;

    /// <summary>Syncs that ended well so far.</summary>
    public long Syncs { get; private set; }

    /// <summary>How often it was wiped.</summary>
    public int Wipes { get; private set; }

    /// <summary>True once data that had been synced was damaged or wiped.</summary>
    internal bool WasDamaged { get; private set; }

    /// <summary>True while a value on it may not be what was written.</summary>
    internal bool IsRotten { get; private set; }

    /// <summary>The next sync fails.</summary>
    public void FailNextSync() => _failNextSync = true;

    /// <summary>Since when the sync that is under way has been so; null when none is.</summary>
    internal TimeSpan? SyncingSince => _syncEnds > _node.World.Now ? new TimeSpan(_syncBegan) : null;

    /// <summary>Syncs that begin within <paramref name="duration"/> end no earlier than it does.</summary>
    public void Stall(TimeSpan duration)
    {
        Note($"disk stalls for {duration.TotalSeconds} s");
        _stalledUntil = Math.Max(_stalledUntil, _node.World.LocalNow + duration.Ticks);
    }

    /// <summary>Flips one bit of one value of <paramref name="table"/>, chosen by seed; returns its key, or null when there is none to damage.</summary>
    public byte[]? Rot(Table table)
    {
        var rows = _tables[(int)table];
        if (rows.Count == 0)
            return null;
        var (key, value) = rows.At(_random.Next(rows.Count));
        if (value.Length == 0)
            return null;
        var bit = _random.Next(value.Length * 8);
        value = [.. value];
        value[bit / 8] ^= (byte)(1 << (bit % 8));
        rows.Put(key, value);
        (WasDamaged, IsRotten) = (true, true);
        Note($"bit {bit} of {table}/{Convert.ToHexString(key)} rots");
        return key;
    }

    /// <summary>Everything on it is gone.</summary>
    /// <exception cref="InvalidOperationException">The node is up.</exception>
    public void Wipe()
    {
        if (_node.IsUp)
            throw new InvalidOperationException($"the disk of {_node.Id} can be wiped only while the node is down");
        (WasDamaged, IsRotten) = (true, false);
        Wipes++;
        Note("disk is wiped");
        foreach (var table in _tables)
            table.Clear();
    }

    /// <summary>Ends all faults; a store that has failed still has to be opened anew.</summary>
    public void Heal()
    {
        Faults = new DiskFaults();
        SyncsTake = TimeSpan.Zero;
        IsFull = false;
        _stalledUntil = 0;
        _failNextSync = false;
    }

    /// <summary>A write or a sync failed, and the store was not opened anew since.</summary>
    internal bool HasFailed => _open is { HasFailed: true };

    internal SimStore Open()
    {
        if (HasFailed)
            LoseUnsynced();
        _open?.Dispose();
        return _open = new SimStore(this, _node.Id);
    }

    internal void Crash()
    {
        _open?.Dispose();
        _open = null;
        LoseUnsynced();
    }

    internal byte[]? Get(Table table, ReadOnlySpan<byte> key) => _tables[(int)table].Get(key);

    /// <summary>What a crash at this instant would certainly leave under <paramref name="key"/>.</summary>
    internal byte[]? GetDurable(Table table, byte[] key)
    {
        ForgetSynced();
        foreach (var undo in _undo)
        {
            if (undo.Table == table && undo.Key.AsSpan().SequenceEqual(key))
                return undo.Before;
        }

        return Get(table, key);
    }

    internal IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to) => _tables[(int)table].Scan(from, to);

    internal IStoreSnapshot Snapshot() => new View([.. _tables.Select(table => table.Copy())]);

    /// <summary>Applies a write set; throws when the disk is full.</summary>
    internal void Write(WriteSet writes)
    {
        if (IsFull)
            throw new StoreFailedException($"the disk of {_node.Id} is full");
        ForgetSynced();
        var before = _undo.Count;
        foreach (var operation in writes.Operations)
            Apply(operation);
        _unsynced.Enqueue(_undo.Count - before);
        _writes++;
    }

    /// <summary>Makes all writes so far durable, which blocks the running actor; throws when it fails.</summary>
    internal void Sync()
    {
        var world = _node.World;
        var takes = _random.Between(Faults.MinSync, _random.Chance(Faults.Slow) ? Faults.SlowSync : Faults.MaxSync).Ticks;
        _syncBegan = world.LocalNow;
        world.Block(Math.Max(Math.Max(takes, SyncsTake.Ticks), _stalledUntil - world.LocalNow));
        _syncEnds = world.LocalNow;
        if (_failNextSync || _random.Chance(Faults.SyncFailure))
        {
            _failNextSync = false;
            throw new StoreFailedException($"a sync of the disk of {_node.Id} failed");
        }

        Syncs++;
        _syncs.Enqueue((world.LocalNow, _writes));
    }

    private void Apply(WriteSet.Operation operation)
    {
        var table = _tables[(int)operation.Table];
        switch (operation.Kind)
        {
            case WriteSet.Kind.Put:
                var key = operation.Key.ToArray();
                _undo.Add(new Undo(operation.Table, key, table.Put(key, operation.Value.ToArray())));
                break;
            case WriteSet.Kind.Delete:
                Delete(operation.Table, operation.Key.ToArray());
                break;
            case WriteSet.Kind.DeleteRange:
                foreach (var (inRange, _) in table.Scan(operation.Key.Span, operation.Value.ToArray()))
                    Delete(operation.Table, inRange);
                break;
        }
    }

    private void Delete(Table table, byte[] key)
    {
        if (_tables[(int)table].Delete(key) is { } old)
            _undo.Add(new Undo(table, key, old));
    }

    /// <summary>What a finished sync covers needs no undo any more.</summary>
    private void ForgetSynced()
    {
        var durable = 0L;
        while (_syncs.TryPeek(out var sync) && sync.At <= _node.World.Now)
            durable = _syncs.Dequeue().Writes;
        var undos = 0;
        while (_writes - _unsynced.Count < durable)
            undos += _unsynced.Dequeue();
        _undo.RemoveRange(0, undos);
    }

    /// <summary>A prefix of what was not synced survives, chosen by seed; the rest never happened.</summary>
    private void LoseUnsynced()
    {
        ForgetSynced();
        _syncs.Clear();
        var sets = _unsynced.ToArray();
        var kept = _random.Next(sets.Length + 1);
        foreach (var undos in sets.Skip(kept).Reverse())
        {
            for (var i = 0; i < undos; i++)
                Revert(_undo[^(i + 1)]);
            _undo.RemoveRange(_undo.Count - undos, undos);
        }

        if (sets.Length > 0)
            Note($"disk kept {kept} of {sets.Length} unsynced writes");
        _undo.Clear();
        _unsynced.Clear();
    }

    private void Revert(Undo undo)
    {
        if (undo.Before is null)
            _tables[(int)undo.Table].Delete(undo.Key);
        else
            _tables[(int)undo.Table].Put(undo.Key, undo.Before);
    }

    private void Note(string what) => _node.World.Trace.Note(_node.World.Now, "*", _node.Id.Value, what);

    private sealed class View(SortedTable[] tables) : IStoreSnapshot
    {
        public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to) => tables[(int)table].Scan(from, to);

        public void Dispose()
        {
        }
    }

    private readonly record struct Undo(Table Table, byte[] Key, byte[]? Before);
}
