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
internal sealed class DeliveryReceiver : UntypedActor, IWithTimers
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

    // ---- Sessions ----

    private void OnOpen(Open m)
    {
        InboundStream? stream;
        try
        {
            if (!_streams.TryGetValue(m.Origin, out stream) && Recall(m.Origin) is { } recalled)
                _streams.Add(m.Origin, stream = recalled);
        }
        catch (StoreFailedException e)
        {
            OnStoreFailed(new StoreFailed(e.Message));
            return;
        }

        if (stream is null && !HasRoom())
        {
            Refuse(m, 0, m.ReplyTo, Refusal.TooManySenders, $"{_streams.Count} senders are known here already (MaxSenders {_settings.MaxSenders}), and all were heard within {_settings.ForgetAfter}");
            return;
        }

        // Only a life that answers under its new session takes the place of another: an old Open that was delayed cannot.
        if (stream is null)
            _streams.Add(m.Origin, stream = NewStream(m));
        else if (stream.Incarnation != m.Incarnation)
            stream = Pending(m);
        stream.HeardAt = Now;
        stream.ReplyTo = m.ReplyTo;
        Tell(m.ReplyTo, new Opened(m.Origin, m.Incarnation, stream.Session, m.Attempt, stream.Received, _settings.WindowMessages, _settings.WindowBytes));
    }

    private InboundStream? Recall(NodeId origin) => _inbox?.Load(origin, NewSession(), _settings.WindowMessages);

    private InboundStream Pending(Open m)
    {
        if (!_pending.TryGetValue(m.Origin, out var stream) || stream.Incarnation != m.Incarnation)
            _pending[m.Origin] = stream = NewStream(m);
        return stream;
    }

    private InboundStream NewStream(Open m) => new(m.Origin, m.Incarnation, NewSession(), m.Guarantee, m.Level, Math.Max(m.Lowest, 1), _settings.WindowMessages);

    private long NewSession() => _environment.Random.NextInt64(1, long.MaxValue);

    private bool HasRoom()
    {
        if (_streams.Count < _settings.MaxSenders)
            return true;
        var silent = _streams.Values.MinBy(stream => stream.HeardAt)!;
        if (Now - silent.HeardAt < _settings.ForgetAfter)
            return false;
        Drop(silent);
        return true;
    }

    private void OnClose(Close m)
    {
        if (_streams.TryGetValue(m.Origin, out var stream) && stream.Incarnation == m.Incarnation && stream.Session == m.Session)
            Drop(stream);
    }

    private void Drop(InboundStream stream)
    {
        _bytes -= stream.Bytes;
        _streams.Remove(stream.Origin);
        _pending.Remove(stream.Origin);
    }

    /// <summary>The stream of a message under the right session; null when it was refused.</summary>
    private InboundStream? StreamOf(Data m)
    {
        if (_streams.TryGetValue(m.Origin, out var stream) && stream.Incarnation == m.Incarnation && stream.Session == m.Session)
            return stream;
        if (_pending.TryGetValue(m.Origin, out var next) && next.Incarnation == m.Incarnation && next.Session == m.Session)
        {
            if (stream is not null)
                Drop(stream);
            _pending.Remove(m.Origin);
            _streams.Add(m.Origin, next);
            return next;
        }

        if (stream is not null && stream.Incarnation != m.Incarnation)
            Refuse(m, m.Session, m.ReplyTo, Refusal.Replaced, $"incarnation {m.Incarnation} of '{m.Origin}' is not the present one: another sender of this name has taken over");
        else
            Refuse(m, m.Session, m.ReplyTo, Refusal.UnknownSession, $"session {m.Session:x} of '{m.Origin}' is not known here");
        return null;
    }

    private void Refuse(DeliveryMessage m, long session, string replyTo, Refusal reason, string detail)
    {
        DeliveryMetrics.Refused(reason.ToString());
        if (long.IsPow2(++_refusals))       // a flood must not fill the log
            _log.Warning("receiver {0} refuses a message ({1} so far): {2}", _name, _refusals, detail);
        Tell(replyTo, new Refused(m.Origin, m.Incarnation, session, reason, detail));
    }

    private void Tell(string address, DeliveryMessage message) => _environment.Peers.Client(address).Tell(message, ActorRefs.NoSender);

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

    // ---- The consumer ----

    private void OnReply(ConsumerReply m)
    {
        var stream = m.Stream;
        if (!IsPresent(stream) || !stream.Awaits(m.Sequence))
            return;     // it has replied already, or too late
        var (kind, reply, writes) = (ResultKind.Confirmed, default(ReadOnlyMemory<byte>), default(WriteSet));
        var content = m.Message is Processed processed ? (writes = processed.Writes, processed.Reply).Reply : m.Message is Confirm ? null : m.Message;
        if (writes is not null && (_inbox is null || stream.Guarantee is not Guarantee.EffectivelyOnce))
        {
            _log.Error("receiver {0}: a consumer wants to write together with message {1}, but this receiver has no store for it; the message counts as not confirmed", _name, m.Sequence);
            return;
        }

        if (content is not null)
            (kind, reply) = Encode(content, m.Sequence);
        Conclude(stream, new Complete(stream.FirstOf(m.Sequence), m.Sequence, default), kind, reply, writes);
    }

    private bool IsPresent(InboundStream stream) => _streams.TryGetValue(stream.Origin, out var present) && present == stream;

    private (ResultKind Kind, ReadOnlyMemory<byte> Reply) Encode(object content, long sequence)
    {
        try
        {
            var reply = _codec.Encode(content);
            if (reply.Length <= DeliveryCodec.MaxReplyBytes)
                return (ResultKind.Replied, reply);
            _log.Warning("receiver {0}: the reply to message {1} has {2} bytes; the limit is {3}", _name, sequence, reply.Length, DeliveryCodec.MaxReplyBytes);
        }
        catch (Exception e)
        {
            _log.Warning("receiver {0}: the reply to message {1} cannot be sent: {2}", _name, sequence, e.Message);
        }

        return (ResultKind.ReplyLost, default);
    }

    /// <summary>A message has come to its end: at once, or when the inbox has it on disk.</summary>
    private void Conclude(InboundStream stream, in Complete message, ResultKind kind, ReadOnlyMemory<byte> reply, WriteSet? writes)
    {
        if (_inbox is null || stream.Guarantee is not Guarantee.EffectivelyOnce)
        {
            Finish(stream, message, kind, reply);
            return;
        }

        if (stream.Awaits(message.Last))
            stream.Store(message.Last);
        writes ??= new WriteSet();
        _inbox.Add(writes, stream, message, kind, reply);
        _environment.Store!.Writer.Tell(new StoreWrite(writes, Sync: true, Self, new ResultStored(stream, message, kind, reply)), ActorRefs.NoSender);
    }

    private void OnStored(ResultStored m)
    {
        if (IsPresent(m.Stream))
            Finish(m.Stream, m.Message, m.Kind, m.Reply);
    }

    private void Finish(InboundStream stream, in Complete message, ResultKind kind, ReadOnlyMemory<byte> reply)
    {
        var before = stream.Bytes;
        stream.Finish(message, kind, reply);
        _bytes += stream.Bytes - before;
        OweAck(stream);
        HandOver(stream);
    }

    private void OnConsumerTick()
    {
        var now = Now;
        var waiting = false;
        foreach (var stream in _streams.Values.ToList())
        {
            for (var sequence = stream.Overdue(0, now, _settings.ConsumerTimeout, out var message, out var deliveries); sequence != 0;
                sequence = stream.Overdue(sequence + 1, now, _settings.ConsumerTimeout, out message, out deliveries))
            {
                OnOverdue(stream, sequence, message, deliveries);
            }

            waiting |= stream.AtConsumer > 0;
        }

        if (!waiting)
            Timers.Cancel(ConsumerTick.Instance);
    }

    // Effectively once, a second delivery could be a second processing: whoever has it may still be at it.
    private void OnOverdue(InboundStream stream, long sequence, object message, int deliveries)
    {
        if (stream.Guarantee is Guarantee.AtLeastOnce && deliveries < _settings.MaxDeliveries)
        {
            DeliveryMetrics.Redelivered.Add(1);
            stream.Redeliver(sequence, Now);
            Give(stream, sequence, message);
            return;
        }

        DeliveryMetrics.DeadLettered.Add(1);
        _log.Warning("receiver {0}: message {1} of '{2}' was given to the consumer {3} times, each for {4}, and not confirmed: it is a dead letter", _name, sequence, stream.Origin, deliveries, _settings.ConsumerTimeout);
        Context.System.EventStream.Publish(new DeadLetter(message, Self, _consumer));
        Conclude(stream, new Complete(stream.FirstOf(sequence), sequence, default), ResultKind.DeadLettered, default, null);
    }

    private void OnStoreFailed(StoreFailed m)
    {
        _log.Error("receiver {0} stops: its inbox failed: {1}; what its consumer did since then is not durable", _name, m.Reason);
        Context.Stop(Self);
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
