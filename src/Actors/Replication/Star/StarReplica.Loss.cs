using Actors.Membership;
using Actors.Replication.Operations;
using Actors.Storage;
using Akka.Event;

namespace Actors.Replication.Star;

/// <summary>A group that has lost its quorum for good goes on from this replica alone, because an operator says so.</summary>
internal sealed partial class StarReplica
{
    /// <summary>Those that are given up may still elect each other in the epochs that follow theirs: this one is out of their reach.</summary>
    private const long EpochsSkipped = 1_000;

    /// <summary>One atomic write makes this replica the only member and everything in its log committed; a new incarnation starts from that and leads.</summary>
    private void OnAcceptLoss(AcceptLoss m)
    {
        if (WhyNot(m) is { } refusal)
        {
            m.Complete(refusal);
            return;
        }

        Save();
        var position = new LogPosition(new Epoch(_promise.Epoch.Value + EpochsSkipped), _log.Last.Index + 1);
        var record = new ViewRecord(new View([_self], []) { Nodes = _views.Newest.Nodes }, _settings.Commit, GroupLimits.Of(_settings)) { Losses = WithLoss(new Loss(position, 0)) };
        var draft = new EntryDraft(EntryKind.View, default, 0, 0, default, record.Encode());
        var entry = LogEntry.Create(position, _log.LastHash, Math.Max(UtcNowMs(), _log.LastTimestamp), draft);
        var writes = new WriteSet();
        writes.Put(Table.Log, _keys.Entry(entry.Index), entry.Frame);
        writes.Put(Table.Meta, _keys.Promise, (_promise with { Epoch = position.Epoch, VotedFor = default }).Encode());
        writes.Put(Table.Meta, _keys.Membership, new MembershipRecord(_self, entry.Index, default).Encode());
        _logger.Warning("[{0}] an operator accepts the loss of what {1} does not hold; the group goes on from it alone at {2}", _settings.Id, _environment.Node, position);
        ChangeOver(writes, () => m.Complete(""));
    }

    private IReadOnlyList<Loss> WithLoss(Loss loss) => [.. _losses.TakeLast(ViewRecord.MaxLosses - 1), loss];

    private string? WhyNot(AcceptLoss m)
    {
        if (_self.IsNone)
            return $"{_environment.Node} is no member of group '{_settings.Id}'";
        if (_role is ReplicaRole.Primary || !KnownLeader.IsNone)
            return $"group '{_settings.Id}' has a primary: nothing has to be given up";
        return m.Last == _log.Last ? null : $"the log of {_environment.Node} ends at {_log.Last}, not at {m.Last}: look at the status again";
    }
}
