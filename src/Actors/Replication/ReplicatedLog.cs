using Actors.Membership;
using Actors.Storage;

namespace Actors.Replication;

/// <summary>What became of entries that a primary sent.</summary>
internal enum Offered
{
    /// <summary>They are in the log, after whatever was in their place.</summary>
    Taken,

    /// <summary>The entry before them is missing here, or another one stands in its place.</summary>
    NoMatch,

    /// <summary>They do not follow each other by index and hash: damaged on the way. Those before the damage are in the log.</summary>
    Broken,
}

/// <summary>One replica's copy of the group's log: hash-chained entries from index 1, the last of them perhaps not yet durable.</summary>
/// <remarks>
/// Invariants: entries are consecutive and each follows the one before by its hash; 0 ≤ <see cref="Durable"/> ≤ Last.Index; what was not
/// durable at a crash is gone afterwards, but only from the end. Log matching: Ongaro and Ousterhout, ATC 2014, section 5.3.
/// Writes leave through <see cref="TakeWrites"/> in order, and come back as <see cref="Synced"/>.
/// </remarks>
internal sealed class ReplicatedLog
{
    private readonly IStore _store;
    private readonly GroupKeys _keys;
    private readonly long _cacheBytesLimit;
    private readonly Queue<(long Ticket, long UpTo)> _inFlight = new();
    private WriteSet _writes = new();

    // The newest entries, oldest first; the cache never drops what is not durable, for the store cannot give it back yet.
    private readonly Deque<LogEntry> _cache = new();
    private long _cacheBytes;

    public ReplicatedLog(IStore store, GroupKeys keys, long cacheBytesLimit)
    {
        _store = store;
        _keys = keys;
        _cacheBytesLimit = cacheBytesLimit;
    }

    /// <summary>The position of the last entry.</summary>
    public LogPosition Last { get; private set; }

    /// <summary>The hash of the last entry; it names the whole log.</summary>
    public UInt128 LastHash { get; private set; }

    /// <summary>The log time of the last entry.</summary>
    public long LastTimestamp { get; private set; }

    /// <summary>The highest index that a crash cannot take away.</summary>
    public long Durable { get; private set; }

    /// <summary>True when there is something to write.</summary>
    public bool HasWrites => _writes.Count > 0;

    private long FirstCached => Last.Index - _cache.Count + 1;

    /// <summary>Reads the entries after <paramref name="from"/> back from the store and hands each to <paramref name="visit"/>.</summary>
    /// <param name="from">The position up to which the state was applied, with its hash and log time.</param>
    /// <param name="hash">The hash of the entry at <paramref name="from"/>.</param>
    /// <param name="timestamp">The log time at <paramref name="from"/>.</param>
    /// <param name="visit">Called for every entry in order.</param>
    /// <exception cref="StoreFailedException">An entry is missing or damaged.</exception>
    public void Recover(LogPosition from, UInt128 hash, long timestamp, Action<LogEntry> visit)
    {
        if (from.Index > 0 && ReadFromStore(from.Index) is var applied && (applied.Position != from || applied.Hash != hash))
            throw Damaged(from.Index, $"it is {applied.Position} where the state was applied up to {from}");
        (Last, LastHash, LastTimestamp) = (from, hash, timestamp);
        foreach (var (_, frame) in _store.Scan(Table.Log, _keys.Entry(from.Index + 1), _keys.Entry(long.MaxValue)))
        {
            var entry = Decoded(frame, Last.Index + 1);
            Push(Undamaged(entry, LastHash));
            visit(entry);
        }

        Durable = Last.Index;
        Trim();
    }

    /// <summary>Orders a new entry behind the last one.</summary>
    public LogEntry Append(Epoch epoch, long timestamp, in EntryDraft draft)
    {
        var entry = LogEntry.Create(new LogPosition(epoch, Last.Index + 1), LastHash, Math.Max(timestamp, LastTimestamp), draft);
        Push(entry);
        _writes.Put(Table.Log, _keys.Entry(entry.Index), entry.Frame);
        return entry;
    }

    /// <summary>Takes entries from a primary: skips those that are here already, removes what differs, appends the rest.</summary>
    /// <param name="previous">The position before the first of <paramref name="entries"/>.</param>
    /// <param name="previousHash">The hash there.</param>
    /// <param name="entries">Consecutive entries.</param>
    /// <param name="committed">Nothing at or below this index may be removed.</param>
    /// <param name="appended">Called for each entry that is new here.</param>
    /// <param name="truncated">Called with the first removed index, before anything is appended.</param>
    /// <exception cref="InvariantViolation">The primary contradicts an entry that is known to be committed here, or the same position has two hashes.</exception>
    public Offered Offer(
        LogPosition previous,
        UInt128 previousHash,
        IReadOnlyList<LogEntry> entries,
        long committed,
        Action<LogEntry> appended,
        Action<long> truncated)
    {
        if (previous.Index > Last.Index)
            return Offered.NoMatch;
        var (position, hash) = At(previous.Index);
        if (position != previous)
        {
            InvariantViolation.Require(previous.Index > committed, $"the primary has {previous} where {position} is committed");
            return Offered.NoMatch;
        }

        InvariantViolation.Require(hash == previousHash, $"two entries {previous} have different hashes: {hash:x32} here, {previousHash:x32} at the primary");
        var index = previous.Index;
        foreach (var entry in entries)
        {
            index++;
            if (entry.Index != index || !entry.Follows(hash))
                return Offered.Broken;
            hash = entry.Hash;
            if (index <= Last.Index)
            {
                if (At(index).Hash == hash)
                    continue;
                InvariantViolation.Require(index > committed, $"the primary has {entry.Position} where {At(index).Position} is committed");
                Truncate(index);
                truncated(index);
            }

            Push(entry);
            _writes.Put(Table.Log, _keys.Entry(index), entry.Frame);
            appended(entry);
        }

        return Offered.Taken;
    }

    /// <summary>The writes since the last call, now under <paramref name="ticket"/>; tickets grow.</summary>
    public WriteSet TakeWrites(long ticket)
    {
        var writes = _writes;
        _writes = new WriteSet();
        _inFlight.Enqueue((ticket, Last.Index));
        return writes;
    }

    /// <summary>The writes up to <paramref name="ticket"/> are durable.</summary>
    public void Synced(long ticket)
    {
        while (_inFlight.TryPeek(out var write) && write.Ticket <= ticket)
        {
            _inFlight.Dequeue();
            Durable = Math.Max(Durable, Math.Min(write.UpTo, Last.Index));
        }

        Trim();
    }

    /// <summary>The position and hash at <paramref name="index"/>, from 0 to Last.Index.</summary>
    public (LogPosition Position, UInt128 Hash) At(long index)
    {
        if (index == Last.Index)
            return (Last, LastHash);
        if (index == 0)
            return (LogPosition.Zero, default);
        var entry = Read(index);
        return (entry.Position, entry.Hash);
    }

    /// <summary>The entry at <paramref name="index"/>, from 1 to Last.Index.</summary>
    public LogEntry Read(long index) => index >= FirstCached ? _cache[(int)(index - FirstCached)] : ReadFromStore(index);

    /// <summary>The entries from <paramref name="from"/> on, at least one if there is any, at most <paramref name="maxBytes"/> unless one alone is larger.</summary>
    public IReadOnlyList<LogEntry> Slice(long from, int maxBytes)
    {
        var slice = new List<LogEntry>((int)Math.Clamp(Last.Index - from + 1, 0, 256));
        var bytes = 0;
        for (var index = from; index <= Last.Index; index++)
        {
            var entry = index >= FirstCached ? _cache[(int)(index - FirstCached)]
                : slice.Count == 0 ? ReadFromStore(index)
                : Undamaged(Stored(index), slice[^1].Hash);
            bytes += entry.Bytes;
            if (bytes > maxBytes && slice.Count > 0)
                break;
            slice.Add(entry);
        }

        return slice;
    }

    /// <summary>True when the entries from <paramref name="from"/> on fill <paramref name="bytes"/>.</summary>
    public bool HasBatch(long from, int bytes)
    {
        if (from < FirstCached)
            return true;        // long ago: there are many
        for (var index = from; index <= Last.Index && bytes > 0; index++)
            bytes -= _cache[(int)(index - FirstCached)].Bytes;
        return bytes <= 0;
    }

    /// <summary>The last position with an epoch of at most <paramref name="epoch"/> at or before <paramref name="index"/>: where a log that disagrees may agree.</summary>
    public LogPosition LastAtOrBefore(Epoch epoch, long index)
    {
        var position = At(Math.Min(index, Last.Index)).Position;
        while (position.Epoch > epoch && position.Index > 0)
            position = At(position.Index - 1).Position;
        return position;
    }

    private void Push(LogEntry entry)
    {
        _cache.PushBack(entry);
        _cacheBytes += entry.Bytes;
        (Last, LastHash, LastTimestamp) = (entry.Position, entry.Hash, entry.Timestamp);
    }

    private void Truncate(long from)
    {
        _writes.DeleteRange(Table.Log, _keys.Entry(from), _keys.Entry(Last.Index + 1));
        (var before, var hash) = At(from - 1);
        var timestamp = from > 1 ? Read(from - 1).Timestamp : 0;
        while (_cache.Count > 0 && Last.Index >= from)
        {
            _cacheBytes -= _cache.PopBack().Bytes;
            Last = Last with { Index = Last.Index - 1 };
        }

        (Last, LastHash, LastTimestamp) = (before, hash, timestamp);
        Durable = Math.Min(Durable, before.Index);

        // Writes on their way carry removed entries: their completion vouches for nothing from here on.
        for (var i = _inFlight.Count; i > 0; i--)
        {
            var (ticket, upTo) = _inFlight.Dequeue();
            _inFlight.Enqueue((ticket, Math.Min(upTo, before.Index)));
        }
    }

    private void Trim()
    {
        while (_cacheBytes > _cacheBytesLimit && _cache.Count > 1 && FirstCached <= Durable)
            _cacheBytes -= _cache.PopFront().Bytes;
    }

    // Checked against the entry before it, so that damage stops here and is not sent to others.
    private LogEntry ReadFromStore(long index) => Undamaged(Stored(index), index > 1 ? Stored(index - 1).Hash : default);

    private LogEntry Stored(long index)
        => Decoded(_store.Get(Table.Log, _keys.Entry(index)) ?? throw Damaged(index, "it is missing"), index);

    private static LogEntry Undamaged(LogEntry entry, UInt128 previousHash)
        => entry.Follows(previousHash) ? entry : throw Damaged(entry.Index, "its hash does not follow from the entry before");

    private static LogEntry Decoded(byte[] frame, long index)
    {
        try
        {
            var entry = LogEntry.FromFrame(frame);
            return entry.Index == index ? entry : throw Damaged(index, $"entry {entry.Position} stands in its place");
        }
        catch (Wire.MalformedException e)
        {
            throw Damaged(index, e.Message);
        }
    }

    private static StoreFailedException Damaged(long index, string why) => new($"log entry {index} is damaged: {why}");
}
