using Actors.Membership;
using Actors.Replication.Operations;
using Actors.Replication.Transfer;
using Actors.Storage;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication.Directed;

/// <summary>A replica of a group whose views come from an authority outside it, whatever its topology.</summary>
/// <remarks>
/// Replication rules, 5.2 rules 6 and 7: a member joins a view by promising its epoch durably, and nobody serves in it before all have. This file holds the states
/// and the door into them; <c>DirectedReplica.Views.cs</c> what is asked of the authority and when, <c>DirectedReplica.Loss.cs</c> how an operator gives up what is lost.
/// Who sends to whom, and when an entry is committed, is the topology's: <see cref="Chain.ChainReplica"/>, <see cref="Star.DirectedStarReplica"/>.
/// <code>
/// Joining ─ taken in ─► Learner ─ promoted ─┐
///    ▲                                      ▼
///    └── a view without it ── Sealed ─ all have joined ─► Head | Middle | Tail, or Primary | Backup
///                               ▲                                │
///                               └───────── a later epoch ────────┘
/// </code>
/// </remarks>
internal abstract partial class DirectedReplica : Replica
{
    protected GroupRecord? _record;     // the latest view that this replica knows; a member of it has promised its epoch
    protected MemberId _predecessor;    // whom it takes entries from; none at the head or primary
    protected bool _serving;            // a member of an active view
    protected TimeSpan _heardAt;        // when the predecessor was last heard; not before the entry into the view
    protected TimeSpan _freshAt;        // when the log was last known to be as new as that of the neighbour that knows best
    protected long _entered;            // the end of the log at the entry into this view: what earlier views have committed stands at or before it
    protected long _floor = -1;         // the same of the predecessor; -1 until it has told
    private readonly IViewAuthority _authority;
    private Epoch _found;               // the promise that this life began with: in epochs up to it an earlier life may have done something
    private bool _recordDirty;
    private TimeSpan _enteredAt;
    private TimeSpan _stalledAt;        // when its disk was last found to stall: until some time after that it has not sent enough to call others silent

    protected DirectedReplica(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer, IViewAuthority authority) : base(environment, settings, writer)
        => _authority = authority;

    protected override NodeId Source => _predecessor.Node;

    protected override NodeId Leader => _record?.View.Members[0].Node ?? default;

    protected override NodeId KnownLeader => IsCutOff ? default : Leader;

    protected override View? View => _record?.View;

    /// <summary>True for whoever orders, by the view that it knows.</summary>
    protected bool IsHead => _record?.View.Members[0] == _self;

    /// <summary>A later epoch was seen, and its view is not known yet: nothing is served until it is.</summary>
    private bool IsWedged => _record is null || _record.Epoch < _promise.Epoch;

    // Too few copies answer no write, not even one that is done.
    protected override bool KnowsReplies => MayOrder;

    protected override bool MayOrder => !_record!.IsBelowMin;

    protected override string WhyNotOrdered => $"the view has {_record!.View.Members.Count} of at least {_record.MinInView} members (min-in-view)";

    protected override long Floor => _entered;

    protected override void PreStart()
    {
        Recover();
        _found = _promise.Epoch;
        _round = NewRound();
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

    // ---- What a topology adds ----

    /// <summary>True when this life of the member may go on in a view in which an earlier one may have been.</summary>
    protected virtual bool MayGoOn(GroupRecord record) => true;

    /// <summary>The one place where it is wired: whom it sends to, whom it takes entries from.</summary>
    /// <param name="record">The view.</param>
    /// <param name="isOld">True when an earlier life may have been in it.</param>
    protected abstract void Link(GroupRecord record, bool isOld);

    /// <summary>All members have joined: plays its part.</summary>
    protected abstract void Serve(GroupRecord record);

    /// <summary>Lets the neighbours hear from it, and looks after what takes too long.</summary>
    protected abstract void Beat();

    /// <summary>A member or learner that takes entries from this one and is silent; none otherwise.</summary>
    protected abstract MemberId SilentFollower { get; }

    /// <summary>Commits and answers what can be.</summary>
    protected abstract void AdvanceCommit();

    protected abstract void OnAppended(Appended m);

    protected abstract void OnMismatch(Mismatch m);

    // ---- Tables ----

    protected void Learner(object message)
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

    /// <summary>Joins a view that is not active yet: serves nothing, but the log is brought to what the head or primary has.</summary>
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
            case Probe m: OnProbe(m); break;
            case Probed m: OnProbed(m); break;
            case MembersRequest m: OnMembersRequest(m); break;
            case OrderAnswered m: OnOrderAnswered(m); break;
            case AcceptLoss m: OnAcceptLoss(m); break;
            case LossAnswered m: OnLossAnswered(m); break;
            case ViewChanged m: Enter(m.Record); break;
            case HeartbeatTick: OnHeartbeatTick(); break;
            case Pump: _pumping = false; break;     // does not order any more
            case PeerHint m: OnPeerHint(m); break;
            case TransferRequest m: Reply(m.ReplyTo, new TransferReply(_settings.Id, m.Number, $"group '{_settings.Id}' has its views from the directory: who orders is the first of its view, nothing hands over")); break;
            case Stale or Append or Appended or Mismatch or PassReads or ReadsPassed or LendState or StateOffer or FetchState or StateChunk or StateReceived: break;     // meant for another role: late
            case RequestVote or Vote or TakeOver or NotMember or Join: break;       // of a group that decides on its views itself: a node is configured otherwise
            default: base.Common(message); break;
        }
    }

    /// <summary>The fence (5.2 rule 8): a lower epoch is told so; a higher one wedges this replica until it has the view. False: drop it.</summary>
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
        var (isOld, isLater) = (record.Epoch <= _found, record.Epoch > (_record?.Epoch ?? Epoch.Zero));
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
        if (isOld && !MayGoOn(record))
        {
            Wedge(record.Epoch.Next());
            return;
        }

        if (isLater)
        {
            Unlink();
            _heardAt = Now;
            Link(record, isOld);
        }

        if (!record.View.IsMember(me))
            Play(ReplicaRole.Learner, Learner);
        else if (!record.IsActive)
            Seal();
        else if (!_serving)
            BeginToServe(record);
        Save();
        Pursue();
    }

    private void BeginToServe(GroupRecord record)
    {
        _serving = true;
        Serve(record);
        _logger.Info("[{0}] {1} in view {2}: {3}", _settings.Id, _role.ToString().ToLowerInvariant(), record.Epoch, record.View);
        AdvanceCommit();
        PumpSoon();
    }

    /// <summary>Another view is in force or about to be: what was known of the neighbours in the last one says nothing any more.</summary>
    protected virtual void Unlink()
    {
        (_predecessor, _serving, _matched, _answering, _floor) = (default, false, 0, 0, -1);
        (_entered, _enteredAt) = (_log.Last.Index, Now);
        _proposed = null;
        StopReceiver();
        StopSenders();
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

    // ---- Entries ----

    protected void OnAppend(Append m)
    {
        if (m.To != _self || m.From != _predecessor)
            return;
        _meter.Heard(Now - _heardAt, Now, _settings.HeartbeatInterval);
        _heardAt = _freshAt = Now;
        _suspected.Remove(m.From.Node);
        if (!Take(m))
            return;
        _floor = Math.Max(_floor, m.Floor);
        if (IsNewcomer && _matched >= _floor)
            DropRemnant();
        Remember(m);
        SaveAndAcknowledge();
        AdvanceCommit();
    }

    /// <summary>What else the message told has been taken.</summary>
    protected virtual void Remember(Append m)
    {
    }

    /// <summary>Everything up to <paramref name="index"/> is committed: applies it and answers who waits for it.</summary>
    protected void CommitAndAnswer(long index)
    {
        var replies = new Dictionary<string, List<Reply>>();
        CommitUpTo(index, (entry, applied) => CollectReply(entry, applied, replies));
        foreach (var (client, items) in MayOrder ? replies : [])
            SendReplies(client, 0, items);
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
