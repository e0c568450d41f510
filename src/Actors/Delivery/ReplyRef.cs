using Akka.Actor;

namespace Actors.Delivery;

/// <summary>Consumer → receiver: a reply to one message.</summary>
internal sealed record ConsumerReply(InboundStream Stream, long Sequence, object Message) : INoSerializationVerificationNeeded;

/// <summary>The <c>Sender</c> of one message: whatever its consumer tells it is the reply to that message, so a consumer needs to know nothing of links.</summary>
internal sealed class ReplyRef(IActorRef receiver, IActorRefProvider provider, ActorPath path, InboundStream stream, long sequence) : MinimalActorRef
{
    public override ActorPath Path => path;

    public override IActorRefProvider Provider => provider;

    protected override void TellInternal(object message, IActorRef sender) => receiver.Tell(new ConsumerReply(stream, sequence, message), ActorRefs.NoSender);
}
