using Actors.Membership;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication;

/// <summary>The log, from one replica to the next: what is sent, taken and acknowledged.</summary>
internal abstract partial class Replica
{
    protected long _number;                   // of the last message with entries to another replica
    protected bool _pumping;                  // a Pump is in the mailbox
    protected long _restLife;                 // not 0: the group is about to rest, and what is sent says so
    protected long _restFrom;                 // the first message that said so
    protected long _matched;          // in this epoch the log is the sender's up to here; what lies behind may be a remnant
    protected long _answering;        // the number of the sender's message that the next ack answers
    protected bool _ackDue;           // an AckDue is in the mailbox

    // ---- Sending ----

    // What is in the mailbox already joins the batch: the Pump comes behind it.
    protected void PumpSoon()
    {
        if (_pumping)
            return;
        _pumping = true;
        Self.Tell(Pump.Instance);
    }

    /// <summary>The highest index that may be sent to another replica.</summary>
    protected virtual long Sendable => _log.Last.Index;

    /// <summary>See <see cref="Append.Floor"/>.</summary>
    protected virtual long Floor => 0;

    /// <summary>See <see cref="Append.Callers"/>.</summary>
    protected virtual IReadOnlyList<Caller> CallersOf(IReadOnlyList<LogEntry> entries) => [];

    /// <summary>Sends what the window allows; with <paramref name="greet"/> at least an empty message, which the other replica answers with what it has.</summary>
    protected void Ship(Progress progress, bool greet)
    {
        if (!SendEntries(progress) && greet)
            SendTo(progress, []);
    }

    private bool SendEntries(Progress progress)
    {
        if (progress.LacksState)
            return false;
        var sent = false;
        progress.NotBefore(_log.Base.Position.Index + 1);
        while (progress.Next <= Sendable && progress.HasRoom(_settings.WindowBytes) && (!progress.IsBusy || _log.HasBatch(progress.Next, GroupSettings.MaxBatchBytes)))
        {
            SendTo(progress, _log.Slice(progress.Next, Sendable, GroupSettings.MaxBatchBytes));
            sent = true;
        }

        return sent;
    }

    private void SendTo(Progress progress, IReadOnlyList<LogEntry> entries)
    {
        var (previous, hash) = _log.At(Math.Max(progress.Next - 1, _log.Base.Position.Index));
        var append = new Append(_settings.Id, _promise.Epoch, _self, progress.Id, ++_number, previous, hash, _commit, PromiseAskedBy(_number), entries) { Traces = TracesOf(entries), Rest = _restLife, Floor = Floor, Applied = _applier.Position.Index };
        if (_restLife != 0 && _restFrom == 0)
            _restFrom = _number;
        if (entries.Count > 0)
        {
            append = append with { Callers = CallersOf(entries) };
            progress.Sent(entries[^1].Index, BytesOf(entries), Now);
        }

        Send(progress.Id.Node, append);
    }

    /// <summary>What message <paramref name="number"/>, about to be sent, asks its receiver to promise; see <see cref="Append.Promise"/>.</summary>
    protected virtual TimeSpan PromiseAskedBy(long number) => TimeSpan.Zero;

    protected static int BytesOf(IReadOnlyList<LogEntry> entries)
    {
        var bytes = 0;
        for (var i = 0; i < entries.Count; i++)
            bytes += entries[i].Bytes;
        return bytes;
    }

    /// <summary>Sends again from where the other log agrees with this one; or the state, when that is cut here.</summary>
    protected void GoBack(Progress progress, Mismatch m)
    {
        var rewound = progress.Rewind(m.Number, _log.LastAtOrBefore(m.Last.Epoch, m.Last.Index).Index + 1, Now);
        if (m.Last.Index < _log.Base.Position.Index)
            OfferState(progress);
        else if (rewound)
        {
            Ship(progress, greet: true);
            progress.Resent(_number);
        }
    }

    /// <summary>Notes what another replica says that it holds; who was sent the state and has it needs no more of that.</summary>
    protected void Note(Progress progress, Appended m)
    {
        InvariantViolation.Require(m.Durable <= _log.Last.Index, $"{m.From} acknowledges {m.Durable}, the log ends at {_log.Last}");
        progress.Acknowledged(m.Number, m.Durable, Now);
        if (progress.LacksState && m.Durable >= _log.Base.Position.Index)
            EndTransferTo(progress);
    }

    // ---- Taking ----

    /// <summary>Whom this replica takes entries from; none otherwise.</summary>
    protected abstract NodeId Source { get; }

    /// <summary>Takes what the sender's log holds. False when it does not fit here, of which the sender is told, or came damaged.</summary>
    protected bool Take(Append m)
    {
        switch (Offer(m))
        {
            case Offered.NoMatch:
                var last = _log.LastAtOrBefore(m.Previous.Epoch, m.Previous.Index - 1);
                SendAfterSave(m.From.Node, new Mismatch(_settings.Id, _promise.Epoch, _self, m.Number, last));
                return false;
            case Offered.Broken:
                _logger.Warning("[{0}] entries after {1} from {2} do not follow by hash; dropped", _settings.Id, m.Previous, m.From);
                Save();
                return false;   // they are sent again
        }

        _matched = Math.Max(_matched, m.Previous.Index + m.Entries.Count);
        _answering = Math.Max(_answering, m.Number);
        TraceAppend(m.Traces);
        CommitUpTo(Math.Min(m.Commit, _matched));
        return true;
    }

    private Offered Offer(Append m)
    {
        try
        {
            return _log.Offer(m.Previous, m.PreviousHash, m.Entries, Math.Max(_commit, _applier.Position.Index), OnEntry, OnRemoved);
        }
        catch (ContradictionException e) when (_settings.IsLossy)
        {
            throw new SupersededException($"{m.From} leads without the {_log.Last.Index - e.Index + 1} or more entries from {e.Index} on, of which this replica has applied some: they are lost");
        }
    }

    /// <summary>Makes durable what was taken, and acknowledges it then.</summary>
    protected void SaveAndAcknowledge()
    {
        var nothingToSave = !_log.HasWrites && !_promiseDirty;
        Save();
        if (nothingToSave)
            AcknowledgeSoon();
    }

    // Several saves often end together: one ack for all that are in the mailbox.
    protected void AcknowledgeSoon()
    {
        if (_ackDue)
            return;
        _ackDue = true;
        Self.Tell(AckDue.Instance);
    }

    protected void OnAckDue()
    {
        _ackDue = false;
        Acknowledge();
    }

    /// <summary>Tells the sender what is durable here. Never more, on any path; and not before the promise of the epoch is durable.</summary>
    protected void Acknowledge()
    {
        if (_answering > 0 && PromiseIsDurable)
            Send(Source, new Appended(_settings.Id, _promise.Epoch, _self, _answering, Math.Min(_matched, _log.Durable)) { Commit = _commit });
    }

    protected void OnEntry(LogEntry entry)
    {
        if (entry.Index == 1)
            (_genesis, _genesisDirty) = (entry.Frame, true);
        if (entry.Kind == EntryKind.View)
            OnViewEntry(entry.Index, CheckedView(entry).View);
    }

    /// <summary>The entries from <paramref name="from"/> on were removed: another leader's stand in their place.</summary>
    protected abstract void OnRemoved(long from);

    protected sealed class Pump : INoSerializationVerificationNeeded
    {
        public static readonly Pump Instance = new();
    }

    protected sealed class AckDue : INoSerializationVerificationNeeded
    {
        public static readonly AckDue Instance = new();
    }
}
