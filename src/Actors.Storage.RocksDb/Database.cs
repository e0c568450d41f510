using System.Runtime.InteropServices;
using RocksDbSharp;

namespace Actors.Storage;

/// <summary>The open native database; it closes when it is disposed and the last use of it has ended.</summary>
/// <remarks>Without that count, a read on one thread while another closes the store would run in freed memory.</remarks>
internal sealed class Database : SafeHandle
{
    private readonly RocksDb _db;
    private readonly ColumnFamilyHandle[] _tables;

    /// <param name="db">What to keep and to close.</param>
    /// <param name="tables">The column families in the order of <see cref="Table"/>.</param>
    public Database(RocksDb db, IEnumerable<string> tables) : base(IntPtr.Zero, ownsHandle: true)
    {
        _db = db;
        _tables = [.. tables.Select(db.GetColumnFamily)];
        SetHandle(db.Handle);
#pragma warning disable CA1816 // not Dispose: the finalizer of the database would close it whatever still uses it
        GC.SuppressFinalize(db);
#pragma warning restore CA1816
    }

    public override bool IsInvalid => handle == IntPtr.Zero;

    public ColumnFamilyHandle this[Table table] => _tables[(int)table];

    public byte[]? Get(Table table, ReadOnlySpan<byte> key)
    {
        using var use = new Use(this);
        return _db.Get(key, this[table]);
    }

    public void Write(WriteBatch batch, WriteOptions options)
    {
        using var use = new Use(this);
        _db.Write(batch, options);
    }

    protected override bool ReleaseHandle()
    {
        _db.Dispose();
        return true;
    }

    private readonly ref struct Use
    {
        private readonly Database _database;

        public Use(Database database)
        {
            var counted = false;
            database.DangerousAddRef(ref counted);
            _database = database;
        }

        public void Dispose() => _database.DangerousRelease();
    }
}
