using Actors.Membership;

namespace Actors.Replication;

/// <summary>The part a replica plays in its group.</summary>
public enum ReplicaRole : byte
{
    /// <summary>Not a member: empty, kicked, or waiting to be taken in.</summary>
    Joining = 0,

    /// <summary>Receives the log, does not count in any quorum.</summary>
    Learner = 1,

    /// <summary>A member that follows the primary.</summary>
    Backup = 2,

    /// <summary>A member that asks for votes.</summary>
    Candidate = 3,

    /// <summary>Orders the entries and answers the clients.</summary>
    Primary = 4,

    /// <summary>Taken out after damage or a broken invariant; its data is kept for repair.</summary>
    OutOfService = 5,

    /// <summary>The first member of a chain: orders the entries.</summary>
    Head = 6,

    /// <summary>A member of a chain between head and tail: makes durable and forwards.</summary>
    Middle = 7,

    /// <summary>The last member of a chain: commits, and answers the clients.</summary>
    Tail = 8,

    /// <summary>A member of a view that not all have joined yet: serves nothing until they have.</summary>
    Sealed = 9,
}

/// <summary>What one replica says of itself.</summary>
/// <param name="Group">Its group.</param>
/// <param name="Node">Its node.</param>
/// <param name="Role">Its part.</param>
/// <param name="Epoch">The highest epoch it has promised.</param>
/// <param name="CommitIndex">The highest index it knows to be committed.</param>
/// <param name="AppliedIndex">The highest index in its state.</param>
/// <param name="LastIndex">The last index of its log.</param>
/// <param name="Primary">The primary it follows, or none.</param>
/// <param name="Members">The members of its newest view, in order.</param>
/// <param name="Learners">The learners of its newest view, in order.</param>
/// <param name="Fault">Why it is out of service; empty otherwise.</param>
/// <param name="Labels">What the node says of itself, such as <c>pid</c> and <c>http</c>; see <see cref="ReplicationEnvironment.Labels"/>.</param>
public sealed record ReplicaStatus(
    GroupId Group,
    NodeId Node,
    ReplicaRole Role,
    Epoch Epoch,
    long CommitIndex,
    long AppliedIndex,
    long LastIndex,
    NodeId Primary,
    IReadOnlyList<NodeId> Members,
    IReadOnlyList<NodeId> Learners,
    string Fault,
    IReadOnlyDictionary<string, string> Labels);

/// <summary>The replicated groups of this node: what an application asks for.</summary>
public interface IReplication
{
    /// <summary>This node's name.</summary>
    NodeId Node { get; }

    /// <summary>The groups of the configuration, and those that were created since, by name.</summary>
    IReadOnlyCollection<GroupId> Groups { get; }

    /// <summary>The client of a group; the same object for every call.</summary>
    /// <exception cref="KeyNotFoundException">No such group is known.</exception>
    IReplicatedGroup Group(GroupId id);

    /// <summary>What the replicas of all reachable nodes say of themselves; nodes that do not answer within <paramref name="timeout"/> are missing.</summary>
    Task<IReadOnlyList<ReplicaStatus>> StatusAsync(TimeSpan timeout);

    /// <summary>Asks the group's primary to hand over to <paramref name="target"/>; completes with an empty text when it did, or with the reason why not.</summary>
    Task<string> TransferAsync(GroupId id, NodeId target, TimeSpan timeout);
}
