using Actors.Membership;
using Actors.Replication.Transfer;

namespace Actors.Replication;

/// <summary>Wire vocabulary of replication: what crosses nodes. Every message names its group; those between replicas carry the sender's epoch.</summary>
internal abstract record ReplicationMessage(GroupId Group);

/// <summary>A message between replicas. Lower epoch than the receiver's: answered <see cref="Stale"/>; higher: adopted durably first (5.2 rule 8).</summary>
internal abstract record ReplicaMessage(GroupId Group, Epoch Epoch, MemberId From) : ReplicationMessage(Group);

/// <summary>Primary → backup or learner: entries, the commit index, a heartbeat and an epoch confirmation in one.</summary>
/// <param name="To">The membership it is meant for; another incarnation of the machine ignores it.</param>
/// <param name="Number">Grows with every message of this primary; an ack that echoes it proves that the epoch still held after it was sent.</param>
/// <param name="Previous">The position before the first entry.</param>
/// <param name="PreviousHash">The hash there.</param>
/// <param name="Commit">The primary's commit index.</param>
/// <param name="Promise">For how long from its receipt whoever answers votes for nobody; zero asks for no promise.</param>
/// <param name="Entries">Consecutive entries, perhaps none; at most <see cref="GroupSettings.MaxBatchBytes"/> unless one alone is larger.</param>
internal sealed record Append(
    GroupId Group,
    Epoch Epoch,
    MemberId From,
    MemberId To,
    long Number,
    LogPosition Previous,
    UInt128 PreviousHash,
    long Commit,
    TimeSpan Promise,
    IReadOnlyList<LogEntry> Entries) : ReplicaMessage(Group, Epoch, From)
{
    /// <summary>The primary's spans of entries among them that somebody traces, by index.</summary>
    public IReadOnlyList<Traced> Traces { get; init; } = [];

    /// <summary>Not 0: the primary will rest, under this life of its node (see <see cref="NodeBeat"/>).</summary>
    public long Rest { get; init; }

    /// <summary>In a chain: for each entry who waits for its reply, as far as known; empty when nobody does.</summary>
    public IReadOnlyList<Caller> Callers { get; init; } = [];

    /// <summary>In a chain: the end of the sender's log when it entered the view. All that earlier views committed stands at or before it.</summary>
    public long Floor { get; init; }

    /// <summary>What the primary has applied: in a lossy group it has answered all of that, whether or not anybody else holds it.</summary>
    public long Applied { get; init; }
}

/// <summary>Who waits for the reply to an entry. It travels beside the entry, never in the log.</summary>
/// <param name="ReplyTo">The return address of the client.</param>
/// <param name="Sequence">The number of its request.</param>
internal readonly record struct Caller(string ReplyTo, long Sequence)
{
    public bool IsNone => string.IsNullOrEmpty(ReplyTo);
}

/// <summary>Backup → primary: everything up to <paramref name="Durable"/> is durable here and the same as the primary's (cumulative).</summary>
internal sealed record Appended(GroupId Group, Epoch Epoch, MemberId From, long Number, long Durable) : ReplicaMessage(Group, Epoch, From)
{
    /// <summary>What the sender knows to be committed: in a chain that is how it becomes known, from the tail up.</summary>
    public long Commit { get; init; }
}

/// <summary>Backup → primary: <see cref="Append.Previous"/> is missing here or another entry stands there; try at or before <paramref name="Last"/>.</summary>
internal sealed record Mismatch(GroupId Group, Epoch Epoch, MemberId From, long Number, LogPosition Last) : ReplicaMessage(Group, Epoch, From);

/// <summary>Candidate → members: vote for me in <paramref name="Epoch"/>; with <paramref name="Pre"/>: would you, if I asked? (changes nothing).</summary>
/// <param name="HandOver">True when the primary of the epoch before asked for it: what was promised to primaries up to that one holds no longer.</param>
/// <param name="Last">The candidate's last entry: a voter whose log is ahead refuses.</param>
internal sealed record RequestVote(GroupId Group, Epoch Epoch, MemberId From, bool Pre, bool HandOver, LogPosition Last) : ReplicaMessage(Group, Epoch, From);

/// <summary>The answer to <see cref="RequestVote"/>; <paramref name="Epoch"/> is the one asked for when granted, the voter's own otherwise.</summary>
internal sealed record Vote(GroupId Group, Epoch Epoch, MemberId From, bool Pre, bool Granted) : ReplicaMessage(Group, Epoch, From)
{
    /// <summary>In a lossy group: the furthest entry that the voter knows to have been answered, though it need not hold it.</summary>
    public LogPosition HeardOf { get; init; }
}

/// <summary>To the sender of a message of a lower epoch: there is a later one.</summary>
internal sealed record Stale(GroupId Group, Epoch Epoch, MemberId From) : ReplicaMessage(Group, Epoch, From);

/// <summary>Backup → resting primary: I rest no more; let me hear from you.</summary>
internal sealed record Stir(GroupId Group, Epoch Epoch, MemberId From) : ReplicaMessage(Group, Epoch, From);

/// <summary>To a sender that a committed view has taken out: its member id never returns; it may join under a new one. Or to one whose node does not belong to the group.</summary>
/// <param name="Removed">The id that is out; none when it is the node.</param>
/// <param name="View">The position of a committed view without it.</param>
internal sealed record NotMember(GroupId Group, Epoch Epoch, MemberId From, MemberId Removed, LogPosition View) : ReplicaMessage(Group, Epoch, From);

/// <summary>Primary → the member that shall take over: your log is complete, ask for votes now.</summary>
internal sealed record TakeOver(GroupId Group, Epoch Epoch, MemberId From, MemberId To) : ReplicaMessage(Group, Epoch, From);

/// <summary>Link → successor: linearizable reads on their way to the tail. They are not logged: each member passes them on if it still is in the epoch.</summary>
/// <param name="Batch">Counted by the head.</param>
/// <param name="Floor">As <see cref="Append.Floor"/> of the head: the tail answers when it has committed so far.</param>
internal sealed record PassReads(GroupId Group, Epoch Epoch, MemberId From, MemberId To, long Batch, long Floor, IReadOnlyList<CallerRead> Items) : ReplicaMessage(Group, Epoch, From);

/// <summary>One read in <see cref="PassReads"/>: who waits for it, its number there, the query.</summary>
internal readonly record struct CallerRead(string ReplyTo, long Sequence, ReadOnlyMemory<byte> Query);

/// <summary>Tail → head: the batch is answered, the next one may come.</summary>
internal sealed record ReadsPassed(GroupId Group, Epoch Epoch, MemberId From, long Batch) : ReplicaMessage(Group, Epoch, From);

/// <summary>Tail → a middle, <paramref name="To"/>: offer the learner behind me your state, if it is that of <paramref name="AtLeast"/> or a later one. Repeated by every heartbeat until the learner has it.</summary>
internal sealed record LendState(GroupId Group, Epoch Epoch, MemberId From, MemberId To, MemberId Learner, long AtLeast) : ReplicaMessage(Group, Epoch, From);

/// <summary>Link → all whom it concerns: what the authority says of the group. The receiver may as well have asked itself.</summary>
internal sealed record ViewChanged(GroupId Group, Epoch Epoch, MemberId From, GroupRecord Record) : ReplicaMessage(Group, Epoch, From);

/// <summary>Primary → member or learner: the log that follows yours is cut here; fetch the state at <paramref name="Position"/>.</summary>
/// <param name="To">The membership it is meant for.</param>
/// <param name="Position">Up to where the state is applied.</param>
/// <param name="Genesis">The frame of the group's first entry, which whoever lacks the log lacks too.</param>
internal sealed record StateOffer(GroupId Group, Epoch Epoch, MemberId From, MemberId To, LogPosition Position, ReadOnlyMemory<byte> Genesis)
    : ReplicaMessage(Group, Epoch, From);

/// <summary>Receiver → primary: the next chunks of the offered state, please. Named by place, so repeating it does no harm.</summary>
/// <param name="Position">That of the offer.</param>
/// <param name="At">Where to begin.</param>
/// <param name="Held">What is there already, from an earlier attempt; if it is the same, a chunk without pieces says so.</param>
internal sealed record FetchState(GroupId Group, Epoch Epoch, MemberId From, LogPosition Position, StateCursor At, HeldRange? Held)
    : ReplicaMessage(Group, Epoch, From);

/// <summary>Primary → receiver: what the state holds from <paramref name="At"/> up to <paramref name="Next"/>, and nothing else is between.</summary>
/// <param name="Left">Chunks of the same fetch that follow.</param>
/// <param name="Next">Where the next chunk begins; null at the end of the state.</param>
/// <param name="SameAs">The hash of what the receiver said to hold, when the state holds just that: then there are no pieces.</param>
/// <param name="Pieces">At most <see cref="GroupSettings.TransferChunkBytes"/>, unless a key alone is longer.</param>
/// <param name="Checksum">See <see cref="StateRange.Checksum"/>.</param>
internal sealed record StateChunk(
    GroupId Group, Epoch Epoch, MemberId From, MemberId To, LogPosition Position, int Left, StateCursor At, StateCursor? Next, UInt128? SameAs,
    IReadOnlyList<StatePiece> Pieces, UInt128 Checksum) : ReplicaMessage(Group, Epoch, From);

/// <summary>A replica without a membership → all: who are you, and is there a group?</summary>
/// <param name="Cluster">Nodes of another cluster ignore it.</param>
/// <param name="Node">The asking node.</param>
/// <param name="Incarnation">Its data folder.</param>
/// <param name="Round">What the answer repeats; of answers to another round the asking replica takes no notice.</param>
internal sealed record Probe(GroupId Group, string Cluster, NodeId Node, Incarnation Incarnation, long Round) : ReplicationMessage(Group);

/// <summary>The answer to <see cref="Probe"/>: empty as well, or the group's first entry.</summary>
/// <param name="Round">That of the probe.</param>
/// <param name="Genesis">The frame of the entry at index 1; empty when this replica is empty.</param>
internal sealed record Probed(GroupId Group, string Cluster, NodeId Node, Incarnation Incarnation, long Round, ReadOnlyMemory<byte> Genesis) : ReplicationMessage(Group)
{
    /// <summary>In a lossy group: the highest epoch that the node has promised in any life, and how far its log had come.</summary>
    public LogPosition Past { get; init; }
}

/// <summary>A machine without a membership → all: take me in. Only the primary acts on it.</summary>
internal sealed record Join(GroupId Group, string Cluster, NodeId Node, Incarnation Incarnation) : ReplicationMessage(Group);

/// <summary>What a client request asks for.</summary>
internal enum RequestKind : byte
{
    /// <summary>Apply a command within a session.</summary>
    Command = 1,

    /// <summary>Open a session; the reply's <see cref="Reply.Session"/> is its id.</summary>
    Register = 2,

    /// <summary>A linearizable query.</summary>
    BarrierRead = 3,

    /// <summary>A query of the replica's state as it is.</summary>
    StaleRead = 4,

    /// <summary>A linearizable query, guarded as the group's settings say. The reply's kind is <see cref="BarrierRead"/> when no lease held.</summary>
    Read = 5,

    /// <summary>Apply an operation within a session; see <see cref="Operations.Operation"/>.</summary>
    Operation = 6,
}

/// <summary>One request of a client. <paramref name="Sequence"/> numbers commands within the session; for the other kinds it only matches the reply.</summary>
internal readonly record struct Request(RequestKind Kind, long Sequence, ReadOnlyMemory<byte> Token, ReadOnlyMemory<byte> Payload);

/// <summary>Client → replica: requests, in order.</summary>
/// <param name="ReplyTo">The client's return address (see <see cref="IPeers.AddressOf"/>).</param>
/// <param name="Number">Grows with every message of this client to this replica: a copy made on the way, or one overtaken, is dropped.</param>
/// <param name="Session">The client's session; zero while it has none.</param>
/// <param name="Lowest">The lowest command number that the client still waits for.</param>
internal sealed record Requests(GroupId Group, string ReplyTo, long Number, LogPosition Session, long Lowest, IReadOnlyList<Request> Items) : ReplicationMessage(Group)
{
    /// <summary>The life of the receiver (see <see cref="ReplicationEnvironment.Life"/>) that may order the commands among them; 0: none may, the client knows of no life.</summary>
    public long Life { get; init; }

    /// <summary>The client's spans of commands among them that somebody traces, by their place.</summary>
    public IReadOnlyList<Traced> Traces { get; init; } = [];
}

/// <summary>The reply to one request.</summary>
/// <param name="Session">The session of the request; for Register the new one.</param>
internal readonly record struct Reply(RequestKind Kind, long Sequence, LogPosition Session, long AgeMs, Applied Result);

/// <summary>Replica → client: replies, each by kind and number.</summary>
/// <param name="Number">The message whose requests these answer at once: a refusal is of the copy in it. 0 for what was ordered or waited.</param>
internal sealed record Replies(GroupId Group, NodeId From, long Number, IReadOnlyList<Reply> Items) : ReplicationMessage(Group)
{
    /// <summary>The sender's life, for commands that go to it.</summary>
    public long Life { get; init; }

    /// <summary>True when the sender, who may not be the one that takes commands, answers <see cref="RequestKind.Read"/> at once: send them here.</summary>
    public bool ReadsHere { get; init; }

    /// <summary>See <see cref="GroupReply.IsLossy"/>.</summary>
    public bool IsLossy { get; init; }
}

/// <summary>Replica → client: I am not the primary; what you sent me and got no reply to goes elsewhere.</summary>
/// <param name="Primary">Who is, as far as known; none otherwise.</param>
/// <param name="Number">The message that it answers: no copy of its requests was ordered here. 0 when the sender cannot vouch for that.</param>
/// <param name="NoQuorum">True when this replica has tried and failed to reach a quorum: nobody on its side of a partition can serve.</param>
internal sealed record Redirect(GroupId Group, NodeId From, NodeId Primary, long Number, bool NoQuorum) : ReplicationMessage(Group)
{
    /// <summary>The sender's life. When <see cref="Primary"/> is the sender itself, it takes commands that name this one.</summary>
    public long Life { get; init; }
}

/// <summary>Client → replica: what are you?</summary>
internal sealed record StatusRequest(GroupId Group, string ReplyTo, long Number) : ReplicationMessage(Group);

/// <summary>The answer to <see cref="StatusRequest"/>.</summary>
internal sealed record StatusReply(GroupId Group, long Number, ReplicaStatus Status) : ReplicationMessage(Group);

/// <summary>Client → replica: hand over to <paramref name="Target"/> (none: to whoever is most advanced).</summary>
internal sealed record TransferRequest(GroupId Group, string ReplyTo, long Number, NodeId Target) : ReplicationMessage(Group);

/// <summary>Client → primary, or link of a chain: <paramref name="Node"/> shall belong to the group (<paramref name="Join"/>), or no longer.</summary>
internal sealed record MembersRequest(GroupId Group, string ReplyTo, long Number, NodeId Node, bool Join) : ReplicationMessage(Group);

/// <summary>The answer to <see cref="TransferRequest"/> and <see cref="MembersRequest"/>; <paramref name="Refusal"/> is empty when the hand-over has begun, or the change is committed.</summary>
internal sealed record TransferReply(GroupId Group, long Number, string Refusal) : ReplicationMessage(Group);
