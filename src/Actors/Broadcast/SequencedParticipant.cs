using Actors.Membership;
using Akka.Event;

namespace Actors.Broadcast;

/// <summary>A member of a group with total order: one member, the sequencer of an epoch, gives every message its place, and all deliver by place.</summary>
/// <remarks>
/// Fixed sequencer (Défago, Schiper and Urbán, ACM Computing Surveys 2004, section 4.1), fenced by epochs. A sequencer is chosen and the order kept as a leader and its log
/// in Raft, in memory: a majority promises the epoch to a member whose order is not behind its own, and a place is final when a majority has it. Without uniformity
/// (crash-stop) a place is final at once, so the promise is needed of everybody who is there.
/// </remarks>
internal sealed partial class SequencedParticipant : Participant
{
    private const int MaxBatchBytes = 48 << 10;
    private const int MaxBatchItems = 256;

    private readonly OrderLog _log = new();
    private readonly SortedDictionary<long, Item> _unordered = [];      // own messages that are not delivered here yet, by number
    private readonly SortedDictionary<NodeId, Follower> _followers = [];    // the sequencer's view of the others
    private Epoch _epoch;               // the highest promised or followed
    private Peer? _sequencer;           // whom this member follows; null for itself, or nobody
    private bool _isSequencer;
    private ulong _promises;            // a candidate's
    private NodeId _promisedTo;         // in _epoch
    private long _committed;
    private long _delivered;
    private long _sequence;
    private long _submitted;            // own messages up to this number have been sent to the present sequencer
    private long _acknowledged;         // places up to this index have been acknowledged to it
    private bool _commitIsNews;
    private TimeSpan _heardSequencerAt;
    private TimeSpan _electionDueAt;
    private TimeSpan _submittedAt;
    private bool _wasSubmittedAgain;

    public SequencedParticipant(BroadcastEnvironment environment, BroadcastSettings settings, Lives lives) : base(environment, settings, lives)
    {
    }

    private bool IsUniform => Settings.Spec.IsUniform;

    protected override void PreStart()
    {
        base.PreStart();
        Timers.StartPeriodicTimer(HeartbeatTick.Instance, HeartbeatTick.Instance, Settings.HeartbeatInterval);
        if (Peers.Count == 0)
            Lead();
        PutElectionOff();
    }

    protected override void OnMessage(Peer peer, BroadcastMessage message)
    {
        switch (message)
        {
            case OrderMessage m when m.Epoch < _epoch: OnStale(peer, m); break;      // the fence, in one place
            case Submit m: OnSubmit(peer, m); break;
            case Ordered m: OnOrdered(peer, m); break;
            case Resume m: OnResume(peer, m); break;
            case OrderAck m: OnOrderAck(peer, m); break;
            case Propose m: OnPropose(peer, m); break;
            case Promised m: OnPromised(peer, m); break;
            default: Refuse("not of this group's order", message.GetType().Name); break;
        }
    }

    protected override void OnOther(object message)
    {
        switch (message)
        {
            case HeartbeatTick: OnHeartbeatTick(); break;
            default: Unhandled(message); break;
        }
    }

    protected override MessageId? Broadcast(ReadOnlyMemory<byte> payload)
    {
        var item = new Item(new MessageId(Id, ++_sequence), [], payload);
        _unordered.Add(_sequence, item);
        // A batch is made by the sequencer; what comes from elsewhere is on its way for long enough.
        QueueFlush(_isSequencer ? Settings.BatchDelay : TimeSpan.Zero);
        return item.Id;
    }

    protected override LogPosition Last => _log.Last;

    protected override (LogPosition At, IReadOnlyList<Extent> Delivered) Standing => (_log.PositionOf(_delivered), _log.OrderedAt(_delivered));

    // ---- sending

    protected override void Flush()
    {
        if (_isSequencer)
            Order();
        else
            Submit();
    }

    /// <summary>Sends the sequencer what it has not been sent in its epoch, in order: what it must take first goes first.</summary>
    private void Submit()
    {
        if (_sequencer is null)
            return;
        var items = new List<Item>();
        var bytes = 0;
        foreach (var (sequence, item) in _unordered)
        {
            if (sequence <= _submitted)
                continue;
            if (items.Count > 0 && (bytes + item.Payload.Length > MaxBatchBytes || items.Count == MaxBatchItems))
            {
                Send(_sequencer, new Submit(Settings.Id, Id, _epoch, items));
                (items, bytes) = ([], 0);
            }

            items.Add(item);
            bytes += item.Payload.Length;
            _submitted = sequence;
        }

        if (items.Count == 0)
            return;
        Send(_sequencer, new Submit(Settings.Id, Id, _epoch, items));
        _submittedAt = Now;
    }

    /// <summary>The sequencer gives its own messages their places, and tells everybody what is new.</summary>
    private void Order()
    {
        foreach (var (sequence, item) in _unordered)
        {
            if (sequence == _log.OrderedOf(Id) + 1)
                _log.Append(new Place(_epoch, item));
        }

        foreach (var peer in Peers)
            SendOrder(peer, evenIfNothing: _commitIsNews);
        _commitIsNews = false;
        Commit();
    }

    /// <summary>Sends a follower what follows what it was sent last.</summary>
    private void SendOrder(Peer peer, bool evenIfNothing)
    {
        var follower = _followers[peer.Node];
        if (follower.Next <= _log.Base.Index)
        {
            Send(peer, new Resume(Settings.Id, Id, _epoch, _log.Base, _log.OrderedAtBase));
            follower.Next = _log.Base.Index + 1;
        }

        var sent = false;
        while (follower.Next <= _log.Last.Index && follower.Next - follower.Match <= Settings.Window)
        {
            var places = new List<Place>();
            var bytes = 0;
            var previous = _log.PositionOf(follower.Next - 1);
            for (; follower.Next <= _log.Last.Index && places.Count < MaxBatchItems; follower.Next++)
            {
                var place = _log[follower.Next];
                bytes += place.Item?.Payload.Length ?? 0;
                if (places.Count > 0 && bytes > MaxBatchBytes)
                    break;
                places.Add(place);
            }

            Send(peer, new Ordered(Settings.Id, Id, _epoch, previous, _committed, Forgotten(), places));
            sent = true;
        }

        if (!sent && evenIfNothing)
            Send(peer, new Ordered(Settings.Id, Id, _epoch, _log.PositionOf(Math.Max(follower.Next - 1, _log.Base.Index)), _committed, Forgotten(), []));
        if (sent || evenIfNothing)
            follower.SentAt = Now;
    }

    // ---- the sequencer

    private void OnSubmit(Peer peer, Submit m)
    {
        if (!_isSequencer || m.Epoch != _epoch)
            return;     // it will hear who is
        foreach (var item in m.Items)
        {
            if (item.Payload.Length > Settings.MaxMessageBytes)
                Refuse("too long", item.Id);
            else if (item.Id.Origin != new ParticipantId(peer.Node, peer.Incarnation))
                Refuse("not its own", item.Id);
            else if (item.Id.Sequence <= _log.OrderedOf(item.Id.Origin))
                CountDuplicate();
            else if (item.Id.Sequence > _log.OrderedOf(item.Id.Origin) + 1)
                Refuse("what goes before it is missing", item.Id);       // it is sent again, and this then too
            else
                _log.Append(new Place(_epoch, item));
        }

        QueueFlush(Settings.BatchDelay);
    }

    private void OnOrderAck(Peer peer, OrderAck m)
    {
        if (!_isSequencer || m.Epoch != _epoch)
            return;
        var follower = _followers[peer.Node];
        follower.Delivered = Math.Max(follower.Delivered, m.Delivered);
        if (!m.Matches)
        {
            // Up to there it is final, and so the same everywhere.
            follower.Match = Math.Max(follower.Match, Math.Min(m.UpTo, _log.Last.Index));
            // What was on its way behind the missing one is refused too: go back once.
            if (follower.RewoundAt is { } rewound && Now - rewound < Settings.MinRetransmit)
                return;
            follower.RewoundAt = Now;
            follower.Next = Math.Min(follower.Next, Math.Max(m.UpTo, follower.Match) + 1);
            SendOrder(peer, evenIfNothing: false);
            return;
        }

        follower.Match = Math.Max(follower.Match, Math.Min(m.UpTo, _log.Last.Index));
        follower.Next = Math.Max(follower.Next, follower.Match + 1);
        peer.IsCutOff &= follower.Match < _log.Base.Index;
        SendOrder(peer, evenIfNothing: false);      // what the window held back
        Commit();
    }

    /// <summary>Counts who has what: a place is final when a majority has it and one of this epoch, so that no sequencer without it can follow.</summary>
    private void Commit()
    {
        var reached = _log.Last.Index;
        if (IsUniform && Peers.Count > 0)
        {
            Span<long> matches = stackalloc long[Members.Count];
            matches[RankOf(Id.Node)] = _log.Last.Index;
            foreach (var peer in Peers)
                matches[RankOf(peer.Node)] = CountsAsFounder(peer) ? _followers[peer.Node].Match : 0;
            reached = Quorum.ReachedByMajority(matches);
        }

        if (reached <= _committed || _log.PositionOf(reached).Epoch != _epoch)
            return;
        _committed = reached;
        DeliverCommitted();
        if (!IsUniform)
            return;
        _commitIsNews = true;
        QueueFlush(Settings.BatchDelay);
    }

    /// <summary>Up to where everybody has delivered who is not left out.</summary>
    private long Forgotten()
    {
        var forgotten = _delivered;
        foreach (var peer in Peers)
        {
            if (!IsLeftOut(peer))
                forgotten = Math.Min(forgotten, _followers[peer.Node].Delivered);
        }

        return forgotten;
    }

    private bool IsLeftOut(Peer peer) =>
        peer.IsCutOff || (Settings.Spec.Faults is FaultModel.CrashStop && peer.IsSuspected) || Now - peer.HeardAt > Settings.StabilityTimeout;

    private void ForgetAsSequencer()
    {
        _log.Forget(Forgotten());
        if (_log.Bytes <= Settings.MaxBufferedBytes || Peers.Where(peer => !IsLeftOut(peer)).MinBy(peer => _followers[peer.Node].Delivered) is not { } slowest)
            return;
        Log.Warning("[{0}] {1} is cut off: {2} bytes wait for it, more than max-buffered-bytes", Settings.Id, slowest.Node, _log.Bytes);
        slowest.IsCutOff = true;
    }

    // ---- a follower

    private void OnOrdered(Peer peer, Ordered m)
    {
        Follow(peer, m.Epoch);
        if (!_log.Has(m.Previous))
        {
            Send(peer, new OrderAck(Settings.Id, Id, _epoch, false, Math.Min(_committed, m.Previous.Index - 1), _delivered));
            return;
        }

        var isNews = Math.Min(m.Committed, m.Previous.Index + m.Places.Count) > _committed;
        _log.Merge(m.Previous, m.Places, IsUniform ? _committed : _delivered);
        var matched = m.Previous.Index + m.Places.Count;
        _committed = Math.Max(_committed, IsUniform ? Math.Min(m.Committed, matched) : matched);
        DeliverCommitted();
        _log.Forget(Math.Min(m.Forgotten, _delivered));
        // Heartbeats are answered, news of what is final are not; without uniformity nobody waits for an answer to a place.
        if (m.Places.Count == 0 ? !isNews : IsUniform || matched - _acknowledged >= Settings.Window / 4)
        {
            _acknowledged = matched;
            Send(peer, new OrderAck(Settings.Id, Id, _epoch, true, matched, _delivered));
        }
    }

    private void OnResume(Peer peer, Resume m)
    {
        Follow(peer, m.Epoch);
        if (m.At.Index <= _delivered)
            return;
        if (TakesState)
            NeedState(peer);        // it is told again when the state is here and lacks something
        else
            GoOnAfter(peer, m.At, m.Extents);
    }

    protected override void OnStateTaken(Peer from, LogPosition at, IReadOnlyList<Extent> delivered)
    {
        if (at.Index > _delivered)
            GoOnAfter(from, at, delivered);
    }

    private void GoOnAfter(Peer peer, LogPosition at, IReadOnlyList<Extent> ordered)
    {
        var missed = at.Index - _delivered;
        _log.Reset(at, ordered);
        _committed = _delivered = at.Index;
        foreach (var passed in _unordered.Keys.Where(sequence => sequence <= _log.OrderedOf(Id)).ToArray())
        {
            _unordered.Remove(passed, out var item);
            Settle(item!.Id);
        }

        Miss(new ParticipantId(peer.Node, peer.Incarnation), at.Index, missed);
        if (_sequencer is not null)
            Send(_sequencer, new OrderAck(Settings.Id, Id, _epoch, true, at.Index, _delivered));
    }

    private void DeliverCommitted()
    {
        while (_delivered < _committed)
        {
            if (_log[++_delivered].Item is not { } item)
                continue;
            if (item.Id.Origin == Id)
                OnOwn(item);
            Deliver(item);
        }
    }

    private void OnOwn(Item item)
    {
        _unordered.Remove(item.Id.Sequence);
        if (_sequencer is null || item.Id.Sequence != _submitted)
            return;
        if (!_wasSubmittedAgain)
            _sequencer.RoundTrip.Sample(Now - _submittedAt);
        _wasSubmittedAgain = false;
    }

    private void OnStale(Peer peer, OrderMessage m)
    {
        Refuse("an old epoch", m.Epoch);
        if (m is Ordered or Propose or Resume)
            Send(peer, new Promised(Settings.Id, Id, _epoch, false));
    }
}
