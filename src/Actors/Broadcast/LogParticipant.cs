using Actors.Membership;
using Akka.Actor;
using Akka.Event;

namespace Actors.Broadcast;

/// <summary>A member of a group whose total order a replicated log keeps: writes its messages there, and delivers what the log has, by place.</summary>
/// <remarks>
/// Total-order broadcast from consensus (Cachin, Guerraoui and Rodrigues, section 6.1); the log brings majorities, disks, state transfer and the fence of old primaries.
/// Members tell each other nothing. One batch is on its way at a time, again until it has its places: FIFO order needs no more. A place is the same in every life of every
/// member, so listeners go on after a crash where they were.
/// </remarks>
internal sealed class LogParticipant : Participant
{
    private const int MaxBatchBytes = 48 << 10;
    private const int MaxBatchItems = 512;

    private readonly IOrderer _orderer;
    private readonly SortedDictionary<long, Item> _unordered = [];      // own messages that are not known to have a place, by number
    private long _sequence;
    private int _ordering;              // so many of the first of them are on their way
    private long _place;                // delivered up to here
    private bool _isReading;
    private bool _isUpToDate;           // has once been where the log was
    private readonly List<Listen> _listens = [];        // that came before
    private IDisposable? _following;

    public LogParticipant(BroadcastEnvironment environment, BroadcastSettings settings, Lives lives) : base(environment, settings, lives)
    {
        _orderer = environment.Orderer?.Invoke(settings)
            ?? throw new ArgumentException($"broadcast group '{settings.Id}' is ordered by a replicated log, which this node does not have");
    }

    // Not the base's: no member needs to know of another one.
    protected override void PreStart()
    {
        Follow();
        Read();
        Timers.StartPeriodicTimer(ReadTick.Instance, ReadTick.Instance, Settings.DigestInterval);
    }

    protected override void PostStop()
    {
        _following?.Dispose();
        base.PostStop();
    }

    // What a listener heard in an earlier life has positions that are not reached yet.
    protected override void OnListen(Listen m)
    {
        if (_isUpToDate)
            base.OnListen(m);
        else
            _listens.Add(m);
    }

    // Its state is the log's, see BroadcastSettings.State.
    protected override (LogPosition At, IReadOnlyList<Extent> Delivered) Standing => (default, []);

    protected override void OnStateTaken(Peer from, LogPosition at, IReadOnlyList<Extent> delivered)
    {
    }

    protected override void OnMessage(Peer peer, BroadcastMessage message) => Refuse("not of this group's order", message.GetType().Name);

    protected override void OnOther(object message)
    {
        switch (message)
        {
            case OrderedEntries m: OnOrdered(m); break;
            case PageRead m: OnPageRead(m.Page); break;
            case BatchEnded m: OnBatchEnded(m); break;
            case ReadTick: Read(); break;
            case OrderAgain: Order(); break;
            default: Unhandled(message); break;
        }
    }

    protected override MessageId? Broadcast(ReadOnlyMemory<byte> payload)
    {
        var item = new Item(new MessageId(Id, ++_sequence), [], payload);
        _unordered.Add(_sequence, item);
        QueueFlush(Settings.BatchDelay);
        return item.Id;
    }

    protected override void Flush() => Order();

    // ---- own messages

    private void Order()
    {
        if (_ordering > 0 || _unordered.Count == 0)
            return;
        var batch = new List<ReadOnlyMemory<byte>>();
        var bytes = 0;
        foreach (var item in _unordered.Values)
        {
            bytes += item.Payload.Length;
            if (batch.Count > 0 && (bytes > MaxBatchBytes || batch.Count == MaxBatchItems))
                break;
            batch.Add(item.Payload);
        }

        var self = Self;
        _ordering = batch.Count;
        _orderer.Order(Id.Node, Id.Incarnation, _unordered.First().Key, batch, (outcome, why) => self.Tell(new BatchEnded(outcome, why), ActorRefs.NoSender));
    }

    private void OnBatchEnded(BatchEnded m)
    {
        var count = _ordering;
        _ordering = 0;
        switch (m.Outcome)
        {
            case OrderOutcome.Ordered:
                foreach (var sequence in _unordered.Keys.Take(count).ToArray())
                    _unordered.Remove(sequence);
                Order();
                break;
            case OrderOutcome.Unknown:
                Log.Debug("[{0}] {1} messages are not ordered yet: {2}", Settings.Id, count, m.Why);
                Timers.StartSingleTimer(OrderAgain.Instance, OrderAgain.Instance, Settings.MinRetransmit);
                break;
            default:
                throw new InvalidOperationException($"the order refuses {count} messages of {Id}: {m.Why}");
        }
    }

    // ---- the order

    private void Follow()
    {
        var self = Self;
        _following?.Dispose();
        _following = _orderer.Follow(entries => self.Tell(entries, ActorRefs.NoSender));
    }

    private void Read()
    {
        if (_isReading)
            return;
        _isReading = true;
        var self = Self;
        _orderer.Read(_place, page => self.Tell(new PageRead(page), ActorRefs.NoSender));
    }

    private void OnOrdered(OrderedEntries m)
    {
        if (m.First > _place + 1)
            Read();
        else
            Take(m);
    }

    private void OnPageRead(OrderPage? page)
    {
        _isReading = false;
        if (page is null)
            return;     // at the next tick
        if (page.Forgotten > _place)
            Skip(page.Forgotten);
        var before = _place;
        foreach (var entries in page.Entries)
            Take(entries);
        if (_place == before)
        {
            BeUpToDate();
            return;
        }

        // What is told as it comes should have brought this: this node's replica was started anew.
        Follow();
        Read();
    }

    private void BeUpToDate()
    {
        _isUpToDate = true;
        _listens.ForEach(base.OnListen);
        _listens.Clear();
    }

    private void Skip(long forgotten)
    {
        var missed = forgotten - _place;
        _place = forgotten;
        Miss(Id, forgotten, missed, at: forgotten);
    }

    private void Take(OrderedEntries m)
    {
        for (var i = (int)Math.Max(0, _place + 1 - m.First); i < m.Entries.Count; i++)
        {
            _place = m.First + i;
            var id = new MessageId(new ParticipantId(m.Node, m.Incarnation), m.FirstNumber + i);
            Deliver(new Item(id, [], m.Entries[i]));
        }
    }

    private sealed record PageRead(OrderPage? Page) : INoSerializationVerificationNeeded;

    private sealed record BatchEnded(OrderOutcome Outcome, string Why) : INoSerializationVerificationNeeded;

    private sealed class ReadTick : INoSerializationVerificationNeeded
    {
        public static readonly ReadTick Instance = new();
    }

    private sealed class OrderAgain : INoSerializationVerificationNeeded
    {
        public static readonly OrderAgain Instance = new();
    }
}
