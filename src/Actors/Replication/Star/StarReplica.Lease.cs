using Actors.Membership;
using Actors.Timing;

namespace Actors.Replication.Star;

/// <summary>Leases: a primary answers reads without asking, for as long as a quorum has promised to vote for nobody else.</summary>
/// <remarks>
/// Replication rules, 5.3, Self. An answer to an <see cref="Append"/> promises no vote for <see cref="Append.Promise"/> from its receipt; the primary
/// counts from the sending. Nothing overrides a promise but the primary that it was made to, which gives its lease up before it asks another one to take over.
/// A restarted replica does not know what it promised, so it waits for as long as it ever promised.
/// </remarks>
internal sealed partial class StarReplica
{
    private Lease _lease = new(TimeSpan.Zero);      // of this reign
    private TimeSpan _votesFrom;                    // until then this replica has promised to vote for nobody, itself neither

    private bool MayVote => Now >= _votesFrom;

    private bool UsesLeases => _settings.Reads is ReadGuard.Lease;

    /// <summary>True while no other primary can have been elected; tested after the state is read, for a pause may come between.</summary>
    private bool LeaseHolds => UsesLeases && _commit >= _reignStart && _lease.Holds(AnsweredByQuorum(), Now);

    /// <summary>A message of the primary came: its answer will promise this.</summary>
    private void PromiseNoVote(TimeSpan lasts)
    {
        if (lasts <= TimeSpan.Zero)
            return;
        if (Now + lasts > _votesFrom)
            _votesFrom = Now + lasts;
        if (lasts <= _promise.NoVoteFor)
            return;
        _promise = _promise with { NoVoteFor = lasts };
        _promiseDirty = true;       // durable before the answer: it is what a restart waits for
    }

    protected override List<Reply>? ReadByLease(List<Request> reads)
    {
        if (_settings.IsLossy)
            return reads.ConvertAll(ReadStale);
        if (!LeaseHolds)
            return null;
        var read = reads.ConvertAll(request => ReadNow(request, TimeSpan.Zero));
        return LeaseHolds ? read : null;
    }

    // A group that rests has none: it asks for no promises, and a read wakes it.
    private void MeasureLease()
    {
        if (UsesLeases)
            _meter.Lease(!_resting && LeaseHolds);
    }

    protected override TimeSpan PromiseAskedBy(long number)
    {
        if (!UsesLeases)
            return TimeSpan.Zero;
        _lease.Sending(number, Now);
        return Lease.PromiseFor(_settings.LeaseDuration, _settings.MaxClockDrift);
    }

    private void AskToTakeOver(MemberId successor)
    {
        _lease.Surrender();
        Send(successor.Node, new TakeOver(_settings.Id, _promise.Epoch, _self, successor));
        if (_settings.IsLossy)
            EnterBackup(default);       // what it ordered from here on would be lost
    }
}
