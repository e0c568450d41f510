using Actors.Membership;
using Actors.Replication.Operations;

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

    /// <summary>Its node does not belong to the group: it is taken in when an operator says so.</summary>
    Outside = 10,
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
    IReadOnlyDictionary<string, string> Labels)
{
    /// <summary>What keeps the group from being served, in one line: a restore that is not complete. Empty when nothing does.</summary>
    public string Condition { get; init; } = "";

    /// <summary>What it found when it was last asked to look through its log and state; null when it never was in this life.</summary>
    public ReplicaCheck? Check { get; init; }

    /// <summary>The epoch of the last entry of its log; with <see cref="LastIndex"/> it says whose log is ahead, epoch first.</summary>
    public Epoch LastEpoch { get; init; }

    /// <summary>Where the group went on without what was lost, oldest first; the 32 latest.</summary>
    public IReadOnlyList<Loss> Losses { get; init; } = [];

    /// <summary>True when answered writes may be lost (see <see cref="GroupSettings.IsLossy"/>).</summary>
    public bool IsLossy { get; init; }
}

/// <summary>A group went on without entries that were in its log: by the word of an operator, or, when it is lossy, by a failover or a start of all its nodes.</summary>
/// <param name="At">The entry with which it went on.</param>
/// <param name="AtLeast">Entries that are known to be lost, in a lossy group: answered writes and opened sessions. There may be more.</param>
public readonly record struct Loss(LogPosition At, long AtLeast);

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

    /// <summary>The same of one group, which may also be one that the project keeps for itself, such as <see cref="GroupSettings.Directory"/>.</summary>
    /// <exception cref="KeyNotFoundException">No such group is known.</exception>
    Task<IReadOnlyList<ReplicaStatus>> StatusAsync(GroupId id, TimeSpan timeout);

    /// <summary>Asks the group's primary to hand over to <paramref name="target"/>; completes with an empty text when it did, or with the reason why not.</summary>
    Task<string> TransferAsync(GroupId id, NodeId target, TimeSpan timeout);

    /// <summary>
    /// Says that a node belongs to the group: it becomes a member as soon as it runs and has caught up. Completes with an empty text, or with the reason why not.
    /// A node that was kicked comes back by itself; this is for one that never was a member, or that was removed.
    /// </summary>
    Task<string> JoinAsync(GroupId id, NodeId node, TimeSpan timeout);

    /// <summary>Removes a node from the group until it is asked to join again; completes with an empty text when that is certain, or with the reason why not.</summary>
    Task<string> RemoveAsync(GroupId id, NodeId node, TimeSpan timeout);

    /// <summary>Writes a backup: the state of the group at one index, with every write that was answered before the call. Clients are served meanwhile.</summary>
    /// <param name="id">The group.</param>
    /// <param name="to">Is written from its present place on. After an exception what it got is no backup.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="OperationFailedException">The group or this node's replica could not be asked.</exception>
    Task<BackupInfo> BackupAsync(GroupId id, Stream to, CancellationToken cancellation);

    /// <summary>Puts a backup, perhaps of another cluster, into a group that is empty. Until it is complete the group serves nothing and says so; the same restore once more goes on where it was.</summary>
    /// <param name="id">The group.</param>
    /// <param name="from">Is read twice from its present place to its end, so it must be able to seek: nothing is changed before all of it is checked.</param>
    /// <param name="cancellation">Stops it, and leaves the group half restored.</param>
    /// <exception cref="InvalidDataException">It is no backup, or is cut or altered; nothing was changed.</exception>
    /// <exception cref="OperationFailedException">Failed: the group is not empty or has another state machine, and nothing was changed. Otherwise: the group could not be asked, or stopped answering.</exception>
    Task<BackupInfo> RestoreAsync(GroupId id, Stream from, CancellationToken cancellation);

    /// <summary>Has every replica look through its log (each entry must follow from the one before by its hash) and hash its state, all at one index, and collects what they found.</summary>
    /// <param name="id">The group.</param>
    /// <param name="timeout">How long replicas that answer may take; one that finds damage leaves service at once.</param>
    /// <param name="cancellation">Stops the waiting.</param>
    /// <exception cref="OperationFailedException">The group could not be asked.</exception>
    Task<GroupCheck> CheckAsync(GroupId id, TimeSpan timeout, CancellationToken cancellation);

    /// <summary>
    /// For a group that has lost its quorum for good: it goes on from this node's replica alone, and what only others hold is lost. Others come back as new members.
    /// The loss stays on record in <see cref="ReplicaStatus.Losses"/>.
    /// </summary>
    /// <param name="id">The group.</param>
    /// <param name="last">Where this node's log ends, as its status said: another one means that something else happened since.</param>
    /// <returns>An empty text when it is durable, or the reason why it was not done.</returns>
    Task<string> AcceptLossAsync(GroupId id, LogPosition last);
}
