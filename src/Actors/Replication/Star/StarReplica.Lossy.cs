using Actors.Membership;
using Akka.Event;

namespace Actors.Replication.Star;

/// <summary>Availability over consistency: a lossy group's primary answers when it has applied alone, and a failover says what is known to be lost.</summary>
/// <remarks>
/// Replication rules, 5.2 rules 2 and 3. Only commands are ahead of the quorum: elections, views and what backups apply are as ever. A node's promises
/// are on disk, so that there is one primary in an epoch and no epoch comes twice; log and state are in memory, and a replica that ends has a new member id.
/// </remarks>
internal sealed partial class StarReplica
{
    private LogPosition _heardOf;       // the furthest entry that is known to have been answered, here or elsewhere
    private bool _handedOver;           // this candidacy was asked for by the primary, which answers nothing more

    private Epoch _misnamedIn;          // whose primary knows other lives of this node than this one

    // Histories may part where most have forgotten: then each primary knows its own ids only, and nobody gets a quorum of answers. Whoever was elected after this
    // id was given names the one that counts.
    private bool KnowsAnotherHistory(Append m) => _settings.IsLossy && m.Epoch > _self.Joined.Epoch;

    /// <summary>Nothing was sent to this life for an election time-out, but to others of this node: the group goes on without what it holds.</summary>
    private void EndIfMisnamed()
    {
        if (_misnamedIn > Epoch.Zero && _misnamedIn == _promise.Epoch)
            throw new SupersededException($"the primary of epoch {_misnamedIn} does not know {_self}: what this replica alone holds is lost");
    }

    /// <summary>Primary: applies and answers what it has ordered, before anybody else holds it.</summary>
    private void ApplyAhead()
    {
        if (!_settings.IsLossy || _applier.Position.Index == _log.Last.Index)
            return;
        var replies = new Dictionary<string, List<Reply>>();
        ApplyUpTo(_log.Last.Index, (entry, applied) => CollectReply(entry, applied, replies));
        foreach (var (client, items) in replies)
            SendReplies(client, 0, items);
    }

    private bool IsOwn(MemberId member) => member == _self || (_settings.IsLossy && member.Node == _self.Node);

    /// <summary>True when this replica may ask for votes. In a lossy group also when the view names an earlier life of its node: all who are named may have forgotten.</summary>
    private bool MayStand => IsVoter || (_settings.IsLossy && _views.IsSeat(_self.Node));

    /// <summary>Learner that has learned nothing and hears nothing: those who took it in may be gone, and the group may begin anew with it.</summary>
    private void Forsake()
    {
        _self = default;
        _membershipDirty = true;
        EnterJoining();
    }

    /// <summary>Who answers for a member's place: in a lossy group the present life of its node, which the view may not name yet.</summary>
    private Progress? ProgressOf(MemberId member)
        => !_settings.IsLossy ? _progress.GetValueOrDefault(member) : _progress.Values.Where(p => p.Id.Node == member.Node).MaxBy(p => p.Id.Joined);

    private void HearOf(LogPosition answered)
    {
        if (answered > _heardOf)
            _heardOf = answered;
    }

    /// <summary>New primary: puts on record that entries may be missing, and how many are known to be.</summary>
    private void NoteLoss()
    {
        if (!_settings.IsLossy || _handedOver || IsFirstReign)
            return;
        var known = _heardOf.Epoch >= _log.Last.Epoch ? _heardOf.Index - _log.Last.Index : 0;
        _losses = WithLoss(LossAt(new LogPosition(_promise.Epoch, _reignStart), Math.Max(0, known)));
    }

    // A primary before this one had an epoch in between, of which somebody among those who voted would have told.
    private bool IsFirstReign => !_genesis.IsEmpty && _promise.Epoch == LogEntry.FromFrame(_genesis).Epoch.Next();

    private Loss LossAt(LogPosition position, long entries)
    {
        _logger.Warning("[{0}] lossy: the group goes on at {1} without what nobody here holds; at least {2} entries are lost", _settings.Id, position, entries);
        _meter.Loss(entries);
        return new Loss(position, entries);
    }
}
