using System.Runtime.CompilerServices;
using Actors.Membership;
using Actors.Replication;
using Actors.Storage;

namespace Actors.TestKit;

/// <summary>What must hold of a replicated group at every step, judged by what others can see of it: messages, disks, applied commands, answers.</summary>
/// <remarks>
/// Replication rules, 5.6. Election Safety and State Machine Safety are Raft's (section 5.2 and 5.4.3); the others are the project's: no
/// acknowledgement and no vote beyond what the disk would give back after a crash at this instant, and no answer to a client before enough disks hold it.
/// </remarks>
internal sealed class GroupInvariants
{
    private readonly Simulation _simulation;
    private readonly GroupSettings _settings;
    private readonly IReadOnlyList<NodeId> _nodes;
    private readonly GroupKeys _keys;
    private readonly LossyInvariants? _lossy;           // of a lossy group; what the others look at is on disks, and its log is not
    private readonly GroupSightings? _sightings;        // of one that is not
    private readonly QuorumInvariants? _quorums;        // of a group that decides on its views itself
    private readonly ReadConfirmations? _reads;         // of a primary with backups
    private readonly DirectedInvariants? _directed;     // of a group whose views come from the directory
    private readonly AnswerInvariants _answers;
    private readonly MemoryBounds _bounds;
    private readonly bool _hitsReader;
    private readonly SortedDictionary<Epoch, MemberId> _primaries = [];
    private readonly Dictionary<NodeId, TimeSpan> _blockedUntil = [];       // the latest stop in the middle of a query

    public GroupInvariants(Simulation simulation, GroupSettings settings, IReadOnlyList<NodeId> nodes)
    {
        (_simulation, _settings, _nodes, _keys) = (simulation, settings, nodes, new GroupKeys(settings.Id, settings.IsLossy));
        var sent = new SentLogs(simulation, _keys);
        if (settings.IsLossy)
            _lossy = new LossyInvariants(simulation, Promised);
        else
            _sightings = new GroupSightings(simulation, settings, _keys);
        if (settings.Authority is ViewAuthority.Directory)
            _directed = new DirectedInvariants(simulation, _keys, settings.Protocol);
        else if (_sightings is not null)
            _quorums = new QuorumInvariants(simulation, _keys, sent, _sightings);
        if (settings.Protocol is Protocol.PrimaryBackup && _sightings is not null)
            _reads = new ReadConfirmations(simulation);
        _directed?.Expect();
        _hitsReader = simulation.RandomFor("target").Chance(settings.Reads is ReadGuard.Lease ? 0.8 : 0.5);
        _lossy?.Expect();
        Applied = new AppliedHistory(simulation.World, (index, node) => sent.At(index) ?? Log(node).At(index));
        var replica = ReplicationNode.ReplicaName(settings.Id);
        _answers = new AnswerInvariants(simulation, Applied, _reads, replica);
        simulation.World.Observer = (actor, message) =>
        {
            _answers.OnHandled(actor, message);
            if (message is Appended m && actor.Life is { } life && actor.Name.EndsWith(replica, StringComparison.Ordinal))
                _directed?.OnHandled(life, m);
        };
        simulation.World.OnTold = (life, message) =>
        {
            if (message is RoleChanged m)
                _answers.OnRole(life, m.Role);      // whoever is told may not handle it before the replica answers in its new role
        };
        _bounds = new MemoryBounds(simulation, settings, nodes, _keys);
        _bounds.Watch(settings.ElectionTimeout);
    }

    /// <summary>A state machine of one incarnation of a replica, watched as far as replicas must agree.</summary>
    public IStateMachine Watched(NodeId node, IStateMachine machine) => _lossy is null ? Applied.Watched(node, machine) : machine;

    /// <summary>What the replicas have applied.</summary>
    public AppliedHistory Applied { get; }

    /// <summary>The latest primary.</summary>
    public NodeId Primary { get; private set; }

    /// <summary>The one that answers linearizable reads: the primary, or the tail of the newest view.</summary>
    public NodeId Reader { get; private set; }

    /// <summary>Whom faults that hit the leader hit: the primary; of a chain its head in some runs, its tail in others.</summary>
    public NodeId Target => _hitsReader ? Reader : Primary;

    /// <summary>The highest index that a client was told of.</summary>
    public long LastAnswered { get; private set; }

    /// <summary>Its epoch.</summary>
    public Epoch Epoch { get; private set; }

    /// <summary>A node starts, with what its disk kept: the state must cover what is cut off the log.</summary>
    public void OnStart(SimNode node)
    {
        var log = Log(node.Id);
        Require(log.DurableBase.Position.Index <= log.DurableState, "State Covers The Cut", $"the log of {node.Id} is cut up to {log.DurableBase.Position}, its state is that of {log.DurableState}");
    }

    /// <summary>A message leaves a node.</summary>
    public void OnMessage(ReplicationMessage message)
    {
        if (_lossy is not null)
        {
            OnLossyMessage(_lossy, message);
            return;
        }

        _sightings?.OnMessage(message);
        switch (message)
        {
            case Append m: OnAppend(m); break;
            case Appended m: OnAppended(m); break;
            case Mismatch m: OnMismatch(m); break;
            case Replies m: OnReplies(m); break;
            case RequestVote { Pre: false } m: _quorums?.OnCandidate(m.From, m.Epoch); break;
            case Vote { Pre: false, Granted: true } m: OnVote(m); break;
            case ViewChanged m: OnView(m); break;
            case Probed { Genesis.IsEmpty: false } m: RequireDurable(m.Node, 1); break;
        }
    }

    private void OnLossyMessage(LossyInvariants lossy, ReplicationMessage message)
    {
        switch (message)
        {
            case Append m:
                lossy.OnAppend(m);
                if (m.Epoch >= Epoch)
                    (Epoch, Primary, Reader) = (m.Epoch, m.From.Node, m.From.Node);
                if (m.From.Node == Primary)
                    _simulation.Moment(GroupMoment.Message, m.From.Node);
                break;
            case Vote { Pre: false, Granted: true } m:
                lossy.OnVote(m);
                _simulation.Moment(GroupMoment.Vote, m.From.Node);
                break;
            case Replies m:
                lossy.OnReplies(m);
                _simulation.Moment(GroupMoment.Answer, m.From);
                break;
        }
    }

    /// <summary>A client gets an answer to a command.</summary>
    public void OnAnswer(in GroupReply reply)
    {
        if (_lossy is not null || reply.Outcome is not Outcome.Ok || reply.Index == 0)
            return;
        LastAnswered = Math.Max(LastAnswered, reply.Index);
        var holders = new Dictionary<UInt128, int>();
        var cut = 0;        // what is cut was committed: it is the same on all of them
        foreach (var node in _nodes)
        {
            if (IsRotten(node))
                continue;
            if (Log(node).DurableAt(reply.Index) is { } entry)
                holders[entry.Hash] = holders.GetValueOrDefault(entry.Hash) + 1;
            else if (Log(node).HoldsDurably(reply.Index))
                cut++;
        }

        var needed = _settings.Commit is CommitRule.All ? Math.Min(_settings.MinInView, _settings.InitialMembers.Count) : Quorum.Majority(Math.Min(_settings.InitialMembers.Count, _quorums!.FewestMembers));
        needed -= _nodes.Count(node => _simulation.Node(node).Disk.WasDamaged);
        var held = cut + (holders.Count == 0 ? 0 : holders.Values.Max());
        Require(held >= needed, "Durability", $"entry {reply.Index} was answered while {held} disks hold it; {needed} must");
    }

    /// <summary>
    /// True when its log or state says that this node's replica holds every entry that was answered or applied anywhere. That it is a member of the last view that
    /// all know of is not enough, not even under the rule all: a primary that nobody hears may have left it out and gone on.
    /// </summary>
    public bool HoldsAllAnswered(NodeId node)
    {
        var last = Math.Max(LastAnswered, Applied.LastIndex);
        return !_simulation.Node(node).Disk.WasDamaged && (_directed?.HoldsAllCommitted(node, last) ?? _quorums?.HoldsAllCommitted(node, last) ?? false);
    }

    /// <summary>An operator has made this node's replica the whole group.</summary>
    public void OnLossAccepted(NodeId node)
    {
        _quorums?.OnLossAccepted(node, Log(node).Last);
        _reads?.OnLossAccepted(node);
    }

    /// <summary>A replica has read its state for a query, and is stopped in the middle of that for so long.</summary>
    public void OnQuery(NodeId node, TimeSpan duration)
    {
        _simulation.World.Block(duration.Ticks);
        if (duration > TimeSpan.Zero)
            _blockedUntil[node] = _simulation.Now;
        _sightings?.OnBlocked(duration);
        _reads?.OnQuery(node);
    }

    /// <summary>A client gets an answer to a stale read of <paramref name="key"/>.</summary>
    public void OnStaleValue(string key, in GroupReply reply)
    {
        if (_lossy is null)
            _answers.OnStaleValue(key, reply);
    }

    private void OnReplies(Replies m)
    {
        _answers.OnReplies(m);
        _quorums?.OnReplies(m);
        _directed?.OnReplies(m, Promised(m.From).Epoch);
        if (m.Items.Any(reply => reply.Kind is RequestKind.Command && reply.Result.Outcome is Outcome.Ok))
            _simulation.Moment(GroupMoment.Answer, m.From);
        if (m.Items.Any(reply => reply.Kind is RequestKind.Command && reply.Result.Outcome is Outcome.Unavailable))
            _simulation.Moment(GroupMoment.Refusal, m.From);
    }

    /// <summary>The directory has this record of the group, after this request.</summary>
    public void OnRecord(AuthorityRequest request, GroupRecord record)
    {
        _directed?.OnView(request, record);
        _reads?.OnView(record.Epoch, record.View);
        _sightings?.OnNodes(record.View.Nodes);
        if (record.Epoch >= Epoch)
            (Epoch, Primary, Reader) = (record.Epoch, record.View.Members[0].Node, record.View.Members[_settings.Protocol is Protocol.Chain ? ^1 : 0].Node);
    }

    private void OnView(ViewChanged m)
    {
        if (m.From.IsNone)
            return;
        if (m.Record is { IsActive: false } record && record.View.Members.Except(record.Serving).Any())
            _simulation.Moment(GroupMoment.Promotion, m.From.Node);
        _simulation.Moment(m.Record.IsActive ? GroupMoment.Vote : m.Record.View.Learners.Count > 0 ? GroupMoment.TakingIn : GroupMoment.Proposal, m.From.Node);
    }

    private void OnAppend(Append m)
    {
        if (_directed is not null)
        {
            _directed.OnAppend(m);
            _bounds.OnAppend(m);
            _reads?.OnAppend(m);
            if (m.From.Node == Target)
                _simulation.Moment(GroupMoment.Message, m.From.Node);
            RequireDiskGoes(m.From);
            return;
        }

        if (_primaries.TryGetValue(m.Epoch, out var primary))
            Require(primary == m.From, "Election Safety", $"epoch {m.Epoch} has two primaries, {primary} and {m.From}");
        else
            _primaries.Add(m.Epoch, m.From);
        if (m.Epoch >= Epoch)
            (Epoch, Primary, Reader) = (m.Epoch, m.From.Node, m.From.Node);
        _bounds.OnAppend(m);
        _reads?.OnAppend(m);
        if (_quorums?.OnAppend(m) is { } proposal)
            _simulation.Moment(proposal.Learners.Count > 0 ? GroupMoment.TakingIn : GroupMoment.Proposal, m.From.Node);
        if (m.From.Node == Primary)
            _simulation.Moment(GroupMoment.Message, m.From.Node);
        RequireDiskGoes(m.From);
    }

    // Replication rules, 5.4: disk health gates heartbeats. The replica looks at every heartbeat, by a clock that drifts.
    // When it was stopped in the middle of a query, that heartbeat waits in its mailbox behind what came before it.
    private void RequireDiskGoes(MemberId sender)
    {
        var node = _simulation.Node(sender.Node);
        if (node.Disk.SyncingSince is not { } began || node.CurrentLife is not { } life || life.PausedUntil > began.Ticks)
            return;
        var (waits, limit) = (_simulation.Now - began, _settings.KickAfter * 1.05 + 2 * _settings.HeartbeatInterval);
        Require(waits <= limit || _simulation.Now <= _blockedUntil.GetValueOrDefault(sender.Node), "Stalled Disks Fall Silent", $"{sender} sends entries on, although its disk has been busy with one sync for {waits.TotalMilliseconds} ms");
    }

    private void OnAppended(Appended m)
    {
        if (m.Durable > 0 && !IsRotten(m.From.Node))
        {
            RequireDurable(m.From.Node, m.Durable);
            if (Log(m.From.Node).DurableAt(m.Durable) is { } entry && _primaries.TryGetValue(m.Epoch, out var primary) && !IsRotten(primary.Node) && Leads(primary.Node, m.Epoch) && Log(primary.Node).At(m.Durable) is { } own)
                Require(entry.Hash == own.Hash, "Log Matching", $"{m.From} acknowledged entry {entry.Position}, its primary {primary} has {own.Position}");
        }

        var promised = Promised(m.From.Node);
        Require(promised.Epoch >= m.Epoch, "Durable Promises", $"{m.From} acknowledged in epoch {m.Epoch}, its disk says {promised.Epoch}");
        _quorums?.OnAppended(m);
        _directed?.OnAppended(m);
        if (_directed is not null && m.From.Node == Target)
            _simulation.Moment(GroupMoment.Message, m.From.Node);
        _bounds.OnAnswer(m.From);
        _reads?.OnAnswer(m.Epoch, m.From, m.Number);
    }

    private void RequireDurable(NodeId node, long index)
        => Require(IsRotten(node) || Log(node).HoldsDurably(index), "Durable Acks", $"{node} tells of entry {index}, which a crash now would take away");

    private void OnMismatch(Mismatch m)
    {
        _bounds.OnAnswer(m.From);
        _reads?.OnAnswer(m.Epoch, m.From, m.Number);
    }

    private void OnVote(Vote m)
    {
        var promise = Promised(m.From.Node);
        Require(promise.Epoch > m.Epoch || (promise.Epoch == m.Epoch && !promise.VotedFor.IsNone), "Durable Votes", $"{m.From} voted in epoch {m.Epoch}, its disk says {promise}");
        if (promise.Epoch == m.Epoch)
            _quorums?.OnVote(m, promise.VotedFor);
        _simulation.Moment(GroupMoment.Vote, m.From.Node);
    }

    private LogOnDisk Log(NodeId node) => new(_simulation.Node(node), _keys);

    // What it has written of a later epoch, synced or not, is no longer its log of that one.
    private bool Leads(NodeId node, Epoch epoch) => _simulation.Node(node).Disk.Get(Table.Meta, _keys.Promise) is { } bytes && Promise.Decode(bytes).Epoch == epoch;

    private bool IsRotten(NodeId node) => _simulation.Node(node).Disk.IsRotten;

    private Promise Promised(NodeId node) =>
        _simulation.Node(node).Disk.GetDurable(Table.Meta, _keys.Promise) is { } bytes ? Promise.Decode(bytes) : default;

    private void Require(bool holds, string property, [InterpolatedStringHandlerArgument(nameof(holds))] ref TextIfBroken detail)
        => _simulation.World.Require(holds, property, ref detail);
}
