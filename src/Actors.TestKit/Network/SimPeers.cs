using Actors.Broadcast;
using Actors.Membership;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>The refs by which one life of a node reaches others.</summary>
internal sealed class SimPeers(Simulation simulation, SimNode node) : IPeers
{
    private readonly Dictionary<string, IActorRef> _links = [];
    private readonly Dictionary<(NodeId, GroupId), IActorRef> _replicas = [];

    public IActorRef Replica(NodeId node, GroupId group)
    {
        if (!_replicas.TryGetValue((node, group), out var link))
            _replicas.Add((node, group), link = Client($"{node}/{simulation.Network.ReplicaName(group)}"));
        return link;
    }

    public IActorRef Participant(NodeId node, GroupId group) => Client($"{node}/{BroadcastNode.Name}");

    public IActorRef Client(string address)
    {
        if (!_links.TryGetValue(address, out var link))
        {
            var to = new NodeId(address.Split('/')[0]);
            _links.Add(address, link = new SimLink(simulation, node.CurrentLife!, simulation.Network.Channel(node.Id, to), address));
        }

        return link;
    }

    // With the actor's number: after a restart of this node another actor has the same name, and must not get the answers to this one.
    public string AddressOf(IActorRef local)
    {
        if (local is SimLink link)
            return link.Address;
        return SimNode.AddressOf(local) is { } name && node.Find(name) is { } actor && actor.Ref!.Equals(local)
            ? $"{name}{SimLink.NumberMark}{actor.Order}"
            : throw new ArgumentException($"{local.Path} is not a living actor of {node.Id}");
    }
}
