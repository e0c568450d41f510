using System.Text;
using Actors.Broadcast;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Actors.Replication.Order;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>A broadcast group in a simulation: the shipped participants on simulated nodes, watched from outside through their messages and deliveries.</summary>
public sealed class SimBroadcast
{
    private readonly Simulation _simulation;
    private readonly BroadcastSettings _settings;
    private readonly Action<SimBroadcast, SimNodeContext>? _started;
    private readonly Dictionary<NodeId, int> _sent = [];
    private readonly Dictionary<NodeId, ListState> _states = [];

    /// <summary>Adds a node for each member in <paramref name="settings"/> and starts the group on them.</summary>
    /// <param name="simulation">Created with options from <see cref="SimBroadcastOptions.Apply"/>.</param>
    /// <param name="settings">The group.</param>
    /// <param name="options">Whose options the simulation was created with.</param>
    public SimBroadcast(Simulation simulation, BroadcastSettings settings, SimBroadcastOptions options) : this(simulation, settings, options, null)
    {
    }

    /// <param name="started">Called on each start of a node, to put more on it.</param>
    internal SimBroadcast(Simulation simulation, BroadcastSettings settings, SimBroadcastOptions options, Action<SimBroadcast, SimNodeContext>? started)
    {
        ArgumentNullException.ThrowIfNull(simulation);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(options);
        (_simulation, _settings, _started) = (simulation, settings.Validated(), started);
        KeepsState = settings.State is not null;
        Checker = new BroadcastChecker(simulation, settings.Spec, settings.Members);
        options.Observer = m => Sent?.Invoke(m);
        options.LogObserver = m => SentByLog?.Invoke(m);
        simulation.Network.ReplicaName = _ => ReplicationNode.Name;
        foreach (var node in Nodes)
            simulation.AddNode(node.Value, Start);
    }

    /// <summary>The group's settings.</summary>
    public BroadcastSettings Settings => _settings;

    /// <summary>All nodes: the members, and those that may join.</summary>
    internal IReadOnlyList<NodeId> Nodes => [.. _settings.Members, .. _settings.MayJoin ?? []];

    internal BroadcastChecker Checker { get; }

    /// <summary>True when members keep a state; each then has one of the simulation's, whatever the settings make.</summary>
    internal bool KeepsState { get; }

    /// <summary>What the present life of a node has in its state.</summary>
    internal ListState StateOf(NodeId node) => _states[node];

    /// <summary>Sees every message as it leaves a node.</summary>
    internal Action<BroadcastMessage>? Sent { get; set; }

    /// <summary>Sees every message of the log that orders the group, when one does.</summary>
    internal Action<ReplicationMessage>? SentByLog { get; set; }

    /// <summary>Broadcasts a text of the node's own choice, which no other message has; does nothing when the node is down.</summary>
    /// <returns>The text; null when the node is down.</returns>
    public string? Broadcast(NodeId node, int bytes = 0)
    {
        if (_simulation.Find(node) is not { IsUp: true, CurrentLife: { } life } at)
            return null;
        var text = $"{node}.{_sent[node] = _sent.GetValueOrDefault(node) + 1}".PadRight(bytes, ' ');
        Checker.OnBroadcast(node, life.Number, text);
        at.Actor(BroadcastNode.Name).Tell(new ForParticipant(_settings.Id, new BroadcastRequest(
            Encoding.UTF8.GetBytes(text), (result, id) => Checker.OnResult(text, result, id))), ActorRefs.NoSender);
        return text;
    }

    /// <summary>Asks a node to take another one into the group, or leave it out; does nothing when it is down.</summary>
    internal void ChangeMembers(NodeId at, NodeId node, bool joins, Action<string> done)
    {
        if (_simulation.Find(at) is { IsUp: true } there)
            there.Actor(BroadcastNode.Name).Tell(new ForParticipant(_settings.Id, new ChangeMembers(node, joins, done)), ActorRefs.NoSender);
    }

    /// <summary>Who the members are, as a node that is up knows it.</summary>
    internal BroadcastView MembersAt(NodeId node)
    {
        BroadcastView? view = null;
        _simulation.Node(node).Actor(BroadcastNode.Name).Tell(new ForParticipant(_settings.Id, new AskMembers(known => view = known)), ActorRefs.NoSender);
        _simulation.RunFor(TimeSpan.FromMilliseconds(1));
        return view!;
    }

    /// <summary>The texts that the present life of a node has delivered, in order.</summary>
    public IReadOnlyList<string> DeliveredBy(NodeId node) => Checker.DeliveredBy(node, _simulation.Node(node).CurrentLife!.Number);

    /// <summary>How the states of two members that are up differ, or what is wrong with one of them; null when nothing is.</summary>
    internal string? DifferenceOfStates()
    {
        var states = Checker.Members.Where(node => _simulation.Node(node).IsUp).Select(node => (Node: node, State: _states[node])).ToList();
        if (states.Find(each => each.State.OutOfTurn is not null) is { State: not null } wrong)
            return $"the state of {wrong.Node} took {wrong.State.OutOfTurn} out of turn";
        foreach (var (node, state) in states)
        {
            var (mine, first) = (state.Messages, states[0].State.Messages);
            if (_settings.Spec.IsTotal ? !mine.SequenceEqual(first) : !mine.Order().SequenceEqual(first.Order()))
                return $"the state of {node} has {mine.Count} messages and that of {states[0].Node} {first.Count}: {string.Join(", ", mine.Except(first).Concat(first.Except(mine)).Take(3))}";
        }

        return null;
    }

    private void Start(SimNodeContext context)
    {
        var seed = context.Random.Next();
        var replicas = StartReplicas(context);
        var environment = new BroadcastEnvironment
        {
            Node = context.Id,
            Peers = context.Peers,
            Clock = context.Clock,
            Seed = seed,
            Orderer = group => new ReplicatedOrderer(ReplicatedOrderer.NameFor(group.Id), replicas, group.DeliveredKept, group.MaxBufferedBytes),
            Views = new ReplicatedRegister(replicas),
        };
        var settings = KeepsState ? _settings with { State = () => _states[context.Id] = new ListState(_simulation) } : _settings;
        var node = context.ActorOf(BroadcastNode.Props(environment, [settings]), BroadcastNode.Name);
        context.OnHint(hint => node.Tell(new PeerHint(hint.Peer, hint.Suspected), ActorRefs.NoSender));
        var member = Checker.Begin(context.Id, context.Life);
        Listen(node, member, 0);
        _started?.Invoke(this, context);
    }

    private void Listen(IActorRef node, BroadcastChecker.Member member, long after) => node.Tell(
        new ForParticipant(_settings.Id, new Listen(after, member.OnDelivered, (completeAfter, _) =>
        {
            member.OnDelivered(new Delivered(completeAfter, default, default) { Missed = completeAfter - after });
            Listen(node, member, completeAfter);
        })),
        ActorRefs.NoSender);

    /// <summary>The replicas of the log that orders the group, or of the register that holds its views, on the disk of the node; nobody when it needs neither.</summary>
    private IActorRef StartReplicas(SimNodeContext context)
    {
        var group = _settings.Spec.OrderedBy is Orderer.Log ? ReplicatedOrderer.GroupFor(_settings.Id, _settings.Members, _settings.HeartbeatInterval, _settings.ElectionTimeout)
            : _settings.MayJoin is not null ? ReplicatedRegister.GroupOn(_settings.Members)
            : null;
        if (group is null)
            return ActorRefs.Nobody;
        var environment = new ReplicationEnvironment
        {
            Cluster = "simulation",
            Node = context.Id,
            Nodes = Nodes,
            Incarnation = Incarnation.Draw(_simulation.RandomFor($"incarnation {context.Id} {context.Node.Disk.Wipes}")),
            Store = context.OpenStore(),
            Peers = context.Peers,
            Clock = context.Clock,
            Seed = context.Random.Next(),
        };
        var replicas = context.ActorOf(ReplicationNode.Props(environment, [group], new ClientSettings()), ReplicationNode.Name);
        context.OnHint(hint => replicas.Tell(new PeerHint(hint.Peer, hint.Suspected), ActorRefs.NoSender));
        return replicas;
    }
}

/// <summary>Connects a simulation's codec with the broadcast group that lives in it.</summary>
public sealed class SimBroadcastOptions
{
    internal Action<BroadcastMessage> Observer { get; set; } = _ => { };

    internal Action<ReplicationMessage> LogObserver { get; set; } = _ => { };

    /// <summary>Simulation options under which every message between nodes passes the shipped wire codec, and a participant that finds its order broken ends the run.</summary>
    public SimulationOptions Apply(SimulationOptions? options = null) => (options ?? new SimulationOptions()) with
    {
        Config = ActorsConfig.Default,
        FailOn = [typeof(InvariantViolation), typeof(InvalidOperationException), typeof(NullReferenceException), typeof(ArgumentException), typeof(KeyNotFoundException)],
        Codec = message =>
        {
            switch (message)
            {
                case BroadcastMessage m:
                    Observer(m);
                    return BroadcastCodec.Decode(BroadcastCodec.Manifest(m), BroadcastCodec.Encode(m));
                case ReplicationMessage m:
                    LogObserver(m);
                    return ReplicationCodec.Decode(ReplicationCodec.Manifest(m), ReplicationCodec.Encode(m));
                default:
                    return message;
            }
        },
    };
}
