using System.Buffers.Binary;
using Actors.Membership;
using Actors.Replication.Operations;
using Actors.Replication.Transfer;
using Actors.Storage;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication;

/// <summary>One replica of a group, whatever its topology: a log, the state that is applied from it, a promise, and the store that keeps them.</summary>
/// <remarks>
/// What it does with them stands in five files: this one (recovery, storage, commit and apply, what it says of itself), <c>Replica.Requests.cs</c>
/// (clients), <c>Replica.Copying.cs</c> (entries to and from other replicas), <c>Replica.Transfer.cs</c> (the state to and from them) and <c>Replica.Operations.cs</c> (operators). Who leads, who
/// follows whom and when an entry is committed is the topology's.
/// </remarks>
internal abstract partial class Replica : UntypedActor, IWithTimers
{
    protected readonly ReplicationEnvironment _environment;
    protected readonly GroupSettings _settings;
    protected readonly IActorRef _writer;
    protected readonly GroupKeys _keys;
    protected readonly ReplicatedLog _log;
    protected readonly Applier _applier;
    protected readonly Watchers _watchers;
    protected readonly RequestNumbers _numbers = new();
    protected readonly Random _random;
    protected readonly ILoggingAdapter _logger = Context.GetLogger();

    protected Action<object> _table = null!;      // the message table of the present role
    protected ReplicaRole _role;
    protected Promise _promise;
    protected ReadOnlyMemory<byte> _genesis;      // the frame of the group's first entry; empty before there is a group
    protected MemberId _self;                     // none until a view has taken this data folder in
    protected LogPosition _leftOutBy;             // a committed view that it was told to have left out this folder's member id; the latest
    protected long _commit;
    protected IReadOnlyList<Loss> _losses = [];   // as the newest view entry has them
    protected LogPosition _past;                  // lossy group: how far any life of this node knows its log to have come

    // Storage: what was handed to the writer and what waits for it.
    protected long _ticket;                       // the last save handed to the writer
    protected long _savedTicket;                  // the last save that is durable
    protected long _promiseTicket;                // the save that holds the present promise
    protected bool _promiseDirty;
    protected bool _membershipDirty;
    protected bool _genesisDirty;
    protected readonly Queue<(long Ticket, Epoch Epoch, NodeId To, ReplicationMessage Message)> _afterSave = new();
    private readonly DiskWait _diskWait = new();

    // Joining.
    protected long _round;                        // which probes are answered at present; no earlier life of this node had the same
    protected bool _isKnown;                      // one of them was: under this node's name the others reach this process
    private TimeSpan _warnedOfSilence = TimeSpan.MinValue;

    protected Replica(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer)
    {
        _environment = environment;
        _settings = settings;
        _writer = writer;
        _keys = new GroupKeys(settings.Id, settings.IsLossy);
        _log = new ReplicatedLog(environment.Store, _keys, settings.LogCacheBytes, settings.LogLimitBytes);
        _applier = new Applier(settings.StateMachine(), new StateSpace(environment.Store, _keys.State(_log.Base.Generation)), settings.EventsKept);
        _watchers = new Watchers(_applier.Events);
        _random = new Random(environment.Seed);
        _meter = new ReplicaMeter(settings.Id, environment.Node);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected TimeSpan Now => _environment.Clock.Elapsed;

    protected bool IsJoining => _role is ReplicaRole.Joining or ReplicaRole.Outside;

    // The disk is held to what the others are: whoever owes something for so long is not waited for.
    protected bool DiskStalls => _diskWait.At(Now) >= _settings.KickAfter;

    protected bool PromiseIsDurable => !_promiseDirty && _savedTicket >= _promiseTicket;

    /// <summary>True when all that this replica has changed is durable.</summary>
    protected bool AllIsSaved => !HasUnsaved && _savedTicket >= _ticket;

    private bool HasUnsaved => _promiseDirty || _membershipDirty || _genesisDirty || _log.HasWrites || HasOwnWrites;

    protected override void PostStop()
    {
        _watchers.CompleteAll();
        EndTraces();
        _meter.End();
        _checkPoint?.State.Dispose();
    }

    // What a transfer suffers is the store's or the data's fault: the replica fails with it.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Escalate);

    /// <summary>The fence, in one place, before every role's own table.</summary>
    protected override void OnReceive(object message)
    {
        if (message is ReplicaMessage between && !Admit(between))
            return;
        _table(message);
    }

    /// <summary>The rules of epochs (5.2 rule 8). False: drop the message.</summary>
    protected abstract bool Admit(ReplicaMessage m);

    // ---- What every replica answers alike ----

    protected virtual void Common(object message)
    {
        switch (message)
        {
            case Saved m: OnSaved(m); break;
            case StateSaved: OnStateSaved(); break;
            case StoreFailed m: throw new StoreFailedException(m.Reason);
            case FlushTick: FlushState(); break;
            case AckDue: _ackDue = false; break;     // follows nobody any more
            case Requests m: OnRequestsElsewhere(m); break;
            case StatusRequest m: OnStatusRequest(m); break;
            case Subscribe m: _watchers.Add(m); break;
            case Unsubscribe m: _watchers.Remove(m.Writer); break;
            case ReceiverSilent m: StopSender(m.Receiver); break;
            case Freeze m: OnFreeze(m); break;
            case Checked m: _check = m.Result; break;
            default: Unhandled(message); break;
        }
    }

    // ---- Recovery and storage ----

    protected void Recover()
    {
        _applier.Load();
        if (_environment.Store.Get(Table.Meta, _keys.Promise) is { } promise)
            _promise = Replication.Promise.Decode(promise);
        if (_settings.IsLossy && _environment.Store.Get(Table.Meta, _keys.Past) is { } past)
            _past = new LogPosition(_promise.Epoch, BinaryPrimitives.ReadInt64LittleEndian(past));
        _genesis = _environment.Store.Get(Table.Meta, _keys.Genesis);
        if (_applier.View is { } view)
        {
            OnRecovered(Noted(view).View, _applier.ViewIndex);
        }

        _log.Recover(_applier.Position, _applier.Hash, _applier.Timestamp, entry =>
        {
            if (entry.Kind == EntryKind.View)
                OnViewEntry(entry.Index, CheckedView(entry).View);
        });
        _commit = _applier.Position.Index;
        if (_environment.Store.Get(Table.Meta, _keys.Membership) is { } bytes)
        {
            var membership = MembershipRecord.Decode(bytes);
            (_self, _leftOutBy) = (membership.Id, membership.LeftOutBy);
            InvariantViolation.Require(membership.Commit <= _log.Last.Index, $"entries up to {membership.Commit} were committed here, the log ends at {_log.Last}");
            CommitUpTo(membership.Commit);
        }
    }

    /// <summary>The stored state says that <paramref name="view"/> was committed at <paramref name="index"/>.</summary>
    protected abstract void OnRecovered(View view, long index);

    /// <summary>The log got a view entry at <paramref name="index"/>, now or in an earlier life.</summary>
    protected abstract void OnViewEntry(long index, View view);

    protected ViewRecord CheckedView(LogEntry entry) => Noted(ViewRecord.Decode(entry.Payload));

    private ViewRecord Noted(ViewRecord view)
    {
        if (view.Losses.Count > 0)
            _losses = view.Losses;
        if (view.Rule != _settings.Commit)
            throw new InvariantViolation($"group '{_settings.Id}' was founded with commit = {view.Rule}, this node is configured with commit = {_settings.Commit}; use the founding value".ToLowerInvariant());
        return view;
    }

    protected void Promise(Epoch epoch, MemberId vote)
    {
        InvariantViolation.Require(epoch > _promise.Epoch || (epoch == _promise.Epoch && _promise.VotedFor.IsNone), $"a second vote in epoch {epoch}");
        _promise = new Promise(epoch, vote, _promise.NoVoteFor);
        _promiseDirty = true;
    }

    /// <summary>Hands everything that is not yet on its way to the writer; <see cref="Saved"/> comes when it is durable.</summary>
    protected void Save()
    {
        if (!HasUnsaved)
            return;
        _ticket++;
        _diskWait.Began(_ticket, Now);
        var writes = _log.HasWrites ? _log.TakeWrites(_ticket) : new WriteSet();
        if (_promiseDirty)
        {
            writes.Put(Table.Meta, _keys.Promise, _promise.Encode());
            (_promiseDirty, _promiseTicket) = (false, _ticket);
        }

        if (_membershipDirty)
        {
            writes.Put(Table.Meta, _keys.Membership, new MembershipRecord(_self, _commit, _leftOutBy).Encode());
            _membershipDirty = false;
        }

        if (_genesisDirty)
        {
            writes.Put(Table.Meta, _keys.Genesis, _genesis);
            _genesisDirty = false;
        }

        TakeOwnWrites(writes);
        _writer.Tell(new StoreWrite(writes, true, Self, new Saved(_ticket)));
    }

    /// <summary>True when the topology has something to keep that is not on its way to the store.</summary>
    protected virtual bool HasOwnWrites => false;

    /// <summary>Adds what the topology keeps.</summary>
    protected virtual void TakeOwnWrites(WriteSet writes)
    {
    }

    /// <summary>Sends <paramref name="message"/> once everything up to now is durable, if the epoch still holds then.</summary>
    protected void SendAfterSave(NodeId to, ReplicaMessage message)
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
        _diskWait.Ended(m.Ticket);
        _log.Synced(m.Ticket);
        TraceDurable();
        CheckWhenDurable();
        while (_afterSave.TryPeek(out var waiting) && waiting.Ticket <= m.Ticket)
        {
            _afterSave.Dequeue();
            if (waiting.Epoch == _promise.Epoch)
                Send(waiting.To, waiting.Message);
        }

        OnDurable();
    }

    /// <summary>More of the log or a promise has become durable.</summary>
    protected abstract void OnDurable();

    // ---- Commit and apply ----

    /// <summary>Entries up to <paramref name="index"/> are committed: applies them, and calls <paramref name="applied"/> for each.</summary>
    protected void CommitUpTo(long index, Action<LogEntry, Applied>? applied = null)
    {
        if (index <= _commit)
            return;
        InvariantViolation.Require(index <= _log.Last.Index, $"commit index {index} beyond the log's end {_log.Last}");
        _commit = index;
        OnCommitted(index);
        ApplyUpTo(index, applied);
    }

    /// <summary>Applies entries up to <paramref name="index"/>, which need not be committed in a lossy group.</summary>
    protected void ApplyUpTo(long index, Action<LogEntry, Applied>? applied)
    {
        while (_applier.Position.Index < index)
        {
            var entry = _log.Read(_applier.Position.Index + 1);
            var result = _applier.Apply(entry);
            applied?.Invoke(entry, result);
            if (entry.Kind is EntryKind.Operation)
                OnOperation(entry);
        }

        _watchers.Push();
        AnswerFreezes();
        if (_applier.ChangedBytes > GroupSettings.StateFlushBytes)
            FlushState();
        else if (!Timers.IsTimerActive(FlushTick.Instance))
            Timers.StartSingleTimer(FlushTick.Instance, FlushTick.Instance, _settings.StateFlushInterval);
    }

    /// <summary>Entries up to <paramref name="index"/> are committed and about to be applied.</summary>
    protected virtual void OnCommitted(long index)
    {
    }

    protected void FlushState()
    {
        if (!_applier.NeedsFlush)
            return;
        var writes = _applier.TakeFlush();
        if (_settings.IsLossy)
            NotePast(writes);
        _writer.Tell(new StoreWrite(writes, false, Self, StateSaved.Instance));
    }

    // Not synced: what a crash loses of it only makes the bound lower.
    private void NotePast(WriteSet writes)
    {
        var index = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(index, _applier.Position.Index);
        writes.Put(Table.Meta, _keys.Past, index);
    }

    protected void OnStateSaved()
    {
        _applier.Flushed();
        CutLog();
        if (_applier.NeedsFlush && !Timers.IsTimerActive(FlushTick.Instance))
            Timers.StartSingleTimer(FlushTick.Instance, FlushTick.Instance, _settings.StateFlushInterval);
    }

    // ---- What it says of itself ----

    /// <summary>The view in force, as far as this replica knows; null before the first.</summary>
    protected abstract View? View { get; }

    /// <summary>Who takes the clients' requests, as far as this replica knows; none otherwise.</summary>
    protected abstract NodeId Leader { get; }

    protected void OnStatusRequest(StatusRequest m) => Reply(m.ReplyTo, new StatusReply(_settings.Id, m.Number, Status()));

    protected ReplicaStatus Status() => new(
        _settings.Id,
        _environment.Node,
        _role,
        _promise.Epoch,
        _commit,
        _applier.Position.Index,
        _log.Last.Index,
        Leader,
        [.. View?.Members.Select(m => m.Node) ?? []],
        [.. View?.Learners.Select(m => m.Node) ?? []],
        "",
        _environment.Labels)
    {
        Condition = _applier.Restoring?.Line ?? "",
        Check = _check,
        LastEpoch = _log.Last.Epoch,
        Losses = _losses,
        IsLossy = _settings.IsLossy,
    };

    // ---- Links ----

    protected void Send(NodeId to, ReplicationMessage message) => _environment.Peers.Replica(to, _settings.Id).Tell(message, ActorRefs.NoSender);

    protected void SendToOthers(ReplicationMessage message)
    {
        foreach (var node in _environment.Nodes)
        {
            if (node != _environment.Node)
                Send(node, message);
        }
    }

    // Another process of this node had another seed, and time goes on.
    protected long NewRound() => ((long)_environment.Seed << 32) + Now.Ticks;

    /// <summary>Says, once, when it has asked to be taken in since <paramref name="since"/> and nobody has answered.</summary>
    protected void WarnWhenUnanswered(TimeSpan since)
    {
        if (_isKnown || _warnedOfSilence == since || Now - since < 10 * _settings.ElectionTimeout)
            return;
        _warnedOfSilence = since;
        _logger.Warning(
            "[{0}] nobody has answered {1} for {2} s, so it is not taken in: no other node runs, or the others have another address of {1} in actors.nodes, where it may be running already",
            _settings.Id, _environment.Node, (Now - since).TotalSeconds);
    }

    /// <summary>From now on this replica plays <paramref name="role"/>, by <paramref name="table"/>; its supervisor is told.</summary>
    protected void Play(ReplicaRole role, Action<object> table)
    {
        if (_role != role)
            _logger.Info("[{0}] {1} is {2} in epoch {3} at {4}", _settings.Id, _environment.Node, role.ToString().ToLowerInvariant(), _promise.Epoch, _log.Last);
        (_role, _table) = (role, table);
        _meter.Role(role, _promise.Epoch);
        Context.Parent.Tell(new RoleChanged(_settings.Id, role));
    }

    protected long UtcNowMs() => _environment.Clock.UtcNow.ToUnixTimeMilliseconds();

    private sealed record Saved(long Ticket) : INoSerializationVerificationNeeded;

    private sealed class StateSaved : INoSerializationVerificationNeeded
    {
        public static readonly StateSaved Instance = new();
    }

    private sealed class FlushTick : INoSerializationVerificationNeeded
    {
        public static readonly FlushTick Instance = new();
    }
}
