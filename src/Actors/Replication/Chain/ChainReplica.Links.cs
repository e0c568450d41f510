namespace Actors.Replication.Chain;

/// <summary>What runs along the chain: entries down, acknowledgements up, and down again the reads.</summary>
/// <remarks>
/// A link forwards only what it holds durably, so whatever crashes, a log is contained in that of the link before ("Update Propagation
/// Invariant", section 3.2), and what the tail holds durably all hold: that commits it.
/// </remarks>
internal sealed partial class ChainReplica
{
    private readonly Queue<(string ReplyTo, Request Request)> _reads = new();      // at the head: not yet on their way
    private readonly Queue<(long Floor, PassReads Reads)> _held = new();            // at the tail: what it must have committed first
    private long _batch;                    // the last batch of reads that left the head
    private TimeSpan _batchSince;
    private bool _batchIsOut;

    // ---- Entries ----

    protected override long Sendable => _log.Durable;

    private void OnPump()
    {
        _pumping = false;
        if (!_serving || !IsHead)
            return;
        Save();
        PassNextBatch();
    }

    // Whoever becomes the tail answers them. After a failure some addresses are lost: those clients ask again.
    protected override void Remember(Append m)
    {
        for (var i = 0; i < m.Callers.Count; i++)
        {
            var (entry, caller) = (m.Entries[i], m.Callers[i]);
            if (caller.IsNone || entry.Index <= Math.Max(_commit, _lastPending))
                continue;
            var kind = entry.Kind is EntryKind.Register ? RequestKind.Register : RequestKind.Command;
            Enqueue(new Pending(entry.Index, entry.Bytes, kind, caller.ReplyTo, entry.Session, caller.Sequence, Now));
        }
    }

    protected override IReadOnlyList<Caller> CallersOf(IReadOnlyList<LogEntry> entries)
    {
        if (!_record!.View.IsMember(_successor))
            return [];      // a learner answers nobody
        Caller[]? callers = null;
        var first = entries[0].Index;
        foreach (var pending in _pending)
        {
            if (pending.Index > entries[^1].Index)
                break;
            if (pending.Index >= first)
                (callers ??= new Caller[entries.Count])[pending.Index - first] = new Caller(pending.ReplyTo, pending.Sequence);
        }

        return callers ?? [];
    }

    protected override void OnDurable()
    {
        Forward(greet: false);
        AdvanceCommit();
        if (!_predecessor.IsNone)
            AcknowledgeSoon();
        Pursue();
    }

    /// <summary>Sends what the successor may lack; with <paramref name="greet"/>, or when it was not sent to in this view, at least an empty message: it answers with what it has.</summary>
    private void Forward(bool greet)
    {
        if (_down is null || !MaySend)
            return;
        Ship(_down, greet || !_greeted);
        _greeted = true;
    }

    // ---- Acknowledgements ----

    protected override void OnAppended(Appended m)
    {
        if (_down is null || m.From != _down.Id)
            return;
        Note(_down, m);
        _suspected.Remove(m.From.Node);
        if (_serving && IsHead)
            _freshAt = Now;     // while it serves nobody orders without it; before that others may
        if (!IsTail && m.Commit > _commit)
        {
            CommitUpTo(Math.Min(m.Commit, _log.Durable), (entry, _) => Forget(entry));
            if (!_predecessor.IsNone)
                AcknowledgeSoon();
        }

        if (MaySend)
            Ship(_down, greet: false);
        if (_serving && IsTail && !MustBeSilent)
            PromoteIfCaughtUp(_down);
    }

    private void Forget(LogEntry entry) => TakePending(entry.Index, out _);

    // A link that is started again keeps its epoch and numbers its messages anew: what this life has not sent was sent by an earlier one.
    protected override void OnMismatch(Mismatch m)
    {
        if (MaySend && _down is not null && m.From == _down.Id && m.Number <= _number)
            GoBack(_down, m);
    }

    /// <summary>At the tail: everything durable here is durable in all links before it. Commits, answers, tells the link before.</summary>
    protected override void AdvanceCommit()
    {
        if (!_serving || !IsTail || !PromiseIsDurable || MustBeSilent)
            return;
        var index = IsHead ? _log.Durable : Math.Min(_matched, _log.Durable);
        if (index > _commit)
        {
            CommitAndAnswer(index);
            if (!_predecessor.IsNone)
                AcknowledgeSoon();
        }

        while (_held.TryPeek(out var held) && held.Floor <= _commit)
            AnswerReads(_held.Dequeue().Reads);
    }

    // ---- Reads ----

    // The head may be the head of an earlier view. So reads run down the chain as an entry would: whoever has joined a later view stops them.
    protected override Reply? QueueRead(Requests m, in Request request)
    {
        if (_reads.Count >= _settings.MaxPendingEntries)
            return Refused(m, request, Outcome.Overloaded, $"{_reads.Count} reads are waiting already");
        _reads.Enqueue((m.ReplyTo, request));
        PumpSoon();
        return null;
    }

    /// <summary>One batch at a time: what arrives meanwhile shares the next.</summary>
    private void PassNextBatch()
    {
        if (_batchIsOut || _reads.Count == 0)
            return;
        var items = new List<CallerRead>();
        for (var bytes = 0; _reads.TryPeek(out var next) && (items.Count == 0 || bytes + next.Request.Payload.Length + 64 <= GroupSettings.MaxBatchBytes);)
        {
            bytes += next.Request.Payload.Length + 64;
            items.Add(new CallerRead(next.ReplyTo, next.Request.Sequence, next.Request.Payload));
            _reads.Dequeue();
        }

        (_batchIsOut, _batchSince) = (true, Now);
        Pass(new PassReads(_settings.Id, _promise.Epoch, _self, default, ++_batch, _entered, items));
    }

    private void OnPassReads(PassReads m)
    {
        if (_serving && m.To == _self && m.From == _predecessor)
            Pass(m);
    }

    /// <summary>To the next member, or, at the tail, answered as soon as this link has what earlier tails had (5.4 number 4).</summary>
    private void Pass(PassReads reads)
    {
        if (!IsTail)
        {
            Send(_successor.Node, reads with { From = _self, To = _successor });
            return;
        }

        _held.Enqueue((Math.Max(reads.Floor, _entered), reads));
        AdvanceCommit();
    }

    private void AnswerReads(PassReads reads)
    {
        var replies = new Dictionary<string, List<Reply>>();
        foreach (var item in reads.Items)
        {
            if (!replies.TryGetValue(item.ReplyTo, out var answers))
                replies.Add(item.ReplyTo, answers = []);
            answers.Add(ReadNow(new Request(RequestKind.BarrierRead, item.Sequence, default, item.Query), TimeSpan.Zero));
        }

        foreach (var (client, answers) in replies)
            SendReplies(client, 0, answers);
        var done = new ReadsPassed(_settings.Id, _promise.Epoch, _self, reads.Batch);
        if (IsHead)
            OnReadsPassed(done);
        else
            Send(_record!.View.Members[0].Node, done);
    }

    private void OnReadsPassed(ReadsPassed m)
    {
        if (m.Batch != _batch)
            return;
        _batchIsOut = false;
        if (_reads.Count > 0)
            PumpSoon();
    }

    // A batch that was lost on the way: its clients ask again.
    private void GiveUpLostBatch()
    {
        if (_batchIsOut && Now - _batchSince >= _settings.ElectionTimeout)
            OnReadsPassed(new ReadsPassed(_settings.Id, _promise.Epoch, _self, _batch));
    }

    private void ForgetReads()
    {
        foreach (var client in _reads.Select(r => r.ReplyTo).Distinct())
            Redirect(client, 0);
        _reads.Clear();
        _held.Clear();
        _batchIsOut = false;
    }
}
