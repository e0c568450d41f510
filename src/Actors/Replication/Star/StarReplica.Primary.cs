using Actors.Membership;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication.Star;

/// <summary>Primary: orders requests, sends them to all in parallel, commits by the group's rule, answers the clients, guards its epoch.</summary>
internal sealed partial class StarReplica
{
    private readonly SortedDictionary<MemberId, Progress> _progress = [];
    private readonly Queue<Pending> _pending = new();                       // appended, not yet committed; in log order
    private readonly HashSet<(LogPosition Session, long Sequence)> _ordered = [];
    private readonly ReadQueue _reads = new();
    private bool _readsDue;                 // reads arrived that no message was sent after
    private long _readRound = -1;           // the newest message number before the last round for reads
    private long _number;                   // of the last message to a backup
    private long _reignStart;               // the index of this epoch's first entry: nothing is served before it is committed
    private TimeSpan _reignSince;
    private long _pendingBytes;
    private bool _pumping;                  // a Pump is in the mailbox

    private readonly record struct Pending(long Index, int Bytes, RequestKind Kind, string ReplyTo, LogPosition Session, long Sequence);

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
            case PeerHint m: OnMemberHint(m); break;
            case Append m: throw new InvariantViolation($"two primaries in epoch {m.Epoch}: {_self} and {m.From}");
            default: Common(message); break;
        }
    }

    private void EnterPrimary()
    {
        Timers.Cancel(ElectionTick.Instance);
        var silent = _primarySuspected || Now - _heardPrimaryAt >= _settings.ElectionTimeout;
        var deposed = silent && !_lastPrimary.IsNone ? _views.Newest.Members.FirstOrDefault(m => m.Node == _lastPrimary && m != _self) : default;
        _reignSince = Now;
        _quorumLost = false;
        Follow(default);
        _primary = _environment.Node;
        _progress.Clear();
        foreach (var id in _views.Everyone)
            AddProgress(id);
        SetRole(ReplicaRole.Primary, Primary);

        // The first entry of the epoch: until it is committed, nothing of an older epoch counts as committed by this primary.
        _reignStart = _log.Last.Index + 1;
        ChangeView(!deposed.IsNone && MayShrink() ? _views.Newest.Without(deposed) : _views.Newest);
        Timers.StartPeriodicTimer(HeartbeatTick.Instance, HeartbeatTick.Instance, _settings.HeartbeatInterval);
    }

    private void LeavePrimary()
    {
        Timers.Cancel(HeartbeatTick.Instance);
        StopSenders();
        foreach (var client in _pending.Select(p => p.ReplyTo).Concat(_reads.Clear()).Distinct())
            Redirect(client, 0);
        _pending.Clear();
        _ordered.Clear();
        (_pendingBytes, _successor, _readsDue, _pumping) = (0, default, false, false);
    }

    // ---- Requests ----

    private void OnRequests(Requests m)
    {
        if (!_numbers.IsNew(m.ReplyTo, m.Number, out _))
            return;
        var answers = new List<Reply>();
        foreach (var request in m.Items)
        {
            if (Answer(m, request) is { } reply)
                answers.Add(reply);
        }

        SendReplies(m.ReplyTo, m.Number, answers);
    }

    /// <summary>Orders the request or puts it in line; or answers at once what needs neither.</summary>
    private Reply? Answer(Requests m, in Request request)
    {
        switch (request.Kind)
        {
            case RequestKind.StaleRead:
                return ReadNow(request, TimeSpan.Zero);
            case RequestKind.BarrierRead:
                if (_reads.Count >= _settings.MaxPendingEntries)
                    return Refused(m, request, Outcome.Overloaded, $"{_reads.Count} reads are waiting already");
                _reads.Add(_number, m.ReplyTo, request);
                _readsDue = true;
                PumpSoon();
                return null;
        }

        if (request.Payload.Length > _settings.MaxCommandBytes)
            return Refused(m, request, Outcome.TooLarge, $"the command of {request.Payload.Length} bytes is over max-command-bytes ({_settings.MaxCommandBytes})");
        if (request.Kind is RequestKind.Command)
        {
            if (_ordered.Contains((m.Session, request.Sequence)))
                return null;                // a retry of what is under way: its reply will come
            if (_commit >= _reignStart)
            {
                // An optimisation: what decides is the look-up when the entry is applied.
                switch (_applier.Find(m.Session, request.Sequence, m.Lowest, out var known))
                {
                    case Seen.Duplicate: return new Reply(request.Kind, request.Sequence, m.Session, 0, known);
                    case Seen.OutOfWindow: return null;
                    case Seen.UnknownSession: return Refused(m, request, Outcome.Expired, "the session has expired");
                }
            }
        }

        if (_pending.Count >= _settings.MaxPendingEntries || _pendingBytes >= _settings.MaxPendingBytes)
            return Refused(m, request, Outcome.Overloaded, $"{_pending.Count} entries of {_pendingBytes} bytes are waiting for their commit already");
        if (!_successor.IsNone)
            return null;                    // handing over: the client asks the next primary
        Order(m, request);
        return null;
    }

    private void Order(Requests m, in Request request)
    {
        var draft = request.Kind is RequestKind.Register
            ? new EntryDraft(EntryKind.Register, default, 0, 0, default, default)
            : new EntryDraft(EntryKind.Command, m.Session, request.Sequence, m.Lowest, request.Token, request.Payload);
        var entry = _log.Append(_promise.Epoch, UtcNowMs(), draft);
        _pending.Enqueue(new Pending(entry.Index, entry.Bytes, request.Kind, m.ReplyTo, m.Session, request.Sequence));
        _pendingBytes += entry.Bytes;
        if (request.Kind is RequestKind.Command)
            _ordered.Add((m.Session, request.Sequence));
        PumpSoon();
    }

    private static Reply Refused(Requests m, in Request request, Outcome outcome, string why)
        => new(request.Kind, request.Sequence, m.Session, 0, new Applied(outcome, default, 0, why));

    // ---- Replication ----

    // What is in the mailbox already joins the batch: the Pump comes behind it.
    private void PumpSoon()
    {
        if (_pumping)
            return;
        _pumping = true;
        Self.Tell(Pump.Instance);
    }

    private void OnPump()
    {
        _pumping = false;
        Save();
        var confirm = _readsDue && AnsweredByQuorum() > _readRound;       // one round at a time: what arrives meanwhile shares the next
        if (confirm)
            (_readsDue, _readRound) = (false, _number);
        foreach (var progress in _progress.Values)
        {
            if (!SendEntries(progress) && confirm)
                SendTo(progress, []);
        }

        AdvanceReads();
    }

    /// <summary>Sends what the window allows; false when that was nothing.</summary>
    private bool SendEntries(Progress progress)
    {
        var sent = false;
        if (progress.LacksState)
            return false;
        progress.NotBefore(_log.Base.Position.Index + 1);
        while (progress.Next <= _log.Last.Index && progress.HasRoom(_settings.WindowBytes) && (!progress.IsBusy || _log.HasBatch(progress.Next, GroupSettings.MaxBatchBytes)))
        {
            SendTo(progress, _log.Slice(progress.Next, GroupSettings.MaxBatchBytes));
            sent = true;
        }

        return sent;
    }

    private void SendTo(Progress progress, IReadOnlyList<LogEntry> entries)
    {
        var (previous, hash) = _log.At(Math.Max(progress.Next - 1, _log.Base.Position.Index));
        var append = new Append(_settings.Id, _promise.Epoch, _self, progress.Id, ++_number, previous, hash, _commit, entries);
        if (entries.Count > 0)
            progress.Sent(entries[^1].Index, BytesOf(entries), Now);
        Send(progress.Id.Node, append);
    }

    private static int BytesOf(IReadOnlyList<LogEntry> entries)
    {
        var bytes = 0;
        for (var i = 0; i < entries.Count; i++)
            bytes += entries[i].Bytes;
        return bytes;
    }

    private void OnAppended(Appended m)
    {
        if (!_progress.TryGetValue(m.From, out var progress))
            return;
        InvariantViolation.Require(m.Durable <= _log.Last.Index, $"{m.From} acknowledges {m.Durable}, the log ends at {_log.Last}");
        progress.Acknowledged(m.Number, m.Durable, Now);
        if (progress.LacksState && m.Durable >= _log.Base.Position.Index)
            EndTransferTo(progress);
        AdvanceCommit();
        if (_role is not ReplicaRole.Primary)
            return;
        AdvanceReads();
        if (_views.Newest.Learners.Contains(m.From))
            PromoteIfCaughtUp(progress);
        if (progress.Id == _successor && progress.Match == _log.Last.Index)
            Send(_successor.Node, new TakeOver(_settings.Id, _promise.Epoch, _self, _successor));
        SendEntries(progress);
    }

    private void OnMismatch(Mismatch m)
    {
        if (!_progress.TryGetValue(m.From, out var progress))
            return;
        var rewound = progress.Rewind(m.Number, _log.LastAtOrBefore(m.Last.Epoch, m.Last.Index).Index + 1, Now);
        if (m.Last.Index < _log.Base.Position.Index)
            OfferState(progress);
        else if (rewound)
        {
            if (!SendEntries(progress))
                SendTo(progress, []);
            progress.Resent(_number);
        }
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
    }

    private long DurableAt(MemberId member) => member == _self ? _log.Durable : _progress.TryGetValue(member, out var progress) ? progress.Match : 0;

    private void CollectReply(LogEntry entry, Applied applied, Dictionary<string, List<Reply>> replies)
    {
        if (!_pending.TryPeek(out var pending) || pending.Index != entry.Index)
            return;
        _pending.Dequeue();
        _pendingBytes -= pending.Bytes;
        _ordered.Remove((pending.Session, pending.Sequence));
        if (!replies.TryGetValue(pending.ReplyTo, out var items))
            replies.Add(pending.ReplyTo, items = []);
        var session = pending.Kind is RequestKind.Register ? entry.Position : pending.Session;
        items.Add(new Reply(pending.Kind, pending.Sequence, session, 0, applied));
    }

    // ---- Reads ----

    private void AdvanceReads()
    {
        if (_reads.Count == 0 || _commit < _reignStart)
            return;
        var answered = AnsweredByQuorum();
        var replies = new Dictionary<string, List<Reply>>();
        while (_reads.TryTake(answered, out var client, out var request))
        {
            if (!replies.TryGetValue(client, out var items))
                replies.Add(client, items = []);
            items.Add(ReadNow(request, TimeSpan.Zero));
        }

        foreach (var (client, items) in replies)
            SendReplies(client, 0, items);
        if (_readsDue && answered > _readRound)
            PumpSoon();
    }

    private long AnsweredByQuorum() => _views.ReachedByQuorum(m => m == _self ? long.MaxValue : _progress.TryGetValue(m, out var p) ? p.Answered : 0);

    // ---- Heartbeats, check-quorum, kicks ----

    private void OnHeartbeatTick()
    {
        foreach (var progress in _progress.Values)
        {
            if (!SendEntries(progress))
                SendTo(progress, []);
        }

        AdvanceReads();
        // Judged as it will be at the next tick, so that a primary without a quorum serves for no longer than the time-out.
        var atNextTick = _settings.ElectionTimeout - _settings.HeartbeatInterval;
        if (!_views.IsQuorum(m => m == _self || HeardWithin(m, atNextTick)) && Now - _reignSince >= _settings.ElectionTimeout)
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
        KickIfSilent();
    }

    private bool HeardWithin(MemberId member, TimeSpan time) => _progress.TryGetValue(member, out var progress) && Now - progress.HeardAt < time;

    private void OnMemberHint(PeerHint m)
    {
        foreach (var progress in _progress.Values)
        {
            if (progress.Id.Node == m.Node)
                progress.Suspected = m.Suspected;
        }
    }

    private long UtcNowMs() => _environment.Clock.UtcNow.ToUnixTimeMilliseconds();

    private sealed class Pump : INoSerializationVerificationNeeded
    {
        public static readonly Pump Instance = new();
    }

    private sealed class HeartbeatTick : INoSerializationVerificationNeeded
    {
        public static readonly HeartbeatTick Instance = new();
    }
}
