using Actors.Membership;
using Actors.Replication.Transfer;
using Akka.Event;

namespace Actors.Replication.Star;

/// <summary>Backup and learner: take entries from the primary, make them durable, acknowledge, apply what is committed.</summary>
internal sealed partial class StarReplica
{
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
        EndTraces();
        EndRest();
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
            if (m.To.Node == _self.Node && m.To.Incarnation == _self.Incarnation && (m.To.Joined > _self.Joined || KnowsAnotherHistory(m)))
                OnAppendWhileJoining(m);
            else if (m.To.Node == _self.Node && KnowsAnotherHistory(m))
                _misnamedIn = m.Epoch;
            return;
        }

        _misnamedIn = Epoch.Zero;
        if (_role is ReplicaRole.Candidate || _primary != m.From.Node)
            EnterBackup(m.From.Node);
        _meter.Heard(Now - PrimaryAliveAt, Now, _settings.HeartbeatInterval);
        _heardPrimaryAt = Now;
        PromiseNoVote(m.Promise);
        (_quorumLost, _primarySuspected) = (false, false);
        HearOf(new LogPosition(m.Epoch, m.Applied));
        if (!Take(m))
            return;
        RestOn(m);
        if (_role is ReplicaRole.Learner && IsVoter)
            SetRole(ReplicaRole.Backup, Backup);
        SaveAndAcknowledge();
    }

    private void OnTakeOver(TakeOver m)
    {
        if (m.To != _self || !IsVoter || DiskStalls)
            return;
        _logger.Info("[{0}] {1} hands over to {2}", _settings.Id, m.From.Node, _environment.Node);
        _lastPrimary = default;
        StartElection(handOver: true);
    }
}
