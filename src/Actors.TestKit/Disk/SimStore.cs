using Actors.Membership;
using Actors.Storage;

namespace Actors.TestKit;

/// <summary>An open handle on a simulated disk; dead after a crash of its node and once the disk is opened again.</summary>
internal sealed class SimStore(SimDisk disk, NodeId node) : IStore
{
    private bool _closed;

    /// <summary>A write or a sync failed: no further write is taken.</summary>
    public bool HasFailed { get; private set; }

    public byte[]? Get(Table table, ReadOnlySpan<byte> key)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        return disk.Get(table, key);
    }

    public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        return disk.Scan(table, from, to);
    }

    public IStoreSnapshot Snapshot()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        return disk.Snapshot();
    }

    public void Write(WriteSet writes, bool sync)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (HasFailed)
            throw new StoreFailedException($"the store of {node} failed before; open it anew");
        try
        {
            disk.Write(writes);
            if (sync)
                disk.Sync();
        }
        catch (StoreFailedException)
        {
            HasFailed = true;
            throw;
        }
    }

    public void Dispose() => _closed = true;
}
