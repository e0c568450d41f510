using Actors.Membership;
using Akka.Event;

namespace Actors.Replication.Star;

/// <summary>What a primary does with views: leave a silent member out, take a machine in, promote it, hand over its own place.</summary>
internal sealed partial class StarReplica
{
    private MemberId _successor;            // the member that is being handed over to
    private TimeSpan _handOverUntil;

    /// <summary>Proposes to go on without one member that is silent or too slow. What kicks it is the commit of the view, not this clock.</summary>
    private void KickIfSlow()
    {
        ObserveLag();
        if (!_views.MembersSettled || !MayShrink())
            return;
        foreach (var progress in _progress.Values)
        {
            if (!_views.Newest.IsMember(progress.Id) || WhyKick(progress) is not { } why)
                continue;
            _logger.Warning("[{0}] {1} {2}; proposing a view without it", _settings.Id, progress.Id, why);
            _meter.Kick();
            ChangeView(_views.Newest.Without(progress.Id));
            return;
        }
    }

    private string? WhyKick(Progress progress)
    {
        var limit = progress.Suspected ? _settings.ElectionTimeout : _settings.KickAfter;
        var silent = Now - progress.HeardAt >= limit || (progress.OwesSince < Now && Now - progress.OwesSince >= _settings.KickAfter);
        return silent ? $"has not answered for {limit.TotalMilliseconds} ms (kick-after)" : progress.Lag.Excess(Now);
    }

    private void ObserveLag()
    {
        var held = _views.ReachedByQuorum(DurableAt);
        foreach (var progress in _progress.Values)
        {
            if (_views.Newest.IsMember(progress.Id))
                progress.Lag.Observe(progress.Match, held, PendingBytes(progress.Match, held), Now);
            else
                progress.Lag.Restart(Now);
        }
    }

    // Whatever lies beyond the commit index and a member lacks is pending.
    private long PendingBytes(long after, long upTo)
    {
        var bytes = 0L;
        if (after >= upTo)
            return bytes;
        foreach (var pending in _pending)
        {
            if (pending.Index > upTo)
                break;
            if (pending.Index > after)
                bytes += pending.Bytes;
        }

        return bytes;
    }

    // Under the majority rule a dead member delays nothing, so it stays; but the directory, without which nothing is repaired, goes from five to three, so that
    // one more may die then. A group of two cannot lose one: the majority of two is both.
    private bool MayShrink() => _views.Newest.Members.Count > (_settings.Commit is CommitRule.All ? Math.Max(2, _settings.MinInView) : _settings.Id == GroupSettings.Directory ? 3 : int.MaxValue);

    /// <summary>Appends a view entry; it is in force from now on, and joint with the views before it until it is committed.</summary>
    private void ChangeView(View view)
    {
        var record = new ViewRecord(view, _settings.Commit, GroupLimits.Of(_settings)) { Losses = _losses };
        var entry = _log.Append(_promise.Epoch, UtcNowMs(), new EntryDraft(EntryKind.View, default, 0, 0, default, record.Encode()));
        _views.Append(entry.Index, view);
        foreach (var id in view.Members.Concat(view.Learners))
            AddProgress(id);
        _logger.Info("[{0}] view {1}: {2}", _settings.Id, entry.Position, view);
        PumpSoon();
    }

    private void OnJoin(Join m)
    {
        // Of a lossy group most may have forgotten what they were: nothing is committed until they are taken in again, as learners at first.
        if (m.Cluster != _environment.Cluster || (!_settings.IsLossy && !MayChangeMembers))
            return;
        if (!_views.Newest.Nodes.Contains(m.Node))
        {
            if (!_views.IsPending)
                Send(m.Node, new NotMember(_settings.Id, _promise.Epoch, _self, default, CommittedView));
            return;
        }

        if (!_views.Newest.Of(m.Node, m.Incarnation).IsNone)
            return;
        ChangeView(_views.Newest.WithLearner(new MemberId(m.Node, m.Incarnation, new LogPosition(_promise.Epoch, _log.Last.Index + 1))));
    }

    // Close enough that the rest is in the window: from then on commits may wait for it.
    private void PromoteIfCaughtUp(Progress learner)
    {
        if (!_views.MembersSettled || learner.Match < _commit || learner.Id.Joined.Index > _commit)
            return;
        ChangeView(_views.Newest.WithPromoted(learner.Id));
    }

    // A former id of this node has no replica any more, and what is sent to it would come back here.
    private void AddProgress(MemberId id)
    {
        if (id.Node != _self.Node && !_progress.ContainsKey(id))
            _progress.Add(id, new Progress(id, _log.Last.Index + 1, new Lag(_settings, Now), Now));
    }

    private void DropDeparted()
    {
        var everyone = _views.Everyone.ToHashSet();
        foreach (var id in _progress.Keys.Where(id => !everyone.Contains(id)).ToList())
            _progress.Remove(id);
    }

    /// <summary>True when the committed view is without this primary, which led to complete it: it hands over.</summary>
    private bool IsLeftOut => !_views.Everyone.Contains(_self);

    private void OnTransfer(TransferRequest m)
    {
        var refusal = HandOver(m.Target);
        Reply(m.ReplyTo, new TransferReply(_settings.Id, m.Number, refusal));
    }

    private string HandOver(NodeId target)
    {
        if (target == _environment.Node)
            return "";
        var candidates = _progress.Values.Where(p => _views.Newest.IsMember(p.Id) && HeardWithin(p.Id, _settings.ElectionTimeout));
        var successor = candidates.Where(p => target.IsNone || p.Id.Node == target).MaxBy(p => p.Match);
        if (successor is null)
            return target.IsNone ? "no other member is alive" : $"{target} is not a live member of group '{_settings.Id}'";
        _successor = successor.Id;
        _handOverUntil = Now + _settings.ElectionTimeout;
        if (successor.Match == _log.Last.Index)
            AskToTakeOver(_successor);
        return "";
    }
}
