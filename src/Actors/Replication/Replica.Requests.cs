using Actors.Membership;
using Akka.Actor;

namespace Actors.Replication;

/// <summary>Clients: their requests are ordered, refused or sent elsewhere; whoever has what it takes answers them.</summary>
internal abstract partial class Replica
{
    protected readonly Queue<Pending> _pending = new();                       // ordered, not yet committed; in log order
    protected readonly HashSet<(LogPosition Session, long Sequence)> _ordered = [];
    protected long _pendingBytes;
    protected long _lastPending;                // the index of the last one

    protected readonly record struct Pending(long Index, int Bytes, RequestKind Kind, string ReplyTo, LogPosition Session, long Sequence, TimeSpan At);

    // ---- Requests ----

    /// <summary>True when what is applied here says whether a command was answered before.</summary>
    protected abstract bool KnowsReplies { get; }

    /// <summary>False while no commands are ordered: they are refused, or left unanswered for another leader.</summary>
    protected abstract bool MayOrder { get; }

    /// <summary>The refusal when nothing is ordered; empty: no answer, the client asks again or another one.</summary>
    protected virtual string WhyNotOrdered => "";

    /// <summary>Puts a linearizable read in line, or refuses it.</summary>
    protected abstract Reply? QueueRead(Requests m, in Request request);

    protected void OnRequests(Requests m)
    {
        if (!_numbers.IsNew(m.ReplyTo, m.Number))
            return;
        // It may be a copy of what another life has refused: then its client counts on it that nobody orders it.
        if (m.Session != LogPosition.Zero && m.Life != _environment.Life)
        {
            Reply(m.ReplyTo, new Redirect(_settings.Id, _environment.Node, _environment.Node, Vouched(m), false) { Life = _environment.Life });
            return;
        }

        var (answers, reads) = (new List<Reply>(), new List<Request>());
        for (var i = 0; i < m.Items.Count; i++)
        {
            var before = _log.Last.Index;
            if (m.Items[i].Kind is RequestKind.Read)
                reads.Add(m.Items[i]);
            else if (Answer(m, m.Items[i]) is { } reply)
                answers.Add(reply);
            else if (m.Traces.Count > 0 && _log.Last.Index > before)
                TraceOrder(_log.Last.Index, ContextAt(m.Traces, i));
        }

        if (reads.Count > 0 && ReadByLease(reads) is { } read)
            answers.AddRange(read);
        else
            answers.AddRange(reads.Select(request => QueueRead(m, request with { Kind = RequestKind.BarrierRead })).OfType<Reply>());
        SendReplies(m.ReplyTo, m.Number, answers.ConvertAll(Aged));
    }

    /// <summary>See <see cref="Replies.ReadsHere"/>.</summary>
    protected virtual bool ReadsHere => false;

    /// <summary>Answers from the state as it is, if nobody else can lead meanwhile; null when that is not certain.</summary>
    protected virtual List<Reply>? ReadByLease(List<Request> reads) => null;

    /// <summary>Orders the request or puts it in line; or answers at once what needs neither.</summary>
    protected Reply? Answer(Requests m, in Request request)
    {
        switch (request.Kind)
        {
            case RequestKind.StaleRead:
                return ReadStale(request);
            case RequestKind.BarrierRead:
                return QueueRead(m, request);
        }

        if (request.Kind is RequestKind.Command && request.Payload.Length > _settings.MaxCommandBytes)
            return Refused(m, request, Outcome.TooLarge, $"the command of {request.Payload.Length} bytes is over max-command-bytes ({_settings.MaxCommandBytes})");
        if (request.Kind is RequestKind.Register)
        {
            if (KnowsReplies && _applier.WhyNoSession(UtcNowMs()) is { Length: > 0 } full)
                return Refused(m, request, Outcome.Overloaded, full);
        }
        else
        {
            if (_ordered.Contains((m.Session, request.Sequence)))
                return null;                // a retry of what is under way: its reply will come
            if (KnowsReplies)
            {
                // An optimisation: what decides is the look-up when the entry is applied.
                switch (_applier.Find(m.Session, request.Sequence, m.Lowest, out var known))
                {
                    case Seen.Duplicate: return new Reply(request.Kind, request.Sequence, m.Session, 0, known);
                    case Seen.OutOfWindow: return null;
                    case Seen.UnknownSession when m.Session.Index <= _applier.Position.Index: return Refused(m, request, Outcome.Expired, "the session has expired");
                }
            }
        }

        if (_pending.Count >= _settings.MaxPendingEntries || _pendingBytes >= _settings.MaxPendingBytes)
            return Refused(m, request, Outcome.Overloaded, $"{_pending.Count} entries of {_pendingBytes} bytes are waiting for their commit already");
        if (!MayOrder)
            return WhyNotOrdered.Length == 0 ? null : Refused(m, request, Outcome.Unavailable, WhyNotOrdered);
        Order(m, request);
        return null;
    }

    protected void Order(Requests m, in Request request)
    {
        var draft = request.Kind is RequestKind.Register
            ? new EntryDraft(EntryKind.Register, default, 0, 0, default, default)
            : new EntryDraft(request.Kind is RequestKind.Operation ? EntryKind.Operation : EntryKind.Command, m.Session, request.Sequence, m.Lowest, request.Token, request.Payload);
        var entry = _log.Append(_promise.Epoch, UtcNowMs(), draft);
        Enqueue(new Pending(entry.Index, entry.Bytes, request.Kind, m.ReplyTo, m.Session, request.Sequence, Now));
        if (request.Kind is not RequestKind.Register)
            _ordered.Add((m.Session, request.Sequence));
        PumpSoon();
    }

    protected void Enqueue(in Pending pending)
    {
        _pending.Enqueue(pending);
        _pendingBytes += pending.Bytes;
        _lastPending = pending.Index;
        _meter.Queue(_pending.Count, _pendingBytes);
    }

    /// <summary>Who waits for the entry at <paramref name="index"/>, which is committed; those of earlier entries have been answered by others.</summary>
    protected bool TakePending(long index, out Pending pending)
    {
        while (_pending.TryPeek(out pending) && pending.Index <= index)
        {
            _pending.Dequeue();
            _pendingBytes -= pending.Bytes;
            _meter.Committed(Now - pending.At);
            _meter.Queue(_pending.Count, _pendingBytes);
            TraceCommit(pending.Index);
            _ordered.Remove((pending.Session, pending.Sequence));
            if (pending.Index == index)
                return true;
        }

        return false;
    }

    protected void ForgetPending()
    {
        _pending.Clear();
        _ordered.Clear();
        (_pendingBytes, _lastPending) = (0, 0);
    }

    protected Reply Refused(Requests m, in Request request, Outcome outcome, string why)
    {
        if (outcome is Outcome.Overloaded)
            _meter.Refused();
        return new(request.Kind, request.Sequence, m.Session, 0, new Applied(outcome, default, 0, why));
    }

    protected void CollectReply(LogEntry entry, Applied applied, Dictionary<string, List<Reply>> replies)
    {
        if (!TakePending(entry.Index, out var pending))
            return;
        if (!replies.TryGetValue(pending.ReplyTo, out var items))
            replies.Add(pending.ReplyTo, items = []);
        var session = pending.Kind is RequestKind.Register ? entry.Position : pending.Session;
        items.Add(new Reply(pending.Kind, pending.Sequence, session, 0, applied));
    }

    // ---- Clients that ask a replica that does not lead ----

    protected void OnRequestsElsewhere(Requests m)
    {
        if (!_numbers.IsNew(m.ReplyTo, m.Number))
            return;
        var stale = m.Items.Where(r => r.Kind is RequestKind.StaleRead || (r.Kind is RequestKind.Read && _settings.IsLossy)).ToList();
        if (stale.Count > 0 && !IsJoining)
            SendReplies(m.ReplyTo, m.Number, stale.ConvertAll(ReadStale).ConvertAll(Aged));
        if (stale.Count < m.Items.Count || IsJoining)
            Redirect(m.ReplyTo, Vouched(m));
    }

    /// <summary>The number of a message none of whose commands is ordered, by any life of this replica and by any copy; 0 when that is not certain.</summary>
    private long Vouched(Requests m) => m.Life == 0 || m.Life == _environment.Life ? m.Number : 0;

    protected void Redirect(string client, long number) => Reply(client, new Redirect(_settings.Id, _environment.Node, KnownLeader, number, IsCutOff) { Life = _environment.Life });

    /// <summary>Whom clients should ask: the leader, if it was heard lately.</summary>
    protected abstract NodeId KnownLeader { get; }

    /// <summary>True when nobody on this side of a partition can serve, as far as this replica knows.</summary>
    protected abstract bool IsCutOff { get; }

    /// <summary>How long ago this replica last heard from whom it takes entries from: the age of a stale read.</summary>
    protected abstract TimeSpan Age { get; }

    // Its age is told as it is once the state is read: reading may take its time.
    // Once more when all that leaves with it is read.
    private Reply Aged(Reply reply) => reply.Kind is RequestKind.StaleRead ? reply with { AgeMs = (long)Age.TotalMilliseconds } : reply;

    protected Reply ReadStale(Request request) => ReadNow(request, TimeSpan.Zero) with { AgeMs = (long)Age.TotalMilliseconds };

    protected Reply ReadNow(Request request, TimeSpan age)
        => new(request.Kind, request.Sequence, default, (long)age.TotalMilliseconds, _applier.Query(request.Payload));

    /// <summary>Answers a client; <paramref name="number"/> is that of <see cref="Replies"/>. Replies of commands are small, those of reads may be a page each: a message stays within one frame.</summary>
    protected void SendReplies(string client, long number, List<Reply> items)
    {
        for (var from = 0; from < items.Count;)
        {
            var (to, bytes) = (from, 0);
            while (to < items.Count && (to == from || bytes + items[to].Result.Payload.Length + 64 <= GroupSettings.MaxBatchBytes))
                bytes += items[to++].Result.Payload.Length + 64;
            Reply(client, new Replies(_settings.Id, _environment.Node, number, from == 0 && to == items.Count ? items : items.GetRange(from, to - from)) { Life = _environment.Life, ReadsHere = ReadsHere, IsLossy = _settings.IsLossy });
            from = to;
        }
    }

    protected void Reply(string to, ReplicationMessage message) => _environment.Peers.Client(to).Tell(message, ActorRefs.NoSender);
}
