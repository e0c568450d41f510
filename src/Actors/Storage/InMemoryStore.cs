using System.Collections.Immutable;

namespace Actors.Storage;

/// <summary>A store in memory, for tests and for groups with <c>durability = memory</c>: it forgets everything when it is dropped.</summary>
/// <remarks>
/// Each table is an immutable sorted set; a write publishes all three tables at once. So readers take no lock, never see half a write,
/// and a scan keeps the view it began with. Keys and values are copied in and out, as in a store on disk.
/// </remarks>
public sealed class InMemoryStore : IStore
{
    private static readonly ImmutableSortedSet<Pair> Empty = ImmutableSortedSet.Create<Pair>(ByKey.Instance);

    private volatile ImmutableSortedSet<Pair>[] _tables = [Empty, Empty, Empty];

    /// <inheritdoc/>
    public byte[]? Get(Table table, ReadOnlySpan<byte> key) =>
        _tables[(int)table].TryGetValue(Probe(key), out var pair) ? (byte[])pair.Value.Clone() : null;

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to)
    {
        ArgumentNullException.ThrowIfNull(from);
        return Copies(_tables[(int)table], from, to);
    }

    /// <inheritdoc/>
    public IStoreSnapshot Snapshot() => new View(_tables);

    /// <inheritdoc/>
    public void Write(WriteSet writes, bool sync)
    {
        ArgumentNullException.ThrowIfNull(writes);
        var tables = _tables;
        var builders = new ImmutableSortedSet<Pair>.Builder?[tables.Length];
        foreach (var operation in writes.Operations)
            Apply(operation, builders[(int)operation.Table] ??= tables[(int)operation.Table].ToBuilder());
        _tables = [.. tables.Select((table, i) => builders[i]?.ToImmutable() ?? table)];
    }

    /// <summary>Nothing to release.</summary>
    public void Dispose()
    {
    }

    private static void Apply(WriteSet.Operation operation, ImmutableSortedSet<Pair>.Builder pairs)
    {
        switch (operation.Kind)
        {
            case WriteSet.Kind.Put:
                var pair = new Pair(operation.Key.ToArray(), operation.Value.ToArray());
                if (pairs.Add(pair))
                    break;
                pairs.Remove(pair);
                pairs.Add(pair);
                break;
            case WriteSet.Kind.Delete:
                pairs.Remove(Probe(operation.Key.Span));
                break;
            case WriteSet.Kind.DeleteRange:
                var from = Position(pairs.IndexOf(Probe(operation.Key.Span)));
                for (var left = Position(pairs.IndexOf(Probe(operation.Value.Span))) - from; left > 0; left--)
                    pairs.Remove(pairs[from]);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(operation), operation.Kind, "unknown kind of operation");
        }
    }

    private static IEnumerable<KeyValuePair<byte[], byte[]>> Copies(ImmutableSortedSet<Pair> pairs, byte[] from, byte[]? to) =>
        Copies(pairs, Position(pairs.IndexOf(Probe(from))), to is null ? pairs.Count : Position(pairs.IndexOf(Probe(to))));

    private static IEnumerable<KeyValuePair<byte[], byte[]>> Copies(ImmutableSortedSet<Pair> pairs, int from, int to)
    {
        for (var i = from; i < to; i++)
            yield return new KeyValuePair<byte[], byte[]>((byte[])pairs[i].Key.Clone(), (byte[])pairs[i].Value.Clone());
    }

    // Where a key stands, or would stand: IndexOf answers the complement of that for a key that is not there.
    private static int Position(int index) => index < 0 ? ~index : index;

    private static Pair Probe(ReadOnlySpan<byte> key) => new(key.ToArray(), []);

    private sealed class View(ImmutableSortedSet<Pair>[] tables) : IStoreSnapshot
    {
        public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to) => Copies(tables[(int)table], from, to);

        public void Dispose()
        {
        }
    }

    private readonly record struct Pair(byte[] Key, byte[] Value);

    private sealed class ByKey : IComparer<Pair>
    {
        public static readonly ByKey Instance = new();

        public int Compare(Pair x, Pair y) => x.Key.AsSpan().SequenceCompareTo(y.Key);
    }
}
