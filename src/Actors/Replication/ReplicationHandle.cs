using Akka.Actor;
using Actors.Membership;
using Actors.Replication.Client;

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
        {
            // A selection keeps its meaning when a new incarnation of the child starts under the same name.
            var client = new ActorSelection(node, ReplicationNode.ClientName(group.Id));
            var replica = new ActorSelection(node, ReplicationNode.ReplicaName(group.Id));
            handle._groups.Add(group.Id, new GroupHandle(group.Id, client, replica));
        }

        return (handle, node);
    }

    public IReplicatedGroup Group(GroupId id) => Find(id);

    public async Task<IReadOnlyList<ReplicaStatus>> StatusAsync(TimeSpan timeout)
    {
        var perGroup = await Task.WhenAll(_groups.Values.Select(g => g.StatusAsync(timeout))).ConfigureAwait(false);
        return [.. perGroup.SelectMany(s => s)];
    }

    public Task<string> TransferAsync(GroupId id, NodeId target, TimeSpan timeout) => Find(id).TransferAsync(target, timeout);

    private GroupHandle Find(GroupId id) => _groups.TryGetValue(id, out var group) ? group : throw new KeyNotFoundException($"no group '{id}' is configured on {Node}; there are: {string.Join(", ", _groups.Keys)}");
}
