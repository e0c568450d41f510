using Actors.Membership;

namespace Actors.Delivery;

/// <summary>Names one message for ever: who sent it, in which life, and as which one. Never its content: two equal messages are two messages.</summary>
/// <param name="Origin">The name of the sender, unique among those that send to the same receiver.</param>
/// <param name="Incarnation">The sender's life: that of its outbox if it has a durable one, otherwise from one start to the next.</param>
/// <param name="Sequence">Consecutive from 1 in each incarnation.</param>
public readonly record struct MessageId(NodeId Origin, Incarnation Incarnation, long Sequence)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Origin}/{Sequence}";
}
