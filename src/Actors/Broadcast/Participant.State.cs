using Actors.Membership;
using Akka.Event;

namespace Actors.Broadcast;

/// <summary>The part that keeps the application's state in step with what is delivered, and gets it from another member when messages that led to it are forgotten.</summary>
/// <remarks>The one who needs it asks for one part after the other, again when none comes; the one who gives it makes one copy at a time.</remarks>
internal abstract partial class Participant
{
    private const int MaxPartBytes = 48 << 10;
    private const int MaxTries = 8;             // for one part, each after a learned time-out that doubles

    private readonly IBroadcastState? _state;
    private readonly SortedDictionary<ParticipantId, long> _covered = [];    // what the state includes although it was not delivered here
    private readonly List<Delivered> _whileLacking = [];                     // delivered while the state is asked for: more than what is kept for listeners, perhaps
    private long _bytesWhileLacking;
    private bool _lacksState;                   // messages that led to it are forgotten everywhere
    private bool _isWhole = true;               // false: it could not be had, so this member has none to give
    private int _fruitless;
    private Taking? _taking;
    private Giving? _giving;
    private long _transfers;

    /// <summary>True when what is forgotten can be had as state.</summary>
    protected bool TakesState => _state is not null && _isWhole;

    /// <summary>True while it is asked for.</summary>
    protected bool LacksState => _lacksState;

    /// <summary>Where this member stands: the place in the order, and of each life the messages that are delivered here.</summary>
    protected abstract (LogPosition At, IReadOnlyList<Extent> Delivered) Standing { get; }

    /// <summary>The state is now that of a member that stood there.</summary>
    protected abstract void OnStateTaken(Peer from, LogPosition at, IReadOnlyList<Extent> delivered);

    /// <summary>Up to where the state includes the messages of <paramref name="origin"/> although they were not delivered here.</summary>
    protected long CoveredOf(ParticipantId origin) => _covered.GetValueOrDefault(origin);

    /// <summary>Asks <paramref name="from"/>, and when nothing comes of it others, for the state.</summary>
    protected void NeedState(Peer? from)
    {
        _lacksState = true;
        if (_taking is not null || !TakesState)
            return;
        var givers = Peers.Where(peer => peer is { KnowsView: > 0, IsSuspected: false }).ToList();
        if ((from ?? (givers.Count > 0 ? givers[Random.Next(givers.Count)] : null)) is not { } peer)
            return;
        _taking = new Taking(peer, peer.Incarnation, ++_transfers);
        Ask(_taking);
        Timers.StartPeriodicTimer(StateTick.Instance, StateTick.Instance, Settings.MinRetransmit);
    }

    private void ApplyToState(Item item)
    {
        if (_state is null)
            return;
        var delivered = new Delivered(_delivered.Last + 1, item.Id, item.Payload);
        if (_lacksState && (_bytesWhileLacking += item.Payload.Length) <= Settings.MaxBufferedBytes)
            _whileLacking.Add(delivered);
        if (item.Id.Sequence > CoveredOf(item.Id.Origin))
            _state.Apply(delivered);
    }

    private void Ask(Taking taking)
    {
        (taking.AskedAt, taking.Tries) = (Now, taking.Tries + 1);
        Send(taking.From, new AskState(Settings.Id, Id, taking.Transfer, taking.Bytes.Count));
    }

    private void OnStateTick()
    {
        if (_taking is not { } taking || Now - taking.AskedAt < taking.From.RoundTrip.Timeout)
            return;
        taking.From.RoundTrip.Expired();
        if (taking.Tries >= MaxTries || taking.From.Incarnation != taking.Incarnation)
            EndTaking(isFruitless: true);
        else
            Ask(taking);
    }

    private void EndTaking(bool isFruitless)
    {
        _taking = null;
        Timers.Cancel(StateTick.Instance);
        _fruitless = isFruitless ? _fruitless + 1 : 0;
        if (_fruitless > 3 * Peers.Count)
            DoWithoutState("no member gives it");
    }

    private void DoWithoutState(string why)
    {
        _isWhole = false;
        LackNoMore();
        Log.Error("[{0}] the state of the group cannot be had here: {1}; from now on it lacks what listeners are told is missing", Settings.Id, why);
    }

    private void LackNoMore()
    {
        (_lacksState, _bytesWhileLacking) = (false, 0);
        _whileLacking.Clear();
    }

    // ---- the one who gives

    private void OnAskState(Peer peer, AskState m)
    {
        if (_giving is null || _giving.To != peer.Node || _giving.Transfer != m.Transfer)
        {
            if (m.Offset > 0 || (_giving is not null && _giving.To != peer.Node && Now - _giving.At < 4 * Settings.MinRetransmit))
                return;     // it begins anew, or asks again when the other one has its copy
            if (!TakesState || _lacksState)
            {
                Send(peer, new StatePart(Settings.Id, Id, m.Transfer, default, [], -1, 0, default));
                return;
            }

            var (at, delivered) = Standing;
            var included = new SortedDictionary<ParticipantId, long>(_covered);
            foreach (var extent in delivered)
                included[extent.Origin] = Math.Max(extent.UpTo, CoveredOf(extent.Origin));
            _giving = new Giving(peer.Node, m.Transfer, at, [.. included.Select(each => new Extent(each.Key, each.Value, each.Value))], _state!.Save());
            peer.IsCutOff = false;      // what follows must wait for it
        }

        _giving.At = Now;
        var offset = Math.Min(m.Offset, _giving.State.Length);
        var part = _giving.State.Slice(offset, Math.Min(MaxPartBytes, _giving.State.Length - offset));
        Send(peer, new StatePart(Settings.Id, Id, m.Transfer, _giving.Position, offset == 0 ? _giving.Delivered : [], _giving.State.Length, offset, part));
    }

    private void ForgetGiving()
    {
        if (_giving is not null && Now - _giving.At > Settings.StabilityTimeout)
            _giving = null;
    }

    // ---- the one who takes

    private void OnStatePart(Peer peer, StatePart m)
    {
        if (_taking is not { } taking || taking.From != peer || taking.Transfer != m.Transfer || m.Offset != taking.Bytes.Count)
            return;     // another copy
        if (m.Total < 0)
        {
            EndTaking(isFruitless: true);
            return;
        }

        if (m.Total > Settings.MaxBufferedBytes)
        {
            Refuse("a state that is too long", m.Total);
            EndTaking(isFruitless: false);
            DoWithoutState($"it has {m.Total} bytes, more than max-buffered-bytes ({Settings.MaxBufferedBytes})");
            return;
        }

        if (m.Offset + m.Bytes.Length > m.Total || (m.Bytes.Length == 0 && m.Offset < m.Total))
        {
            Refuse("a part of a state that does not fit", m.Total);
            EndTaking(isFruitless: true);
            return;
        }

        if (m.Offset == 0)
            (taking.Position, taking.Delivered) = (m.At, m.Delivered);
        taking.Bytes.AddRange(m.Bytes.Span);
        taking.Tries = 0;
        if (taking.Bytes.Count < m.Total)
            Ask(taking);
        else
            Take(taking);
    }

    private void Take(Taking taking)
    {
        var beyond = new List<Delivered>();
        foreach (var extent in Standing.Delivered)
        {
            var included = taking.Delivered.FirstOrDefault(other => other.Origin == extent.Origin).UpTo;
            var before = beyond.Count;
            beyond.AddRange(_delivered.Of(extent.Origin, included).UnionBy(_whileLacking.Where(delivered => delivered.Id.Origin == extent.Origin && delivered.Id.Sequence > included), delivered => delivered.Id));
            if (extent.UpTo > included && beyond.Count - before < extent.UpTo - included)
            {
                EndTaking(isFruitless: true);   // what was delivered here and is not kept any more that member does not have, perhaps not yet
                return;
            }
        }

        EndTaking(isFruitless: false);
        LackNoMore();
        _state!.Load(taking.Bytes.ToArray());
        _covered.Clear();
        foreach (var extent in taking.Delivered)
            _covered[extent.Origin] = extent.UpTo;
        Log.Info("[{0}] took a state of {1} bytes from {2}", Settings.Id, taking.Bytes.Count, taking.From.Node);
        foreach (var delivered in beyond.OrderBy(delivered => delivered.Position))
            _state.Apply(delivered);
        OnStateTaken(taking.From, taking.Position, taking.Delivered);
    }

    private sealed class Taking(Peer from, long incarnation, long transfer)
    {
        public Peer From { get; } = from;

        public long Incarnation { get; } = incarnation;

        public long Transfer { get; } = transfer;

        public List<byte> Bytes { get; } = [];

        public LogPosition Position { get; set; }

        public IReadOnlyList<Extent> Delivered { get; set; } = [];

        public TimeSpan AskedAt { get; set; }

        public int Tries { get; set; }
    }

    private sealed class Giving(NodeId to, long transfer, LogPosition position, IReadOnlyList<Extent> delivered, ReadOnlyMemory<byte> state)
    {
        public NodeId To => to;

        public long Transfer => transfer;

        public LogPosition Position => position;

        public IReadOnlyList<Extent> Delivered => delivered;

        public ReadOnlyMemory<byte> State => state;

        /// <summary>When it was asked for last.</summary>
        public TimeSpan At { get; set; }
    }

    private sealed class StateTick : Akka.Actor.INoSerializationVerificationNeeded
    {
        public static readonly StateTick Instance = new();
    }
}
