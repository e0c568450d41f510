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

/// <summary>One replica's copy of the group's log: hash-chained entries after <see cref="Base"/>, the last of them perhaps not yet durable.</summary>
/// <remarks>
/// What stands at or before the base was cut, because the state covers it; it was committed, so it is the same in every log.
/// Invariants: entries are consecutive and each follows the one before by its hash; 0 ≤ <see cref="Durable"/> ≤ Last.Index; what was not
/// durable at a crash is gone afterwards, but only from the end. Log matching: Ongaro and Ousterhout, ATC 2014, section 5.3.
/// Writes leave through <see cref="TakeWrites"/> in order, and come back as <see cref="Synced"/>.
/// </remarks>
internal sealed class ReplicatedLog
{
    private const int MarksPerLimit = 8;

    private readonly IStore _store;
    private readonly GroupKeys _keys;
    private readonly long _cacheBytesLimit;
    private readonly long _limitBytes;
    private readonly Queue<(long Ticket, long UpTo)> _inFlight = new();
    private WriteSet _writes = new();

    // The newest entries, oldest first; the cache never drops what is not durable, for the store cannot give it back yet.
    private readonly Deque<LogEntry> _cache = new();
    private long _cacheBytes;

    // Places where the log may be cut, oldest first, each with the bytes that stand between the mark before it and itself.
    private readonly Deque<(LogBase Base, long Bytes)> _marks = new();
    private long _markedBytes;      // of all marks
    private long _bytesSinceMark;

    /// <param name="store">Holds the entries.</param>
    /// <param name="keys">Where.</param>
    /// <param name="cacheBytesLimit">Bytes of durable entries that are kept in memory.</param>
    /// <param name="limitBytes">Bytes of entries above which the log may be cut.</param>
    public ReplicatedLog(IStore store, GroupKeys keys, long cacheBytesLimit, long limitBytes)
    {
        _store = store;
        _keys = keys;
        _cacheBytesLimit = cacheBytesLimit;
        _limitBytes = limitBytes;
        if (store.Get(Table.Meta, keys.Base) is { } start)
            Base = LogBase.Decode(start);
    }

    /// <summary>The entry before the first one.</summary>
    public LogBase Base { get; private set; }

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
        if (from.Index < Base.Position.Index)
            throw Damaged(Base.Position.Index, $"the log begins behind it, where the state was applied up to {from} only");
        var isBase = from.Index == Base.Position.Index;
        var applied = isBase ? default : ReadFromStore(from.Index);
        var (position, hashThere) = isBase ? (Base.Position, Base.Hash) : Stamp(applied);
        if (position != from || hashThere != hash)
            throw Damaged(from.Index, $"it is {position} where the state was applied up to {from}");
        (Last, LastHash, LastTimestamp) = (from, hash, timestamp);
        Mark((from.Index - Base.Position.Index) * applied.Bytes);      // a guess: what stands before is not read
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
    /// <exception cref="ContradictionException">The primary contradicts an entry that is known to be committed here.</exception>
    /// <exception cref="InvariantViolation">The same position has two hashes.</exception>
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
        var hash = previousHash;
        if (previous.Index < Base.Position.Index)
        {
            // Epochs never fall along a log: what stands there has none above that of the base.
            ContradictionException.Require(previous.Epoch <= Base.Position.Epoch, previous, Base.Position);
        }
        else
        {
            (var position, hash) = At(previous.Index);
            if (position != previous)
            {
                ContradictionException.Require(previous.Index > committed, previous, position);
                return Offered.NoMatch;
            }

            InvariantViolation.Require(hash == previousHash, $"two entries {previous} have different hashes: {hash:x32} here, {previousHash:x32} at the primary");
        }

        var index = previous.Index;
        foreach (var entry in entries)
        {
            index++;
            if (entry.Index != index || !entry.Follows(hash))
                return Offered.Broken;
            hash = entry.Hash;
            if (index < Base.Position.Index)
                continue;
            if (index <= Last.Index)
            {
                if (At(index).Hash == hash)
                    continue;
                ContradictionException.Require(index > committed, entry.Position, At(index).Position);
                Truncate(index);
                truncated(index);
            }

            Push(entry);
            _writes.Put(Table.Log, _keys.Entry(index), entry.Frame);
            appended(entry);
        }

        return Offered.Taken;
    }

    /// <summary>Removes what stands behind <paramref name="last"/>.</summary>
    public void Shorten(long last)
    {
        if (last < Last.Index)
            Truncate(last + 1);
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

    /// <summary>The position and hash at <paramref name="index"/>, from the base to Last.Index.</summary>
    public (LogPosition Position, UInt128 Hash) At(long index)
    {
        if (index == Last.Index)
            return (Last, LastHash);
        return index == Base.Position.Index ? (Base.Position, Base.Hash) : Stamp(Read(index));
    }

    /// <summary>Cuts off what is no longer needed, so that about half of the limit is left.</summary>
    /// <param name="covered">The index that the state in the store covers: nothing behind it is cut.</param>
    /// <remarks>The cut leaves with the other writes. It is behind the state that covers it in the store's own order, so no crash takes one without the other.</remarks>
    public void Cut(long covered)
    {
        if (_markedBytes + _bytesSinceMark <= _limitBytes)
            return;
        var start = Base;
        while (_markedBytes + _bytesSinceMark > _limitBytes / 2 && _marks.Count > 0 && _marks[0].Base.Position.Index <= covered)
        {
            var mark = _marks.PopFront();
            _markedBytes -= mark.Bytes;
            start = mark.Base with { Generation = Base.Generation };
        }

        if (start == Base)
            return;
        _writes.DeleteRange(Table.Log, _keys.Entry(Base.Position.Index + 1), _keys.Entry(start.Position.Index + 1));
        _writes.Put(Table.Meta, _keys.Base, start.Encode());
        Base = start;
        while (FirstCached <= Base.Position.Index)
            _cacheBytes -= _cache.PopFront().Bytes;
    }

    /// <summary>The entry at <paramref name="index"/>, from the one after the base to Last.Index.</summary>
    public LogEntry Read(long index) => index >= FirstCached ? _cache[(int)(index - FirstCached)] : ReadFromStore(index);

    /// <summary>The entries from <paramref name="from"/> to <paramref name="to"/>, at least one if there is any, at most <paramref name="maxBytes"/> unless one alone is larger.</summary>
    public IReadOnlyList<LogEntry> Slice(long from, long to, int maxBytes)
    {
        var slice = new List<LogEntry>((int)Math.Clamp(to - from + 1, 0, 256));
        var bytes = 0;
        for (var index = from; index <= to; index++)
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

    /// <summary>The last position with an epoch of at most <paramref name="epoch"/> at or before <paramref name="index"/>, or the base: where a log that disagrees may agree.</summary>
    public LogPosition LastAtOrBefore(Epoch epoch, long index)
    {
        var position = At(Math.Clamp(index, Base.Position.Index, Last.Index)).Position;
        while (position.Epoch > epoch && position.Index > Base.Position.Index)
            position = At(position.Index - 1).Position;
        return position;
    }

    private void Push(LogEntry entry)
    {
        _cache.PushBack(entry);
        _cacheBytes += entry.Bytes;
        (Last, LastHash, LastTimestamp) = (entry.Position, entry.Hash, entry.Timestamp);
        _bytesSinceMark += entry.Bytes;
        if (_bytesSinceMark >= _limitBytes / MarksPerLimit)
            Mark(_bytesSinceMark);
    }

    private void Mark(long bytes)
    {
        _marks.PushBack((new LogBase(Last, LastHash, LastTimestamp, 0), bytes));
        _markedBytes += bytes;
        _bytesSinceMark = 0;
    }

    private void Truncate(long from)
    {
        _writes.DeleteRange(Table.Log, _keys.Entry(from), _keys.Entry(Last.Index + 1));
        (var before, var hash) = At(from - 1);
        var timestamp = from - 1 == Base.Position.Index ? Base.Timestamp : Read(from - 1).Timestamp;
        while (_cache.Count > 0 && Last.Index >= from)
        {
            _cacheBytes -= _cache.PopBack().Bytes;
            Last = Last with { Index = Last.Index - 1 };
        }

        while (_marks.Count > 0 && _marks[_marks.Count - 1].Base.Position.Index >= from)
        {
            var (_, bytes) = _marks.PopBack();
            _markedBytes -= bytes;
            _bytesSinceMark += bytes;       // too many by what is removed, which is little
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
    private LogEntry ReadFromStore(long index) => Undamaged(Stored(index), index - 1 == Base.Position.Index ? Base.Hash : Stored(index - 1).Hash);

    private static (LogPosition Position, UInt128 Hash) Stamp(in LogEntry entry) => (entry.Position, entry.Hash);

    private LogEntry Stored(long index)
        => Decoded(_store.Get(Table.Log, _keys.Entry(index)) ?? throw Damaged(index, "it is missing"), index);

    /// <summary>The entry, if it follows one with this hash.</summary>
    /// <exception cref="StoreFailedException">It does not.</exception>
    public static LogEntry Undamaged(LogEntry entry, UInt128 previousHash)
        => entry.Follows(previousHash) ? entry : throw Damaged(entry.Index, "its hash does not follow from the entry before");

    /// <summary>The entry in a frame from the store.</summary>
    /// <exception cref="StoreFailedException">It is not the entry at <paramref name="index"/>.</exception>
    public static LogEntry Decoded(byte[] frame, long index)
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

    /// <summary>What is thrown for an entry that cannot be used.</summary>
    public static StoreFailedException Damaged(long index, string why) => new($"log entry {index} is damaged: {why}");
}
