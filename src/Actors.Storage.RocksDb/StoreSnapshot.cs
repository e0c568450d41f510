using System.Runtime.InteropServices;
using RocksDbSharp;

namespace Actors.Storage;

/// <summary>A native snapshot; it is released when it is disposed and the last scan of it has ended, and the database does not close before that.</summary>
internal sealed class StoreSnapshot : SafeHandle, IStoreSnapshot
{
    private readonly Database _database;
    private readonly Func<RocksDbException, StoreFailedException> _failed;

    public StoreSnapshot(Database database, Func<RocksDbException, StoreFailedException> failed) : base(IntPtr.Zero, ownsHandle: true)
    {
        var counted = false;
        database.DangerousAddRef(ref counted);
        _database = database;
        _failed = failed;
        SetHandle(Native.Instance.rocksdb_create_snapshot(database.DangerousGetHandle()));
    }

    public override bool IsInvalid => handle == IntPtr.Zero;

    /// <inheritdoc/>
    /// <exception cref="StoreFailedException">What was to be read is damaged, or the disk is failing; thrown while enumerating.</exception>
    public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to)
    {
        ArgumentNullException.ThrowIfNull(from);
        return new Scan(_database, table, from, to, this, _failed);
    }

    protected override bool ReleaseHandle()
    {
        Native.Instance.rocksdb_release_snapshot(_database.DangerousGetHandle(), handle);
        _database.DangerousRelease();
        return true;
    }
}
