using Actors.Membership;

namespace Actors.Delivery;

/// <summary>Wire vocabulary of a reliable link. Every message names the sender of the link's messages and its life.</summary>
/// <param name="Origin">The sender of the link's messages.</param>
/// <param name="Incarnation">Its life.</param>
internal abstract record DeliveryMessage(NodeId Origin, Incarnation Incarnation);

/// <summary>Sender → receiver: let me send. Repeated until it is answered; a copy that comes late, even from an earlier life, changes nothing by itself.</summary>
/// <param name="ReplyTo">The sender's return address (see <see cref="IPeers.AddressOf"/>).</param>
/// <param name="Attempt">Which copy of it, so that its round trip can be measured.</param>
/// <param name="Lowest">The first sequence number that the sender has not settled.</param>
internal sealed record Open(NodeId Origin, Incarnation Incarnation, string ReplyTo, byte Attempt, long Lowest, Guarantee Guarantee, AckLevel Level)
    : DeliveryMessage(Origin, Incarnation);

/// <summary>Receiver → sender: send under this session.</summary>
/// <param name="Session">Drawn at random by the receiver; whoever repeats an old message does not know it.</param>
/// <param name="Attempt">That of the <see cref="Open"/> it answers.</param>
/// <param name="Received">Everything up to here is known already.</param>
/// <param name="WindowMessages">How many unsettled sequence numbers the receiver takes.</param>
/// <param name="WindowBytes">How many bytes of them.</param>
internal sealed record Opened(NodeId Origin, Incarnation Incarnation, long Session, byte Attempt, long Received, int WindowMessages, long WindowBytes)
    : DeliveryMessage(Origin, Incarnation);

/// <summary>What an item is of its message.</summary>
[Flags]
internal enum ItemFlags : byte
{
    /// <summary>The whole message.</summary>
    Whole = 0,

    /// <summary>The message began with an earlier number.</summary>
    Continues = 1,

    /// <summary>The message goes on with the next number.</summary>
    More = 2,

    /// <summary>Nothing: the message is settled, but others before it are not, and whoever starts anew must not wait for it.</summary>
    Settled = 4,
}

/// <summary>One message, or one chunk of it.</summary>
/// <param name="Sequence">Its number.</param>
/// <param name="Attempt">1 for the first copy.</param>
/// <param name="Flags">Where it stands in its message.</param>
/// <param name="Payload">Its bytes.</param>
internal readonly record struct DataItem(long Sequence, byte Attempt, ItemFlags Flags, ReadOnlyMemory<byte> Payload)
{
    public bool Continues => (Flags & ItemFlags.Continues) != 0;

    public bool More => (Flags & ItemFlags.More) != 0;

    public bool IsSettled => (Flags & ItemFlags.Settled) != 0;
}

/// <summary>Sender → receiver: messages; none when it only asks for the results that it has not heard.</summary>
/// <param name="Lowest">Everything below is settled: the receiver may forget what came of it.</param>
internal sealed record Data(NodeId Origin, Incarnation Incarnation, long Session, string ReplyTo, long Lowest, IReadOnlyList<DataItem> Items)
    : DeliveryMessage(Origin, Incarnation);

/// <summary>What became of a message at the consumer.</summary>
internal enum ResultKind : byte
{
    /// <summary>The consumer has confirmed it without a reply.</summary>
    Confirmed = 1,

    /// <summary>The consumer has replied.</summary>
    Replied = 2,

    /// <summary>The consumer has not confirmed it in time.</summary>
    DeadLettered = 3,

    /// <summary>The receiver's codec could not read it, and the consumer never saw it.</summary>
    Unreadable = 4,

    /// <summary>The consumer has replied, but the reply could not be sent: too large, or not of the codec.</summary>
    ReplyLost = 5,
}

/// <summary>What became of the message whose chunks are <paramref name="First"/> to <paramref name="Last"/>; of several messages only when they were confirmed without a reply.</summary>
internal readonly record struct Result(long First, long Last, ResultKind Kind, ReadOnlyMemory<byte> Reply);

/// <summary>Receiver → sender: what has arrived, what the consumer was given, and what it has made of it.</summary>
/// <param name="Received">Everything up to here has arrived.</param>
/// <param name="Bitmap">What has arrived above; see <see cref="ReceiveWindow.Bitmap"/>.</param>
/// <param name="Delivered">Everything up to here is in the consumer's mailbox.</param>
/// <param name="Echo">The message that led to this ack; 0 when none did.</param>
/// <param name="EchoAttempt">Which copy of it.</param>
/// <param name="Delay">How long ago it arrived.</param>
/// <param name="Results">New ones, or, when asked for, all since <see cref="Data.Lowest"/>.</param>
internal sealed record Ack(
    NodeId Origin, Incarnation Incarnation, long Session, long Received, IReadOnlyList<ulong> Bitmap, long Delivered,
    long Echo, byte EchoAttempt, TimeSpan Delay, IReadOnlyList<Result> Results) : DeliveryMessage(Origin, Incarnation);

/// <summary>Why a receiver does not take a message.</summary>
internal enum Refusal : byte
{
    /// <summary>The session is not known here (any more): open a new one.</summary>
    UnknownSession = 1,

    /// <summary>A later incarnation of the same origin has taken over.</summary>
    Replaced = 2,

    /// <summary>A sequence number is further ahead than the window reaches.</summary>
    TooFar = 3,

    /// <summary>The receiver serves as many senders as it may.</summary>
    TooManySenders = 4,

    /// <summary>There is no room for it at present: send it again later.</summary>
    NoRoom = 5,
}

/// <summary>Receiver → sender: not taken.</summary>
/// <param name="Session">That of the message; 0 for an <see cref="Open"/>.</param>
/// <param name="Detail">One line for a person.</param>
internal sealed record Refused(NodeId Origin, Incarnation Incarnation, long Session, Refusal Reason, string Detail) : DeliveryMessage(Origin, Incarnation);

/// <summary>Sender → receiver: I end, forget me.</summary>
internal sealed record Close(NodeId Origin, Incarnation Incarnation, long Session) : DeliveryMessage(Origin, Incarnation);
