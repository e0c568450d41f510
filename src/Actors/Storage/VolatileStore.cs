namespace Actors.Storage;

/// <summary>A store of which a part lives in memory only: the keys that begin with a byte of <see cref="Mark"/> or above. All else is in the store beneath.</summary>
/// <remarks>A range is of one kind: its beginning says of which. A write that has only such keys is not synced: there is nothing to be made durable.</remarks>
internal sealed class VolatileStore(IStore durable) : IStore
{
    /// <summary>The first byte of volatile keys, and of no others, has this bit.</summary>
    public const byte Mark = 0x80;

    private readonly InMemoryStore _memory = new();

    public byte[]? Get(Table table, ReadOnlySpan<byte> key) => Holder(key).Get(table, key);

    public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to) => Holder(from).Scan(table, from, to);

    public IStoreSnapshot Snapshot() => new Both(durable.Snapshot(), _memory.Snapshot());

    public void Write(WriteSet writes, bool sync)
    {
        if (!writes.Operations.Any(o => IsVolatile(o.Key.Span)))
        {
            durable.Write(writes, sync);
            return;
        }

        var (kept, forgotten) = (new WriteSet(), new WriteSet());
        foreach (var operation in writes.Operations)
            (IsVolatile(operation.Key.Span) ? forgotten : kept).Add(operation);
        if (kept.Count > 0)
            durable.Write(kept, sync);
        _memory.Write(forgotten, sync);
    }

    public void Dispose() => durable.Dispose();

    private IStore Holder(ReadOnlySpan<byte> key) => IsVolatile(key) ? _memory : durable;

    private static bool IsVolatile(ReadOnlySpan<byte> key) => key.Length > 0 && key[0] >= Mark;

    private sealed class Both(IStoreSnapshot durable, IStoreSnapshot memory) : IStoreSnapshot
    {
        public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to) => (IsVolatile(from) ? memory : durable).Scan(table, from, to);

        public void Dispose()
        {
            durable.Dispose();
            memory.Dispose();
        }
    }
}
