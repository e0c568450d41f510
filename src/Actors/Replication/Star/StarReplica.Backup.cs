using Actors.Membership;
using Actors.Replication.Transfer;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication.Star;

/// <summary>Backup and learner: take entries from the primary, make them durable, acknowledge, apply what is committed.</summary>
internal sealed partial class StarReplica
{
    private long _matched;          // in this epoch the log is the primary's up to here; what lies behind may be a remnant
    private long _answering;        // the number of the primary's message that the next ack answers
    private bool _ackDue;           // an AckDue is in the mailbox
    private NodeId _lastPrimary;    // the last one followed, in whatever epoch

    private void Backup(object message)
    {
        switch (message)
        {
            case Append m: OnAppend(m); break;
            case AckDue: OnAckDue(); break;
            case StateOffer m: OnStateOffer(m); break;
            case StateChunk m: OnStateChunk(m); break;
            case StateReceived m: OnStateReceived(m); break;
            case TakeOver m: OnTakeOver(m); break;
            case ElectionTick: OnElectionTick(); break;
            default: Common(message); break;
        }
    }

    private void EnterBackup(NodeId primary)
    {
        Follow(primary);
        SetRole(IsVoter ? ReplicaRole.Backup : ReplicaRole.Learner, Backup);
        Save();
        Timers.StartSingleTimer(ElectionTick.Instance, ElectionTick.Instance, RandomElectionTimeout());
    }

    // What was matched with one primary says nothing about the next.
    private void Follow(NodeId primary)
    {
        _primary = primary;
        (_matched, _answering) = (0, 0);
        StopReceiver();
        if (primary.IsNone)
            return;
        _lastPrimary = primary;
        _primarySuspected = false;
        _heardPrimaryAt = Now;
    }

    private void OnAppend(Append m)
    {
        if (m.To != _self)
        {
            // A folder that lost its member id by a kick may be taken in anew before it noticed; anything else is meant for a former life.
            if (m.To.Node == _self.Node && m.To.Incarnation == _self.Incarnation && m.To.Joined > _self.Joined)
                OnAppendWhileJoining(m);
            return;
        }

        if (_role is ReplicaRole.Candidate || _primary != m.From.Node)
            EnterBackup(m.From.Node);
        _heardPrimaryAt = Now;
        (_quorumLost, _primarySuspected) = (false, false);
        switch (_log.Offer(m.Previous, m.PreviousHash, m.Entries, _commit, OnEntry, OnRemoved))
        {
            case Offered.NoMatch:
                var last = _log.LastAtOrBefore(m.Previous.Epoch, m.Previous.Index - 1);
                SendAfterSave(m.From.Node, new Mismatch(_settings.Id, _promise.Epoch, _self, m.Number, last));
                return;
            case Offered.Broken:
                _logger.Warning("[{0}] entries after {1} from {2} do not follow by hash; dropped", _settings.Id, m.Previous, m.From);
                Save();
                return;         // the primary sends them again
        }

        _matched = Math.Max(_matched, m.Previous.Index + m.Entries.Count);
        _answering = Math.Max(_answering, m.Number);
        CommitUpTo(Math.Min(m.Commit, _matched));
        if (_role is ReplicaRole.Learner && IsVoter)
            SetRole(ReplicaRole.Backup, Backup);
        var nothingToSave = !_log.HasWrites && !_promiseDirty;
        Save();
        if (nothingToSave)
            AcknowledgeSoon();
    }

    // Several saves often end together: one ack for all that are in the mailbox.
    private void AcknowledgeSoon()
    {
        if (_ackDue)
            return;
        _ackDue = true;
        Self.Tell(AckDue.Instance);
    }

    private void OnAckDue()
    {
        _ackDue = false;
        Acknowledge();
    }

    /// <summary>Tells the primary what is durable here. Never more, on any path; and not before the promise of the epoch is durable.</summary>
    private void Acknowledge()
    {
        if (_answering > 0 && PromiseIsDurable)
            Send(_primary, new Appended(_settings.Id, _promise.Epoch, _self, _answering, Math.Min(_matched, _log.Durable)));
    }

    private void OnEntry(LogEntry entry)
    {
        if (entry.Index == 1)
            (_genesis, _genesisDirty) = (entry.Frame, true);
        if (entry.Kind == EntryKind.View)
            _views.Append(entry.Index, CheckedView(entry).View);
    }

    private void OnRemoved(long from) => _views.Truncate(from);

    private void OnTakeOver(TakeOver m)
    {
        if (m.To != _self || !IsVoter)
            return;
        _logger.Info("[{0}] {1} hands over to {2}", _settings.Id, m.From.Node, _environment.Node);
        _lastPrimary = default;
        StartElection();
    }

    private sealed class AckDue : INoSerializationVerificationNeeded
    {
        public static readonly AckDue Instance = new();
    }
}
