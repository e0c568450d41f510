using Akka.Actor;

namespace Actors.Delivery;

/// <summary>Producer → sender: deliver this, and tell me what became of it. A bare message is delivered as well; then only a consumer's reply comes back, as it is.</summary>
/// <param name="Message">What the sender's codec takes.</param>
/// <param name="Tag">Comes back in each <see cref="DeliveryOutcome"/>.</param>
public sealed record Send(object Message, object? Tag = null) : INoSerializationVerificationNeeded;

/// <summary>What became of a message.</summary>
public enum DeliveryStatus : byte
{
    /// <summary>At most once: it was sent; nothing else will be known.</summary>
    Sent,

    /// <summary>It is in the durable outbox: not the end, but from now on it survives a crash of the sender.</summary>
    Stored,

    /// <summary>The receiver has it.</summary>
    Received,

    /// <summary>It is in the consumer's mailbox.</summary>
    Delivered,

    /// <summary>The consumer has confirmed it; its reply, if any, is in <see cref="DeliveryOutcome.Reply"/>.</summary>
    Processed,

    /// <summary>The consumer had it and did not confirm it in time: it may or may not have been processed.</summary>
    DeadLettered,

    /// <summary>It was not taken, and was not sent.</summary>
    Refused,

    /// <summary>There was no room, and it was dropped.</summary>
    Dropped,

    /// <summary>The link ended before it was acknowledged: it may or may not arrive.</summary>
    Unknown,
}

/// <summary>Sender → producer: what became of a <see cref="Send"/>.</summary>
/// <param name="Tag">That of the send.</param>
/// <param name="Id">Its name; default when it got none.</param>
/// <param name="Status">What is known.</param>
/// <param name="Reply">The consumer's reply, or null.</param>
/// <param name="Reason">One line that says why, where there is something to explain; otherwise null.</param>
public sealed record DeliveryOutcome(object? Tag, MessageId Id, DeliveryStatus Status, object? Reply = null, string? Reason = null) : INoSerializationVerificationNeeded;

/// <summary>Sender → producer (<see cref="Overflow.Backpressure"/>): more than half of the buffer is taken; wait for <see cref="GoOn"/>.</summary>
public sealed class SlowDown : INoSerializationVerificationNeeded
{
    /// <summary>The one instance.</summary>
    public static readonly SlowDown Instance = new();

    private SlowDown()
    {
    }
}

/// <summary>Sender → producer: there is room again.</summary>
public sealed class GoOn : INoSerializationVerificationNeeded
{
    /// <summary>The one instance.</summary>
    public static readonly GoOn Instance = new();

    private GoOn()
    {
    }
}

/// <summary>Consumer → the <c>Sender</c> of a message, in place of a reply: I have processed it.</summary>
public sealed class Confirm : INoSerializationVerificationNeeded
{
    /// <summary>The one instance.</summary>
    public static readonly Confirm Instance = new();

    private Confirm()
    {
    }
}

/// <summary>Consumer → the <c>Sender</c> of a message: I have processed it, and these changes of my state belong to it.</summary>
/// <param name="Writes">Written together with the note that the message is processed: both survive a crash, or neither. Needs a receiver with a store, and keys under <see cref="ReliableDelivery.StateKey"/>.</param>
/// <param name="Reply">What the producer gets; null for none.</param>
public sealed record Processed(Storage.WriteSet Writes, object? Reply = null) : INoSerializationVerificationNeeded;
