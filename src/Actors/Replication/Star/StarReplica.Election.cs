using Actors.Membership;

namespace Actors.Replication.Star;

/// <summary>Candidate: asks whether it would be elected (pre-vote), then for votes. Joint views need a quorum in each.</summary>
internal sealed partial class StarReplica
{
    private readonly HashSet<(NodeId, Incarnation)> _votes = [];     // by seat: that is what keeps log and promises, under whatever member id
    private bool _pre;                      // asking for pre-votes
    private TimeSpan _candidateSince;
    private TimeSpan _electAfter;           // the silence of the primary after which votes are asked for: random, so that two do not ask at once
    private readonly HashSet<(NodeId, Incarnation)> _reached = [];       // who has answered in this candidacy, whatever the answer

    private void Candidate(object message)
    {
        switch (message)
        {
            case Vote m: OnVote(m); break;
            case Append m: OnAppend(m); break;
            case TakeOver m: OnTakeOver(m); break;
            case ElectionTick: OnElectionTick(); break;
            default: Common(message); break;
        }
    }

    private void OnElectionTick()
    {
        var silence = Now - PrimaryAliveAt;
        if (_role is not ReplicaRole.Candidate && !_primarySuspected && silence < _settings.ElectionTimeout)
        {
            Timers.StartSingleTimer(ElectionTick.Instance, ElectionTick.Instance, Later(_settings.ElectionTimeout - silence));
            return;
        }

        EndIfMisnamed();
        if (DiskStalls)
        {
            Timers.StartSingleTimer(ElectionTick.Instance, ElectionTick.Instance, RandomElectionTimeout());
            return;     // its own vote would not become durable
        }

        if (!MayVote)
        {
            // Whatever a membership event says: its own vote is promised as well. The others' promises end at about the same time, and not all should ask at once.
            Timers.StartSingleTimer(ElectionTick.Instance, ElectionTick.Instance, _votesFrom - Now + _settings.HeartbeatInterval * (0.1 + _random.NextDouble()));
            return;
        }

        if (!MayStand)
        {
            if (_settings.IsLossy && IsEmpty)
            {
                Forsake();
                return;
            }

            SendToOthers(JoinRequest());     // a learner that hears nothing may have been dropped: asking again is harmless
            Timers.StartSingleTimer(ElectionTick.Instance, ElectionTick.Instance, RandomElectionTimeout());
            return;
        }

        if (_role is not ReplicaRole.Candidate)
        {
            _candidateSince = Now;
            _electAfter = RandomElectionTimeout();
            _reached.Clear();
        }

        Follow(default);
        _pre = true;
        _votes.Clear();
        _votes.Add(SeatOf(_self));
        SetRole(ReplicaRole.Candidate, Candidate);
        Ask(new RequestVote(_settings.Id, _promise.Epoch.Next(), _self, true, false, _log.Last));
    }

    // Never at once: the clock may run slower than the timers.
    private TimeSpan Later(TimeSpan wait) => wait > _settings.HeartbeatInterval ? wait : _settings.HeartbeatInterval;

    private void StartElection(bool handOver = false)
    {
        Promise(_promise.Epoch.Next(), _self);
        _meter.Election();
        (_pre, _handedOver) = (false, handOver);
        Follow(default);
        _votes.Clear();
        SetRole(ReplicaRole.Candidate, Candidate);
        Save();
        Ask(new RequestVote(_settings.Id, _promise.Epoch, _self, false, handOver, _log.Last));
    }

    private void Ask(RequestVote request)
    {
        foreach (var member in _views.Everyone)
        {
            if (member.Node != _self.Node)
                Send(member.Node, request);
        }

        // The first time a quorum is only looked for, so that who is cut off knows it soon.
        var waits = _electAfter - (Now - PrimaryAliveAt);
        // A hint usually reaches the others a moment later than this node: ask again soon, not after a whole time-out.
        var again = _primarySuspected && _pre && Now - _candidateSince < _settings.ElectionTimeout ? _settings.HeartbeatInterval
            : _pre && waits > TimeSpan.Zero ? Later(waits) : RandomElectionTimeout();
        Timers.StartSingleTimer(ElectionTick.Instance, ElectionTick.Instance, again);
        CountVotes();
    }

    /// <summary>True when this replica cannot reach a quorum, as far as it knows: then nobody on its side can serve.</summary>
    protected override bool IsCutOff => _quorumLost
        || (_role is ReplicaRole.Candidate && Now - _candidateSince > 2 * _settings.HeartbeatInterval && !_views.IsQuorum(m => IsOwn(m) || _reached.Contains(SeatOf(m))));

    private void OnVote(Vote m)
    {
        _reached.Add(SeatOf(m.From));
        HearOf(m.HeardOf);
        if (m.Pre != _pre || !m.Granted || m.Epoch != (_pre ? _promise.Epoch.Next() : _promise.Epoch))
            return;
        _votes.Add(SeatOf(m.From));
        CountVotes();
    }

    // One's own vote counts once it is durable, like everybody's.
    private void CountOwnVote()
    {
        if (_pre || !PromiseIsDurable || _promise.VotedFor != _self)
            return;
        _votes.Add(SeatOf(_self));
        CountVotes();
    }

    // Whose promise counts: a data folder's, whatever member id it has by now. In a lossy group the node's, for that promise is all that it keeps.
    private (NodeId, Incarnation) SeatOf(MemberId id) => (id.Node, _settings.IsLossy ? default : id.Incarnation);

    private void CountVotes()
    {
        if (!_views.IsQuorum(m => _votes.Contains(SeatOf(m))))
            return;
        if (!_pre && DiskStalls)
            return;     // whoever leads would have to fall silent at once
        if (!_pre)
            EnterPrimary();
        else if (_primarySuspected || Now - PrimaryAliveAt >= _electAfter)
            StartElection();
    }

    // Where the log is cut behind it, the cut stands for it: it is committed as well.
    private LogPosition CommittedView => _log.At(Math.Max(_views.CommittedIndex, _log.Base.Position.Index)).Position;

    /// <summary>
    /// What a candidate's log must reach: this one's end. Of a data folder that a committed view leaves out, that view, whether it stands in the log here
    /// or was only told of: its members' logs count for what follows. Without either, old acknowledgements of the folder may still be needed.
    /// </summary>
    private LogPosition MustHave
        => IsVoter || _settings.IsLossy || (_leftOutBy <= CommittedView && _views.IsVoter(_environment.Node, _environment.Incarnation)) ? _log.Last
        : _leftOutBy > CommittedView ? _leftOutBy : CommittedView;

    private void OnRequestVote(RequestVote m)
    {
        if (_views.IsEmpty && !_settings.IsLossy)
            return;
        if (_views.IsRemoved(m.From, CommittedView))
        {
            Send(m.From.Node, new NotMember(_settings.Id, _promise.Epoch, _self, m.From, CommittedView));
            return;
        }

        // Who was told to be out of the group votes all the same: those who do not know yet that the view without it is committed need that.
        var me = _self.IsNone ? new MemberId(_environment.Node, _environment.Incarnation, LogPosition.Zero) : _self;
        var upToDate = m.Last >= MustHave;
        if (m.Pre)
        {
            // Whoever hears a primary, or is one, sees no reason for an election; a membership event may have told otherwise.
            var content = _role is ReplicaRole.Primary || (!_primary.IsNone && !_primarySuspected && Now - PrimaryAliveAt < _settings.ElectionTimeout);
            var granted = upToDate && !content && MayVote && m.Epoch > _promise.Epoch;
            Send(m.From.Node, new Vote(_settings.Id, granted ? m.Epoch : _promise.Epoch, me, true, granted) { HeardOf = _heardOf });
            return;
        }

        if (upToDate && _promise.VotedFor.IsNone && _role is not ReplicaRole.Primary && (MayVote || m.HandOver))
        {
            Promise(m.Epoch, m.From);
            Timers.StartSingleTimer(ElectionTick.Instance, ElectionTick.Instance, RandomElectionTimeout());
        }

        SendAfterSave(m.From.Node, new Vote(_settings.Id, _promise.Epoch, me, false, _promise.VotedFor == m.From) { HeardOf = _heardOf });
    }
}
