using Actors.Membership;
using Actors.Replication.Transfer;
using Actors.Storage;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication.Star;

/// <summary>One replica of a primary-backup group: the primary orders, backups make durable and acknowledge, the primary answers.</summary>
/// <remarks>
/// Log replication, elections and commits after Ongaro and Ousterhout (ATC 2014) and Ongaro's dissertation (pre-vote 9.6, check-quorum 6.2,
/// transfer 3.10); commit by all members and views joint until committed after the project's replication rules 5.2.
/// The state table of each role stands in its own file; this one holds what all roles share: state, the fence, storage and apply.
/// <code>
/// Joining ─ taken in ─► Backup ─ silence ─► Candidate ─ quorum ─► Primary
///    ▲                   │  ▲                   │                   │
///    └──── NotMember ────┘  └─── higher epoch, or quorum lost ──────┘
/// </code>
/// </remarks>
internal sealed partial class StarReplica : UntypedActor, IWithTimers
{
    private readonly ReplicationEnvironment _environment;
    private readonly GroupSettings _settings;
    private readonly IActorRef _writer;
    private readonly GroupKeys _keys;
    private readonly ReplicatedLog _log;
    private readonly Views _views = new();
    private readonly Applier _applier;
    private readonly Watchers _watchers;
    private readonly RequestNumbers _numbers = new();
    private readonly Random _random;
    private readonly ILoggingAdapter _logger = Context.GetLogger();

    private Action<object> _table = null!;      // the message table of the present role
    private ReplicaRole _role;
    private Promise _promise;
    private ReadOnlyMemory<byte> _genesis;      // the frame of the group's first entry; empty before there is a group
    private MemberId _self;                     // none until a view has taken this data folder in
    private long _commit;
    private NodeId _primary;                    // whom this replica follows, as far as it knows
    private TimeSpan _heardPrimaryAt;
    private bool _quorumLost;                   // tried to reach a quorum and failed: clients on this side need not wait
    private bool _primarySuspected;             // a membership event says so: a hint

    // Storage: what was handed to the writer and what waits for it.
    private long _ticket;                       // the last save handed to the writer
    private long _savedTicket;                  // the last save that is durable
    private long _promiseTicket;                // the save that holds the present promise
    private bool _promiseDirty;
    private bool _membershipDirty;
    private bool _genesisDirty;
    private readonly Queue<(long Ticket, Epoch Epoch, NodeId To, ReplicationMessage Message)> _afterSave = new();

    public StarReplica(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer)
    {
        _environment = environment;
        _settings = settings;
        _writer = writer;
        _keys = new GroupKeys(settings.Id);
        _log = new ReplicatedLog(environment.Store, _keys, settings.LogCacheBytes, settings.LogLimitBytes);
        _applier = new Applier(settings.StateMachine(), new StateSpace(environment.Store, _keys.State(_log.Base.Generation)), settings.EventsKept);
        _watchers = new Watchers(_applier.Events);
        _random = new Random(environment.Seed);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private TimeSpan Now => _environment.Clock.Elapsed;

    // Whoever a pending view leaves out still counts, and may have to lead until that view is committed: nobody else may have its log.
    private bool IsVoter => _views.IsVoter(_self);

    private bool PromiseIsDurable => !_promiseDirty && _savedTicket >= _promiseTicket;

    public static Props Props(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer)
        => Akka.Actor.Props.Create(() => new StarReplica(environment, settings, writer));

    protected override void PreStart()
    {
        Recover();
        if (_self.IsNone)
            EnterJoining();
        else
            EnterBackup(default);
    }

    protected override void PostStop() => _watchers.CompleteAll();

    // What a transfer suffers is the store's or the data's fault: the replica fails with it.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Escalate);

    /// <summary>The fence, in one place, before every role's own table.</summary>
    protected override void OnReceive(object message)
    {
        if (message is ReplicaMessage between && !Admit(between))
            return;
        _table(message);
    }

    // ---- What every role answers alike ----

    private void Common(object message)
    {
        switch (message)
        {
            case Saved m: OnSaved(m); break;
            case AckDue: _ackDue = false; break;     // no longer a backup
            case StateSaved: OnStateSaved(); break;
            case StoreFailed m: throw new StoreFailedException(m.Reason);
            case FlushTick: FlushState(); break;
            case RequestVote m: OnRequestVote(m); break;
            case NotMember m: OnNotMember(m); break;
            case Stale: break;      // the fence has adopted its epoch
            case Probe m: OnProbe(m); break;
            case Requests m: OnRequestsElsewhere(m); break;
            case StatusRequest m: OnStatusRequest(m); break;
            case TransferRequest m: Reply(m.ReplyTo, new TransferReply(_settings.Id, m.Number, $"{_environment.Node} is not the primary of group '{_settings.Id}'")); break;
            case Subscribe m: _watchers.Add(m); break;
            case Unsubscribe m: _watchers.Remove(m.Writer); break;
            case PeerHint m: OnPeerHint(m); break;
            case ReceiverSilent m: StopSender(m.Receiver); break;
            case Appended or Mismatch or Vote or Append or TakeOver or Join or Probed or StateOffer or FetchState or StateChunk or StateReceived or Pump or HeartbeatTick or ElectionTick or ProbeTick: break;    // meant for another role: late
            default: Unhandled(message); break;
        }
    }

    /// <summary>Rules of epochs (5.2 rule 8): a lower one is told so, a higher one is adopted before the message is looked at. False: drop it.</summary>
    private bool Admit(ReplicaMessage m)
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

    // A committed view without this id is final. Whoever says so has seen the commit.
    private void OnNotMember(NotMember m)
    {
        if (m.Removed != _self || _role is ReplicaRole.Joining)
            return;
        _logger.Warning("[{0}] {1} is no longer a member; joining anew", _settings.Id, _self);
        _self = default;
        _membershipDirty = true;
        EnterJoining();
    }

    // ---- Recovery and storage ----

    private void Recover()
    {
        _applier.Load();
        if (_environment.Store.Get(Table.Meta, _keys.Promise) is { } promise)
            _promise = Replication.Promise.Decode(promise);
        _genesis = _environment.Store.Get(Table.Meta, _keys.Genesis);
        if (_applier.View is { } view)
            Recover(view, _applier.ViewIndex);
        _log.Recover(_applier.Position, _applier.Hash, _applier.Timestamp, entry =>
        {
            if (entry.Kind == EntryKind.View)
                _views.Append(entry.Index, CheckedView(entry).View);
        });
        _commit = _applier.Position.Index;
        if (_environment.Store.Get(Table.Meta, _keys.Membership) is { } bytes)
        {
            var membership = MembershipRecord.Decode(bytes);
            _self = membership.Id;
            InvariantViolation.Require(membership.Commit <= _log.Last.Index, $"entries up to {membership.Commit} were committed here, the log ends at {_log.Last}");
            CommitUpTo(membership.Commit);
        }
    }

    private void Recover(ViewRecord view, long index)
    {
        RequireSameRule(view);
        _views.Recover(index, view.View);
    }

    private ViewRecord CheckedView(LogEntry entry)
    {
        var view = ViewRecord.Decode(entry.Payload);
        RequireSameRule(view);
        return view;
    }

    private void RequireSameRule(ViewRecord view)
    {
        if (view.Rule != _settings.Commit)
            throw new InvariantViolation($"group '{_settings.Id}' was founded with commit = {view.Rule}, this node is configured with commit = {_settings.Commit}; use the founding value".ToLowerInvariant());
    }

    private void Promise(Epoch epoch, MemberId vote)
    {
        InvariantViolation.Require(epoch > _promise.Epoch || (epoch == _promise.Epoch && _promise.VotedFor.IsNone), $"a second vote in epoch {epoch}");
        _promise = new Promise(epoch, vote);
        _promiseDirty = true;
    }

    /// <summary>Hands everything that is not yet on its way to the writer; <see cref="Saved"/> comes when it is durable.</summary>
    private void Save()
    {
        if (!_promiseDirty && !_membershipDirty && !_genesisDirty && !_log.HasWrites)
            return;
        _ticket++;
        var writes = _log.HasWrites ? _log.TakeWrites(_ticket) : new WriteSet();
        if (_promiseDirty)
        {
            writes.Put(Table.Meta, _keys.Promise, _promise.Encode());
            (_promiseDirty, _promiseTicket) = (false, _ticket);
        }

        if (_membershipDirty)
        {
            writes.Put(Table.Meta, _keys.Membership, new MembershipRecord(_self, _commit).Encode());
            _membershipDirty = false;
        }

        if (_genesisDirty)
        {
            writes.Put(Table.Meta, _keys.Genesis, _genesis);
            _genesisDirty = false;
        }

        _writer.Tell(new StoreWrite(writes, true, Self, new Saved(_ticket)));
    }

    /// <summary>Sends <paramref name="message"/> once everything up to now is durable, if the epoch still holds then.</summary>
    private void SendAfterSave(NodeId to, ReplicaMessage message)
    {
        Save();
        if (_savedTicket >= _ticket)
            Send(to, message);
        else
            _afterSave.Enqueue((_ticket, _promise.Epoch, to, message));
    }

    private void OnSaved(Saved m)
    {
        _savedTicket = m.Ticket;
        _log.Synced(m.Ticket);
        while (_afterSave.TryPeek(out var waiting) && waiting.Ticket <= m.Ticket)
        {
            _afterSave.Dequeue();
            if (waiting.Epoch == _promise.Epoch)
                Send(waiting.To, waiting.Message);
        }

        switch (_role)
        {
            case ReplicaRole.Backup or ReplicaRole.Learner: AcknowledgeSoon(); break;
            case ReplicaRole.Candidate: CountOwnVote(); break;
            case ReplicaRole.Primary: AdvanceCommit(); break;
        }
    }

    // ---- Commit and apply ----

    /// <summary>Entries up to <paramref name="index"/> are committed: applies them, and calls <paramref name="applied"/> for each.</summary>
    private void CommitUpTo(long index, Action<LogEntry, Applied>? applied = null)
    {
        if (index <= _commit)
            return;
        InvariantViolation.Require(index <= _log.Last.Index, $"commit index {index} beyond the log's end {_log.Last}");
        _commit = index;
        var viewBefore = _views.CommittedIndex;
        _views.Commit(index);
        if (_views.CommittedIndex != viewBefore)
            _membershipDirty = true;        // which views are settled must survive a restart of the whole group
        while (_applier.Position.Index < index)
        {
            var entry = _log.Read(_applier.Position.Index + 1);
            var result = _applier.Apply(entry);
            applied?.Invoke(entry, result);
        }

        _watchers.Push();
        if (_applier.ChangedBytes > GroupSettings.StateFlushBytes)
            FlushState();
        else if (!Timers.IsTimerActive(FlushTick.Instance))
            Timers.StartSingleTimer(FlushTick.Instance, FlushTick.Instance, _settings.StateFlushInterval);
    }

    private void FlushState()
    {
        if (_applier.NeedsFlush)
            _writer.Tell(new StoreWrite(_applier.TakeFlush(), false, Self, StateSaved.Instance));
    }

    private void OnStateSaved()
    {
        _applier.Flushed();
        CutLog();
        if (_applier.NeedsFlush && !Timers.IsTimerActive(FlushTick.Instance))
            Timers.StartSingleTimer(FlushTick.Instance, FlushTick.Instance, _settings.StateFlushInterval);
    }

    // ---- Clients that ask a replica that is not the primary ----

    private void OnRequestsElsewhere(Requests m)
    {
        if (!_numbers.IsNew(m.ReplyTo, m.Number, out var isFirst))
            return;
        var stale = m.Items.Where(r => r.Kind == RequestKind.StaleRead).ToList();
        if (stale.Count > 0 && _role is not ReplicaRole.Joining)
            SendReplies(m.ReplyTo, m.Number, stale.ConvertAll(r => ReadNow(r, Now - _heardPrimaryAt)));
        if (stale.Count < m.Items.Count || _role is ReplicaRole.Joining)
            Redirect(m.ReplyTo, isFirst ? 0 : m.Number);
    }

    private void Redirect(string client, long number) => Reply(client, new Redirect(_settings.Id, _environment.Node, KnownPrimary, number, IsCutOff));

    private NodeId KnownPrimary => _role is ReplicaRole.Primary || Now - _heardPrimaryAt < _settings.ElectionTimeout ? _primary : default;

    private Reply ReadNow(Request request, TimeSpan age)
        => new(request.Kind, request.Sequence, default, (long)age.TotalMilliseconds, _applier.Query(request.Payload));

    private void OnStatusRequest(StatusRequest m) => Reply(m.ReplyTo, new StatusReply(_settings.Id, m.Number, Status()));

    private ReplicaStatus Status() => new(
        _settings.Id,
        _environment.Node,
        _role,
        _promise.Epoch,
        _commit,
        _applier.Position.Index,
        _log.Last.Index,
        _primary,
        _views.IsEmpty ? [] : [.. _views.Newest.Members.Select(m => m.Node)],
        _views.IsEmpty ? [] : [.. _views.Newest.Learners.Select(m => m.Node)],
        "",
        _environment.Labels);

    // ---- Links ----

    private void Send(NodeId to, ReplicationMessage message) => _environment.Peers.Replica(to, _settings.Id).Tell(message, ActorRefs.NoSender);

    /// <summary>Answers a client; <paramref name="number"/> is that of <see cref="Replies"/>. Replies of commands are small, those of reads may be a page each: a message stays within one frame.</summary>
    private void SendReplies(string client, long number, List<Reply> items)
    {
        for (var from = 0; from < items.Count;)
        {
            var (to, bytes) = (from, 0);
            while (to < items.Count && (to == from || bytes + items[to].Result.Payload.Length + 64 <= GroupSettings.MaxBatchBytes))
                bytes += items[to++].Result.Payload.Length + 64;
            Reply(client, new Replies(_settings.Id, _environment.Node, number, from == 0 && to == items.Count ? items : items.GetRange(from, to - from)));
            from = to;
        }
    }

    private void Reply(string to, ReplicationMessage message) => _environment.Peers.Client(to).Tell(message, ActorRefs.NoSender);

    private void SetRole(ReplicaRole role, Action<object> table)
    {
        if (_role is ReplicaRole.Primary && role is not ReplicaRole.Primary)
            LeavePrimary();
        if (_role != role)
            _logger.Info("[{0}] {1} is {2} in epoch {3} at {4}", _settings.Id, _environment.Node, role.ToString().ToLowerInvariant(), _promise.Epoch, _log.Last);
        (_role, _table) = (role, table);
        Context.Parent.Tell(new RoleChanged(_settings.Id, role));
    }

    private TimeSpan RandomElectionTimeout() => _settings.ElectionTimeout * (1 + _random.NextDouble());

    private sealed record Saved(long Ticket) : INoSerializationVerificationNeeded;

    private sealed class StateSaved : INoSerializationVerificationNeeded
    {
        public static readonly StateSaved Instance = new();
    }

    private sealed class FlushTick : INoSerializationVerificationNeeded
    {
        public static readonly FlushTick Instance = new();
    }

    private sealed class ElectionTick : INoSerializationVerificationNeeded
    {
        public static readonly ElectionTick Instance = new();
    }
}
