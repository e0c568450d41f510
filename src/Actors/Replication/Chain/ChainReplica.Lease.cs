using Actors.Timing;

namespace Actors.Replication.Chain;

/// <summary>Leases: the tail answers reads straight, for as long as nobody else can be the tail.</summary>
/// <remarks>
/// Replication rules, 5.3, Directory. What the directory answers to a question of the tail's machine was true after the question was sent: in this epoch this link is the tail.
/// It counts on that for <see cref="GroupSettings.LeaseDuration"/> from the sending. Whoever is the tail of a later view without it learnt of that view later than the
/// directory gave that answer, and is silent for a lease and the drift of clocks from then on: commits nothing, answers nothing. No clock of the
/// directory is asked. A member of the later view has promised its epoch, and with that given its lease up: nobody waits for it.
/// </remarks>
internal sealed partial class ChainReplica
{
    private TimeSpan _leaseUntil;       // zero: none
    private TimeSpan _silentUntil;      // until then the tail of an earlier view may answer reads

    private bool UsesLeases => _settings.Reads is ReadGuard.Lease;

    protected override bool ReadsHere => LeaseHolds;

    // What earlier tails have committed is in the log up to where it ended, here and before this link, at the entry into the view.
    private bool LeaseHolds => UsesLeases && _serving && IsTail && PromiseIsDurable && !MustBeSilent && _commit >= Math.Max(_entered, _floor) && Now < _leaseUntil;

    /// <summary>The tail of an earlier view may not know of this one: for as long as its lease may last nothing is committed that it does not know, and nothing read.</summary>
    private void BeSilentForALease()
    {
        if (UsesLeases)
            _silentUntil = Now + Lease.PromiseFor(_settings.LeaseDuration, _settings.MaxClockDrift);
    }

    private bool MustBeSilent => Now < _silentUntil;

    private void OnLeaseRenewed(LeaseRenewed m)
    {
        if (!_serving || !IsTail)
            return;
        if (m.Epoch == _record!.Epoch)
            _leaseUntil = m.AskedAt + _settings.LeaseDuration;
        else if (m.Epoch > _record.Epoch)
            Ask(new ReadRecord(_settings.Id));      // nobody has told yet
    }

    private void OnRequestsAtTail(Requests m)
    {
        if (!LeaseHolds || m.Items.Any(r => r.Kind is not RequestKind.Read))
            OnRequestsElsewhere(m);
        else if (_numbers.IsNew(m.ReplyTo, m.Number))
            AnswerByLease(m);
    }

    private void AnswerByLease(Requests m)
    {
        if (ReadByLease([.. m.Items]) is { } read)
            SendReplies(m.ReplyTo, m.Number, read);
        else
            Redirect(m.ReplyTo, m.Number);
    }

    // The lease is looked at after the state was read: a pause after that does no harm.
    protected override List<Reply>? ReadByLease(List<Request> reads)
    {
        if (!LeaseHolds)
            return null;
        var read = reads.ConvertAll(request => ReadNow(request, TimeSpan.Zero));
        return LeaseHolds ? read : null;
    }
}
