using Actors.Membership;
using Actors.Replication.Operations;
using Actors.Replication.Transfer;
using Actors.Storage;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication.Chain;

/// <summary>One link of a chain: the head orders, each link makes durable and forwards, the tail commits and answers.</summary>
/// <remarks>
/// van Renesse and Schneider, OSDI 2004. The views come from an authority outside the chain (replication rules, 5.2 rules 6 and 7): a member
/// joins a view by promising its epoch durably, and nobody serves in it before all have. This file holds the states and the door into them;
/// <c>ChainReplica.Links.cs</c> what runs along the chain, <c>ChainReplica.Views.cs</c> what is asked of the authority and when, <c>ChainReplica.Lease.cs</c> how the tail reads without asking, <c>ChainReplica.Transfer.cs</c> who sends a new tail the state.
/// <code>
/// Joining ─ taken in ─► Learner ─ promoted ─┐
///    ▲                                      ▼
///    └── a view without it ── Sealed ─ all have joined ─► Head | Middle | Tail
///                               ▲                                │
///                               └───────── a later epoch ────────┘
/// </code>
/// </remarks>
internal sealed partial class ChainReplica : Replica
{
    private readonly IViewAuthority _authority;
    private GroupRecord? _record;       // the latest view that this replica knows; a member of it has promised its epoch
    private bool _recordDirty;
    private MemberId _predecessor;      // none at the head
    private MemberId _successor;        // none at the tail of a chain without a learner
    private Progress? _down;            // what is known of the successor; null while there is none
    private bool _greeted;              // the successor was sent to in this view
    private bool _serving;              // a member of an active view
    private TimeSpan _heardAt;          // when the predecessor was last heard; not before the entry into the view
    private TimeSpan _freshAt;          // when the log was last known to be as new as that of the neighbour that knows best
    private TimeSpan _enteredAt;
    private long _entered;              // the end of the log at the entry into this view: a tail that has committed so far has what earlier tails had
    private long _floor = -1;           // the same of the predecessor; -1 until it has told

    public ChainReplica(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer, IViewAuthority authority) : base(environment, settings, writer)
        => _authority = authority;

    public static Props Props(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer, IViewAuthority authority)
        => Akka.Actor.Props.Create(() => new ChainReplica(environment, settings, writer, authority));

    protected override NodeId Source => _predecessor.Node;

    protected override NodeId Leader => _record?.View.Members[0].Node ?? default;

    protected override NodeId KnownLeader => IsCutOff ? default : Leader;

    protected override View? View => _record?.View;

    protected override TimeSpan Age => _serving && IsHead && IsTail ? TimeSpan.Zero : Now - _freshAt;

    private bool IsHead => _record?.View.Members[0] == _self;

    private bool IsTail => _record?.View.Members[^1] == _self;

    /// <summary>A later epoch was seen, and its view is not known yet: nothing is served until it is.</summary>
    private bool IsWedged => _record is null || _record.Epoch < _promise.Epoch;

    protected override void PreStart()
    {
        Recover();
        Timers.StartPeriodicTimer(HeartbeatTick.Instance, HeartbeatTick.Instance, _settings.HeartbeatInterval);
        var stored = _environment.Store.Get(Table.Meta, _keys.Record) is { } bytes ? GroupRecord.Decode(bytes) : null;
        if (stored is null || _self.IsNone)
        {
            _record = stored;
            EnterJoining();
        }
        else if (stored.Epoch < _promise.Epoch)
        {
            _record = stored;
            Seal();
        }
        else
        {
            Enter(stored);
        }
    }

    // ---- Tables ----

    private void Head(object message)
    {
        switch (message)
        {
            case Requests m when !IsCutOff: OnRequests(m); break;
            case Pump: OnPump(); break;
            case Appended m: OnAppended(m); break;
            case Mismatch m: OnMismatch(m); break;
            case FetchState m: OnFetchState(m); break;
            case ReadsPassed m: OnReadsPassed(m); break;
            default: Common(message); break;
        }
    }

    // A tail gets the same: what differs is what it does when something is durable or passes.
    private void Middle(object message)
    {
        switch (message)
        {
            case Append m: OnAppend(m); break;
            case AckDue: OnAckDue(); break;
            case PassReads m: OnPassReads(m); break;
            case Requests m when IsTail: OnRequestsAtTail(m); break;
            case LendState m: OnLendState(m); break;
            case Appended m: OnAppended(m); break;
            case Mismatch m: OnMismatch(m); break;
            case FetchState m: OnFetchState(m); break;
            default: Common(message); break;
        }
    }

    private void Learner(object message)
    {
        switch (message)
        {
            case Append m: OnAppend(m); break;
            case AckDue: OnAckDue(); break;
            case StateOffer m: OnStateOffer(m); break;
            case StateChunk m: OnStateChunk(m); break;
            case StateReceived m: OnStateReceived(m); break;
            default: Common(message); break;
        }
    }

    /// <summary>Joins a view that is not active yet: serves nothing, but the log is brought to what the head has.</summary>
    private void Sealed(object message)
    {
        switch (message)
        {
            case Append m: OnAppend(m); break;
            case AckDue: OnAckDue(); break;
            case Appended m: OnAppended(m); break;
            case Mismatch m: OnMismatch(m); break;
            case FetchState m: OnFetchState(m); break;
            default: Common(message); break;
        }
    }

    /// <summary>Without a membership: asks the authority for one.</summary>
    private void Joining(object message) => Common(message);

    protected override void Common(object message)
    {
        switch (message)
        {
            case AuthorityAnswered m: OnAuthorityAnswered(m); break;
            case MembersRequest m: OnMembersRequest(m); break;
            case OrderAnswered m: OnOrderAnswered(m); break;
            case AcceptLoss m: OnAcceptLoss(m); break;
            case LossAnswered m: OnLossAnswered(m); break;
            case ViewChanged m: Enter(m.Record); break;
            case HeartbeatTick: OnHeartbeatTick(); break;
            case LeaseRenewed m: OnLeaseRenewed(m); break;
            case Pump: _pumping = false; break;     // not the head any more
            case PeerHint m: OnPeerHint(m); break;
            case TransferRequest m: Reply(m.ReplyTo, new TransferReply(_settings.Id, m.Number, $"group '{_settings.Id}' is a chain: its head is the first of its view, nothing hands over")); break;
            case Stale or Append or Appended or Mismatch or PassReads or ReadsPassed or LendState or StateOffer or FetchState or StateChunk or StateReceived: break;     // meant for another role: late
            case RequestVote or Vote or TakeOver or NotMember or Probe or Probed or Join: break;       // of a primary-backup group: a node is configured otherwise
            default: base.Common(message); break;
        }
    }

    /// <summary>The fence (5.2 rule 8): a lower epoch is told so; a higher one wedges this link until it has the view. False: drop it.</summary>
    protected override bool Admit(ReplicaMessage m)
    {
        if (m is ViewChanged)
            return true;
        if (_self.IsNone)
            return false;
        if (m.Epoch > _promise.Epoch)
        {
            _logger.Debug("[{0}] epoch {1} after {2}: {3} from {4}", _settings.Id, m.Epoch, _promise.Epoch, m.GetType().Name, m.From);
            Wedge(m.Epoch);
            return false;
        }

        if (m.Epoch < _promise.Epoch)
        {
            if (m is Append or PassReads)
                Send(m.From.Node, new Stale(_settings.Id, _promise.Epoch, _self));
            return false;
        }

        if (IsWedged)
            return false;
        if (!_record!.IsActive && m is PassReads)
            Enter(_record with { Joined = _record.View.Members });      // its sender serves, so all have joined
        return true;
    }

    // ---- The door ----

    /// <summary>The only way into a view: fields, links, timers, log, role. A record of an earlier view, or one that says nothing new, is ignored.</summary>
    private void Enter(GroupRecord record)
    {
        if (record.Epoch < _record?.Epoch || (record.Epoch < _promise.Epoch && !_self.IsNone))
            return;
        var (isStored, isLater) = (_record is null && !_self.IsNone, record.Epoch > (_record?.Epoch ?? Epoch.Zero));
        if (!isLater && record.Joined.Count <= _record!.Joined.Count)
            return;
        (_record, _recordDirty, _losses) = (record, true, record.Losses);
        var me = record.View.Of(_environment.Node, _environment.Incarnation);
        if (me.IsNone)
        {
            if (!IsJoining)
                Leave();
            return;
        }

        if (record.Epoch > _promise.Epoch)
            Promise(record.Epoch, default);
        if (me != _self)
            Become(me, record);
        if (isLater)
        {
            Unlink();
            Link(record.View);
            if (IsTail && (isStored || !record.View.IsMember(record.Reader)))
                BeSilentForALease();        // whether the life that stored it has waited is not known
        }

        if (!record.View.IsMember(me))
            Play(ReplicaRole.Learner, Learner);
        else if (!record.IsActive)
            Seal();
        else if (!_serving)
            Serve(record);
        Save();
        Pursue();
    }

    /// <summary>Another view is in force or about to be: what was known of the neighbours in the last one says nothing any more.</summary>
    private void Unlink()
    {
        if (_serving)
            Context.Parent.Tell(new ReadsByLease(_settings.Id, false));
        (_down, _greeted, _serving, _matched, _answering, _floor, _leaseUntil) = (null, false, false, 0, 0, -1, TimeSpan.Zero);
        (_predecessor, _successor) = (default, default);
        (_entered, _enteredAt) = (_log.Last.Index, Now);
        _proposed = null;
        StopReceiver();
        StopSenders();
        ForgetReads();
    }

    /// <summary>The one place where the chain is wired: a learner stands behind the tail.</summary>
    private void Link(View view)
    {
        List<MemberId> line = [.. view.Members, .. view.Learners];
        var place = line.IndexOf(_self);
        _predecessor = place > 0 ? line[place - 1] : default;
        _successor = place + 1 < line.Count ? line[place + 1] : default;
        _down = _successor.IsNone ? null : new Progress(_successor, _log.Durable + 1, new Lag(_settings, Now), Now);
        _heardAt = Now;
    }

    /// <summary>All members have joined.</summary>
    private void Serve(GroupRecord record)
    {
        _serving = true;
        if (IsHead)
            Play(ReplicaRole.Head, Head);
        else if (IsTail)
            Play(ReplicaRole.Tail, Middle);
        else
            Play(ReplicaRole.Middle, Middle);
        _logger.Info("[{0}] {1} in view {2}: {3}", _settings.Id, _role.ToString().ToLowerInvariant(), record.Epoch, record.View);
        if (UsesLeases && IsTail)
            Context.Parent.Tell(new ReadsByLease(_settings.Id, true));
        AdvanceCommit();
        PumpSoon();
    }

    /// <summary>Takes on a new id. What a former membership left in the log stays until it is known to be of no use: some of it may have been answered.</summary>
    private void Become(MemberId me, GroupRecord record)
    {
        _logger.Info("[{0}] taken in as {1}", _settings.Id, me);
        _self = me;
        _membershipDirty = true;
        if (me.Joined == LogPosition.Zero && _log.Last.Index == 0)
        {
            _log.Offer(LogPosition.Zero, default, [LogEntry.FromFrame(record.Genesis)], 0, OnEntry, OnRemoved);
        }
        else
        {
            SendWaitingElsewhere();
        }

        _entered = _log.Last.Index;
    }

    /// <summary>A later epoch exists: nothing of this one any more. The authority knows the view.</summary>
    private void Wedge(Epoch epoch)
    {
        Promise(epoch, default);
        Unlink();
        Seal();
    }

    private void Seal()
    {
        if (_role is not ReplicaRole.Sealed)
            Play(ReplicaRole.Sealed, Sealed);
        Save();
        Pursue();
    }

    // The view is without this member: its id never returns, its machine may.
    private void Leave()
    {
        if (!_self.IsNone)
            _logger.Warning("[{0}] {1} is not in view {2}; joining anew", _settings.Id, _self, _record!.Epoch);
        _self = default;
        _membershipDirty = true;
        Unlink();
        SendWaitingElsewhere();
        EnterJoining();
    }

    // Other entries may come to stand where those stood that clients wait for here.
    private void SendWaitingElsewhere()
    {
        foreach (var client in _pending.Select(p => p.ReplyTo).Distinct())
            Redirect(client, 0);
        ForgetPending();
    }

    private void EnterJoining()
    {
        _enteredAt = Now;
        Play(ReplicaRole.Joining, Joining);
        Save();
        Pursue();
    }

    // ---- What it keeps beside the log ----

    protected override void OnRecovered(View view, long index)
    {
    }

    protected override void OnViewEntry(long index, View view)
    {
    }

    protected override void OnRemoved(long from)
    {
    }

    protected override bool HasOwnWrites => _recordDirty;

    protected override void TakeOwnWrites(WriteSet writes)
    {
        if (_record is not null)
            writes.Put(Table.Meta, _keys.Record, _record.Encode());
        _recordDirty = false;
    }

    private sealed class HeartbeatTick : INoSerializationVerificationNeeded
    {
        public static readonly HeartbeatTick Instance = new();
    }
}
