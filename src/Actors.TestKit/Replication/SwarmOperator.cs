using Actors.Membership;
using Actors.Replication.Client;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>What an operator does to a group while a run goes on, through a client outside of it.</summary>
internal sealed class SwarmOperator(Simulation simulation, SimGroup group, IActorRef client)
{
    private readonly Dictionary<NodeId, int> _repairs = [];

    /// <summary>Begins what <paramref name="kind"/> names; returns what ends it, where that takes something.</summary>
    public Action? Begin(FaultKind kind, IReadOnlyList<NodeId> targets)
    {
        switch (kind)
        {
            case FaultKind.HandOver:
                client.Tell(new Transfer(targets[0], targets.Count > 1 ? targets[1] : default, _ => { }), ActorRefs.NoSender);
                return null;
            case FaultKind.Removal:
                Change(group.Primary, targets[0], join: false);
                return () => Change(group.Primary, targets[0], join: true);
            default:
                throw new ArgumentException($"{kind} is nothing that an operator does", nameof(kind));
        }
    }

    /// <summary>Has <paramref name="leader"/>, if there is one, take a node in, or remove it.</summary>
    public void Change(NodeId leader, NodeId node, bool join)
    {
        if (!leader.IsNone)
            client.Tell(new ChangeMembers(leader, node, join, _ => { }), ActorRefs.NoSender);
    }

    /// <summary>Of a node that is out of service: starts it again; when it still says that it is damaged, starts it with an empty disk.</summary>
    public void Repair(NodeId id)
    {
        var node = simulation.Node(id);
        _repairs[id] = _repairs.GetValueOrDefault(id) + 1;
        node.Crash();
        if (_repairs[id] > 1)
            node.Disk.Wipe();
        node.Restart();
    }
}
