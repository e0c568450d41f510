using Actors.Membership;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication.Star;

/// <summary>Primary: orders requests, sends them to all in parallel, commits by the group's rule, answers the clients, guards its epoch.</summary>
internal sealed partial class StarReplica
{
    private readonly SortedDictionary<MemberId, Progress> _progress = [];
    private readonly ReadQueue _reads = new();
    private long _reignStart;               // the index of this epoch's first entry: nothing is served before it is committed
    private TimeSpan _reignSince;

    private void Primary(object message)
    {
        switch (message)
        {
            case Requests m: OnRequests(m); break;
            case Pump: OnPump(); break;
            case Appended m: OnAppended(m); break;
            case Mismatch m: OnMismatch(m); break;
            case FetchState m: OnFetchState(m); break;
            case HeartbeatTick: OnHeartbeatTick(); break;
            case Join m: OnJoin(m); break;
            case TransferRequest m: OnTransfer(m); break;
            case MembersRequest m: OnMembersRequest(m); break;
            case PeerHint m: OnMemberHint(m); break;
            case Append m: throw new InvariantViolation($"two primaries in epoch {m.Epoch}: {_self} and {m.From}");
            default: Common(message); break;
        }
    }

    private void EnterPrimary()
    {
        Timers.Cancel(ElectionTick.Instance);
        var silent = _primarySuspected || Now - PrimaryAliveAt >= _settings.ElectionTimeout;
        var deposed = silent && !_lastPrimary.IsNone ? _views.Newest.Members.FirstOrDefault(m => m.Node == _lastPrimary && m != _self) : default;
        _reignSince = Now;
        _lease = new Timing.Lease(_settings.LeaseDuration);
        _quorumLost = false;
        Follow(default);
        _primary = _environment.Node;
        _progress.Clear();
        foreach (var id in _views.Everyone)
            AddProgress(id);
        SetRole(ReplicaRole.Primary, Primary);

        // The first entry of the epoch: until it is committed, nothing of an older epoch counts as committed by this primary.
        _reignStart = _log.Last.Index + 1;
        NoteLoss();
        ChangeView(!deposed.IsNone && MayShrink() ? _views.Newest.Without(deposed) : IsVoter ? _views.Newest : _views.Newest.WithPromoted(_self));
        Timers.StartPeriodicTimer(HeartbeatTick.Instance, HeartbeatTick.Instance, _settings.HeartbeatInterval);
    }

    private void LeavePrimary()
    {
        Timers.Cancel(HeartbeatTick.Instance);
        StopSenders();
        EndTraces();
        foreach (var client in _pending.Select(p => p.ReplyTo).Concat(_reads.Clear()).Distinct())
            Redirect(client, 0);
        ForgetPending();
        _orders.Clear();        // nobody knows whether they will be carried out
        (_successor, _pumping) = (default, false);
    }

    protected override bool KnowsReplies => _applier.Position.Index >= _reignStart;

    // Not while handing over: the client asks the next primary.
    protected override bool MayOrder => _successor.IsNone;

    // ---- Replication ----

    private void OnPump()
    {
        _pumping = false;
        Save();
        var confirm = _reads.MayBegin(AnsweredByQuorum());
        if (confirm)
            _reads.Begin(_number);
        foreach (var progress in _progress.Values)
            Ship(progress, greet: confirm);

        AdvanceReads();
        ApplyAhead();
    }

    private void OnAppended(Appended m)
    {
        if (!_progress.TryGetValue(m.From, out var progress))
            return;
        Note(progress, m);
        AdvanceCommit();
        if (_role is not ReplicaRole.Primary)
            return;
        AdvanceReads();
        if (_views.Newest.Learners.Contains(m.From))
            PromoteIfCaughtUp(progress);
        Ship(progress, greet: false);
        if (progress.Id == _successor && progress.Match == _log.Last.Index)
            AskToTakeOver(_successor);
    }

    private void OnMismatch(Mismatch m)
    {
        if (_progress.TryGetValue(m.From, out var progress))
            GoBack(progress, m);
    }

    private void AdvanceCommit()
    {
        var index = Math.Min(_views.Committable(_settings.Commit, DurableAt), _log.Last.Index);

        // Only an entry of its own epoch may be committed by counting (Raft, section 5.4.2); it commits all before it.
        if (index <= _commit || _log.At(index).Position.Epoch != _promise.Epoch)
            return;
        var replies = new Dictionary<string, List<Reply>>();
        CommitUpTo(index, (entry, applied) => CollectReply(entry, applied, replies));
        foreach (var (client, items) in replies)
            SendReplies(client, 0, items);
        DropDeparted();
        PursueOrders();
    }

    private long DurableAt(MemberId member) => IsOwn(member) ? _log.Durable : ProgressOf(member)?.Match ?? 0;

    // ---- Reads ----

    protected override Reply? QueueRead(Requests m, in Request request)
    {
        if (_settings.IsLossy)
            return Refused(m, request, Outcome.Failed, "the group is lossy (durability = memory): it has no barrier reads");
        if (_reads.Count >= _settings.MaxPendingEntries)
            return Refused(m, request, Outcome.Overloaded, $"{_reads.Count} reads are waiting already");
        _reads.Add(_number, m.ReplyTo, request);
        PumpSoon();
        return null;
    }

    private void AdvanceReads()
    {
        if (_reads.Count == 0 || _commit < _reignStart)
            return;
        var answered = AnsweredByQuorum();
        foreach (var (client, items) in _reads.Answer(answered, request => ReadNow(request, TimeSpan.Zero)))
            SendReplies(client, 0, items);
        if (_reads.MayBegin(answered))
            PumpSoon();
    }

    private long AnsweredByQuorum() => _views.ReachedByQuorum(m => IsOwn(m) ? long.MaxValue : ProgressOf(m)?.Answered ?? 0);

    // ---- Heartbeats, check-quorum, kicks ----

    private void OnHeartbeatTick()
    {
        if (DiskStalls)
        {
            _logger.Warning("[{0}] the disk of {1} has not finished a write for {2} ms; falling silent, so that another takes over", _settings.Id, _environment.Node, _settings.KickAfter.TotalMilliseconds);
            EnterBackup(default);
            return;
        }

        if (RestIfQuiet())
            return;
        foreach (var progress in _progress.Values)
            Ship(progress, greet: true);

        AdvanceReads();
        MeasureLag(_progress.Values);
        MeasureLease();
        // Judged as it will be at the next tick, so that a primary without a quorum serves for no longer than the time-out.
        var atNextTick = _settings.ElectionTimeout - _settings.HeartbeatInterval;
        if (!_views.IsQuorum(m => IsOwn(m) || HeardWithin(m, atNextTick)) && Now - _reignSince >= _settings.ElectionTimeout)
        {
            _logger.Warning("[{0}] {1} has not heard a quorum for {2} ms; stepping down", _settings.Id, _environment.Node, _settings.ElectionTimeout.TotalMilliseconds);
            _quorumLost = true;
            EnterBackup(default);
            return;
        }

        if (!_successor.IsNone && Now >= _handOverUntil)
            _successor = default;
        if (_successor.IsNone && IsLeftOut)
            HandOver(default);
        KickIfSlow();
    }

    private bool HeardWithin(MemberId member, TimeSpan time) => ProgressOf(member) is { } progress && Now - progress.HeardAt < time;

    private void OnMemberHint(PeerHint m)
    {
        foreach (var progress in _progress.Values)
        {
            if (progress.Id.Node == m.Node)
                progress.Suspected = m.Suspected;
        }
    }

    private sealed class HeartbeatTick : INoSerializationVerificationNeeded
    {
        public static readonly HeartbeatTick Instance = new();
    }
}
