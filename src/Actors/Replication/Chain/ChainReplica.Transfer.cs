using Actors.Membership;

namespace Actors.Replication.Chain;

/// <summary>The state for a new tail comes from a middle, where there is one: the tail, which answers, has the log to send, and the head orders.</summary>
/// <remarks>Replication rules, 5.4.</remarks>
internal sealed partial class ChainReplica
{
    /// <summary>The link before the tail; none in a chain of two, where the tail sends its state itself.</summary>
    private MemberId Lender => IsTail && _record!.View.Members.Count > 2 ? _predecessor : default;

    // What follows the state that another one sends must be here when it has arrived.
    protected override long KeptFrom => _down is { LacksState: true } && !Lender.IsNone ? _log.Base.Position.Index : long.MaxValue;

    protected override bool MayOffer(MemberId from) => _record!.View.IsMember(from);

    protected override void OfferState(Progress progress)
    {
        if (Lender.IsNone)
        {
            base.OfferState(progress);
            return;
        }

        progress.LacksState = true;
        Send(Lender.Node, new LendState(_settings.Id, _promise.Epoch, _self, Lender, progress.Id, _log.Base.Position.Index));
    }

    private void OnLendState(LendState m)
    {
        if (m.To != _self || m.From != _successor)
            return;
        if (_senders.TryGetValue(m.Learner, out var sender) && sender.Offer.Position.Index < m.AtLeast)
            StopSender(m.Learner);      // the tail was started again, and has cut more
        if (_applier.FlushedIndex >= m.AtLeast)
            OfferState(m.Learner);
        else
            FlushState();       // asked for again by the next heartbeat
    }
}
