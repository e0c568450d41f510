using System.Globalization;
using System.Text;
using Actors.Delivery;
using Actors.Storage;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>Sends the messages of one life, in bursts and one by one, and notes what it is told.</summary>
internal sealed class LinkProducer(LinkRecord record, LinkPlan plan, Random random, IActorRef link) : UntypedActor, IWithTimers
{
    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Pause();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case "send":
                for (var i = random.Next(4) == 0 ? random.Next(40) : 1; i > 0 && record.Sent < plan.Messages; i--)
                {
                    var content = record.NextContent();
                    link.Tell(new Send(content, record.Sent));
                }

                if (record.Sent < plan.Messages)
                    Pause();
                break;
            case DeliveryOutcome outcome:
                record.OnOutcome(outcome);
                break;
        }
    }

    private void Pause() => Timers.StartSingleTimer("send", "send", TimeSpan.FromMilliseconds(1 + random.Next(200)));
}

/// <summary>Confirms what it is given, with a reply or without, at once or later, or never; with a store it writes down what it has processed.</summary>
internal sealed class LinkConsumer : UntypedActor, IWithTimers
{
    private readonly DeliverySwarm _swarm;
    private readonly Random _random;
    private readonly bool _isDurable;
    private int _count;
    private int _late;

    public LinkConsumer(DeliverySwarm swarm, Random random, IStore? store)
    {
        (_swarm, _random, _isDurable) = (swarm, random, store is not null);
        if (store is not null)
            _count = ReadLedger(store).Count;
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static string ReplyTo(string content) => $"re:{content}";

    /// <summary>What a consumer with a store has processed, in order.</summary>
    public static List<string> ReadLedger(IStore store) => Texts(store.Scan(Table.State, LedgerKey(0), LedgerKey(int.MaxValue)));

    public static List<string> ReadLedger(SimDisk disk) => Texts(disk.Scan(Table.State, LedgerKey(0), LedgerKey(int.MaxValue)));

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Later later: Confirm(later.Content, later.ReplyTo); break;
            case string when Sender.IsNobody(): break;
            case string when _random.NextDouble() < _swarm.Plan.Silent: break;
            case string content when !_isDurable && _random.Next(10) == 0:
                Timers.StartSingleTimer(++_late, new Later(content, Sender), TimeSpan.FromMilliseconds(_random.Next(300)));
                break;
            case string content: Confirm(content, Sender); break;
        }
    }

    private void Confirm(string content, IActorRef replyTo)
    {
        object? reply = _random.Next(2) == 0 ? ReplyTo(content) : null;
        _swarm.RecordOf(content)?.OnConfirmed(content);
        if (!_isDurable)
        {
            replyTo.Tell(reply ?? Actors.Delivery.Confirm.Instance, Self);
            return;
        }

        var writes = new WriteSet();
        writes.Put(Table.State, LedgerKey(_count++), Encoding.UTF8.GetBytes(content));
        replyTo.Tell(new Processed(writes, reply), Self);
    }

    private static byte[] LedgerKey(int number) => ReliableDelivery.StateKey(DeliverySwarm.InboxName, Encoding.ASCII.GetBytes(number.ToString("D10", CultureInfo.InvariantCulture)));

    private static List<string> Texts(IEnumerable<KeyValuePair<byte[], byte[]>> pairs) => [.. pairs.Select(pair => Encoding.UTF8.GetString(pair.Value))];

    private sealed record Later(string Content, IActorRef ReplyTo);
}

/// <summary>The mailbox of the consumer: notes what is put into it, for that is what delivered means.</summary>
internal sealed class WatchedMailbox(IActorRef consumer, IActorRefProvider provider, DeliverySwarm swarm) : MinimalActorRef
{
    public override ActorPath Path => consumer.Path;

    public override IActorRefProvider Provider => provider;

    protected override void TellInternal(object message, IActorRef sender)
    {
        swarm.OnDelivered((string)message);
        consumer.Tell(message, sender);
    }
}
