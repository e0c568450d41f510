using Actors.Membership;

namespace Actors.Replication;

/// <summary>A heartbeat between two nodes for all their groups that rest.</summary>
/// <param name="Group">One of these groups, by way of which it goes.</param>
/// <param name="From">The node that lives.</param>
/// <param name="Life">Grows when a replica there, on which others may rest, has ended or leads no more.</param>
internal sealed record NodeBeat(GroupId Group, NodeId From, long Life) : ReplicationMessage(Group);

/// <summary>Whose heartbeats stand in for those of the groups that rest: a group rests on a node as long as that is heard, and in the same life.</summary>
/// <remarks>What is known of a node is worth one comparison a heartbeat, however many groups rest on it.</remarks>
internal sealed class NodeBeats
{
    private const int BeatsPerLimit = 6;

    private readonly SortedDictionary<NodeId, Peer> _peers = [];

    /// <summary>How often to beat; null when no group rests.</summary>
    public TimeSpan? Interval => _peers.Values.Where(p => p.Groups.Count > 0).Select(p => (TimeSpan?)p.ShortestLimit / BeatsPerLimit).Min();

    /// <summary>Whom to send a heartbeat, and by way of which group.</summary>
    public IEnumerable<(NodeId To, GroupId Group)> Due => _peers.Where(p => p.Value.Groups.Count > 0).Select(p => (p.Key, p.Value.Groups.First().Key));

    /// <summary>From now on <paramref name="group"/> rests on <paramref name="node"/>.</summary>
    /// <param name="group">The group.</param>
    /// <param name="node">The node, heard just now.</param>
    /// <param name="life">The life of the node in which it may; 0 for any.</param>
    /// <param name="limit">The silence that ends it.</param>
    /// <param name="now">Now.</param>
    public void Rest(GroupId group, NodeId node, long life, TimeSpan limit, TimeSpan now)
    {
        if (!_peers.TryGetValue(node, out var peer))
            _peers.Add(node, peer = new Peer());
        if (peer.Groups.Count == 0)
            peer.ShortestLimit = TimeSpan.MaxValue;
        peer.Groups[group] = (life, limit);
        peer.ShortestLimit = limit < peer.ShortestLimit ? limit : peer.ShortestLimit;
        peer.HeardAt = now;
        if (life != 0)
            peer.IsBroken |= life < peer.Life;
        peer.Life = Math.Max(peer.Life, life);
    }

    /// <summary><paramref name="group"/> rests no more.</summary>
    public void Stir(GroupId group)
    {
        foreach (var peer in _peers.Values)
            peer.Groups.Remove(group);
    }

    /// <summary><paramref name="node"/> lives.</summary>
    public void Heard(NodeId node, long life, TimeSpan now)
    {
        if (!_peers.TryGetValue(node, out var peer) || life < peer.Life)
            return;     // late
        peer.IsBroken |= life > peer.Life;
        (peer.Life, peer.HeardAt) = (life, now);
    }

    /// <summary>The groups that must not rest any longer, each with the node that is to blame and when that was heard. They rest no more.</summary>
    public IReadOnlyList<(GroupId Group, NodeId Node, TimeSpan HeardAt)> TakeBroken(TimeSpan now)
    {
        List<(GroupId, NodeId, TimeSpan)>? broken = null;
        foreach (var (node, peer) in _peers)
        {
            if (!peer.IsBroken && now - peer.HeardAt < peer.ShortestLimit)
                continue;
            peer.IsBroken = false;
            foreach (var (group, (life, limit)) in peer.Groups)
            {
                if ((life != 0 && life < peer.Life) || now - peer.HeardAt >= limit)
                    (broken ??= []).Add((group, node, peer.HeardAt));
            }
        }

        if (broken is null)
            return [];
        foreach (var (group, _, _) in broken)
            Stir(group);
        return broken;
    }

    private sealed class Peer
    {
        public SortedDictionary<GroupId, (long Life, TimeSpan Limit)> Groups { get; } = [];

        public TimeSpan ShortestLimit { get; set; } = TimeSpan.MaxValue;

        public TimeSpan HeardAt { get; set; }

        public long Life { get; set; }

        public bool IsBroken { get; set; }
    }
}
