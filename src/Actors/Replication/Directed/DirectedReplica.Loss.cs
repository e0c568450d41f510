using Actors.Replication.Operations;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication.Directed;

/// <summary>A group whose complete members are lost for good goes on from this replica alone, because an operator says so.</summary>
internal abstract partial class DirectedReplica
{
    private TimeSpan _toldAt;       // when those who are not in the view were last told of it

    private void OnAcceptLoss(AcceptLoss m)
    {
        if (WhyNot(m) is { } refusal)
        {
            m.Complete(refusal);
            return;
        }

        _logger.Warning("[{0}] an operator accepts the loss of what {1} does not hold; asking the directory to let the group go on from it alone at {2}", _settings.Id, _environment.Node, _log.Last);
        var self = Self;
        var order = new GoOnFrom(_settings.Id, _record!.Epoch, _environment.Node, _environment.Incarnation, _log.Last);
        _authority.Ask(order, 2 * _settings.KickAfter, reply => self.Tell(new LossAnswered(m, reply), ActorRefs.NoSender));
    }

    private string? WhyNot(AcceptLoss m)
    {
        if (_record is null || _log.Last.Index == 0)
            return $"{_environment.Node} holds nothing of group '{_settings.Id}'";
        if (_serving || (_role is ReplicaRole.Learner && Now - _heardAt < _settings.KickAfter))
            return $"group '{_settings.Id}' has a view that serves, or {_environment.Node} has not waited for it yet: nothing has to be given up";
        return m.Last == _log.Last ? null : $"the log of {_environment.Node} ends at {_log.Last}, not at {m.Last}: look at the status again";
    }

    // Whoever was given up may come back, or be on the other side of a partition, and serve in a view of its own, where nobody knows better.
    private void TellThoseGivenUp()
    {
        if (!IsHead || _record!.Losses.Count == 0 || Now - _toldAt < _settings.KickAfter)
            return;
        _toldAt = Now;
        var inView = _record.View.Members.Concat(_record.View.Learners).Select(id => id.Node);
        foreach (var node in _record.View.Nodes.Except(inView))
            Send(node, new ViewChanged(_settings.Id, _record.Epoch, _self, _record));
    }

    private void OnLossAnswered(LossAnswered m)
    {
        if (m.Reply.Record is { } record)
            Learn(record);
        m.Request.Complete(m.Reply.Error);
        Pursue();
    }

    private sealed record LossAnswered(AcceptLoss Request, AuthorityReply Reply) : INoSerializationVerificationNeeded;
}
