using System.Collections.Concurrent;
using Actors.Broadcast;
using Actors.Membership;
using Actors.Replication;
using Akka.Actor;

namespace Actors.Hosting;

/// <summary>The other nodes by Akka.Remote: node name → address → ActorRef. Thread-safe.</summary>
/// <remarks>
/// Protocol and system name of an address are those of this system, so the transport may change. Refs of other nodes are resolved once; an actor of
/// this node is looked up for each call, as the ref of a local actor ends with its incarnation while that of a remote one names only the path.
/// </remarks>
internal sealed class RemotePeers : IPeers
{
    private const int MaxClients = 1024;   // return addresses kept resolved; when there are more, all are resolved anew

    private readonly IActorRefProvider _provider;
    private readonly IReadOnlyDictionary<NodeId, NodeAddress> _nodes;
    private readonly ConcurrentDictionary<NodeId, Target> _replicas = new();
    private readonly ConcurrentDictionary<NodeId, Target> _participants = new();
    private readonly ConcurrentDictionary<string, Target> _clients = new();
    private int _clientCount;

    /// <param name="system">This node's system; it must have its remoting address.</param>
    /// <param name="nodes">All nodes.</param>
    public RemotePeers(ExtendedActorSystem system, IReadOnlyDictionary<NodeId, NodeAddress> nodes)
    {
        _provider = system.Provider;
        _nodes = nodes;
    }

    // To the node's own actor, which passes it on: Akka.Remote keeps what it has resolved, and a replica's ref ends with its incarnation.
    public IActorRef Replica(NodeId node, GroupId group) => OfNode(node, _replicas, ReplicationNode.Name);

    public IActorRef Participant(NodeId node, GroupId group) => OfNode(node, _participants, BroadcastNode.Name);

    public IActorRef Client(string address)
    {
        if (_clients.TryGetValue(address, out var known))
            return Ref(known);
        if (SystemPeers.Parse(address) is not { } path)
            return _provider.DeadLetters;
        if (Interlocked.Increment(ref _clientCount) > MaxClients)
        {
            _clients.Clear();
            Volatile.Write(ref _clientCount, 1);
        }

        return Ref(_clients[address] = Resolve(path));
    }

    // With its uid: after a restart of this process another actor has the same path, and must not get the answers to this one.
    public string AddressOf(IActorRef local) => local.Path.ToSerializationFormatWithAddress(_provider.DefaultAddress);

    /// <summary>This node; none while the system listens elsewhere.</summary>
    public NodeId Self => NodeAt(_provider.DefaultAddress);

    /// <summary>The node at <paramref name="address"/>, or none.</summary>
    public NodeId NodeAt(Address address)
    {
        foreach (var (node, at) in _nodes)
        {
            if (at.Host == address.Host && at.Port == address.Port)
                return node;
        }

        return default;
    }

    /// <summary>The address of a node's actor system.</summary>
    public Address AddressOf(NodeAddress node) => _provider.DefaultAddress.WithHost(node.Host).WithPort(node.Port);

    private IActorRef OfNode(NodeId node, ConcurrentDictionary<NodeId, Target> known, string actor)
    {
        if (known.TryGetValue(node, out var target))
            return Ref(target);
        if (!_nodes.TryGetValue(node, out var at))
            return _provider.DeadLetters;
        return Ref(known[node] = Resolve(new RootActorPath(AddressOf(at)) / "user" / actor));
    }

    private Target Resolve(ActorPath path) => new(path, path.Address == _provider.DefaultAddress ? null : _provider.ResolveActorRef(path));

    private IActorRef Ref(Target target) => target.Remote ?? _provider.ResolveActorRef(target.Path);

    private readonly record struct Target(ActorPath Path, IActorRef? Remote);
}
