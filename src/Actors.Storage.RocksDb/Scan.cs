using System.Collections;
using System.Runtime.InteropServices;
using RocksDbSharp;

namespace Actors.Storage;

/// <summary>One pass over a range of a table as it stood when this, or the snapshot that it reads, was made.</summary>
internal sealed class Scan : SafeHandle, IEnumerable<KeyValuePair<byte[], byte[]>>, IEnumerator<KeyValuePair<byte[], byte[]>>
{
    private readonly Database _database;
    private readonly StoreSnapshot? _snapshot;
    private readonly Func<RocksDbException, StoreFailedException> _failed;
    private readonly IntPtr _options;
    private readonly byte[] _to;        // pinned: the native iterator reads it as long as it lives
    private bool _given;
    private bool _started;

    public Scan(Database database, Table table, byte[] from, byte[]? to, StoreSnapshot? snapshot, Func<RocksDbException, StoreFailedException> failed)
        : base(IntPtr.Zero, ownsHandle: true)
    {
        var counted = false;
        database.DangerousAddRef(ref counted);
        _database = database;
        _failed = failed;
        _options = Native.Instance.rocksdb_readoptions_create();
        if (snapshot is not null)
        {
            var held = false;
            snapshot.DangerousAddRef(ref held);
            _snapshot = snapshot;
            Native.Instance.rocksdb_readoptions_set_snapshot(_options, snapshot.DangerousGetHandle());
        }

        _to = GC.AllocateUninitializedArray<byte>(to?.Length ?? 0, pinned: true);
        to?.CopyTo(_to, 0);
        if (to is not null)
            Native.Instance.rocksdb_readoptions_set_iterate_upper_bound(_options, Marshal.UnsafeAddrOfPinnedArrayElement(_to, 0), (nuint)_to.Length);
        SetHandle(Native.Instance.rocksdb_create_iterator_cf(database.DangerousGetHandle(), _options, database[table].Handle));
        Native.Instance.rocksdb_iter_seek(handle, from, (nuint)from.Length);
    }

    public override bool IsInvalid => handle == IntPtr.Zero;

    public KeyValuePair<byte[], byte[]> Current { get; private set; }

    object IEnumerator.Current => Current;

    /// <summary>This very object: a scan is enumerated once.</summary>
    public IEnumerator<KeyValuePair<byte[], byte[]>> GetEnumerator()
    {
        if (_given)
            throw new InvalidOperationException("a scan can be enumerated once; call Scan again for a second pass");
        _given = true;
        return this;
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <exception cref="StoreFailedException">What was to be read is damaged.</exception>
    public bool MoveNext()
    {
        if (IsClosed)
            return false;
        if (_started)
            Native.Instance.rocksdb_iter_next(handle);
        _started = true;
        if (Native.Instance.rocksdb_iter_valid(handle) != 0)
        {
            Current = new KeyValuePair<byte[], byte[]>(Native.Instance.rocksdb_iter_key(handle), Native.Instance.rocksdb_iter_value(handle));
            return true;
        }

        try
        {
            Native.Instance.rocksdb_iter_get_error(handle);     // an iterator that meets damage just ends
        }
        catch (RocksDbException e)
        {
            throw _failed(e);
        }
        finally
        {
            Dispose();
        }

        return false;
    }

    public void Reset() => throw new NotSupportedException("a scan can be enumerated once");

    protected override bool ReleaseHandle()
    {
        Native.Instance.rocksdb_iter_destroy(handle);
        Native.Instance.rocksdb_readoptions_destroy(_options);
        _snapshot?.DangerousRelease();
        _database.DangerousRelease();
        return true;
    }
}
