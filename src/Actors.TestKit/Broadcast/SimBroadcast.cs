using System.Text;
using Actors.Broadcast;
using Actors.Membership;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>A broadcast group in a simulation: the shipped participants on simulated nodes, watched from outside through their messages and deliveries.</summary>
public sealed class SimBroadcast
{
    private readonly Simulation _simulation;
    private readonly BroadcastSettings _settings;
    private readonly Action<SimBroadcast, SimNodeContext>? _started;
    private readonly Dictionary<NodeId, int> _sent = [];

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
        Checker = new BroadcastChecker(simulation, settings.Spec);
        options.Observer = m => Sent?.Invoke(m);
        foreach (var node in settings.Members)
            simulation.AddNode(node.Value, Start);
    }

    /// <summary>The group's settings.</summary>
    public BroadcastSettings Settings => _settings;

    internal BroadcastChecker Checker { get; }

    /// <summary>Sees every message as it leaves a node.</summary>
    internal Action<BroadcastMessage>? Sent { get; set; }

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

    /// <summary>The texts that the present life of a node has delivered, in order.</summary>
    public IReadOnlyList<string> DeliveredBy(NodeId node) => Checker.DeliveredBy(node, _simulation.Node(node).CurrentLife!.Number);

    private void Start(SimNodeContext context)
    {
        var environment = new BroadcastEnvironment { Node = context.Id, Peers = context.Peers, Clock = context.Clock, Seed = context.Random.Next() };
        var node = context.ActorOf(BroadcastNode.Props(environment, [_settings]), BroadcastNode.Name);
        context.OnHint(hint => node.Tell(new PeerHint(hint.Peer, hint.Suspected), ActorRefs.NoSender));
        var member = Checker.Begin(context.Id, context.Life);
        node.Tell(new ForParticipant(_settings.Id, new Listen(0, member.OnDelivered, _ => { })), ActorRefs.NoSender);
        _started?.Invoke(this, context);
    }
}

/// <summary>Connects a simulation's codec with the broadcast group that lives in it.</summary>
public sealed class SimBroadcastOptions
{
    internal Action<BroadcastMessage> Observer { get; set; } = _ => { };

    /// <summary>Simulation options under which every message between nodes passes the shipped wire codec, and a participant that finds its order broken ends the run.</summary>
    public SimulationOptions Apply(SimulationOptions? options = null) => (options ?? new SimulationOptions()) with
    {
        Config = ActorsConfig.Default,
        FailOn = [typeof(InvalidOperationException), typeof(NullReferenceException), typeof(ArgumentException), typeof(KeyNotFoundException)],
        Codec = message =>
        {
            if (message is not BroadcastMessage broadcast)
                return message;
            Observer(broadcast);
            return BroadcastCodec.Decode(BroadcastCodec.Manifest(broadcast), BroadcastCodec.Encode(broadcast));
        },
    };
}
