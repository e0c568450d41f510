using System.Buffers;
using System.IO.Hashing;
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
    private readonly GroupKeys _keys;
    private readonly GroupSightings _sightings;
    private readonly QuorumInvariants _quorums;
    private readonly SortedDictionary<Epoch, MemberId> _primaries = [];
    private readonly Dictionary<long, ulong> _applied = [];         // the one history: the command at each index

    public GroupInvariants(Simulation simulation, GroupSettings settings)
    {
        (_simulation, _settings, _keys) = (simulation, settings, new GroupKeys(settings.Id));
        _sightings = new GroupSightings(simulation, _keys);
        _quorums = new QuorumInvariants(simulation, _keys, _sightings);
    }

    /// <summary>The latest primary.</summary>
    public NodeId Primary { get; private set; }

    /// <summary>Its epoch.</summary>
    public Epoch Epoch { get; private set; }

    /// <summary>Called with a node that votes.</summary>
    public Action<NodeId> Voted { get; set; } = _ => { };

    /// <summary>A message leaves a node.</summary>
    public void OnMessage(ReplicationMessage message)
    {
        _sightings.OnMessage(message);
        switch (message)
        {
            case Append m: OnAppend(m); break;
            case Appended m: OnAppended(m); break;
            case RequestVote { Pre: false } m: _quorums.OnCandidate(m.From, m.Epoch); break;
            case Vote { Pre: false, Granted: true } m: OnVote(m); break;
        }
    }

    /// <summary>A client gets an answer to a command.</summary>
    public void OnAnswer(in GroupReply reply)
    {
        if (reply.Outcome is not Outcome.Ok || reply.Index == 0)
            return;
        var holders = new Dictionary<UInt128, int>();
        foreach (var node in _settings.InitialMembers)
        {
            if (Durable(node, reply.Index) is { } entry)
                holders[entry.Hash] = holders.GetValueOrDefault(entry.Hash) + 1;
        }

        var needed = _settings.Commit is CommitRule.All ? Math.Min(_settings.MinInView, _settings.InitialMembers.Count) : Quorum.Majority(_settings.InitialMembers.Count);
        needed -= _settings.InitialMembers.Count(node => _simulation.Node(node).Disk.WasDamaged);
        var held = holders.Count == 0 ? 0 : holders.Values.Max();
        Require(held >= needed, "Durability", $"entry {reply.Index} was answered while {held} disks hold it; {needed} must");
    }

    /// <summary><paramref name="machine"/>, compared with what the machines of all replicas have applied so far.</summary>
    public IStateMachine Watched(NodeId node, IStateMachine machine) => new WatchedMachine(this, node, machine);

    private void OnAppend(Append m)
    {
        if (_primaries.TryGetValue(m.Epoch, out var primary))
            Require(primary == m.From, "Election Safety", $"epoch {m.Epoch} has two primaries, {primary} and {m.From}");
        else
            _primaries.Add(m.Epoch, m.From);
        if (m.Epoch >= Epoch)
            (Epoch, Primary) = (m.Epoch, m.From.Node);
        _quorums.OnAppend(m);
    }

    private void OnAppended(Appended m)
    {
        if (m.Durable > 0)
            Require(Durable(m.From.Node, m.Durable) is not null, "Durable Acks", $"{m.From} acknowledged entry {m.Durable}, which a crash now would take away");
        Require(Promised(m.From.Node).Epoch >= m.Epoch, "Durable Promises", $"{m.From} acknowledged in epoch {m.Epoch}, its disk says {Promised(m.From.Node).Epoch}");
        _quorums.OnAppended(m);
    }

    private void OnVote(Vote m)
    {
        var promise = Promised(m.From.Node);
        Require(promise.Epoch > m.Epoch || (promise.Epoch == m.Epoch && !promise.VotedFor.IsNone), "Durable Votes", $"{m.From} voted in epoch {m.Epoch}, its disk says {promise}");
        if (promise.Epoch == m.Epoch)
            _quorums.OnVote(m, promise.VotedFor);
        Voted(m.From.Node);
    }

    private void OnApplied(NodeId node, long index, ulong command)
    {
        if (_applied.TryGetValue(index, out var known))
            Require(known == command, "State Machine Safety", $"{node} applied another command at index {index} than a replica before it");
        else
            _applied.Add(index, command);
    }

    private LogEntry? Durable(NodeId node, long index) =>
        _simulation.Node(node).Disk.GetDurable(Table.Log, _keys.Entry(index)) is { } frame ? LogEntry.FromFrame(frame) : null;

    private Promise Promised(NodeId node) =>
        _simulation.Node(node).Disk.GetDurable(Table.Meta, _keys.Promise) is { } bytes ? Promise.Decode(bytes) : default;

    private void Require(bool holds, string property, string detail)
    {
        if (!holds)
            _simulation.World.Fail(property, detail);
    }

    private sealed class WatchedMachine(GroupInvariants invariants, NodeId node, IStateMachine machine) : IStateMachine
    {
        public void Apply(ReadOnlySpan<byte> command, ApplyContext context, IBufferWriter<byte> reply)
        {
            invariants.OnApplied(node, context.Index, XxHash64.HashToUInt64(command));
            machine.Apply(command, context, reply);
        }

        public void Query(ReadOnlySpan<byte> query, IStateReader state, IBufferWriter<byte> reply) => machine.Query(query, state, reply);
    }
}
