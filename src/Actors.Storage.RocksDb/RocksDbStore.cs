using Actors.Membership;
using RocksDbSharp;

namespace Actors.Storage;

/// <summary>The durable store: one RocksDB database per data folder, one column family per table, one write-ahead log for all.</summary>
/// <remarks>
/// A write is one native batch appended to the log; a synced one returns after fdatasync. An incomplete record at the end of the log, which is
/// what a crash leaves, is dropped when the folder is opened; damage anywhere else is reported. Memory: 16 MiB for what was read, and for
/// what is not yet in tables 32 MiB, or 66 MiB while the disk lags. Two background threads, shared by the stores of a process.
/// </remarks>
public sealed class RocksDbStore : IStore
{
    private const ulong MiB = 1024 * 1024;

    private static readonly string[] TableNames = ["meta", "log", "state"];   // in the order of Table
    private static readonly WriteOptions Synced = new WriteOptions().SetSync(true);
    private static readonly WriteOptions Unsynced = new WriteOptions().SetSync(false);

    private readonly DataFolder _folder;
    private readonly Database _database;
    private readonly WriteBatch _batch = new();     // cleared and filled again by every write
    private string? _failure;                       // of the write after which no other is taken
    private volatile bool _disposed;

    private RocksDbStore(DataFolder folder, Incarnation incarnation, Database database)
    {
        _folder = folder;
        Incarnation = incarnation;
        _database = database;
    }

    /// <summary>This life of the data folder: drawn when it was first used, or first used after a quarantine.</summary>
    public Incarnation Incarnation { get; }

    /// <summary>Opens the store in <paramref name="folder"/>, creating it (readable by its owner alone) when it is missing, and recovers from a crash.</summary>
    /// <param name="folder">The data folder; other files in it are left alone.</param>
    /// <param name="identity">Whose folder it must be; a new folder becomes theirs.</param>
    /// <param name="random">Draws the incarnation of a new folder.</param>
    /// <exception cref="DataFolderException">It is in use, belongs to another node or cluster, has an unknown format, or cannot be reached.</exception>
    /// <exception cref="StoreFailedException">What it holds is damaged, or the disk is full or failing.</exception>
    public static RocksDbStore Open(string folder, StoreIdentity identity, Random random)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(random);
        var locked = DataFolder.Lock(folder);
        try
        {
            var incarnation = locked.Claim(identity, random, path => OpenDatabase(path, create: true).Dispose());
            RecordLog.Check(locked.Database);
            return new RocksDbStore(locked, incarnation, new Database(OpenDatabase(locked.Database, create: false), TableNames));
        }
        catch (Exception e) when (e is RocksDbException or InvalidDataException or IOException)
        {
            locked.Dispose();
            throw new StoreFailedException($"data folder {locked.FullPath} cannot be opened: {OneLine(e)}", e);
        }
        catch
        {
            locked.Dispose();
            throw;
        }
    }

    /// <summary>Takes what <paramref name="folder"/> holds aside, by renaming, and answers where it is now: the folder opens as a new one after that.</summary>
    /// <remarks>For damaged data. The next opening draws another incarnation, so the node is not taken for the one that made the lost promises.</remarks>
    /// <exception cref="DataFolderException">It is in use, holds nothing, or cannot be reached.</exception>
    public static string Quarantine(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        using var locked = DataFolder.Lock(folder);
        return locked.Quarantine();
    }

    /// <inheritdoc/>
    /// <exception cref="StoreFailedException">What was to be read is damaged, or the disk is failing.</exception>
    public byte[]? Get(Table table, ReadOnlySpan<byte> key)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        try
        {
            return _database.Get(table, key);
        }
        catch (RocksDbException e)
        {
            throw ReadFailed(e);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="StoreFailedException">What was to be read is damaged, or the disk is failing; thrown while enumerating.</exception>
    public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to)
    {
        ArgumentNullException.ThrowIfNull(from);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new Scan(_database, table, from, to, snapshot: null, ReadFailed);
    }

    /// <inheritdoc/>
    public IStoreSnapshot Snapshot()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new StoreSnapshot(_database, ReadFailed);
    }

    /// <inheritdoc/>
    public void Write(WriteSet writes, bool sync)
    {
        ArgumentNullException.ThrowIfNull(writes);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_failure is not null)
            throw new StoreFailedException($"{_failure}; it takes no more writes until it is opened anew");
        _batch.Clear();
        var operations = writes.Operations;
        for (var i = 0; i < operations.Count; i++)
            Add(operations[i]);
        try
        {
            _database.Write(_batch, sync ? Synced : Unsynced);
        }
        catch (RocksDbException e)
        {
            _failure = $"data folder {_folder.FullPath}: write failed: {OneLine(e)}";
            throw new StoreFailedException(_failure, e);
        }
    }

    /// <summary>Closes the store; it closes for good when the scans that are under way have ended.</summary>
    public void Dispose()
    {
        _disposed = true;
        _database.Dispose();
        _batch.Dispose();
        _folder.Dispose();
    }

    private unsafe void Add(WriteSet.Operation operation)
    {
        var table = _database[operation.Table];
        var key = operation.Key.Span;
        var value = operation.Value.Span;
        switch (operation.Kind)
        {
            case WriteSet.Kind.Put:
                _batch.Put(key, value, table);
                break;
            case WriteSet.Kind.Delete:
                _batch.Delete(key, table);
                break;
            case WriteSet.Kind.DeleteRange:
                // RocksDB refuses a range that ends before it begins, but only after it is in the log.
                if (key.SequenceCompareTo(value) < 0)
                {
                    fixed (byte* from = key)
                    fixed (byte* to = value)
                        _batch.DeleteRange(from, (ulong)key.Length, to, (ulong)value.Length, table);
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(operation), operation.Kind, "unknown kind of operation");
        }
    }

    private StoreFailedException ReadFailed(RocksDbException e) => new($"data folder {_folder.FullPath}: read failed: {OneLine(e)}", e);

    private static string OneLine(Exception e) => e.Message.ReplaceLineEndings(" ").Trim();

    private static RocksDb OpenDatabase(string path, bool create)
    {
        var options = new DbOptions()
            .SetCreateIfMissing(create)
            .SetCreateMissingColumnFamilies(create)
            .SetParanoidChecks(true)
            .SetWalRecoveryMode(Recovery.TolerateCorruptedTailRecords)  // RecordLog catches the damage that this mode takes for a torn tail
            .SetMaxTotalWalSize(64 * MiB)           // bounds recovery: a table that is seldom written keeps old logs alive
            .SetDbWriteBufferSize(32 * MiB)
            .SetMaxManifestFileSize(4 * MiB)
            .SetMaxOpenFiles(256)
            .SetBytesPerSync(MiB)                   // tables are written out steadily, so that a log sync does not wait behind a whole one
            .SetInfoLogLevel(InfoLogLevel.Warn)
            .SetKeepLogFileNum(2)
            .SetMaxLogFileSize(MiB)
            .SetStatsDumpPeriodSec(0);
        Native.Instance.rocksdb_options_set_max_background_jobs(options.Handle, 2);
        Native.Instance.rocksdb_options_set_stats_persist_period_sec(options.Handle, 0);
        Native.Instance.rocksdb_options_set_track_and_verify_wals_in_manifest(options.Handle, 1);

        var blocks = Cache.CreateLru(16 * MiB);
        return RocksDb.Open(options, path, new ColumnFamilies(TableOptions(blocks, MiB))
        {
            { TableNames[(int)Table.Meta], TableOptions(blocks, MiB) },
            { TableNames[(int)Table.Log], Queue(TableOptions(blocks, 16 * MiB)) },
            { TableNames[(int)Table.State], TableOptions(blocks, 16 * MiB, BloomFilterPolicy.Create(bits_per_key: 10)) },
        });
    }

    private static ColumnFamilyOptions TableOptions(Cache blocks, ulong writeBuffer, BloomFilterPolicy? filter = null)
    {
        var format = new BlockBasedTableOptions().SetBlockCache(blocks).SetCacheIndexAndFilterBlocks(true).SetPinL0FilterAndIndexBlocksInCache(true);
        if (filter is not null)
            format.SetFilterPolicy(filter);
        return new ColumnFamilyOptions()
            .SetBlockBasedTableFactory(format)
            .SetCompression(Compression.No)         // processor time is scarcer than disk where several nodes share a machine
            .SetWriteBufferSize(writeBuffer)
            .SetMaxWriteBufferNumber(2);
    }

    /// <summary>For logs, which grow at one end and are cut at the other: files are merged late, when most of what they hold has been cut.</summary>
    /// <remarks>Every file holds entries of several groups, so none can go down a level as it is; merged at four files, as is the default, each entry was written 1.6 times more.</remarks>
    private static ColumnFamilyOptions Queue(ColumnFamilyOptions options) => options
        .SetLevel0FileNumCompactionTrigger(32)
        .SetLevel0SlowdownWritesTrigger(64)
        .SetLevel0StopWritesTrigger(96)
        .SetMaxBytesForLevelBase(1024 * MiB);
}
