using Actors.Membership;
using Akka.Actor;

namespace Actors.Replication.Star;

/// <summary>Replica → node: the group rests on these nodes, whose heartbeats stand in for its own.</summary>
/// <param name="Life">The life of the node on which it may rest; 0 for a primary's, which is answered with <see cref="RestUnder"/>.</param>
/// <param name="Limit">The silence that ends it.</param>
internal sealed record Rests(GroupId Group, IReadOnlyList<NodeId> On, long Life, TimeSpan Limit) : INoSerializationVerificationNeeded;

/// <summary>Node → primary: others may rest on this node in this life.</summary>
internal sealed record RestUnder(long Life) : INoSerializationVerificationNeeded;

/// <summary>Replica → node: the group has its own heartbeats again.</summary>
internal sealed record Stirs(GroupId Group) : INoSerializationVerificationNeeded;

/// <summary>Node → replica: <paramref name="Node"/> is silent, or not what it was; it was heard last at <paramref name="HeardAt"/>.</summary>
internal sealed record WakeUp(NodeId Node, TimeSpan HeardAt) : INoSerializationVerificationNeeded;

/// <summary>Rest: a group with nothing to do sends nothing. One heartbeat between two nodes stands in for those of all their groups that rest.</summary>
/// <remarks>
/// The primary says so in its heartbeats, and stops them when every member has answered one of these. Nothing else changes: votes, log and commits are as ever, so
/// resting wrongly costs time, never safety. Whatever message arrives but such a heartbeat or its answer ends it, and so does the silence of the node that
/// it rests on. The age of a stale read counts from the last message of the primary all the same: what its node says is not in order with what it sends.
/// </remarks>
internal sealed partial class StarReplica
{
    private bool _resting;
    private bool _restAsked;        // primary: the node has been asked under which life others may rest here
    private TimeSpan _busyAt;       // primary: when there was something to do
    private (long Last, long Reads) _seen;
    private TimeSpan _vouchedAt;    // backup: when its node's heartbeats told last that the primary lives

    private TimeSpan PrimaryAliveAt => _vouchedAt > _heardPrimaryAt ? _vouchedAt : _heardPrimaryAt;

    /// <summary>Primary, at each heartbeat: true when there is nothing to send any more.</summary>
    private bool RestIfQuiet()
    {
        var seen = (_log.Last.Index, _reads.Round);
        if (seen != _seen || !HasNothingToDo())
        {
            (_seen, _busyAt) = (seen, Now);
            EndRest();
        }

        if (Now - _busyAt < _settings.QuietHeartbeats * _settings.HeartbeatInterval)
            return false;
        if (!_restAsked)
        {
            _restAsked = true;
            Context.Parent.Tell(new Rests(_settings.Id, [.. _progress.Keys.Select(m => m.Node).Distinct()], 0, _settings.ElectionTimeout));
        }

        if (_restFrom == 0 || !_progress.Values.All(p => p.Answered >= _restFrom))
            return false;
        _resting = true;
        Timers.Cancel(HeartbeatTick.Instance);
        MeasureLease();
        return true;
    }

    private bool HasNothingToDo()
        => _pending.Count == 0 && _reads.Count == 0 && _successor.IsNone && !_reads.IsDue && _commit == _log.Last.Index && _log.Durable == _log.Last.Index
        && _views.MembersSettled && _views.Newest.Learners.Count == 0 && _views.Newest.IsMember(_self) && _progress.Count > 0
        && _progress.Values.All(p => p.Match == _log.Last.Index && !p.Suspected && !p.LacksState && _views.Newest.IsMember(p.Id) && HeardWithin(p.Id, _settings.ElectionTimeout));

    /// <summary>Backup: the primary rests, and its node's heartbeats are to be trusted instead.</summary>
    private void RestOn(Append m)
    {
        if (_resting || m.Rest == 0 || m.Number < _answering || _role is not ReplicaRole.Backup || _matched != _log.Last.Index || _commit != _log.Last.Index)
            return;
        _resting = true;
        Timers.Cancel(ElectionTick.Instance);
        Context.Parent.Tell(new Rests(_settings.Id, [m.From.Node], m.Rest, _settings.ElectionTimeout));
    }

    private bool Stirring(object message)
        => message is (ReplicaMessage and not (Append { Rest: not 0 } or Appended)) or Requests or TransferRequest or MembersRequest or WakeUp or PeerHint { Suspected: true }
            || (message is Join join && _views.Newest.Nodes.Contains(join.Node));

    /// <summary>Goes back to heartbeats of its own before <paramref name="message"/> is looked at.</summary>
    private void Rouse(object message)
    {
        var rested = _resting;
        EndRest();
        if (!rested)
            return;
        var silent = message as WakeUp;
        if (_role is ReplicaRole.Primary)
        {
            foreach (var progress in _progress.Values)
                progress.Vouched(progress.Id.Node == silent?.Node ? silent.HeardAt : Now);
            _reignSince = Now;      // time to hear the others again
            Timers.StartPeriodicTimer(HeartbeatTick.Instance, HeartbeatTick.Instance, _settings.HeartbeatInterval);
            OnHeartbeatTick();
            return;
        }

        _vouchedAt = silent?.HeardAt ?? Now;
        Timers.StartSingleTimer(ElectionTick.Instance, ElectionTick.Instance, Later(_settings.ElectionTimeout - (Now - _vouchedAt)));
        if (message is not Append)
            Send(_primary, new Stir(_settings.Id, _promise.Epoch, _self));
    }

    private void EndRest()
    {
        if (_restAsked || _resting)
            Context.Parent.Tell(new Stirs(_settings.Id));
        (_resting, _restAsked, _restLife, _restFrom) = (false, false, 0, 0);
        _busyAt = Now;
    }

    private void OnRestUnder(RestUnder m)
    {
        if (_restAsked)
            _restLife = m.Life;
    }
}
