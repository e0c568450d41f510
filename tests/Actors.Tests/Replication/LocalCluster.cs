using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Client;
using Actors.Replication.KeyValue;
using Actors.Storage;
using Actors.Timing;
using Akka.Actor;

namespace Actors.Tests.ReplicationTests;

/// <summary>Nodes of one group as actors of one ordinary ActorSystem, each with a store of its own: real dispatchers, real time, no network.</summary>
internal sealed class LocalCluster
{
    private readonly ActorSystem _system;
    private readonly IReadOnlyList<NodeId> _nodes;
    private readonly GroupSettings _settings;
    private readonly Dictionary<NodeId, InMemoryStore> _stores = [];
    private readonly Dictionary<NodeId, IActorRef> _running = [];
    private readonly Dictionary<NodeId, Incarnation> _incarnations = [];
    private readonly Peers _peers;

    public LocalCluster(ActorSystem system, int nodes, Func<GroupSettings, GroupSettings>? change = null)
    {
        _system = system;
        _nodes = [.. Enumerable.Range(1, nodes).Select(i => new NodeId($"n{i}"))];
        _settings = new GroupSettings { Id = new GroupId("test"), InitialMembers = _nodes, StateMachine = () => new KeyValueMachine(), MinInView = Math.Min(2, nodes) };
        _settings = change?.Invoke(_settings) ?? _settings;
        _peers = new Peers(system, _running);
        foreach (var node in _nodes)
        {
            _stores[node] = new InMemoryStore();
            _incarnations[node] = Incarnation.Draw(Random.Shared);
            Start(node);
        }
    }

    public void Start(NodeId node)
    {
        var environment = new ReplicationEnvironment
        {
            Cluster = "test",
            Node = node,
            Nodes = _nodes,
            Incarnation = _incarnations[node],
            Store = _stores[node],
            Peers = _peers,
            Clock = SystemClock.Instance,
            Seed = Random.Shared.Next(),
        };
        _running[node] = _system.ActorOf(ReplicationNode.Props(environment, [_settings], new ClientSettings()));
    }

    /// <summary>The node comes back with another data folder, if it comes back.</summary>
    public void Wipe(NodeId node)
    {
        _stores[node] = new InMemoryStore();
        _incarnations[node] = Incarnation.Draw(Random.Shared);
    }

    public async Task Kill(NodeId node)
    {
        await _running[node].GracefulStop(TimeSpan.FromSeconds(5));
    }

    public IStore Store(NodeId node) => _stores[node];

    public GroupHandle Client(NodeId node) => ReplicationHandle.GroupOf(_running[node], _settings.Id);

    private sealed class Peers(ActorSystem system, Dictionary<NodeId, IActorRef> running) : IPeers
    {
        public IActorRef Replica(NodeId node, GroupId group) => running.GetValueOrDefault(node, ActorRefs.Nobody);

        public IActorRef Participant(NodeId node, GroupId group) => system.DeadLetters;

        public IActorRef Client(string address) => Resolve(ActorPath.Parse(address));

        public string AddressOf(IActorRef local) => local.Path.ToString();

        private IActorRef Resolve(ActorPath path) => ((ExtendedActorSystem)system).Provider.ResolveActorRef(path);
    }
}
