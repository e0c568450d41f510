using Actors.Membership;
using Actors.Wire;
using Akka.Actor;
using Akka.Event;

namespace Actors.Broadcast;

/// <summary>The part that lets members join and leave while the group works: a register holds who they are, and one change after the other replaces it.</summary>
/// <remarks>
/// Who learns of a view tells the others; nobody asks the register but those who found the group or change it. A member neither sends to nor hears those that its view leaves out, so
/// what they count as acknowledged they had been told before; see <see cref="GroupView"/> for what follows from that.
/// </remarks>
internal abstract partial class Participant
{
    private readonly IRegister? _views;
    private readonly SortedDictionary<NodeId, Outsider> _outside = [];      // nodes that are heard and are no members
    private readonly SortedSet<NodeId> _suspected = [];
    private Change? _change;

    /// <summary>True when members may join and leave.</summary>
    protected bool ViewsChange => Settings.MayJoin is not null;

    /// <summary>True when this node is known to be a member, in this life or an earlier one.</summary>
    protected bool IsMember => View?.Has(Id.Node) is true;

    /// <summary>True when all members of the view are known to have what the others had when it began.</summary>
    protected virtual bool IsWhole => true;

    /// <summary>There is another view. <paramref name="before"/>: the one until now.</summary>
    protected virtual void OnView(GroupView? before)
    {
    }

    /// <summary>What the view still needs is asked for again.</summary>
    protected virtual void OnViewTick()
    {
        foreach (var peer in Peers.Where(IsAhead))
            SayHello(peer.Node, asks: true);
        if (!IsMember)
        {
            foreach (var node in Nodes)
                SayHello(node, asks: true);
        }

        if (View is null || View.Members.All(IsOver))
            FoundByRegister();
    }

    /// <summary>True for one that is in a view which this member does not know yet.</summary>
    protected bool IsAhead(Peer peer) => peer.InView > (View?.Number ?? 0);

    /// <summary>True when this node knows a view that follows the one that was told: it answers with that. A greeting that tells of none is for members to answer.</summary>
    /// <remarks>Greetings end, as each that nobody asked for tells of a higher view than the one that it answers.</remarks>
    protected bool IsBehind(GroupView? other) => ViewsChange && View is not null && (other is null ? IsMember : other.Number < View.Number);

    private Peer NewPeer(NodeId node) => new(node, RankOf(node), Settings.MinRetransmit) { HeardAt = Now, IsSuspected = _suspected.Contains(node), SuspectedAt = Now };

    private void OnOutsider(BroadcastMessage m)
    {
        var known = _outside.GetValueOrDefault(m.From.Node);
        if (m.From.Incarnation < known.Incarnation)
        {
            Refuse("an old incarnation", m.From);
            return;
        }

        _outside[m.From.Node] = known with { Incarnation = m.From.Incarnation, HeardAt = Now };
        if (m is Hello hello)
        {
            Adopt(hello.View);
            var isBehind = IsBehind(hello.View);
            if (hello.Asks || isBehind)
                SayHello(m.From.Node, asks: false, tells: isBehind && hello.View is not null);
            return;
        }

        Refuse("not a member", m.From);
        if (Now - known.ToldAt < Settings.MinRetransmit)
            return;
        _outside[m.From.Node] = new Outsider(m.From.Incarnation, Now, Now);
        SayHello(m.From.Node, asks: true);      // one of the two does not know the view of the other
    }

    private void Adopt(GroupView? view)
    {
        if (view is null || view.Number <= (View?.Number ?? 0))
            return;
        if (view.Members.All(member => RankOf(member.Node) >= 0))
            Install(view);
        else
            Refuse("a view with nodes that are not in the configuration", view.Number);
    }

    /// <summary>The only door into a view.</summary>
    private void Install(GroupView view)
    {
        var before = View;
        var wasMember = IsMember;
        View = view;
        Counts = view.Members.Contains(Id);
        Members = [.. view.Members.Select(member => member.Node)];
        _ranks = Members.Aggregate(0UL, (ranks, node) => ranks | (1UL << RankOf(node)));
        Peers = IsMember ? [.. view.Members.Where(member => member.Node != Id.Node).Select(member => PeerOf(member, isNew: wasMember))] : [];
        Log.Info("[{0}] view {1}: {2}", Settings.Id, view.Number, string.Join(", ", Members));
        if (!IsMember)
            GiveUpPending();
        OnView(before);
        if (IsMember && !wasMember && !(view.IsFounding && Counts) && TakesState)
            NeedState(null);
    }

    private Peer PeerOf(ParticipantId member, bool isNew)
    {
        if (Peers.FirstOrDefault(known => known.Node == member.Node) is not { } peer)
        {
            peer = NewPeer(member.Node);
            peer.IsCutOff = isNew;      // nobody waits for it until it has caught up
        }

        _outside.Remove(member.Node);
        if (member.Incarnation > peer.Incarnation)
            peer.Begin(member.Incarnation);
        return peer;
    }

    private void FoundOrAdopt(GroupView? view)
    {
        Adopt(view);
        if (View is null && Peers.All(peer => peer is { Met: true, KnowsView: 0 }))
            FoundByRegister();
    }

    private void FoundByRegister()
    {
        if (_change is null)
            Begin(held => (Founded(held), ""), _ => { });
    }

    /// <summary>The view that is there when a life in it is known to go on; a new one when there is none, or when each life in it is known to be over; null while that is not known.</summary>
    private GroupView? Founded(GroupView? held)
    {
        if (held?.Members.Any(member => LifeOf(member.Node) == member) is true)
            return held;
        var nodes = held?.Members.Select(member => member.Node) ?? Settings.Members;
        var lives = nodes.Select(LifeOf).OfType<ParticipantId>().ToList();
        return lives.Count == nodes.Count() && lives.Exists(life => life == Id) && held?.Members.All(IsOver) is not false
            ? GroupView.Found((held?.Number ?? 0) + 1, lives, haveNothing: View is null)
            : null;
    }

    /// <summary>True when a later life of the node was heard.</summary>
    protected bool IsOver(ParticipantId life) =>
        (life.Node == Id.Node ? Id.Incarnation : Peers.FirstOrDefault(peer => peer.Node == life.Node)?.Incarnation ?? _outside.GetValueOrDefault(life.Node).Incarnation) > life.Incarnation;

    private void OnAskMembers(AskMembers m) => m.Answer(new BroadcastView(View?.Number ?? 0, Founders, View is not null && IsWhole));

    private void OnChangeMembers(ChangeMembers m)
    {
        var refusal = !ViewsChange ? $"the members of '{Settings.Id}' are fixed: it is not configured with views = agreed"
            : RankOf(m.Node) < 0 ? $"{m.Node} is not one of the group's nodes: {string.Join(", ", Nodes)} are"
            : !Counts ? $"{Id.Node} does not count as a member in its present life: ask another node{(View is null ? "" : $", of {string.Join(", ", Members)}")}"
            : _change is not null ? "another change is under way here: try again"
            : "";
        if (refusal.Length > 0)
            m.Done(refusal);
        else
            Begin(held => Next(held, m), m.Done);
    }

    private (GroupView? Next, string Refusal) Next(GroupView? held, ChangeMembers m)
    {
        if (held is null || View is null || held.Number != View.Number)
            return (null, "the register does not have the view that this node has: try again");
        var refusal = "";
        if (!m.Joins)
            return (View.Without(m.Node, IsWhole, Settings.Spec, out refusal), refusal);
        if (LifeOf(m.Node) is not { } life)
            return (null, $"{Id.Node} has not heard of {m.Node}: it must be up, with the group in its configuration");
        return (View.With(life, IsWhole, Settings.Spec, out refusal), refusal);
    }

    private ParticipantId? LifeOf(NodeId node)
    {
        if (node == Id.Node)
            return Id;
        if (Peers.FirstOrDefault(peer => peer.Node == node) is { Met: true } peer)
            return new ParticipantId(node, peer.Incarnation);
        return _outside.TryGetValue(node, out var outsider) && Now - outsider.HeardAt <= Settings.StabilityTimeout ? new ParticipantId(node, outsider.Incarnation) : null;
    }

    // ---- the register

    private void Begin(Func<GroupView?, (GroupView? Next, string Refusal)> next, Action<string> done)
    {
        var (self, change) = (Self, new Change(next, done));
        _change = change;
        _views!.Read(Settings.Id, read => self.Tell(new RegisterRead(change, read), ActorRefs.NoSender));
    }

    private void OnRegisterRead(RegisterRead m)
    {
        if (m.Change != _change)
            return;     // an earlier life's
        if (m.Read is not { } read)
        {
            End("nothing was changed: too few of the nodes that hold the views answer");
            return;
        }

        GroupView? held;
        try
        {
            held = read.Value.IsEmpty ? null : BroadcastCodec.DecodeView(read.Value);
        }
        catch (MalformedException e)
        {
            End($"what the register holds is no view: {e.Message}");
            return;
        }

        var (next, refusal) = m.Change.Next(held);
        if (held is not null && (View is not null || next == held))
            Adopt(held);
        if (next is null || next == held)
        {
            End(refusal);
            return;
        }

        var (self, change) = (Self, m.Change with { Decided = next });
        _change = change;
        _views!.Write(Settings.Id, read.Revision, BroadcastCodec.Encode(next), (outcome, why) => self.Tell(new RegisterWritten(change, outcome, why), ActorRefs.NoSender));
    }

    private void OnRegisterWritten(RegisterWritten m)
    {
        if (m.Change != _change)
            return;
        if (m.Outcome is RegisterOutcome.Written)
        {
            Adopt(m.Change.Decided);
            foreach (var node in Nodes)
                SayHello(node, asks: !m.Change.Decided!.Has(node), tells: true);       // who was removed answers that it knows, and may join again
        }

        End(m.Outcome switch
        {
            RegisterOutcome.Written => "",
            RegisterOutcome.TooLate => $"nothing was changed: {(m.Why.Length > 0 ? m.Why : "another change came first")}",
            _ => $"nobody knows whether it was changed: {m.Why}; look at the members, and try again",
        });
    }

    private void End(string refusal)
    {
        var change = _change;
        _change = null;
        change?.Done(refusal);
    }

    private readonly record struct Outsider(long Incarnation, TimeSpan HeardAt, TimeSpan ToldAt);

    private sealed record Change(Func<GroupView?, (GroupView? Next, string Refusal)> Next, Action<string> Done)
    {
        public GroupView? Decided { get; init; }
    }

    private sealed record RegisterRead(Change Change, (long Revision, ReadOnlyMemory<byte> Value)? Read) : INoSerializationVerificationNeeded;

    private sealed record RegisterWritten(Change Change, RegisterOutcome Outcome, string Why) : INoSerializationVerificationNeeded;
}
