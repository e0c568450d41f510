using Actors.GroupDirectory;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Client;
using Actors.Replication.KeyValue;
using Actors.Storage;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>A replicated group in a simulation: the shipped actors on simulated nodes, watched from outside through their messages, disks and state machines.</summary>
public sealed class SimGroup
{
    private const string WatchResumed = "a watcher resumed";
    private const string Rested = "a group rested";
    private const string Stirred = "a backup ended a rest";

    private readonly Simulation _simulation;
    private readonly GroupSettings _settings;
    private readonly GroupInvariants _invariants;
    private readonly List<NodeId> _nodes;
    private readonly GroupSettings? _directory;     // of a group that does not decide on its views itself
    private readonly Action<SimGroup, SimNodeContext>? _started;

    /// <summary>Adds nodes <c>n1</c> to <c>nN</c>, N being the number of initial members in <paramref name="settings"/>, and starts the group on them.</summary>
    /// <param name="simulation">Created with options from <see cref="SimGroupOptions.Apply"/>.</param>
    /// <param name="settings">The state machine in it is replaced by a watched key-value machine.</param>
    /// <param name="options">Whose options the simulation was created with.</param>
    public SimGroup(Simulation simulation, GroupSettings settings, SimGroupOptions options) : this(simulation, settings, options, null)
    {
    }

    /// <param name="started">Called on each start of a node, to put more actors on it.</param>
    /// <param name="spares">Nodes more, which do not found the group: they are outside until they are taken in.</param>
    /// <param name="directoryNodes">Members of the directory, if the group needs one.</param>
    internal SimGroup(Simulation simulation, GroupSettings settings, SimGroupOptions options, Action<SimGroup, SimNodeContext>? started, int spares = 0, int directoryNodes = 3)
    {
        ArgumentNullException.ThrowIfNull(simulation);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(options);
        _simulation = simulation;
        _settings = settings.Validated();
        _started = started;
        _nodes = [.. settings.InitialMembers, .. Enumerable.Range(settings.InitialMembers.Count + 1, spares).Select(i => new NodeId($"n{i}"))];
        _invariants = new GroupInvariants(simulation, _settings, _nodes);
        if (!_settings.IsLossy)
            simulation.Sometimes(WatchResumed);
        simulation.Sometimes(Rested);
        simulation.Sometimes(Stirred);
        options.Observer = message =>
        {
            if (message is NodeBeat)
                simulation.Reached(Rested);
            else if (message is Stir)
                simulation.Reached(Stirred);
            if (message.Group == settings.Id)
                _invariants.OnMessage(message);
        };
        simulation.Network.ReplicaName = _ => ReplicationNode.Name;     // which passes it on, as between processes
        if (settings.Authority is ViewAuthority.Directory)
        {
            _directory = DirectoryMachine.Group([.. Enumerable.Range(1, directoryNodes).Select(i => new NodeId($"d{i}"))]) with
            {
                StateMachine = () => new WatchedDirectory(_invariants.OnRecord),
            };
        }

        foreach (var node in _directory?.InitialMembers ?? [])
            simulation.AddNode(node.Value, StartDirectory);
        foreach (var node in _nodes)
            simulation.AddNode(node.Value, Start);
    }

    /// <summary>The nodes that have a replica of the group, members or not.</summary>
    public IReadOnlyList<NodeId> Nodes => _nodes;

    /// <summary>The nodes of the directory; none where the group decides on its views itself.</summary>
    internal IReadOnlyList<NodeId> DirectoryNodes => _directory?.InitialMembers ?? [];

    /// <summary>The group's settings.</summary>
    public GroupSettings Settings => _settings;

    /// <summary>Who leads, as far as its messages tell; none before the first primary.</summary>
    public NodeId Primary => _invariants.Primary;

    /// <summary>Whom faults that hit the leader hit.</summary>
    internal NodeId Target => _invariants.Target;

    /// <summary>The highest epoch that had a primary.</summary>
    public Epoch Epoch => _invariants.Epoch;

    /// <summary>True when every disk has lost the group: the nodes rightly found another one, under the same name, unless the directory remembers this one.</summary>
    internal bool IsForgotten { get; private set; }

    /// <summary>The share of queries in the middle of which whoever reads by a lease stops for a while. Default 0.</summary>
    internal double Hesitations { get; init; }

    /// <summary>The highest index that a client was told of.</summary>
    internal long LastAnswered => _invariants.LastAnswered;

    /// <summary>The state of a backup must be what was applied up to <paramref name="index"/>.</summary>
    internal void RequireStateAt(long index, IStateReader state, string property) => _invariants.Applied.RequireState(index, state, property);

    /// <summary>True when the node is up and its replica holds every entry that a client was told of, whatever the other nodes have lost.</summary>
    internal bool HoldsAllAnswered(NodeId node) => _simulation.Node(node).IsUp && _invariants.HoldsAllAnswered(node);

    /// <summary>The replica of <paramref name="node"/> is the whole group from now on, as an operator wanted.</summary>
    internal void OnLossAccepted(NodeId node) => _invariants.OnLossAccepted(node);

    /// <summary>Has a node hand over what it leads, as before it is stopped on purpose.</summary>
    internal void PrepareToStop(NodeId node, Action ready) => _simulation.Node(node).Actor(Stopper.Name).Tell(ready, ActorRefs.NoSender);

    /// <summary>Called with what a client was told of a command: it must be durable where the commit rule says so.</summary>
    internal void OnAnswer(in GroupReply reply) => _invariants.OnAnswer(reply);

    /// <summary>Called with what a client was told of the present value of <paramref name="key"/>: the key must have had it.</summary>
    internal void OnStaleValue(string key, in GroupReply reply) => _invariants.OnStaleValue(key, reply);

    /// <summary>Watches all changes on <paramref name="context"/>'s node: none may be missing. Now and then, or when the replica ends the watch, it is resumed where it ended, while this life of the node lasts.</summary>
    internal void Watch(SimNodeContext context, long? after = null)
    {
        var watch = _invariants.Applied.NewWatch(context.Id, after, last =>
        {
            _simulation.Reached(WatchResumed);
            context.After(TimeSpan.FromMilliseconds(200), () => Watch(context, last));
        });
        var node = context.Node.Actor(ReplicationNode.Name);
        node.Tell(new ForReplica(_settings.Id, new Subscribe(default, after, watch)), ActorRefs.NoSender);
        context.After(TimeSpan.FromMilliseconds(300 + context.Random.Next(3000)), () =>
        {
            node.Tell(new ForReplica(_settings.Id, new Unsubscribe(watch)), ActorRefs.NoSender);
            watch.TryComplete();
        });
    }

    /// <summary>The client actor that a node of the group has; messages go through <see cref="ReplicationNode"/>.</summary>
    internal Action<object> ClientOn(NodeId node) => message =>
    {
        if (_simulation.Node(node).IsUp)
            _simulation.Node(node).Actor(ReplicationNode.Name).Tell(new ForClient(_settings.Id, message), ActorRefs.NoSender);
    };

    /// <summary>The difference between the states on the disks of two of <paramref name="nodes"/>, or null when there is none.</summary>
    internal string? StatesDiffer(IReadOnlyList<NodeId> nodes)
    {
        if (_settings.IsLossy)
            return AnswersDiffer(nodes);
        List<KeyValuePair<byte[], byte[]>>? first = null;
        foreach (var node in nodes)
        {
            var state = State(_simulation.Node(node));
            first ??= state;
            for (var i = 0; i < Math.Max(first.Count, state.Count); i++)
            {
                var (a, b) = (i < first.Count ? first[i] : default, i < state.Count ? state[i] : default);
                if (!a.Key.AsSpan().SequenceEqual(b.Key) || !a.Value.AsSpan().SequenceEqual(b.Value))
                    return $"{nodes[0]} has {Text(a)}, {node} has {Text(b)}";
            }
        }

        return null;

        static string Text(KeyValuePair<byte[], byte[]> pair) => pair.Key is null ? "nothing" : $"{Convert.ToHexString(pair.Key)} = {Convert.ToHexString(pair.Value)}";
    }

    // Where states are in memory: what they answer.
    private string? AnswersDiffer(IReadOnlyList<NodeId> nodes)
    {
        var answers = new SortedDictionary<NodeId, string>();
        var all = KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Scan, Limit = KeyValueLimits.MaxPageEntries });
        foreach (var node in nodes)
            ClientOn(node)(new Query(all, ReadMode.Stale, null, reply => answers[node] = $"{reply.Outcome} {Convert.ToHexString(reply.Payload.Span)}"));
        _simulation.RunUntil(() => answers.Count == nodes.Count, TimeSpan.FromMinutes(1));
        var other = answers.FirstOrDefault(answer => answer.Value != answers[nodes[0]]);
        return other.Value is null ? null : $"{nodes[0]} answers {answers[nodes[0]]}, {other.Key} answers {other.Value}";
    }

    /// <summary>The state in use on a node's disk.</summary>
    private List<KeyValuePair<byte[], byte[]>> State(SimNode node)
    {
        var used = new LogOnDisk(node, new GroupKeys(_settings.Id)).State;
        return [.. node.Disk.Scan(Table.State, used.Of([]), used.End).Select(pair => new KeyValuePair<byte[], byte[]>(used.Inner(pair.Key), pair.Value))];
    }

    // Only where a lease may run out meanwhile.
    private TimeSpan Hesitation(SimNodeContext context) => _settings.Reads is ReadGuard.Lease && context.Id == _invariants.Reader && context.Random.NextDouble() < Hesitations
        ? 3 * context.Random.NextDouble() * _settings.ElectionTimeout
        : TimeSpan.Zero;

    private void Start(SimNodeContext context)
    {
        _invariants.OnStart(context.Node);
        IsForgotten |= _directory is null && !_settings.IsLossy && !Primary.IsNone && _nodes.TrueForAll(node => new LogOnDisk(_simulation.Node(node), new GroupKeys(_settings.Id)).Genesis is null);
        var machine = _settings with
        {
            StateMachine = () => _invariants.Watched(context.Id, new HesitantMachine(new KeyValueMachine(), () => Hesitation(context), duration => _invariants.OnQuery(context.Id, duration))),
        };
        var node = Run(context, _nodes, _directory is null ? [machine] : [machine, _directory]);
        context.ActorOf(Akka.Actor.Props.Create(() => new Stopper(node)), Stopper.Name);
        context.OnHint(hint => node.Tell(new PeerHint(hint.Peer, hint.Suspected), ActorRefs.NoSender));
        _started?.Invoke(this, context);
    }

    private void StartDirectory(SimNodeContext context) => Run(context, _directory!.InitialMembers, [_directory]);

    private IActorRef Run(SimNodeContext context, IReadOnlyList<NodeId> nodes, IReadOnlyList<GroupSettings> groups)
    {
        var store = context.OpenStore();
        var environment = new ReplicationEnvironment
        {
            Cluster = "simulation",
            Node = context.Id,
            Nodes = nodes,
            Incarnation = Incarnation.Draw(_simulation.RandomFor($"incarnation {context.Id} {context.Node.Disk.Wipes}")),     // as long as the disk is not wiped
            Store = store,
            Peers = context.Peers,
            Clock = context.Clock,
            Seed = context.Random.Next(),
            ViewAuthority = client => new DirectoryClient(client),
        };
        return context.ActorOf(ReplicationNode.Props(environment, groups, new ClientSettings()), ReplicationNode.Name);
    }
}

/// <summary>Stops a node in order, as its program would.</summary>
internal sealed class Stopper(IActorRef replicas) : UntypedActor
{
    public const string Name = "stopper";

    private Action _ready = () => { };

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Action ready:
                _ready = ready;
                replicas.Tell(PrepareToStop.Instance);
                break;
            case ReadyToStop: _ready(); break;
            default: Unhandled(message); break;
        }
    }
}

/// <summary>Connects a simulation's codec with the group that lives in it.</summary>
public sealed class SimGroupOptions
{
    internal Action<ReplicationMessage> Observer { get; set; } = _ => { };

    /// <summary>Simulation options under which every message between nodes passes the shipped wire codec, and a broken invariant of a replica ends the run.</summary>
    public SimulationOptions Apply(SimulationOptions? options = null) => (options ?? new SimulationOptions()) with
    {
        Config = ActorsConfig.Default,
        FailOn = [typeof(InvariantViolation)],
        Codec = message =>
        {
            if (message is not ReplicationMessage replication)
                return message;
            Observer(replication);
            return ReplicationCodec.Decode(ReplicationCodec.Manifest(replication), ReplicationCodec.Encode(replication));
        },
    };
}
