using System.Numerics;
using Actors.Membership;
using Actors.Timing;
using Akka.Actor;
using Akka.Event;

namespace Actors.Broadcast;

/// <summary>What a participant is given from outside; a simulation gives others than production does.</summary>
public sealed record BroadcastEnvironment
{
    /// <summary>This node.</summary>
    public required NodeId Node { get; init; }

    /// <summary>The refs of the other nodes.</summary>
    public required IPeers Peers { get; init; }

    /// <summary>This node's clocks; the wall clock names the participant's life, so it must not stand earlier than at the start of the life before.</summary>
    public required IClock Clock { get; init; }

    /// <summary>Seeds the choice of whom to tell what this member has.</summary>
    public required int Seed { get; init; }

    /// <summary>Makes what orders a group whose order a replicated log keeps; null where there is none.</summary>
    internal Func<BroadcastSettings, IOrderer>? Orderer { get; init; }

    /// <summary>Where the members of groups whose members change are agreed on; null where there is none.</summary>
    internal IRegister? Views { get; init; }
}

/// <summary>What every participant of a broadcast group has: its name, its peers, who founded the group, what it delivered and who listens.</summary>
/// <remarks>
/// A group whose members must acknowledge is founded by those lives that met when nobody had founded it yet. A life that comes later, as after a crash, delivers and
/// broadcasts, but counts in no majority: it has forgotten what its predecessor acknowledged. When all founders are over, the lives that are there then found the group anew.
/// To found it all must have said that they would do so with the same lives. Whoever has seen a later life than another one founds it with never goes back, so of two different
/// foundings with one number at most one happens, but for one that a member made and took along when it crashed.
/// </remarks>
internal abstract partial class Participant : UntypedActor, IWithTimers
{
    private readonly DeliveredLog _delivered;
    private readonly KeyValuePair<string, object?> _groupTag;
    private readonly Dictionary<MessageId, Action<BroadcastResult, MessageId>> _pending = [];     // own ones, until they are delivered here
    private ulong _ranks = ulong.MaxValue;      // of the members
    private ParticipantId[] _told = [];         // with whom this member would found the group, as it told the others
    private bool _flushQueued;

    protected Participant(BroadcastEnvironment environment, BroadcastSettings settings, Lives lives)
    {
        (Environment, Settings) = (environment, settings);
        Id = new ParticipantId(environment.Node, lives.Next(environment.Clock));
        Random = new Random(environment.Seed);
        Log = Context.GetLogger();
        Members = [.. settings.Members.Order()];
        Nodes = settings.MayJoin is null ? Members : [.. settings.Members.Concat(settings.MayJoin).Order()];
        Peers = Members.Contains(environment.Node) ? [.. Members.Where(node => node != environment.Node).Select(NewPeer)] : [];
        _delivered = new DeliveredLog(settings.DeliveredKept);
        _state = settings.State?.Invoke();
        _groupTag = new KeyValuePair<string, object?>("group", settings.Id.Value);
        _views = settings.MayJoin is null ? null : environment.Views
            ?? throw new ArgumentException($"broadcast group '{settings.Id}' agrees on its members by a register, which this node does not have");
        if (Members.Count == 1 && !ViewsChange)
            Found(GroupView.Found(1, [Id]));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected BroadcastEnvironment Environment { get; }

    protected BroadcastSettings Settings { get; }

    /// <summary>This life.</summary>
    protected ParticipantId Id { get; }

    protected Random Random { get; }

    protected ILoggingAdapter Log { get; }

    /// <summary>All nodes that are or may become members, by name; a node's place here is its rank.</summary>
    protected IReadOnlyList<NodeId> Nodes { get; }

    /// <summary>All members by name.</summary>
    protected IReadOnlyList<NodeId> Members { get; private set; }

    /// <summary>All members but this one; none when this one is no member.</summary>
    protected IReadOnlyList<Peer> Peers { get; private set; }

    /// <summary>Who counts; null while that is not known.</summary>
    protected GroupView? View { get; private set; }

    /// <summary>The lives that count, which founded the group unless it has changed; empty while that is not known.</summary>
    protected IReadOnlyList<ParticipantId> Founders => View?.Members ?? [];

    /// <summary>True when this life is one of those.</summary>
    protected bool Counts { get; private set; }

    /// <summary>The members as this one hears them, by name: it hears no earlier lives, and nobody else.</summary>
    protected ParticipantId[] Heard => [.. Peers.Select(p => new ParticipantId(p.Node, p.Incarnation)).Append(Id).Order()];

    protected TimeSpan Now => Environment.Clock.Elapsed;

    /// <summary>Own messages that are not delivered here yet.</summary>
    protected int Pending => _pending.Count;

    protected override void PreStart()
    {
        foreach (var node in ViewsChange ? Nodes : Members)
            SayHello(node, asks: true);
        if (Peers.Count > 0 || ViewsChange)
            Timers.StartPeriodicTimer(HelloTick.Instance, HelloTick.Instance, Settings.DigestInterval);
    }

    protected override void PostStop() => GiveUpPending();

    protected sealed override void OnReceive(object message)
    {
        switch (message)
        {
            case BroadcastMessage m: OnMessage(m); break;
            case BroadcastRequest m: OnRequest(m); break;
            case Listen m: OnListen(m); break;
            case PeerHint m: OnHint(m); break;
            case ChangeMembers m: OnChangeMembers(m); break;
            case AskMembers m: OnAskMembers(m); break;
            case RegisterRead m: OnRegisterRead(m); break;
            case RegisterWritten m: OnRegisterWritten(m); break;
            case HelloTick: OnHelloTick(); break;
            case StateTick: OnStateTick(); break;
            case FlushNow: OnFlushNow(); break;
            default: OnOther(message); break;
        }
    }

    /// <summary>A message of a peer's latest life.</summary>
    protected abstract void OnMessage(Peer peer, BroadcastMessage message);

    /// <summary>Takes a message of this node in; it leaves, and is delivered, in a later step.</summary>
    /// <returns>Its name; null when there are too many on their way.</returns>
    protected abstract MessageId? Broadcast(ReadOnlyMemory<byte> payload);

    /// <summary>Sends what has queued up until now.</summary>
    protected abstract void Flush();

    /// <summary>A timer, or what belongs to nobody.</summary>
    protected abstract void OnOther(object message);

    /// <summary>Somebody wants to hear what is delivered.</summary>
    protected virtual void OnListen(Listen m) => _delivered.Add(m);

    /// <summary>A peer is suspected, or not any more; or another life of it appeared.</summary>
    protected virtual void OnPeerChanged(Peer peer)
    {
    }

    /// <summary>Total order: the last place that this member has. It stays that while the group may be founded anew, as who gave places is over then.</summary>
    protected virtual LogPosition Last => default;

    /// <summary>The group is founded, for the first time or anew, or this life has learned by whom it was.</summary>
    protected virtual void OnFounded()
    {
    }

    protected void Send(Peer peer, BroadcastMessage message) =>
        Environment.Peers.Participant(peer.Node, Settings.Id).Tell(ViewsChange ? message with { InView = View?.Number ?? 0 } : message, ActorRefs.NoSender);

    protected void SendToAll(BroadcastMessage message)
    {
        foreach (var peer in Peers)
            Send(peer, message);
    }

    /// <summary>Whatever queues up until the flush travels together.</summary>
    protected void QueueFlush(TimeSpan delay)
    {
        if (_flushQueued)
            return;
        _flushQueued = true;
        if (delay == TimeSpan.Zero)
            Self.Tell(FlushNow.Instance);
        else
            Timers.StartSingleTimer(FlushNow.Instance, FlushNow.Instance, delay);
    }

    protected void Deliver(Item item)
    {
        BroadcastMetrics.Delivered.Add(1, _groupTag);
        ApplyToState(item);
        _delivered.Add(item.Id, item.Payload);
        Settle(item.Id);
    }

    /// <summary>An own message has been delivered here, or everywhere else.</summary>
    protected void Settle(MessageId id)
    {
        if (_pending.Remove(id, out var done))
            done(BroadcastResult.Delivered, id);
    }

    private void GiveUpPending()
    {
        foreach (var (id, done) in _pending)
            done(BroadcastResult.Unknown, id);
        _pending.Clear();
    }

    /// <summary>Messages are missing here. <paramref name="at"/>: the position of that in what is delivered; null for the next one.</summary>
    protected void Miss(ParticipantId origin, long upTo, long missed, long? at = null)
    {
        BroadcastMetrics.Missed.Add(missed, _groupTag);
        Log.Warning("[{0}] {1} messages of {2} up to {3} are missing here: this member came late, or was away for longer than stability-timeout, or those that had them crashed", Settings.Id, missed, origin, upTo);
        if (at is { } position)
            _delivered.GoOnAfter(position - 1);
        _delivered.Add(new MessageId(origin, upTo), default, missed);
    }

    /// <summary>Refuses what a peer sent: counted by reason, and a line in the log's debug level.</summary>
    protected void Refuse(string reason, object what) => CountRefused(Settings.Id, reason, Log, what);

    internal static void CountRefused(GroupId group, string reason, ILoggingAdapter log, object what)
    {
        BroadcastMetrics.Refused(group, reason);
        if (log.IsDebugEnabled)
            log.Debug("[{0}] refused, {1}: {2}", group, reason, what);
    }

    protected void CountDuplicate() => BroadcastMetrics.Duplicates.Add(1, _groupTag);

    protected int RankOf(NodeId node)
    {
        for (var rank = 0; rank < Nodes.Count; rank++)
        {
            if (Nodes[rank] == node)
                return rank;
        }

        return -1;
    }

    /// <summary>True when <paramref name="peer"/>'s present life is one of those that count.</summary>
    protected bool CountsAsFounder(Peer peer) => Founders.Contains(new ParticipantId(peer.Node, peer.Incarnation));

    /// <summary>True when so many of the members that a majority is among them.</summary>
    protected bool IsMajority(ulong ranks) => BitOperations.PopCount(ranks & _ranks) >= Quorum.Majority(Members.Count);

    private void OnMessage(BroadcastMessage m)
    {
        var peer = Peers.FirstOrDefault(p => p.Node == m.From.Node);
        if (peer is null)
        {
            if (ViewsChange && m.From.Node != Id.Node && RankOf(m.From.Node) >= 0)
                OnOutsider(m);
            else
                Refuse("not a member", m.From);
            return;
        }

        if (m.From.Incarnation < peer.Incarnation)
        {
            Refuse("an old incarnation", m.From);
            return;
        }

        peer.HeardAt = Now;
        if (m.From.Incarnation > peer.Incarnation)
        {
            peer.Begin(m.From.Incarnation);
            OnPeerChanged(peer);
        }

        peer.InView = Math.Max(peer.InView, m.InView);

        // Hints may be wrong and may be missing; what is heard so long after one was not on its way by then.
        if (peer.IsSuspected && Settings.Spec.Faults is not FaultModel.CrashStop && Now - peer.SuspectedAt > Settings.DigestInterval)
        {
            peer.IsSuspected = false;
            OnPeerChanged(peer);
        }

        switch (m)
        {
            case Hello hello: OnHello(peer, hello); break;
            case AskState ask: OnAskState(peer, ask); break;
            case StatePart part: OnStatePart(peer, part); break;
            default: OnMessage(peer, m); break;
        }
    }

    private void OnHello(Peer peer, Hello m)
    {
        peer.Met = true;
        (peer.KnowsView, peer.Founders, peer.Last) = (m.View?.Number ?? 0, m.Founders, m.Last);
        if (ViewsChange)
            FoundOrAdopt(m.View);
        else if (m.View is { } view && view.Number > (View?.Number ?? 0))
            Found(view);
        else
            FoundWhenAllAgree();
        if (m.Asks || IsBehind(m.View))
            SayHello(m.From.Node, asks: false);
    }

    private void FoundWhenAllAgree()
    {
        var founders = Founding();
        if (founders.Length == 0)
            return;
        var number = View?.Number ?? 0;
        if (Peers.All(p => p.KnowsView == number && p.Founders.SequenceEqual(founders)))
        {
            Found(GroupView.Found(number + 1, founders, haveNothing: View is null) with { After = Peers.Select(p => p.Last).Append(Last).Max() });
        }
        else if (!founders.SequenceEqual(_told))
        {
            _told = founders;
            foreach (var peer in Peers)
                SayHello(peer.Node, asks: false);
        }
    }

    /// <summary>With whom this member would found the group: the lives of all members, when it has met them and none of those that founded it before is there any more. None otherwise.</summary>
    private ParticipantId[] Founding() =>
        !ViewsChange && Peers.All(p => p.Met) && (View is null || (Settings.Spec.IsUniform && View.Members.All(IsOver)))
            ? Heard
            : [];

    /// <summary>Greets a node. Who is no member keeps its view for itself unless <paramref name="tells"/>: it may be over, and keep those who all begin anew from founding the group.</summary>
    protected void SayHello(NodeId node, bool asks, bool tells = false)
    {
        if (node != Id.Node)
            Environment.Peers.Participant(node, Settings.Id).Tell(new Hello(Settings.Id, Id, asks, ViewsChange && !IsMember && !tells ? null : View, Founding(), Last), ActorRefs.NoSender);
    }

    private void Found(GroupView view)
    {
        View = view;
        Counts = view.Members.Contains(Id);
        if (!Counts && Settings.Spec.NeedsMajority)
            Log.Warning("[{0}] this node was here in an earlier life: it delivers and broadcasts, but counts in no majority until all members were started again", Settings.Id);
        if (Peers.Count > 0)
            OnFounded();
        if (!Counts && TakesState)
            NeedState(null);
    }

    private void OnHelloTick()
    {
        var isFounding = View is null || Founding().Length > 0;
        foreach (var peer in Peers)
        {
            if (isFounding || !peer.Met)
                SayHello(peer.Node, asks: true);
        }

        if (ViewsChange)
            OnViewTick();
        if (_lacksState)
            NeedState(null);
        ForgetGiving();
    }

    private void OnRequest(BroadcastRequest m)
    {
        if (ViewsChange && !IsMember)
        {
            Refuse("not a member", Id);
            m.Done(BroadcastResult.NotAMember, default);
            return;
        }

        if (m.Payload.Length > Settings.MaxMessageBytes)
        {
            Refuse("too long", m.Payload.Length);
            m.Done(BroadcastResult.TooLong, default);
            return;
        }

        if (Pending >= Settings.Window || Broadcast(m.Payload) is not { } id)
        {
            Refuse("overloaded", Id);
            m.Done(BroadcastResult.Overloaded, default);
            return;
        }

        _pending.Add(id, m.Done);
    }

    private void OnFlushNow()
    {
        _flushQueued = false;
        Flush();
    }

    private void OnHint(PeerHint m)
    {
        if (m.Suspected)
            _suspected.Add(m.Node);
        else
            _suspected.Remove(m.Node);
        var peer = Peers.FirstOrDefault(p => p.Node == m.Node);
        if (peer is null || peer.IsSuspected == m.Suspected)
            return;
        (peer.IsSuspected, peer.SuspectedAt) = (m.Suspected, Now);
        OnPeerChanged(peer);
    }

    private sealed class FlushNow : INoSerializationVerificationNeeded
    {
        public static readonly FlushNow Instance = new();
    }

    private sealed class HelloTick : INoSerializationVerificationNeeded
    {
        public static readonly HelloTick Instance = new();
    }
}
