using Actors.Membership;
using Actors.Replication.Operations;
using Actors.Replication.Transfer;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication.Star;

/// <summary>One replica of a primary-backup group: the primary orders, backups make durable and acknowledge, the primary answers.</summary>
/// <remarks>
/// Log replication, elections and commits after Ongaro and Ousterhout (ATC 2014) and Ongaro's dissertation (pre-vote 9.6, check-quorum 6.2,
/// transfer 3.10); commit by all members and views joint until committed after the project's replication rules 5.2.
/// The state table of each role stands in its own file; this one holds what all of them share: the fence, and what every role answers alike.
/// <code>
/// Joining ─ taken in ─► Backup ─ silence ─► Candidate ─ quorum ─► Primary
///    ▲                   │  ▲                   │                   │
///    └──── NotMember ────┘  └─── higher epoch, or quorum lost ──────┘
/// </code>
/// </remarks>
internal sealed partial class StarReplica : Replica
{
    private readonly Views _views = new();
    private NodeId _primary;                    // whom this replica follows, as far as it knows
    private TimeSpan _heardPrimaryAt;
    private bool _quorumLost;                   // tried to reach a quorum and failed: clients on this side need not wait
    private bool _primarySuspected;             // a membership event says so: a hint

    public StarReplica(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer) : base(environment, settings, writer)
    {
    }

    // Whoever a pending view leaves out still counts, and may have to lead until that view is committed: nobody else may have its log.
    private bool IsVoter => _views.IsVoter(_self);

    protected override NodeId Source => _primary;

    protected override NodeId Leader => _primary;

    protected override NodeId KnownLeader => _role is ReplicaRole.Primary || _resting || Now - PrimaryAliveAt < _settings.ElectionTimeout ? _primary : default;

    protected override TimeSpan Age => _role is ReplicaRole.Primary ? TimeSpan.Zero : Now - _heardPrimaryAt;

    protected override View? View => _views.IsEmpty ? null : _views.Newest;

    public static Props Props(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer)
        => Akka.Actor.Props.Create(() => new StarReplica(environment, settings, writer));

    protected override void PreStart()
    {
        Recover();
        MeasureLease();
        _votesFrom = Now + _promise.NoVoteFor;
        if (_self.IsNone)
            EnterJoining();
        else
            EnterBackup(default);
    }

    /// <summary>The fence, in one place, before every role's own table.</summary>
    protected override void OnReceive(object message)
    {
        if ((_resting || _restAsked) && Stirring(message))
            Rouse(message);
        if (message is ReplicaMessage between && !Admit(between))
            return;
        _table(message);
    }

    // ---- What every role answers alike ----

    protected override void Common(object message)
    {
        switch (message)
        {
            case RequestVote m: OnRequestVote(m); break;
            case NotMember m: OnNotMember(m); break;
            case Stale or Stir or WakeUp: break;        // the fence has adopted its epoch, and the rest has ended
            case RestUnder m: OnRestUnder(m); break;
            case NodeBeat: Context.Parent.Tell(message); break;
            case Probe m: OnProbe(m); break;
            case TransferRequest m: RefuseOrder(m.ReplyTo, m.Number); break;
            case MembersRequest m: RefuseOrder(m.ReplyTo, m.Number); break;
            case PeerHint m: OnPeerHint(m); break;
            case AcceptLoss m: OnAcceptLoss(m); break;
            case Appended or Mismatch or Vote or Append or TakeOver or Join or Probed or StateOffer or FetchState or StateChunk or StateReceived or Pump or HeartbeatTick or ElectionTick or ProbeTick: break;    // meant for another role: late
            default: base.Common(message); break;
        }
    }

    private void RefuseOrder(string client, long number)
        => Reply(client, new TransferReply(_settings.Id, number, $"{_environment.Node} is not the primary of group '{_settings.Id}'"));

    /// <summary>Rules of epochs (5.2 rule 8): a lower one is told so, a higher one is adopted before the message is looked at. False: drop it.</summary>
    protected override bool Admit(ReplicaMessage m)
    {
        if (m.Group != _settings.Id || m is RequestVote { Pre: true } or Vote { Pre: true, Granted: true })
            return m.Group == _settings.Id;      // a pre-vote asks about an epoch that nobody has begun: it changes nothing
        if (m.Epoch < _promise.Epoch)
        {
            if (m is Append or RequestVote or TakeOver)
                Send(m.From.Node, new Stale(_settings.Id, _promise.Epoch, _self));
            return m is NotMember;
        }

        if (m.Epoch > _promise.Epoch)
        {
            _logger.Debug("[{0}] epoch {1} after {2}: {3} from {4}", _settings.Id, m.Epoch, _promise.Epoch, m.GetType().Name, m.From);
            Promise(m.Epoch, default);
            if (_role is ReplicaRole.Primary or ReplicaRole.Candidate)
                EnterBackup(default);
            else
                Follow(default);
        }

        return true;
    }

    private void OnPeerHint(PeerHint m)
    {
        if (m.Node != _primary)
            return;
        _primarySuspected = m.Suspected;
        if (m.Suspected && _role is ReplicaRole.Backup && IsVoter)
        {
            Timers.StartSingleTimer(ElectionTick.Instance, ElectionTick.Instance, _settings.HeartbeatInterval * _random.NextDouble());
        }
    }

    // A committed view without this id, or without this node, is final. Whoever says so has seen the commit.
    private void OnNotMember(NotMember m)
    {
        if (IsJoining)
        {
            if (m.Removed.IsNone)
                StayOutside(m.From.Node);
            return;
        }

        if (m.Removed != _self && !(m.Removed.IsNone && _self.Joined <= m.View))
            return;
        _logger.Warning("[{0}] {1} is no longer a member; joining anew", _settings.Id, _self);
        (_self, _leftOutBy) = (default, m.View > _leftOutBy ? m.View : _leftOutBy);
        _membershipDirty = true;
        EnterJoining();
    }

    // ---- Views, in the log ----

    protected override void OnRecovered(View view, long index) => _views.Recover(index, view);

    protected override void OnViewEntry(long index, View view) => _views.Append(index, view);

    protected override void OnRemoved(long from) => _views.Truncate(from);

    protected override void OnCommitted(long index)
    {
        var viewBefore = _views.CommittedIndex;
        _views.Commit(index);
        if (_views.CommittedIndex != viewBefore)
            _membershipDirty = true;        // which views are settled must survive a restart of the whole group
    }

    protected override void OnDurable()
    {
        switch (_role)
        {
            case ReplicaRole.Backup or ReplicaRole.Learner: AcknowledgeSoon(); break;
            case ReplicaRole.Candidate: CountOwnVote(); break;
            case ReplicaRole.Primary: AdvanceCommit(); break;
        }
    }

    private void SetRole(ReplicaRole role, Action<object> table)
    {
        if (_role is ReplicaRole.Primary && role is not ReplicaRole.Primary)
            LeavePrimary();
        Play(role, table);
    }

    private TimeSpan RandomElectionTimeout() => _settings.ElectionTimeout * (1 + _random.NextDouble());

    private sealed class ElectionTick : INoSerializationVerificationNeeded
    {
        public static readonly ElectionTick Instance = new();
    }
}
