using Actors.Membership;
using Actors.Storage;
using Akka.Actor;
using Akka.Event;

namespace Actors.Delivery;

/// <summary>The receiving side of links: gives one consumer the messages of any number of senders, each sender's in order and without duplicates, and acknowledges them.</summary>
/// <remarks>
/// A session is drawn for each life of a sender and must be echoed: what is left in the network of an earlier life knows none, and is refused.
/// An ack leaves when all that is in the mailbox has been handled: at once when there is little to do, for many messages together when there is much.
/// </remarks>
internal sealed partial class DeliveryReceiver : UntypedActor, IWithTimers
{
    private const int MaxResultBytes = 48 << 10;

    private readonly string _name;
    private readonly IActorRef _consumer;
    private readonly IPayloadCodec _codec;
    private readonly DeliverySettings _settings;
    private readonly DeliveryEnvironment _environment;
    private readonly Inbox? _inbox;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IActorRefProvider _provider = ((ExtendedActorSystem)Context.System).Provider;
    private readonly ActorPath _replyPath;
    private readonly Dictionary<NodeId, InboundStream> _streams = [];
    private readonly Dictionary<NodeId, InboundStream> _pending = [];   // of a new life that has not sent anything under its session yet
    private readonly List<InboundStream> _owing = [];
    private long _bytes;
    private long _refusals;
    private bool _flushing;

    public DeliveryReceiver(string name, IActorRef consumer, IPayloadCodec codec, DeliverySettings settings, DeliveryEnvironment environment)
    {
        (_name, _consumer, _codec, _settings, _environment) = (name, consumer, codec, settings.Validated(), environment);
        _inbox = environment.Store is { } store ? new Inbox(store.Store, name) : null;
        _replyPath = Self.Path / "reply";
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private TimeSpan Now => _environment.Clock.Elapsed;

    public static Props Props(string name, IActorRef consumer, IPayloadCodec codec, DeliverySettings settings, DeliveryEnvironment environment)
        => Akka.Actor.Props.Create(() => new DeliveryReceiver(name, consumer, codec, settings, environment));

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Data m: OnData(m); break;
            case ConsumerReply m: OnReply(m); break;
            case FlushAcks: OnFlush(); break;
            case Open m: OnOpen(m); break;
            case Close m: OnClose(m); break;
            case ResultStored m: OnStored(m); break;
            case ConsumerTick: OnConsumerTick(); break;
            case StoreFailed m: OnStoreFailed(m); break;
            default: Unhandled(message); break;
        }
    }

    // ---- Messages ----

    private void OnData(Data m)
    {
        if (StreamOf(m) is not { } stream)
            return;
        stream.HeardAt = Now;
        stream.ReplyTo = m.ReplyTo;
        if (stream.Guarantee is Guarantee.AtMostOnce)
        {
            TakeOnce(stream, m);
            return;
        }

        var before = stream.Bytes;
        if (!stream.Forget(m.Lowest))
        {
            Refuse(m, m.Session, m.ReplyTo, Refusal.TooFar, $"'{m.Origin}' has settled what is below {m.Lowest}, it says; here is nothing above {stream.Received}");
            return;
        }

        _bytes += stream.Bytes - before;
        foreach (var item in m.Items)
        {
            if (!Accept(stream, item, m))
                break;      // one refusal says it of all that follow; they come again
        }

        if (m.Items.Count == 0)
            stream.RepeatResults();
        else
            (stream.Echo, stream.EchoAttempt, stream.EchoAt) = (m.Items[^1].Sequence, m.Items[^1].Attempt, Now);
        HandOver(stream);
        OweAck(stream);
        if (m.Lowest < stream.Lowest && m.Items.Count == 0)     // of an earlier life of the sender: it forgot that it knew
            Tell(stream.ReplyTo, AckOf(stream, [new Result(m.Lowest, stream.Lowest - 1, ResultKind.Confirmed, default)]));
    }

    private bool Accept(InboundStream stream, in DataItem item, Data m)
    {
        var isNeeded = stream.IsStarved && item.Sequence == stream.Received + 1;
        if (!isNeeded && (stream.Bytes + item.Payload.Length > _settings.WindowBytes || _bytes + item.Payload.Length > _settings.MaxReceiverBytes))
        {
            Refuse(m, m.Session, m.ReplyTo, Refusal.NoRoom, $"message {item.Sequence} of '{m.Origin}' finds {stream.Bytes} bytes of its sender and {_bytes} of all waiting (WindowBytes {_settings.WindowBytes}, MaxReceiverBytes {_settings.MaxReceiverBytes})");
            return false;
        }

        switch (stream.Accept(item))
        {
            case Arrival.New:
                _bytes += item.Payload.Length;
                DeliveryMetrics.Arrived.Add(1);
                return true;
            case Arrival.Duplicate:
                DeliveryMetrics.Duplicates.Add(1);
                return true;
            default:
                Refuse(m, m.Session, m.ReplyTo, Refusal.TooFar, $"message {item.Sequence} of '{m.Origin}' is outside of the window: from {stream.Lowest} on it takes {_settings.WindowMessages}");
                return false;
        }
    }

    private void TakeOnce(InboundStream stream, Data m)
    {
        foreach (var item in m.Items)
        {
            var whole = stream.Take(item, _settings.MaxMessageBytes, out var isLate);
            (isLate ? DeliveryMetrics.Duplicates : DeliveryMetrics.Arrived).Add(1);
            if (whole is { } payload && Decode(payload, stream, item.Sequence) is { } message)
                _consumer.Tell(message, ActorRefs.NoSender);
        }
    }

    /// <summary>Gives the consumer what is complete and in order, as much as it may have at a time.</summary>
    private void HandOver(InboundStream stream)
    {
        var before = stream.Bytes;
        while (stream.AtConsumer < _settings.ConsumerWindow && stream.TryTake(out var message))
        {
            var content = Decode(message.Payload, stream, message.Last);
            if (stream.Level is not AckLevel.Processed)
            {
                stream.Release(message);
                if (content is not null)
                    _consumer.Tell(content, ActorRefs.NoSender);
            }
            else if (content is null)
            {
                Conclude(stream, message, ResultKind.Unreadable, default, null);
            }
            else
            {
                stream.Await(message, content, Now);
                Give(stream, message.Last, content);
            }
        }

        _bytes += stream.Bytes - before;
    }

    private void Give(InboundStream stream, long sequence, object content)
    {
        if (!Timers.IsTimerActive(ConsumerTick.Instance))
            Timers.StartPeriodicTimer(ConsumerTick.Instance, ConsumerTick.Instance, _settings.ConsumerTimeout / 4);
        _consumer.Tell(content, new ReplyRef(Self, _provider, _replyPath, stream, sequence));
    }

    private object? Decode(ReadOnlyMemory<byte> payload, InboundStream stream, long sequence)
    {
        try
        {
            return _codec.Decode(payload);
        }
        catch (Exception e)
        {
            DeliveryMetrics.DeadLettered.Add(1);
            _log.Warning("receiver {0} cannot read message {1} of '{2}' ({3} bytes): {4}", _name, sequence, stream.Origin, payload.Length, e.Message);
            return null;
        }
    }

    // ---- Acks ----

    private void OweAck(InboundStream stream)
    {
        if (stream.OwesAck)
            return;
        stream.OwesAck = true;
        _owing.Add(stream);
        if (_flushing)
            return;
        _flushing = true;
        Self.Tell(FlushAcks.Instance, ActorRefs.NoSender);
    }

    private void OnFlush()
    {
        _flushing = false;
        foreach (var stream in _owing)
        {
            stream.OwesAck = false;
            do
            {
                Tell(stream.ReplyTo, AckOf(stream, stream.TakeResults(MaxResultBytes)));
                stream.Echo = 0;
            }
            while (stream.HasResults);
        }

        _owing.Clear();
    }

    private Ack AckOf(InboundStream stream, IReadOnlyList<Result> results) => new(
        stream.Origin, stream.Incarnation, stream.Session, stream.Received, stream.Bitmap(), stream.Handed,
        stream.Echo, stream.EchoAttempt, stream.Echo == 0 ? TimeSpan.Zero : Now - stream.EchoAt, results);

    private sealed class FlushAcks : INoSerializationVerificationNeeded
    {
        public static readonly FlushAcks Instance = new();
    }

    private sealed class ConsumerTick : INoSerializationVerificationNeeded
    {
        public static readonly ConsumerTick Instance = new();
    }
}
