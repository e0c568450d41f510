using Actors.Membership;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>The logs of all primaries, as far as they have sent them: entries by the hash that names the whole log up to each.</summary>
internal sealed class SentLogs(Simulation simulation, GroupKeys keys)
{
    private readonly Dictionary<UInt128, (LogEntry Entry, UInt128 Previous)> _byHash = [];
    private readonly Dictionary<LogPosition, UInt128> _byPosition = [];
    private readonly Dictionary<Epoch, (NodeId Primary, long Index, UInt128 Hash)> _ends = [];

    /// <summary>The highest epoch that had a primary.</summary>
    public Epoch Latest { get; private set; }

    /// <summary>The founding entry: it is never sent as an entry, and on every member's disk from the beginning.</summary>
    public LogEntry Begin()
    {
        var genesis = LogEntry.FromFrame(simulation.Nodes.Select(node => new LogOnDisk(node, keys).Genesis).First(frame => frame is not null));
        Add(genesis, default);
        return genesis;
    }

    /// <summary>A primary sends a part of its log.</summary>
    public void Add(Append m)
    {
        var hash = m.PreviousHash;
        foreach (var entry in m.Entries)
        {
            Add(entry, hash);
            hash = entry.Hash;
        }

        var end = m.Previous.Index + m.Entries.Count;
        if (!_ends.TryGetValue(m.Epoch, out var known) || end > known.Index)
            _ends[m.Epoch] = (m.From.Node, end, hash);
        if (m.Epoch > Latest)
            Latest = m.Epoch;
    }

    /// <summary>An operator has decided that the log of <paramref name="node"/>, up to <paramref name="entry"/>, is the group's: it is sent to nobody before another member is taken in.</summary>
    public void GoOnFrom(NodeId node, in LogEntry entry)
    {
        _ends[entry.Epoch] = (node, entry.Index, entry.Hash);
        Latest = entry.Epoch;
    }

    /// <summary>The entries with an index above <paramref name="after"/>, as far as the primary of <paramref name="epoch"/> has sent any after them, in order; null when one of them is not known.</summary>
    public IReadOnlyList<LogEntry>? After(long after, Epoch epoch)
    {
        if (!_ends.TryGetValue(epoch, out var end))
            return null;
        var entries = new List<LogEntry>();
        for (var (index, hash) = (end.Index, end.Hash); index > after; index--)
        {
            if (!_byHash.TryGetValue(hash, out var link))
            {
                // Never sent: the primary had it on its disk from a reign in which it did not come to that.
                if (OnDisk(end.Primary, index) is not { } own || own.Hash != hash || OnDisk(end.Primary, index - 1) is not { } before)
                    return null;
                link = (own, before.Hash);
            }

            entries.Add(link.Entry);
            hash = link.Previous;
        }

        entries.Reverse();
        return entries;
    }

    /// <summary>The entry at <paramref name="index"/> in the log of the latest primary; null when it is not known.</summary>
    public LogEntry? At(long index) => At(index, Latest);

    /// <summary>The entry at <paramref name="index"/> in the log of the primary of <paramref name="epoch"/>; null when it is not known.</summary>
    public LogEntry? At(long index, Epoch epoch) => After(index - 1, epoch) is [var entry, ..] ? entry : null;

    /// <summary>The epoch in which <paramref name="primary"/> led last; zero when it never did.</summary>
    public Epoch LastReign(NodeId primary) => _ends.Where(end => end.Value.Primary == primary).Select(end => end.Key).DefaultIfEmpty().Max();

    /// <summary>True when <paramref name="entry"/> is the only one at its position that anybody has sent.</summary>
    public bool IsOnlyOne(in LogEntry entry) => _byPosition[entry.Position] == entry.Hash;

    private void Add(in LogEntry entry, UInt128 previous)
    {
        _byHash[entry.Hash] = (entry, previous);
        _byPosition.TryAdd(entry.Position, entry.Hash);
    }

    private LogEntry? OnDisk(NodeId node, long index)
    {
        var at = simulation.Node(node);
        return at.Disk.IsRotten ? null : new LogOnDisk(at, keys).At(index);
    }
}
