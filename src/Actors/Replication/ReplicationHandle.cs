using System.Collections.Concurrent;
using Actors.Membership;
using Actors.Replication.Client;
using Actors.Replication.Operations;
using Akka.Actor;

namespace Actors.Replication;

/// <summary>The replicated groups of a node, as an application asks for them.</summary>
internal sealed class ReplicationHandle : IReplication
{
    private readonly ConcurrentDictionary<GroupId, GroupHandle> _groups = [];
    private readonly IActorRef _node;

    private ReplicationHandle(NodeId name, IActorRef node)
    {
        Node = name;
        _node = node;
    }

    public NodeId Node { get; }

    public IReadOnlyCollection<GroupId> Groups => [.. _groups.Keys.Where(id => !ReservedGroups.Contains(id)).Order()];

    /// <summary>Starts the node's actor in <paramref name="system"/> and returns its handle and ref.</summary>
    public static (ReplicationHandle Handle, IActorRef Node) Start(
        ActorSystem system, ReplicationEnvironment environment, IReadOnlyList<GroupSettings> groups, ClientSettings settings)
    {
        var node = system.ActorOf(ReplicationNode.Props(environment, groups, settings), ReplicationNode.Name);
        var handle = new ReplicationHandle(environment.Node, node);
        foreach (var group in groups)
            handle._groups[group.Id] = GroupOf(node, group.Id);
        return (handle, node);
    }

    /// <summary>Starts one group more on this node.</summary>
    public void Add(GroupSettings group)
    {
        _node.Tell(new StartGroup(group.Validated()), ActorRefs.NoSender);
        _groups.TryAdd(group.Id, GroupOf(_node, group.Id));
    }

    /// <summary>The handle of a group on the node whose actor is <paramref name="node"/>.</summary>
    public static GroupHandle GroupOf(IActorRef node, GroupId group) => new(
        group,
        message => node.Tell(new ForClient(group, message), ActorRefs.NoSender),
        message => node.Tell(new ForReplica(group, message), ActorRefs.NoSender));

    public IReplicatedGroup Group(GroupId id) => Find(id);

    public async Task<IReadOnlyList<ReplicaStatus>> StatusAsync(TimeSpan timeout)
    {
        var perGroup = await Task.WhenAll(Groups.Select(id => StatusAsync(id, timeout))).ConfigureAwait(false);
        return [.. perGroup.SelectMany(s => s)];
    }

    public Task<IReadOnlyList<ReplicaStatus>> StatusAsync(GroupId id, TimeSpan timeout) => Find(id).StatusAsync(timeout);

    public Task<string> TransferAsync(GroupId id, NodeId target, TimeSpan timeout) => Find(id).TransferAsync(target, timeout);

    public Task<string> JoinAsync(GroupId id, NodeId node, TimeSpan timeout) => Find(id).ChangeMembersAsync(node, join: true, timeout);

    public Task<string> RemoveAsync(GroupId id, NodeId node, TimeSpan timeout) => Find(id).ChangeMembersAsync(node, join: false, timeout);

    public Task<BackupInfo> BackupAsync(GroupId id, Stream to, CancellationToken cancellation) => Find(id).Operations.BackupAsync(to, cancellation);

    public Task<BackupInfo> RestoreAsync(GroupId id, Stream from, CancellationToken cancellation) => Find(id).Operations.RestoreAsync(from, cancellation);

    public Task<GroupCheck> CheckAsync(GroupId id, TimeSpan timeout, CancellationToken cancellation) => Find(id).Operations.CheckAsync(timeout, cancellation);

    public Task<string> AcceptLossAsync(GroupId id, LogPosition last) => Find(id).Operations.AcceptLossAsync(last);

    private GroupHandle Find(GroupId id) => _groups.TryGetValue(id, out var group) ? group : throw new KeyNotFoundException($"no group '{id}' is known on {Node}; there are: {string.Join(", ", Groups)}");
}
