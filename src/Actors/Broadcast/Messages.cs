using Actors.Membership;
using Akka.Actor;

namespace Actors.Broadcast;

/// <summary>One life of a member: a participant that starts anew is another one.</summary>
/// <param name="Node">The member.</param>
/// <param name="Incarnation">When it started, in ticks of its wall clock; a later life has a higher one.</param>
public readonly record struct ParticipantId(NodeId Node, long Incarnation) : IComparable<ParticipantId>
{
    /// <inheritdoc/>
    public int CompareTo(ParticipantId other) => Node.CompareTo(other.Node) is not 0 and var byNode ? byNode : Incarnation.CompareTo(other.Incarnation);

    /// <inheritdoc/>
    public override string ToString() => $"{Node}~{Incarnation}";
}

/// <summary>Names a message: never its content, as two messages may have the same.</summary>
/// <param name="Origin">Who broadcast it.</param>
/// <param name="Sequence">Consecutive from 1 in each life of a member.</param>
public readonly record struct MessageId(ParticipantId Origin, long Sequence) : IComparable<MessageId>
{
    /// <inheritdoc/>
    public int CompareTo(MessageId other) => Origin.CompareTo(other.Origin) is not 0 and var byOrigin ? byOrigin : Sequence.CompareTo(other.Sequence);

    /// <inheritdoc/>
    public override string ToString() => $"{Origin}/{Sequence}";
}

/// <summary>A broadcast message.</summary>
/// <param name="After">Causal order: what its sender had delivered when it sent this, as far as that does not follow from the rest; otherwise empty.</param>
internal sealed record Item(MessageId Id, IReadOnlyList<MessageId> After, ReadOnlyMemory<byte> Payload)
{
    /// <summary>True for what stands at the place of a message that nobody has any more. Never crosses nodes.</summary>
    public bool IsLost { get; init; }
}

/// <summary>What a member has of one life's messages: everything up to <paramref name="UpTo"/>, and <paramref name="Top"/> is the highest.</summary>
internal readonly record struct Extent(ParticipantId Origin, long UpTo, long Top);

/// <summary>Wire vocabulary of broadcast: what crosses nodes. Each names its group and the life of the participant that sent it.</summary>
internal abstract record BroadcastMessage(GroupId Group, ParticipantId From)
{
    /// <summary>Where views change: the number of the one that the sender knows. Of a greeting, and elsewhere, 0.</summary>
    public long InView { get; init; }
}

/// <summary>I am here in this life.</summary>
/// <param name="Asks">True when the receiver shall answer with its own.</param>
/// <param name="View">Who the members are, as far as the sender knows; null before the group is founded.</param>
/// <param name="Founders">With whom the sender would found the group, or found it anew; none while it cannot, or where a register says who founded it.</param>
/// <param name="Last">Total order: the last place that it has then.</param>
internal sealed record Hello(GroupId Group, ParticipantId From, bool Asks, GroupView? View, IReadOnlyList<ParticipantId> Founders, LogPosition Last) : BroadcastMessage(Group, From);

/// <summary>I am in this view, and this is all that I have.</summary>
/// <param name="HasAll">True when the sender has all that the others of the view had when they came into it.</param>
/// <param name="Asks">True when the receiver shall answer with its own.</param>
/// <param name="Extents">As of <see cref="Digest"/>.</param>
/// <param name="BehindGaps">What the sender has behind something that it misses.</param>
internal sealed record Present(GroupId Group, ParticipantId From, bool HasAll, bool Asks, IReadOnlyList<Extent> Extents, IReadOnlyList<MessageId> BehindGaps) : BroadcastMessage(Group, From);

/// <summary>Messages, from their sender or passed on.</summary>
/// <param name="Again">True for an answer to <see cref="Pull"/>: what is in it is not passed on.</param>
internal sealed record Data(GroupId Group, ParticipantId From, bool Again, IReadOnlyList<Item> Items) : BroadcastMessage(Group, From);

/// <summary>The sender has these messages.</summary>
internal sealed record Received(GroupId Group, ParticipantId From, IReadOnlyList<MessageId> Ids) : BroadcastMessage(Group, From);

/// <summary>What its sender has. Tells others what they miss, and what everybody has.</summary>
/// <param name="Asks">True when the receiver shall answer with its own.</param>
internal sealed record Digest(GroupId Group, ParticipantId From, bool Asks, IReadOnlyList<Extent> Extents) : BroadcastMessage(Group, From);

/// <summary>Send me these messages of one life, as far as you have them.</summary>
internal sealed record Pull(GroupId Group, ParticipantId From, ParticipantId Origin, IReadOnlyList<long> Sequences) : BroadcastMessage(Group, From);

/// <summary>The answer to <see cref="Pull"/> of what is forgotten, as all members had it or had been silent for too long: go on after <paramref name="Extents"/>.</summary>
/// <param name="Forgotten">Up to where the first of them is forgotten; whoever has it meanwhile need not care.</param>
/// <param name="Extents">Causal order: all that its sender has delivered, as nothing in that follows from what is not in it.</param>
internal sealed record Cut(GroupId Group, ParticipantId From, long Forgotten, IReadOnlyList<Extent> Extents) : BroadcastMessage(Group, From);

/// <summary>The answer to <see cref="Pull"/> of what its sender does not have, and has not forgotten, of a life that is over.</summary>
/// <param name="Lives">The members as the sender hears them: it takes messages from no other lives.</param>
internal sealed record Lacking(GroupId Group, ParticipantId From, ParticipantId Origin, IReadOnlyList<long> Sequences, IReadOnlyList<ParticipantId> Lives) : BroadcastMessage(Group, From);

/// <summary>Give me your application's state, from <paramref name="Offset"/> on; 0 for a new copy.</summary>
/// <param name="Transfer">The asker's number of this copy.</param>
internal sealed record AskState(GroupId Group, ParticipantId From, long Transfer, int Offset) : BroadcastMessage(Group, From);

/// <summary>The answer: a part of the state.</summary>
/// <param name="At">Total order: the last place that it includes.</param>
/// <param name="Delivered">In the first part: the messages of each life that it includes.</param>
/// <param name="Total">Bytes of all parts; -1: there is none to give.</param>
internal sealed record StatePart(
    GroupId Group, ParticipantId From, long Transfer, LogPosition At, IReadOnlyList<Extent> Delivered, int Total, int Offset, ReadOnlyMemory<byte> Bytes) : BroadcastMessage(Group, From);

/// <summary>Total order: a message of an epoch, which has one sequencer.</summary>
internal abstract record OrderMessage(GroupId Group, ParticipantId From, Epoch Epoch) : BroadcastMessage(Group, From);

/// <summary>Sender → sequencer: order these, consecutive and in this order.</summary>
internal sealed record Submit(GroupId Group, ParticipantId From, Epoch Epoch, IReadOnlyList<Item> Items) : OrderMessage(Group, From, Epoch);

/// <summary>Sequencer → member: consecutive places of the order, perhaps none.</summary>
/// <param name="Previous">The place before the first; the receiver's must be the same up to there.</param>
/// <param name="Committed">Up to which place a majority has the order.</param>
/// <param name="Forgotten">Up to which place everybody has delivered, or has been silent for too long.</param>
internal sealed record Ordered(GroupId Group, ParticipantId From, Epoch Epoch, LogPosition Previous, long Committed, long Forgotten, IReadOnlyList<Place> Places)
    : OrderMessage(Group, From, Epoch);

/// <summary>One place of the order: in which epoch it was given, and to which message; to none at the beginning of an epoch.</summary>
internal readonly record struct Place(Epoch Epoch, Item? Item);

/// <summary>Sequencer → member: what you lack up to <paramref name="At"/> is forgotten; go on after it. Of each life the messages up to there have had their place.</summary>
internal sealed record Resume(GroupId Group, ParticipantId From, Epoch Epoch, LogPosition At, IReadOnlyList<Extent> Extents) : OrderMessage(Group, From, Epoch);

/// <summary>Member → sequencer: my order is yours up to <paramref name="UpTo"/>, and I have delivered up to <paramref name="Delivered"/>.</summary>
/// <param name="Matches">False when <see cref="Ordered.Previous"/> is not in my order: send what follows <paramref name="UpTo"/>.</param>
internal sealed record OrderAck(GroupId Group, ParticipantId From, Epoch Epoch, bool Matches, long UpTo, long Delivered) : OrderMessage(Group, From, Epoch);

/// <summary>Member → all: make me the sequencer of this epoch; my order ends with <paramref name="Last"/>.</summary>
internal sealed record Propose(GroupId Group, ParticipantId From, Epoch Epoch, LogPosition Last) : OrderMessage(Group, From, Epoch);

/// <summary>The answer: yes, or no and perhaps of a higher epoch.</summary>
internal sealed record Promised(GroupId Group, ParticipantId From, Epoch Epoch, bool Granted) : OrderMessage(Group, From, Epoch);

/// <summary>How a broadcast that a node asked for ended.</summary>
public enum BroadcastResult
{
    /// <summary>This member has delivered it: with uniform reliability every correct member will.</summary>
    Delivered,

    /// <summary>Not sent: more are on their way than the window allows, or than members that lag can take.</summary>
    Overloaded,

    /// <summary>Not sent: it is longer than the limit.</summary>
    TooLong,

    /// <summary>The participant ended before it could tell, or was removed from the group.</summary>
    Unknown,

    /// <summary>Not sent: this node is not a member of the group, or not yet.</summary>
    NotAMember,
}

/// <summary>Who the members of a broadcast group are, as one node knows it.</summary>
/// <param name="Number">Each change makes it one higher; 0 before the group is founded.</param>
/// <param name="Members">The members; of each the life that counts.</param>
/// <param name="IsWhole">True when each of them is known to have all that the others had when the view began; then a node may join.</param>
public sealed record BroadcastView(long Number, IReadOnlyList<ParticipantId> Members, bool IsWhole);

/// <summary>A message as this member delivered it.</summary>
/// <param name="Position">Consecutive from 1 in this life of the member.</param>
/// <param name="Id">The message.</param>
/// <param name="Payload">Its bytes.</param>
public sealed record Delivered(long Position, MessageId Id, ReadOnlyMemory<byte> Payload)
{
    /// <summary>0 for a message. Otherwise this many messages of <see cref="MessageId.Origin"/>, up to <see cref="MessageId.Sequence"/>, are missing here: this member came late, or was away for too long, or those that had them crashed.</summary>
    public long Missed { get; init; }
}

/// <summary>Local → participant: broadcast this; <paramref name="Done"/> is called once, by the participant.</summary>
internal sealed record BroadcastRequest(ReadOnlyMemory<byte> Payload, Action<BroadcastResult, MessageId> Done) : INoSerializationVerificationNeeded;

/// <summary>Local → participant: take <paramref name="Node"/> into the group, or leave it out; <paramref name="Done"/> gets an empty line when that is so, else why not.</summary>
internal sealed record ChangeMembers(NodeId Node, bool Joins, Action<string> Done) : INoSerializationVerificationNeeded;

/// <summary>Local → participant: who the members are.</summary>
internal sealed record AskMembers(Action<BroadcastView> Answer) : INoSerializationVerificationNeeded;

/// <summary>Local → participant: call <paramref name="Listener"/> with what is delivered after <paramref name="After"/> (null: from now on); it returns false to hear no more.</summary>
/// <param name="Refused">Called instead when that is no longer kept, or not reached yet, with the lowest and the highest position that are possible.</param>
internal sealed record Listen(long? After, Func<Delivered, bool> Listener, Action<long, long> Refused) : INoSerializationVerificationNeeded;
