using Actors.Hosting;
using Actors.Membership;
using Akka.Actor;
using Akka.Cluster;
using Akka.Configuration;
using Akka.Event;
using Akka.Remote;

namespace Actors.Tests.HostingTests;

public class MembershipHintsTests : Akka.TestKit.Xunit2.TestKit
{
    private static readonly NodeId Self = new("n1");
    private static readonly NodeId Other = new("n2");

    private readonly SortedDictionary<NodeId, NodeAddress> _nodes;
    private readonly Address _self;
    private readonly Address _other;
    private readonly IActorRef _hints;

    public MembershipHintsTests() : base(Clustered, "hints")
    {
        _self = ((ExtendedActorSystem)Sys).Provider.DefaultAddress;
        _other = _self.WithPort(FreePorts.Take(1)[0]);
        _nodes = new SortedDictionary<NodeId, NodeAddress> { [Self] = new("127.0.0.1", _self.Port!.Value), [Other] = new("127.0.0.1", _other.Port!.Value) };
        _hints = Sys.ActorOf(MembershipHints.Props(new RemotePeers((ExtendedActorSystem)Sys, _nodes), TestActor));
        _hints.Tell(new Identify("started"));
        ExpectMsg<ActorIdentity>();
    }

    private static Config Clustered => """
        akka.actor.provider = cluster
        akka.loglevel = WARNING
        akka.remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
        akka.cluster.downing-provider-class = ""
        """;

    [Fact]
    public async Task A_closed_connection_is_a_hint_at_once()
    {
        Sys.EventStream.Publish(new DisassociatedEvent(_self, _other, inbound: true));

        await ExpectMsgAsync(new PeerHint(Other, true));
    }

    [Fact]
    public async Task A_failed_connection_is_a_hint()
    {
        Sys.EventStream.Publish(new AssociationErrorEvent(new TimeoutException(), _self, _other, false, LogLevel.WarningLevel));

        await ExpectMsgAsync(new PeerHint(Other, true));
    }

    [Fact]
    public async Task A_new_connection_takes_the_suspicion_back()
    {
        Sys.EventStream.Publish(new AssociatedEvent(_self, _other, inbound: false));

        await ExpectMsgAsync(new PeerHint(Other, false));
    }

    [Fact]
    public async Task What_the_clusters_failure_detector_says_is_a_hint()
    {
        // A member cannot be made, but here is one; to a node elsewhere it is another node's.
        var member = Cluster.Get(Sys).SelfMember;
        using var elsewhere = ActorSystem.Create("hints", Clustered);
        var hints = Sys.ActorOf(MembershipHints.Props(new RemotePeers((ExtendedActorSystem)elsewhere, _nodes), TestActor));

        hints.Tell(new ClusterEvent.UnreachableMember(member));
        await ExpectMsgAsync(new PeerHint(Self, true));

        hints.Tell(new ClusterEvent.ReachableMember(member));
        await ExpectMsgAsync(new PeerHint(Self, false));
    }

    [Fact]
    public async Task The_cluster_is_listened_to()
    {
        Sys.EventStream.Unsubscribe(_hints, typeof(AssociatedEvent));    // so that only the cluster can tell of the other node
        using var other = ActorSystem.Create("hints", ConfigurationFactory.ParseString($"akka.remote.dot-netty.tcp.port = {_other.Port}").WithFallback(Clustered));

        Cluster.Get(Sys).Join(_self);
        Cluster.Get(other).Join(_self);

        await ExpectMsgAsync(new PeerHint(Other, false), TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Events_of_this_node_and_of_strangers_are_no_hints()
    {
        Sys.EventStream.Publish(new DisassociatedEvent(_self, _self, inbound: true));
        Sys.EventStream.Publish(new DisassociatedEvent(_self, _self.WithPort(1), inbound: true));
        Sys.EventStream.Publish(new DisassociatedEvent(_self, _other, inbound: true));

        await ExpectMsgAsync(new PeerHint(Other, true));    // the first to arrive
    }
}
