using Actors.Membership;
using Actors.TestKit;
using Akka.Actor;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.SimulationTests;

/// <summary>Faults on real dispatchers. The tests wait for messages that must come, never for a time to pass.</summary>
public class LiveFaultTests : Akka.TestKit.Xunit2.TestKit
{
    [Fact]
    public void A_link_without_faults_is_like_the_ref_behind_it()
    {
        var link = new FaultyLink(Sys, TestActor, seed: 1);

        link.Tell("hello");

        ExpectMsg("hello");
        Assert.Equal(TestActor, link);
    }

    [Fact]
    public void The_seed_fixes_which_messages_are_lost()
    {
        var first = Survivors(seed: 1);

        Assert.InRange(first.Count, 50, 90);
        Assert.Equal(first, Survivors(seed: 1));
        Assert.NotEqual(first, Survivors(seed: 2));

        List<int> Survivors(long seed)
        {
            var link = new FaultyLink(Sys, TestActor, seed) { Faults = FaultyLink.None with { Loss = 0.3 } };
            for (var i = 0; i < 100; i++)
                link.Tell(i);
            TestActor.Tell("end");
            var survivors = new List<int>();
            while (ExpectMsg<object>() is int number)
                survivors.Add(number);
            return survivors;
        }
    }

    [Fact]
    public void Delayed_messages_keep_their_order()
    {
        var link = new FaultyLink(Sys, TestActor, seed: 1) { Faults = new LinkFaults { MinDelay = Ms(1), MaxDelay = Ms(50) } };

        for (var i = 0; i < 100; i++)
            link.Tell(i);

        Assert.Equal(Enumerable.Range(0, 100), ReceiveN(100, TimeSpan.FromSeconds(10)).Cast<int>());
    }

    [Fact]
    public void Messages_are_duplicated()
    {
        var link = new FaultyLink(Sys, TestActor, seed: 1) { Faults = FaultyLink.None with { Duplicate = 1 } };

        link.Tell("twice");

        ExpectMsg("twice");
        ExpectMsg("twice");
    }

    [Fact]
    public void Reordered_messages_all_arrive()
    {
        var link = new FaultyLink(Sys, TestActor, seed: 1) { Faults = new LinkFaults { MinDelay = Ms(1), MaxDelay = Ms(100), Reorder = 0.5 } };

        for (var i = 0; i < 100; i++)
            link.Tell(i);

        var received = ReceiveN(100, TimeSpan.FromSeconds(10)).Cast<int>().ToList();
        Assert.Equal(Enumerable.Range(0, 100), received.Order());
        Assert.NotEqual(Enumerable.Range(0, 100), received);
    }

    [Fact]
    public void A_cut_loses_messages_and_a_clog_holds_them()
    {
        var link = new FaultyLink(Sys, TestActor, seed: 1) { IsCut = true };
        link.Tell("lost");
        link.IsCut = false;
        link.IsClogged = true;
        link.Tell("held");
        TestActor.Tell("direct");

        ExpectMsg("direct");
        link.IsClogged = false;
        ExpectMsg("held");
    }

    [Fact]
    public void An_actor_behind_a_link_can_be_watched()
    {
        var echo = Sys.ActorOf(Props.Create<Echo>());
        Watch(new FaultyLink(Sys, echo, seed: 1));

        Sys.Stop(echo);

        ExpectTerminated(echo);
    }

    [Fact]
    public void Peers_have_a_link_to_each_replica_and_client()
    {
        var peers = new FaultyPeers(Sys, new ProbePeers(TestActor), seed: 1);
        var (group, other) = (new GroupId("g"), new NodeId("n2"));
        peers.ToReplica(other, group).IsCut = true;

        peers.Replica(other, group).Tell("cut");
        peers.Replica(new NodeId("n3"), group).Tell("replica");
        peers.Client("c").Tell("client");

        ExpectMsg("replica");
        ExpectMsg("client");
        Assert.Equal("address", peers.AddressOf(TestActor));
    }

    private sealed class ProbePeers(IActorRef probe) : IPeers
    {
        public IActorRef Participant(NodeId node, GroupId group) => probe;

        public IActorRef Replica(NodeId node, GroupId group) => probe;

        public IActorRef Client(string address) => probe;

        public string AddressOf(IActorRef local) => "address";
    }

    private sealed class Echo : UntypedActor
    {
        protected override void OnReceive(object message) => Sender.Tell(message);
    }
}
