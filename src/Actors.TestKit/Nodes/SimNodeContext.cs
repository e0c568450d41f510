using Actors.Membership;
using Actors.Storage;
using Actors.Timing;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>What a node's start may use: everything that is different on each node, and ends with its life.</summary>
public sealed class SimNodeContext
{
    private readonly Life _life;
    private readonly IActorContext _root;

    private readonly MembershipHints _hints;

    internal SimNodeContext(Life life, IActorContext root, SeededRandom random, MembershipHints hints)
    {
        _life = life;
        _root = root;
        _hints = hints;
        Random = random;
    }

    /// <summary>The node that starts.</summary>
    public SimNode Node => _life.Node;

    /// <summary>Its name.</summary>
    public NodeId Id => _life.Node.Id;

    /// <summary>1 for the first start, 2 after the first crash, and so on.</summary>
    public int Life => _life.Number;

    /// <summary>The node's clock.</summary>
    public IClock Clock => _life.Node.Clock;

    /// <summary>Other nodes, through the simulated network.</summary>
    public IPeers Peers => _life.Peers;

    /// <summary>A random source of this life alone.</summary>
    public Random Random { get; }

    /// <summary>Starts an actor on this node; other nodes reach it as <c>node/name</c>. When it throws, it is restarted, as under Akka's user guardian.</summary>
    public IActorRef ActorOf(Props props, string name) => _root.ActorOf(props, name);

    /// <summary>A ref to the actor at <c>node/name</c>, through the simulated network; node and actor need not exist yet, and the ref stays usable when its node restarts.</summary>
    public IActorRef Remote(string address) => Peers.Client(address);

    /// <summary>Opens the node's disk. The handle that was open before is dead, as it is after a crash.</summary>
    public IStore OpenStore() => _life.Node.Disk.Open();

    /// <summary>Runs <paramref name="action"/> once, <paramref name="delay"/> from now, unless this life of the node has ended by then.</summary>
    internal void After(TimeSpan delay, Action action) => _life.Node.World.After(delay.Ticks, new ActionEvent(action) { Owner = _life });

    /// <summary>Takes the hints of the simulated membership service: which peers it suspects and which are back. They may be wrong, late or missing.</summary>
    public void OnHint(Action<MembershipHint> handler) => _hints.Add(_life, handler);
}
