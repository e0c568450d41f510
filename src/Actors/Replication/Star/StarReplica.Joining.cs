using Actors.Membership;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication.Star;

/// <summary>Joining: a data folder without a membership, because it is new or because its member was kicked.</summary>
/// <remarks>
/// First start (replication rules, 5.2 rule 9): the first initial member founds the group once every initial member has answered to one question
/// that it is empty; the founding entry names their data folders. A node that finds itself named there starts as a founding member, any other one, a
/// wiped machine above all, asks to be taken in as a learner. Two wiped nodes of three can therefore never found a second, empty group.
/// Nor can a founder that is wiped while its founding entry is on its way: it is told "empty" only by nodes that take that entry no more, for
/// then they ask anew, and what answers an earlier question says nothing.
/// </remarks>
internal sealed partial class StarReplica
{
    private readonly SortedDictionary<NodeId, (Incarnation Folder, LogPosition Past)> _empty = [];     // who has answered that it is empty

    private TimeSpan _joiningSince;

    private void Joining(object message)
    {
        switch (message)
        {
            case ProbeTick: OnProbeTick(); break;
            case Probed m: OnProbed(m); break;
            case Append m: OnAppendWhileJoining(m); break;
            default: Common(message); break;
        }
    }

    private void EnterJoining()
    {
        Timers.Cancel(ElectionTick.Instance);
        Timers.Cancel(HeartbeatTick.Instance);
        EndRest();
        _primary = default;
        (_quorumLost, _joiningSince, _isKnown) = (false, Now, false);
        _round = NewRound();
        SetRole(ReplicaRole.Joining, Joining);
        Save();
        Timers.StartPeriodicTimer(ProbeTick.Instance, ProbeTick.Instance, TimeSpan.Zero, _settings.IsLossy ? _settings.ElectionTimeout / 2 : _settings.ElectionTimeout);      // who votes for a primary should soon count for it
    }

    // Until an operator has the node taken in: it asks on, and its clients are told whom to ask.
    private void StayOutside(NodeId primary)
    {
        SetRole(ReplicaRole.Outside, Joining);
        (_primary, _heardPrimaryAt, _joiningSince) = (primary, Now, Now);
    }

    private void OnProbeTick()
    {
        _quorumLost = Now - _joiningSince > 10 * _settings.ElectionTimeout;     // until then clients may look elsewhere
        WarnWhenUnanswered(_joiningSince);
        if (IsEmpty)
            AskWhoIsEmpty();
        else
            SendToOthers(JoinRequest());
    }

    // Each time of all: who was empty a while ago may have been taken in since, by one that is empty by now.
    private void AskWhoIsEmpty()
    {
        _empty.Clear();
        _round++;
        SendToOthers(new Probe(_settings.Id, _environment.Cluster, _environment.Node, _environment.Incarnation, _round));
        if (!_settings.InitialMembers.Contains(_environment.Node))
            return;
        _empty[_environment.Node] = (_environment.Incarnation, Past);
        Found();
    }

    private Join JoinRequest() => new(_settings.Id, _environment.Cluster, _environment.Node, _environment.Incarnation);

    private bool IsEmpty => _log.Last.Index == 0;

    private void OnProbed(Probed m)
    {
        if (m.Cluster != _environment.Cluster || !IsEmpty || m.Round != _round)
            return;
        _isKnown = true;
        if (m.Genesis.IsEmpty)
        {
            _empty[m.Node] = (m.Incarnation, m.Past);
            Found();
            return;
        }

        if (!TryReadGenesis(m.Genesis, out var genesis))
        {
            _logger.Warning("[{0}] {1} sent a first entry that cannot be read; ignored", _settings.Id, m.Node);
            return;
        }

        if (CheckedView(genesis).View.Of(_environment.Node, _environment.Incarnation) is { IsNone: false })
            StartWith(genesis);
        else
            Send(m.Node, JoinRequest());
    }

    private static bool TryReadGenesis(ReadOnlyMemory<byte> frame, out LogEntry genesis)
    {
        genesis = default;
        try
        {
            genesis = LogEntry.FromFrame(frame);
            _ = ViewRecord.Decode(genesis.Payload);
            return genesis.Kind is EntryKind.View && genesis.Follows(default);
        }
        catch (Wire.MalformedException)
        {
            return false;
        }
    }

    private void Found()
    {
        if (Founder != _environment.Node || !_settings.InitialMembers.All(_empty.ContainsKey))
            return;
        var members = _settings.InitialMembers.Order().Select(n => new MemberId(n, _empty[n].Folder, LogPosition.Zero)).ToList();
        var past = _settings.InitialMembers.Max(n => _empty[n].Past);       // zero where nothing is forgotten
        var position = new LogPosition(past.Epoch.Next(), 1);
        var record = new ViewRecord(new View(members, []), _settings.Commit, GroupLimits.Of(_settings)) { Losses = past.Epoch > Epoch.Zero ? WithLoss(LossAt(position, _settings.InitialMembers.Max(n => _empty[n].Past.Index))) : [] };
        var draft = new EntryDraft(EntryKind.View, default, 0, 0, default, record.Encode());
        _logger.Info("[{0}] founding the group with {1}", _settings.Id, record.View);
        StartWith(LogEntry.Create(position, default, _environment.Clock.UtcNow.ToUnixTimeMilliseconds(), draft));
    }

    // The same entry on every founding member, so it is a common first entry although no primary sent it.
    private void StartWith(LogEntry genesis)
    {
        Timers.Cancel(ProbeTick.Instance);
        if (_promise.Epoch < genesis.Epoch)
            Promise(genesis.Epoch, default);
        _log.Offer(LogPosition.Zero, default, [genesis], 0, OnEntry, OnRemoved);
        _self = _views.Newest.Of(_environment.Node, _environment.Incarnation);
        _membershipDirty = true;
        Save();
        EnterBackup(default);
    }

    // The primary has taken this folder in under a new id: the entries it sends are the proof. Or it does not know yet that the former one is out.
    private void OnAppendWhileJoining(Append m)
    {
        if (m.To.Node != _environment.Node || m.To.Incarnation != _environment.Incarnation || (m.To.Joined == LogPosition.Zero && IsEmpty))
            return;
        Timers.Cancel(ProbeTick.Instance);
        _self = m.To;
        _membershipDirty = true;
        _logger.Info("[{0}] taken in as {1}", _settings.Id, _self);
        EnterBackup(m.From.Node);
        OnAppend(m);
    }

    private void OnProbe(Probe m)
    {
        if (m.Cluster != _environment.Cluster || m.Node == _environment.Node)
            return;
        if (IsEmpty ? !IsJoining : _log.Durable == 0)
            return;     // a crash might make it empty, or it is about to get its first entries
        if (IsEmpty && m.Node == Founder)
            _round++;
        Send(m.Node, new Probed(_settings.Id, _environment.Cluster, _environment.Node, _environment.Incarnation, m.Round, _genesis) { Past = Past });
    }

    private NodeId Founder => _settings.InitialMembers.Min();

    private LogPosition Past => _settings.IsLossy ? new LogPosition(_promise.Epoch, _past.Index) : LogPosition.Zero;

    private sealed class ProbeTick : INoSerializationVerificationNeeded
    {
        public static readonly ProbeTick Instance = new();
    }
}
