using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace Actors.TestKit;

/// <summary>Named in the configuration as the type of the unbounded mailboxes: it lets the simulation see which message a step processes.</summary>
internal sealed class SimMailbox(Settings settings, Config config) : MailboxType(settings, config), IProducesMessageQueue<SimMessageQueue>
{
    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new SimMessageQueue(((SimScheduler)system.Scheduler).World);
}

/// <summary>A growing ring; no locks, since only the simulation's thread touches it.</summary>
internal sealed class SimMessageQueue(World world) : IMessageQueue, IUnboundedDequeBasedMessageQueueSemantics
{
    private Envelope[] _ring = new Envelope[4];
    private int _head;

    public int Count { get; private set; }

    public bool HasMessages => Count > 0;

    public void Enqueue(IActorRef receiver, Envelope envelope)
    {
        GrowIfFull();
        _ring[(_head + Count++) & (_ring.Length - 1)] = envelope;
        if (Count > world.LongestMailbox)
            world.LongestMailbox = Count;
        world.Told(envelope.Message);
    }

    public void EnqueueFirst(Envelope envelope)
    {
        GrowIfFull();
        _head = (_head - 1) & (_ring.Length - 1);
        _ring[_head] = envelope;
        Count++;
    }

    public bool TryDequeue(out Envelope envelope)
    {
        if (!TryTake(out envelope))
            return false;
        world.Received(envelope.Message, envelope.Sender);
        return true;
    }

    public void CleanUp(IActorRef owner, IMessageQueue deadletters)
    {
        while (TryTake(out var envelope))
            deadletters.Enqueue(owner, envelope);
    }

    private bool TryTake(out Envelope envelope)
    {
        if (Count == 0)
        {
            envelope = default;
            return false;
        }

        envelope = _ring[_head];
        _ring[_head] = default;
        _head = (_head + 1) & (_ring.Length - 1);
        Count--;
        return true;
    }

    private void GrowIfFull()
    {
        if (Count < _ring.Length)
            return;
        var larger = new Envelope[_ring.Length * 2];
        for (var i = 0; i < Count; i++)
            larger[i] = _ring[(_head + i) & (_ring.Length - 1)];
        _ring = larger;
        _head = 0;
    }
}
