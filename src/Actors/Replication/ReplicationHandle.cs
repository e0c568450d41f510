using Actors.Membership;
using Actors.Replication.Client;
using Akka.Actor;

namespace Actors.Replication;

/// <summary>The replicated groups of a node, as an application asks for them.</summary>
internal sealed class ReplicationHandle : IReplication
{
    private readonly SortedDictionary<GroupId, GroupHandle> _groups = [];

    private ReplicationHandle(NodeId node) => Node = node;

    public NodeId Node { get; }

    public IReadOnlyCollection<GroupId> Groups => _groups.Keys;

    /// <summary>Starts the node's actor in <paramref name="system"/> and returns its handle and ref.</summary>
    public static (ReplicationHandle Handle, IActorRef Node) Start(
        ActorSystem system, ReplicationEnvironment environment, IReadOnlyList<GroupSettings> groups, ClientSettings settings)
    {
        var node = system.ActorOf(ReplicationNode.Props(environment, groups, settings), ReplicationNode.Name);
        var handle = new ReplicationHandle(environment.Node);
        foreach (var group in groups)
            handle._groups.Add(group.Id, GroupOf(node, group.Id));
        return (handle, node);
    }

    /// <summary>The handle of a group on the node whose actor is <paramref name="node"/>.</summary>
    public static GroupHandle GroupOf(IActorRef node, GroupId group) => new(
        group,
        message => node.Tell(new ForClient(group, message), ActorRefs.NoSender),
        message => node.Tell(new ForReplica(group, message), ActorRefs.NoSender));

    public IReplicatedGroup Group(GroupId id) => Find(id);

    public async Task<IReadOnlyList<ReplicaStatus>> StatusAsync(TimeSpan timeout)
    {
        var perGroup = await Task.WhenAll(_groups.Values.Select(g => g.StatusAsync(timeout))).ConfigureAwait(false);
        return [.. perGroup.SelectMany(s => s)];
    }

    public Task<string> TransferAsync(GroupId id, NodeId target, TimeSpan timeout) => Find(id).TransferAsync(target, timeout);

    private GroupHandle Find(GroupId id) => _groups.TryGetValue(id, out var group) ? group : throw new KeyNotFoundException($"no group '{id}' is configured on {Node}; there are: {string.Join(", ", _groups.Keys)}");
}
