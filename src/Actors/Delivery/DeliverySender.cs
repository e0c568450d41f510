using Actors.Membership;
using Actors.Storage;
using Actors.Timing;
using Akka.Actor;
using Akka.Event;

namespace Actors.Delivery;

/// <summary>The sending side of a link: numbers the messages of its producers, keeps them until they are acknowledged, and sends again what was lost.</summary>
/// <remarks>
/// What it is told that is no message of its own is a message for the consumer. Loss is found by what arrives later (selective repeat) or, at the
/// tail, by silence of a learned length. A new life without a durable outbox is a new incarnation; with one the link goes on where it was.
/// </remarks>
internal sealed partial class DeliverySender : UntypedActor, IWithTimers
{
    /// <summary>What remains when a timer was a little early is not worth a shorter one.</summary>
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(1);

    private readonly NodeId _origin;
    private readonly string _receiver;
    private readonly IPayloadCodec _codec;
    private readonly DeliverySettings _settings;
    private readonly DeliveryEnvironment _environment;
    private readonly RttEstimator _network;     // a message and its ack
    private readonly RttEstimator _consumer;    // from arrival to the consumer's confirmation: application time is not network time
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly List<DataItem> _frame = [];
    private readonly List<IActorRef> _slowed = [];      // producers that were told to slow down

    private Incarnation _incarnation;
    private SendWindow _window;
    private Outbox? _outbox;                    // null: what is not acknowledged is lost with this actor
    private string _address = "";
    private long _session;                      // 0 while there is none
    private byte _openAttempt;
    private TimeSpan _openSentAt;
    private TimeSpan _lastSentAt;               // of data
    private TimeSpan _askedAt;                  // for results
    private TimeSpan _lossDueAt = TimeSpan.MaxValue;
    private TimeSpan? _timerAt;
    private long _stored;                       // up to here messages may leave
    private int _frameBytes;
    private bool _pumping;
    private string? _ended;                     // why the link is over

    public DeliverySender(NodeId origin, string receiver, IPayloadCodec codec, DeliverySettings settings, DeliveryEnvironment environment)
    {
        (_origin, _receiver, _codec, _settings, _environment) = (origin, receiver, codec, settings.Validated(), environment);
        _window = new SendWindow(1, settings.WindowMessages, settings.WindowBytes);
        _network = new RttEstimator(settings.MinRetransmit, settings.InitialRetransmit, settings.MaxRetransmit);
        _consumer = new RttEstimator(settings.MinRetransmit, settings.InitialRetransmit, settings.MaxRetransmit);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private TimeSpan Now => _environment.Clock.Elapsed;

    private bool AtMostOnce => _settings.Guarantee is Guarantee.AtMostOnce;

    public static Props Props(NodeId origin, string receiver, IPayloadCodec codec, DeliverySettings settings, DeliveryEnvironment environment)
        => Akka.Actor.Props.Create(() => new DeliverySender(origin, receiver, codec, settings, environment));

    protected override void PreStart()
    {
        _address = _environment.Peers.AddressOf(Self);
        if (_environment.Store is { } store && !AtMostOnce)
        {
            _outbox = Outbox.Load(store.Store, _origin, () => Incarnation.Draw(_environment.Random));
            (_incarnation, _window, _stored) = (_outbox.Incarnation, new SendWindow(_outbox.First, _settings.WindowMessages, _settings.WindowBytes), _outbox.Last);
            foreach (var (payload, flags) in _outbox.Messages(store.Store))
                Append(payload, flags, null);
            _window.AssumeSent();
        }
        else
        {
            (_incarnation, _stored) = (Incarnation.Draw(_environment.Random), long.MaxValue);
        }

        SendOpen();
    }

    protected override void PostStop()
    {
        GiveUp("the sender was stopped");
        if (_session != 0 && _outbox is null)
            Peer.Tell(new Close(_origin, _incarnation, _session), ActorRefs.NoSender);
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case DeliveryMessage m when m.Origin != _origin || m.Incarnation != _incarnation: OnStranger(m); break;
            case Opened m: OnOpened(m); break;
            case Ack m when m.Session == _session && _session != 0: OnAck(m); break;
            case Refused m when m.Session == _session: OnRefused(m); break;
            case DeliveryMessage m: DeliveryMetrics.Refused("old session"); _log.Debug("{0} of an old session", m.GetType().Name); break;
            case Pump: OnPump(); break;
            case Tick: OnTick(); break;
            case Stored m: OnStored(m); break;
            case StoreFailed m: End($"the outbox failed: {m.Reason}"); break;
            case Send m: OnSend(m.Message, new Parcel(Sender, m.Tag, IsBare: false)); break;
            default: OnSend(message, new Parcel(Sender, null, IsBare: true)); break;
        }
    }

    private IActorRef Peer => _environment.Peers.Client(_receiver);

    private void OnStranger(DeliveryMessage m)
    {
        DeliveryMetrics.Refused("other incarnation");
        _log.Debug("{0} for {1} of incarnation {2}, this is {3}", m.GetType().Name, m.Origin, m.Incarnation, _incarnation);
    }

    // ---- Producers ----

    private void OnSend(object message, Parcel parcel)
    {
        if (_ended is not null)
        {
            Refuse(parcel, "the link has ended", _ended);
            return;
        }

        ReadOnlyMemory<byte> payload;
        try
        {
            payload = _codec.Encode(message);
        }
        catch (Exception e)
        {
            Refuse(parcel, "the codec does not take it", e.Message);
            return;
        }

        var chunks = _settings.Chunks(payload.Length);
        if (payload.Length > _settings.MaxMessageBytes)
            Refuse(parcel, "too long", $"a message of {payload.Length} bytes is over the limit of {_settings.MaxMessageBytes} (MaxMessageBytes)");
        else if (_window.Count + chunks > _settings.MaxBuffered || _window.Bytes + payload.Length > _settings.MaxBufferedBytes)
            OnOverflow(parcel);
        else
            Accept(payload, chunks, parcel);
    }

    private void Accept(ReadOnlyMemory<byte> payload, int chunks, Parcel parcel)
    {
        for (var i = 0; i < chunks; i++)
        {
            var from = i * _settings.ChunkBytes;
            var isLast = i == chunks - 1;
            var flags = (i > 0 ? ItemFlags.Continues : 0) | (isLast ? 0 : ItemFlags.More);
            var chunk = payload.Slice(from, Math.Min(_settings.ChunkBytes, payload.Length - from));
            _outbox?.Add(_window.End, flags, chunk);
            Append(chunk, flags, isLast ? parcel : null);
        }

        if (!parcel.IsBare)
            _outbox?.Promise(parcel.Producer, parcel.Tag);
        if (_settings.Overflow is Overflow.Backpressure && IsFilled(0.5) && !parcel.Producer.IsNobody() && !_slowed.Contains(parcel.Producer))
        {
            _slowed.Add(parcel.Producer);
            parcel.Producer.Tell(SlowDown.Instance, Self);
        }

        PumpSoon();
    }

    private void Append(ReadOnlyMemory<byte> payload, ItemFlags flags, Parcel? parcel)
    {
        var before = _window.Bytes;
        _window.Append(payload, flags, parcel);
        DeliveryMetrics.Buffered.Add(_window.Bytes - before);
    }

    private bool IsFilled(double share) => _window.Count > share * _settings.MaxBuffered || _window.Bytes > share * _settings.MaxBufferedBytes;

    private void OnOverflow(Parcel parcel)
    {
        DeliveryMetrics.Overflowed.Add(1);
        var reason = $"{_window.Count} messages of {_window.Bytes} bytes wait in this sender already (MaxBuffered {_settings.MaxBuffered}, MaxBufferedBytes {_settings.MaxBufferedBytes})";
        if (_settings.Overflow is Overflow.DropNewest)
            Tell(parcel, DeliveryStatus.Dropped, reason: reason);
        else
            Refuse(parcel, "no room", reason);
    }

    private void Refuse(Parcel parcel, string category, string reason)
    {
        DeliveryMetrics.Refused(category);
        if (parcel.IsBare)
            _log.Warning("link {0} to {1}: a message was refused: {2}", _origin, _receiver, reason);
        Tell(parcel, DeliveryStatus.Refused, reason: reason);
    }

    private void Tell(Parcel parcel, DeliveryStatus status, long sequence = 0, object? reply = null, string? reason = null)
    {
        if (!parcel.IsBare)
            parcel.Producer.Tell(new DeliveryOutcome(parcel.Tag, sequence == 0 ? default : new MessageId(_origin, _incarnation, sequence), status, reply, reason), Self);
        else if (reply is not null)
            parcel.Producer.Tell(reply, Self);
    }

    // ---- The way out ----

    // What is in the mailbox by now goes into the same frames.
    private void PumpSoon()
    {
        if (_pumping)
            return;
        _pumping = true;
        Self.Tell(Pump.Instance, ActorRefs.NoSender);
    }

    private void OnPump()
    {
        _pumping = false;
        _outbox?.Write(_environment.Store!.Writer, Self);
        if (_session != 0 && _ended is null)
            SendWhatFits();
        Arm();
    }

    private void OnStored(Stored m)
    {
        _stored = Math.Max(_stored, m.UpTo);
        foreach (var (producer, tag, sequence) in m.Producers)
            producer.Tell(new DeliveryOutcome(tag, new MessageId(_origin, _incarnation, sequence), DeliveryStatus.Stored), Self);
        OnPump();
    }

    private void SendWhatFits()
    {
        var cursor = _window.Lowest;
        for (var sequence = _window.Choose(ref cursor, _stored); sequence != 0; sequence = _window.Choose(ref cursor, _stored))
        {
            Put(sequence);
            if (AtMostOnce)
                Settle(sequence, sequence, DeliveryStatus.Sent);
            cursor = Math.Max(cursor, _window.Lowest);
        }

        Flush();
    }

    private void Put(long sequence)
    {
        var item = _window.Send(sequence, Now);
        if (_frame.Count == DeliveryCodec.MaxFrameItems || (_frame.Count > 0 && _frameBytes + item.Payload.Length > DeliveryCodec.MaxFrameBytes))
            Flush();
        _frame.Add(item);
        _frameBytes += item.Payload.Length;
        (item.Attempt == 1 ? DeliveryMetrics.Sent : DeliveryMetrics.Resent).Add(1);
    }

    private void Flush()
    {
        if (_frame.Count == 0)
            return;
        SendData([.. _frame]);
        _lastSentAt = Now;
        _frame.Clear();
        _frameBytes = 0;
    }

    private void SendData(IReadOnlyList<DataItem> items) =>
        Peer.Tell(new Data(_origin, _incarnation, _session, _address, _window.Lowest, items), ActorRefs.NoSender);

    /// <summary>Who waits for a message to be settled.</summary>
    private sealed record Parcel(IActorRef Producer, object? Tag, bool IsBare);

    private sealed class Pump : INoSerializationVerificationNeeded
    {
        public static readonly Pump Instance = new();
    }

    private sealed class Tick : INoSerializationVerificationNeeded
    {
        public static readonly Tick Instance = new();
    }
}
