using Actors.Membership;
using Actors.Timing;
using Akka.Actor;

namespace Actors.Replication.Client;

/// <summary>The client of one group: finds the primary, keeps a session, retries after a learned time-out, never lets a command be applied twice.</summary>
/// <remarks>
/// A command keeps its session and number through every retry, so whichever primary gets it applies it once. What the caller is told:
/// <list type="bullet">
/// <item>an answer of the group, whatever it is, when one came;</item>
/// <item>Overloaded, Unavailable or TooLarge only when no copy of the command can have been ordered;</item>
/// <item>Unknown when a copy may have been ordered and no answer came in time.</item>
/// </list>
/// Where a primary cannot be reached because this side of a partition has no quorum, its own node's replica says so and calls fail at once.
/// </remarks>
internal sealed partial class GroupClient : UntypedActor, IWithTimers
{
    /// <summary>Messages that wait for their answers before new requests gather for the next one, up to <see cref="ManyRequests"/>.</summary>
    private const int EnoughUnanswered = 2;

    /// <summary>Requests that are worth a message of their own.</summary>
    private const int ManyRequests = 256;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    private readonly GroupId _group;
    private readonly IReadOnlyList<NodeId> _nodes;
    private readonly NodeId _home;              // the node this client lives on; none for a client outside the cluster
    private readonly IPeers _peers;
    private readonly IClock _clock;
    private readonly ClientSettings _settings;
    private readonly RttEstimator _roundTrip;
    private readonly string _address;

    private readonly LinkedList<Call> _queue = new();                               // commands without a number yet
    private readonly SortedDictionary<(LogPosition Session, long Sequence), Call> _commands = [];
    private readonly Dictionary<long, Call> _reads = [];
    private readonly List<Call> _toSend = [];
    private readonly Dictionary<long, int> _unanswered = [];                        // calls of each message that have no answer

    private NodeId _target;                     // where the primary is believed to be
    private NodeId _reader;                     // who has said that it answers reads at once; none when nobody has
    private readonly Dictionary<NodeId, long> _lives = [];                          // that of each node's replica, as it said last
    private TimeSpan _heardAt;                  // when the target last answered
    private TimeSpan _redirectedAt;
    private LogPosition _session;
    private Call? _registration;
    private string _whyNoSession = "";          // the last refusal to open one
    private long _nextSequence = 1;
    private long _nextRead = 1;
    private long _number;                       // of the last message
    private bool _pumping;
    private bool _isLossy;                      // as the group's last answer said

    public GroupClient(GroupId group, IReadOnlyList<NodeId> nodes, NodeId home, IPeers peers, IClock clock, ClientSettings settings)
    {
        _group = group;
        _nodes = nodes;
        _home = home;
        _peers = peers;
        _clock = clock;
        _settings = settings.Validated();
        _roundTrip = new RttEstimator(settings.MinRetransmit, initial: 5 * settings.MinRetransmit);
        _target = home.IsNone ? nodes[0] : home;
        _address = peers.AddressOf(Self);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private TimeSpan Now => _clock.Elapsed;

    public static Props Props(GroupId group, IReadOnlyList<NodeId> nodes, NodeId home, IPeers peers, IClock clock, ClientSettings settings)
        => Akka.Actor.Props.Create(() => new GroupClient(group, nodes, home, peers, clock, settings)).WithDispatcher(ActorsConfig.RelayDispatcher);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Submit m: OnSubmit(m); break;
            case Query m: OnQuery(m); break;
            case Pump: OnPump(); break;
            case Replies m: OnReplies(m); break;
            case Redirect m: OnRedirect(m); break;
            case ClientTick: OnTick(); break;
            case CollectStatus m: OnCollectStatus(m); break;
            case StatusReply m: OnStatusReply(m); break;
            case Transfer m: Order(m.Primary, m.Complete, number => new TransferRequest(_group, _address, number, m.Target)); break;
            case ChangeMembers m: Order(m.Primary, m.Complete, number => new MembersRequest(_group, _address, number, m.Node, m.Join)); break;
            case TransferReply m: OnTransferReply(m); break;
            default: Unhandled(message); break;
        }
    }

    protected override void PostStop()
    {
        foreach (var call in _queue.Concat(_commands.Values).Concat(_reads.Values))
            call.Complete(Undecided(call, "the client was stopped"));
    }

    // ---- Calls ----

    private void OnSubmit(Submit m)
    {
        if (m.Token.Length > LogEntry.MaxTokenBytes)
            m.Complete(Nothing(Outcome.TooLarge, $"the idempotency token of {m.Token.Length} bytes is over the limit of {LogEntry.MaxTokenBytes}"));
        else if (m.Command.Length > GroupSettings.MaxCommandBytesLimit)
            m.Complete(Nothing(Outcome.TooLarge, $"the command of {m.Command.Length} bytes is over the limit of {GroupSettings.MaxCommandBytesLimit}"));
        else if (_queue.Count >= _settings.MaxQueued)
            m.Complete(Nothing(Outcome.Overloaded, $"{_queue.Count} requests are waiting in this client already"));
        else
        {
            _queue.AddLast(new Call(m.IsOperation ? RequestKind.Operation : RequestKind.Command, m.Token, m.Command, Deadline(m.Timeout), m.Complete) { Trace = m.Trace });
            PumpSoon();
        }
    }

    private void OnQuery(Query m)
    {
        if (m.Content.Length > GroupSettings.MaxCommandBytesLimit)
        {
            m.Complete(Nothing(Outcome.TooLarge, $"the query of {m.Content.Length} bytes is over the limit of {GroupSettings.MaxCommandBytesLimit}"));
            return;
        }

        if (_reads.Count >= _settings.MaxQueued)
        {
            m.Complete(Nothing(Outcome.Overloaded, $"{_reads.Count} reads are waiting in this client already"));
            return;
        }

        var kind = m.Mode switch
        {
            ReadMode.Stale => RequestKind.StaleRead,
            ReadMode.Barrier => RequestKind.BarrierRead,
            _ => RequestKind.Read,
        };
        var call = new Call(kind, default, m.Content, Deadline(m.Timeout), m.Complete) { Sequence = _nextRead++ };
        _reads.Add(call.Sequence, call);
        _toSend.Add(call);
        PumpSoon();
    }

    private TimeSpan Deadline(TimeSpan? timeout) => Now + (timeout ?? _settings.RequestTimeout);

    // ---- Sending ----

    private void PumpSoon()
    {
        if (_pumping)
            return;
        _pumping = true;
        Self.Tell(Pump.Instance);
        TickWhileBusy();
    }

    // The tick stops itself when nothing is under way.
    private void TickWhileBusy()
    {
        if (!Timers.IsTimerActive(ClientTick.Instance))
            Timers.StartPeriodicTimer(ClientTick.Instance, ClientTick.Instance, Tick);
    }

    private void OnPump()
    {
        _pumping = false;
        if (_unanswered.Count >= EnoughUnanswered && _queue.Count + _toSend.Count < ManyRequests)
            return;     // the next answer makes room
        if (_queue.Count > 0 && _session == LogPosition.Zero)
            Register();
        else
            NumberQueued();
        SendAll();
    }

    private void Register()
    {
        if (_registration is not null)
            return;
        _registration = new Call(RequestKind.Register, default, default, TimeSpan.MaxValue, _ => { }) { Sequence = _nextRead++ };
        _toSend.Add(_registration);
    }

    private void NumberQueued()
    {
        var end = Lowest(_session) + _settings.Window;
        while (_queue.First is { } first && _nextSequence < end)
        {
            _queue.RemoveFirst();
            var call = first.Value;
            (call.Session, call.Sequence) = (_session, _nextSequence++);
            _commands.Add((call.Session, call.Sequence), call);
            _toSend.Add(call);
        }
    }

    private long Lowest(LogPosition session)
    {
        foreach (var (key, _) in _commands)
        {
            if (key.Session == session)
                return key.Sequence;
        }

        return session == _session ? _nextSequence : long.MaxValue;
    }

    private void SendAll()
    {
        for (var from = 0; from < _toSend.Count;)
        {
            var (to, bytes, first) = (from, 0, _toSend[from]);
            var node = NodeFor(first);
            while (to < _toSend.Count && (to == from || bytes + _toSend[to].Bytes <= GroupSettings.MaxBatchBytes)
                && _toSend[to].Session == first.Session && NodeFor(_toSend[to]) == node)
            {
                bytes += _toSend[to++].Bytes;
            }

            var items = new Request[to - from];
            List<Traced>? traces = null;
            _number++;
            for (var i = 0; i < items.Length; i++)
            {
                var call = _toSend[from + i];
                items[i] = new Request(call.Kind, call.Sequence, call.Token, call.Payload);
                if (Tracing.IsRecorded(call.Trace) && (traces ??= []).Count < Tracing.MaxPerMessage)
                    traces.Add(new Traced(i, call.Trace));
                Answered(call);     // its earlier copy, if any, is waited for no more
                call.Sent(_number, Now, Now + _roundTrip.Timeout);
            }

            _unanswered[_number] = items.Length;
            var requests = new Requests(_group, _address, _number, first.Session, Lowest(first.Session), items)
            {
                Life = first.Session == LogPosition.Zero ? 0 : _lives.GetValueOrDefault(node),
                Traces = traces ?? [],
            };
            _peers.Replica(node, _group).Tell(requests, ActorRefs.NoSender);
            from = to;
        }

        _toSend.Clear();
    }

    private NodeId NodeFor(Call call) => call.Kind switch
    {
        RequestKind.StaleRead when !_home.IsNone && !call.AwayFromHome => _home,
        RequestKind.Read when !_reader.IsNone => _reader,
        _ => _target,
    };

    private sealed class Pump : INoSerializationVerificationNeeded
    {
        public static readonly Pump Instance = new();
    }

    private sealed class ClientTick : INoSerializationVerificationNeeded
    {
        public static readonly ClientTick Instance = new();
    }
}
