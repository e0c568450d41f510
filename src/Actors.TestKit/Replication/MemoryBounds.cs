using Actors.Membership;
using Actors.Replication;
using Actors.Storage;

namespace Actors.TestKit;

/// <summary>That nothing grows without bound: what is on its way to a backup, what waits for its commit, tables of sessions and tokens, mailboxes.</summary>
/// <remarks>Replication rules, 5.6 number 14; judged by messages and disks.</remarks>
internal sealed class MemoryBounds(Simulation simulation, GroupSettings settings, IReadOnlyList<NodeId> nodes, GroupKeys keys)
{
    private const string Property = "Memory Is Bounded";

    /// <summary>Messages that may wait for one actor: what a few clients and replicas can send in the longest pause, with some room.</summary>
    private const int LongestMailbox = 5_000;

    /// <summary>View entries that may stand among the entries that wait: a kick, a join and a promotion of each node.</summary>
    private const int Views = 3 * ViewRecord.MaxMembers;

    private readonly Dictionary<MemberId, (Epoch Epoch, long Bytes)> _onTheWay = [];
    private readonly SortedDictionary<Epoch, long> _began = [];        // the last index before each reign

    /// <summary>A primary sends to a backup.</summary>
    public void OnAppend(Append m)
    {
        _began.TryAdd(m.Epoch, m.Previous.Index);
        if (m.Entries.Count == 0)
            return;
        var waiting = m.Previous.Index + m.Entries.Count - Math.Max(m.Commit, _began[m.Epoch]);
        var ordersAll = settings.Protocol is Protocol.PrimaryBackup;       // a link may send again what others ordered
        simulation.World.Require(!ordersAll || waiting <= settings.MaxPendingEntries + Views, Property, $"{waiting} entries of {m.From} wait for their commit");
        var sent = 0L;
        foreach (var entry in m.Entries)
            sent += entry.Bytes;
        simulation.World.Require(sent <= GroupSettings.MaxBatchBytes || m.Entries.Count == 1, Property, $"a message of {m.From} carries {sent} bytes in {m.Entries.Count} entries");
        var before = _onTheWay.GetValueOrDefault(m.To);
        var bytes = (before.Epoch == m.Epoch ? before.Bytes : 0) + sent;
        simulation.World.Require(bytes <= 3L * (settings.WindowBytes + GroupSettings.MaxCommandBytesLimit), Property, $"{bytes} bytes are on their way from {m.From} to {m.To}");
        _onTheWay[m.To] = (m.Epoch, bytes);
    }

    /// <summary>A backup answers its primary: nothing that was sent before is counted as on its way any more. Until the primary has the answer, it may fill a window more; so it may when messages that overtook others make it send again what is still on its way; and each with one message too many.</summary>
    public void OnAnswer(MemberId from) => _onTheWay.Remove(from);

    /// <summary>Looks at disks and mailboxes, now and again and again.</summary>
    public void Watch(TimeSpan interval) => simulation.After(interval, () =>
    {
        foreach (var node in nodes)
            Look(simulation.Node(node));
        simulation.World.Require(simulation.World.LongestMailbox <= LongestMailbox, Property, $"{simulation.World.LongestMailbox} messages waited for one actor");
        Watch(interval);
    });

    private void Look(SimNode node)
    {
        var sessions = Count(node, StateSpace.SessionSpace);
        simulation.World.Require(sessions <= settings.MaxSessions, Property, $"{node.Id} keeps {sessions} sessions");
        var tokens = Count(node, StateSpace.TokenSpace);
        simulation.World.Require(tokens <= settings.MaxTokens, Property, $"{node.Id} keeps {tokens} tokens");
    }

    private int Count(SimNode node, byte space)
    {
        var state = new LogOnDisk(node, keys).State;
        return node.Disk.Scan(Table.State, state.Of([space]), state.Of([(byte)(space + 1)])).Count();
    }
}
