using Actors.Membership;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication.Directed;

/// <summary>What is asked of the authority, and when: to found, to be taken in, to have joined, to go on without whoever is silent.</summary>
internal abstract partial class DirectedReplica
{
    protected readonly HashSet<NodeId> _suspected = [];       // membership events say that they are gone: hints
    private bool _asking;
    private TimeSpan _askedAt;
    private bool _refused;              // the authority gave no answer, or a refusal, since a neighbour fell silent
    private View? _proposed;            // asked for in this view already
    private Epoch _joinedAsked;         // the view that this replica has said to have joined
    private string _lastError = "";

    // ---- Asking ----

    protected void Ask(AuthorityRequest request)
    {
        if (_asking)
            return;
        (_asking, _askedAt) = (true, Now);
        var self = Self;
        _authority.Ask(request, 2 * _settings.KickAfter, reply => self.Tell(new AuthorityAnswered(reply), ActorRefs.NoSender));
    }

    private void OnAuthorityAnswered(AuthorityAnswered m)
    {
        _asking = false;
        _refused = m.Reply.Error.Length > 0;
        if (_refused && m.Reply.Error != _lastError)
            _logger.Warning("[{0}] the directory: {1}", _settings.Id, m.Reply.Error);
        _lastError = m.Reply.Error;
        if (m.Reply.Record is not { } record)
            return;
        Learn(record);
        if (IsJoining)
            Play(record.View.Nodes.Contains(_environment.Node) ? ReplicaRole.Joining : ReplicaRole.Outside, Joining);
        Pursue();
    }

    private void Learn(GroupRecord record)
    {
        var isNews = _record is null || record.Epoch > _record.Epoch || (record.Epoch == _record.Epoch && record.IsActive && !_record.IsActive);
        var former = _record?.View;
        Enter(record);
        if (isNews || !record.IsActive || IsLonely)
            Tell(record, former);       // whoever it waits for may not have heard
    }

    // Whoever learns of a view from the authority tells all whom it concerns; who does not hear it asks for itself.
    private void Tell(GroupRecord record, View? former)
    {
        var concerned = record.View.Members.Concat(record.View.Learners).Concat(former?.Members ?? []).Select(id => id.Node).Distinct();
        foreach (var node in concerned.Where(node => node != _environment.Node))
            Send(node, new ViewChanged(_settings.Id, record.Epoch, _self, record));
    }

    /// <summary>Asks what is to be asked now: not more often than an answer can change, but at once when this replica has come to a new point.</summary>
    protected void Pursue()
    {
        if (_asking)
            return;
        var isDue = Now - _askedAt >= _settings.ElectionTimeout;
        if (IsJoining)
        {
            if (isDue || _askedAt < _enteredAt || _askedAt == TimeSpan.Zero)
                AskToBeTakenIn(Wish());
        }
        else if (IsWedged)
        {
            if (isDue || _askedAt < _enteredAt)
                Ask(WayOn());
        }
        else if (_role is ReplicaRole.Sealed && !_record!.Joined.Contains(_self) && HoldsAll && (isDue || _joinedAsked != _record.Epoch))
        {
            _joinedAsked = _record.Epoch;
            Ask(new HasJoined(_settings.Id, _record.Epoch, _self));
        }
        else if (isDue && (_role is ReplicaRole.Sealed || IsLonely))
        {
            Ask(new ReadRecord(_settings.Id));
        }
    }

    // The membership that a node had goes in the same step. So another process under a name in use, at an address where the others do not look for it, never gets as far as that.
    private void AskToBeTakenIn(AuthorityRequest wish)
    {
        if (wish is TakeIn && !_isKnown && _environment.Nodes.Count > 1)
        {
            _askedAt = Now;
            SendToOthers(new Probe(_settings.Id, _environment.Cluster, _environment.Node, _environment.Incarnation, _round));
            WarnWhenUnanswered(_enteredAt);
        }
        else
        {
            Ask(wish);
        }
    }

    private void OnProbe(Probe m)
    {
        if (m.Cluster == _environment.Cluster)
            Send(m.Node, new Probed(_settings.Id, _environment.Cluster, _environment.Node, _environment.Incarnation, m.Round, default));
    }

    private void OnProbed(Probed m)
    {
        if (m.Cluster != _environment.Cluster || m.Round != _round || _isKnown)
            return;
        _isKnown = true;
        if (IsJoining && !_asking)
            Ask(Wish());
    }

    /// <summary>What is asked when a later epoch must be, or is about to be.</summary>
    protected virtual AuthorityRequest WayOn() => new ReadRecord(_settings.Id);

    // Before a new member joins, it has all that its predecessor had when it joined, and nothing else: what an earlier view has committed is not missing here.
    private bool HoldsAll => PromiseIsDurable && (!IsNewcomer || (_floor >= 0 && Math.Min(_matched, _log.Durable) >= _floor && AllIsSaved));

    /// <summary>A member of a view that is not active yet, which did not serve in the last one.</summary>
    private bool IsNewcomer => _role is ReplicaRole.Sealed && !IsWedged && !_record!.Serving.Contains(_self);

    /// <summary>All that was answered before this view is in what the predecessor has sent. What a former membership ordered or took, and stands behind that, never was committed.</summary>
    private void DropRemnant()
    {
        InvariantViolation.Require(_commit <= _matched, $"entries up to {_commit} are committed here, the group goes on from {_matched}");
        _log.Shorten(_matched);
        _entered = Math.Min(_entered, _matched);
    }

    // A learner that hears nothing may have been dropped; so may a member that nobody answers.
    private bool IsLonely => _role is ReplicaRole.Learner && Now - _heardAt >= _settings.KickAfter;

    private AuthorityRequest Wish()
    {
        var founds = _log.Last.Index == 0 && _genesis.IsEmpty && _record is null && _settings.InitialMembers.Contains(_environment.Node);
        return founds
            ? new FoundGroup(_settings.Id, _environment.Node, _environment.Incarnation, _settings.InitialMembers, _settings.MinInView, GroupLimits.Of(_settings))
            : _role is ReplicaRole.Outside ? new ReadRecord(_settings.Id)      // until an operator has it taken in
            : new TakeIn(_settings.Id, _environment.Node, _environment.Incarnation);
    }

    // ---- Operators ----

    /// <summary>A node is taken in or removed by the authority, whichever link is asked for it.</summary>
    private void OnMembersRequest(MembersRequest m)
    {
        if (m.Join && !_environment.Nodes.Contains(m.Node))
        {
            Answer(m, $"{m.Node} is not one of actors.nodes: {string.Join(", ", _environment.Nodes)}");
            return;
        }

        var self = Self;
        _authority.Ask(new ChangeNodes(_settings.Id, m.Node, m.Join), 2 * _settings.KickAfter, reply => self.Tell(new OrderAnswered(m, reply), ActorRefs.NoSender));
    }

    private void OnOrderAnswered(OrderAnswered m)
    {
        var unfounded = m.Reply.Error.Length == 0 && m.Reply.Record is null;
        Answer(m.Request, unfounded ? "the group has not begun yet" : m.Reply.Error.Length == 0 ? "" : $"group '{_settings.Id}': {m.Reply.Error}");
        if (m.Reply.Record is { } record)
            Learn(record);
        Pursue();
    }

    private void Answer(MembersRequest m, string refusal) => Reply(m.ReplyTo, new TransferReply(_settings.Id, m.Number, refusal));

    private sealed record OrderAnswered(MembersRequest Request, AuthorityReply Reply) : INoSerializationVerificationNeeded;

    // ---- Failures ----

    private void OnHeartbeatTick()
    {
        if (DiskStalls)
            _stalledAt = Now;
        Beat();
        if (_serving)
        {
            GoOnWithoutSilent();
            TellThoseGivenUp();
        }
        else if (_role is ReplicaRole.Sealed && !IsWedged)
            GoOnWithoutAbsent();
        Pursue();
    }

    // The kick is the authority's compare-and-swap, not this clock.
    private void GoOnWithoutSilent()
    {
        if (SilentNeighbour is { IsNone: false } silent)
            Propose(_record!.View.Without(silent));
        else
            _refused = false;       // of earlier troubles
    }

    /// <summary>Nothing before its own promise is durable; and whoever's disk stalls falls silent, so that the others go on without it.</summary>
    protected bool MaySend => PromiseIsDurable && !DiskStalls;

    /// <summary>A member or learner that the view should do without; none otherwise.</summary>
    private MemberId SilentNeighbour => !_predecessor.IsNone && Now - _heardAt >= Limit(_predecessor) ? _predecessor
        : Now - _stalledAt < _settings.KickAfter ? default
        : SilentFollower;

    protected bool IsSilent(Progress of)
        => Now - of.HeardAt >= Limit(of.Id) || (of.OwesSince < Now && Now - of.OwesSince >= _settings.KickAfter);

    /// <summary>Members that have not joined the present view when others wait for it.</summary>
    private void GoOnWithoutAbsent()
    {
        if (!_record!.Joined.Contains(_self) || Now - _enteredAt < _settings.KickAfter)
            return;
        var absent = _record.View.Members.Except(_record.Joined).ToHashSet();
        Propose(new View([.. _record.View.Members.Where(m => !absent.Contains(m))], _record.View.Learners));
    }

    private TimeSpan Limit(MemberId id) => _suspected.Contains(id.Node) ? _settings.ElectionTimeout : _settings.KickAfter;

    /// <summary>The learner that takes entries from this replica becomes a member when it has what is committed.</summary>
    protected void PromoteIfCaughtUp(Progress learner)
    {
        if (_record!.View.Learners.Contains(learner.Id) && learner.Match >= _commit && !learner.LacksState)
            Propose(_record.View.WithPromoted(learner.Id));
    }

    private void Propose(View next)
    {
        if (_asking || next.Members.Count == 0 || (_proposed is not null && next.SameAs(_proposed) && Now - _askedAt < _settings.ElectionTimeout))
            return;
        _proposed = next;
        _logger.Info("[{0}] proposing {1} after view {2}", _settings.Id, next, _record!.Epoch);
        Ask(new ChangeView(_settings.Id, _record.Epoch, next));
    }

    private void OnPeerHint(PeerHint m)
    {
        if (m.Suspected)
            _suspected.Add(m.Node);
        else
            _suspected.Remove(m.Node);
    }

    /// <summary>True when neither the authority nor a neighbour answers: nobody on this side can serve.</summary>
    protected override bool IsCutOff => _refused && (_serving ? !SilentNeighbour.IsNone : Now - _enteredAt > _settings.KickAfter);

    private sealed record AuthorityAnswered(AuthorityReply Reply) : INoSerializationVerificationNeeded;
}
