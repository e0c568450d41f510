using Actors.Membership;
using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using Akka.Remote;

namespace Actors.Hosting;

/// <summary>Tells replicas and participants what Akka.Cluster and Akka.Remote notice of other nodes; the only contact with the events of either.</summary>
/// <remarks>
/// Hints, never votes: a hint of the primary starts an election at once instead of after the election time-out, and a wrong one costs a vote that nobody wins.
/// The process of a node that is killed closes its sockets at once, seconds before the cluster's failure detector speaks. That a member was downed or removed
/// is not passed on: it was unreachable before, and the old incarnation of a restarted process is removed when the new one is already at work.
/// </remarks>
internal sealed class MembershipHints : UntypedActor
{
    private readonly IReadOnlyList<IActorRef> _receivers;
    private readonly RemotePeers _peers;
    private readonly HashSet<NodeId> _suspected = [];
    private readonly ILoggingAdapter _log = Context.GetLogger();

    public MembershipHints(IReadOnlyList<IActorRef> receivers, RemotePeers peers)
    {
        _receivers = receivers;
        _peers = peers;
    }

    public static Props Props(RemotePeers peers, params IReadOnlyList<IActorRef> receivers) => Akka.Actor.Props.Create(() => new MembershipHints(receivers, peers));

    protected override void PreStart()
    {
        Context.System.EventStream.Subscribe(Self, typeof(AssociatedEvent));
        Context.System.EventStream.Subscribe(Self, typeof(DisassociatedEvent));
        Context.System.EventStream.Subscribe(Self, typeof(AssociationErrorEvent));
        if (HasCluster)
            Cluster.Get(Context.System).Subscribe(Self, ClusterEvent.InitialStateAsEvents, typeof(ClusterEvent.IReachabilityEvent), typeof(ClusterEvent.MemberUp));
    }

    protected override void PostStop()
    {
        Context.System.EventStream.Unsubscribe(Self);
        if (HasCluster)
            Cluster.Get(Context.System).Unsubscribe(Self);
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case AssociatedEvent e: Hint(e.RemoteAddress, false, "is connected"); break;
            case DisassociatedEvent e: Hint(e.RemoteAddress, true, "closed its connection"); break;
            case AssociationErrorEvent e: Hint(e.RemoteAddress, true, "cannot be connected"); break;
            case ClusterEvent.UnreachableMember e: Hint(e.Member.Address, true, "does not answer the cluster's heartbeats"); break;
            case ClusterEvent.ReachableMember e: Hint(e.Member.Address, false, "answers the cluster's heartbeats again"); break;
            case ClusterEvent.MemberUp e: Hint(e.Member.Address, false, "is up"); break;
            default: Unhandled(message); break;
        }
    }

    private void Hint(Address address, bool suspected, string why)
    {
        var node = _peers.NodeAt(address);
        if (node.IsNone || node == _peers.Self)
            return;
        if (suspected ? _suspected.Add(node) : _suspected.Remove(node))
            _log.Info("Node {0} {1}", node, why);
        foreach (var receiver in _receivers)
            receiver.Tell(new PeerHint(node, suspected));
    }

    private static bool HasCluster => ((ExtendedActorSystem)Context.System).Provider is IClusterActorRefProvider;
}
