using Actors.Membership;
using Actors.TestKit;
using Akka.Actor;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.SimulationTests;

public class NetworkTests
{
    private static readonly LinkFaults TenMs = new() { MinDelay = Ms(10), MaxDelay = Ms(10) };

    [Fact]
    public void Messages_take_the_links_delay()
    {
        using var world = new World(2);
        world.Sim.Network.Faults = new LinkFaults { MinDelay = Ms(10), MaxDelay = Ms(20), Reorder = 1 };

        world.Send("n1", "n2", 100);
        world.Sim.RunFor(Seconds(1));

        Assert.Equal(100, world.At("n2").Count);
        Assert.All(world.At("n2"), m => Assert.InRange(m.At, Ms(10), Ms(20)));
        Assert.True(world.At("n2").Select(m => m.At).Distinct().Count() > 90);
    }

    [Fact]
    public void Some_messages_are_slow()
    {
        using var world = new World(2);
        world.Sim.Network.Faults = new LinkFaults { Slow = 0.1, SlowDelay = Seconds(1), Reorder = 1 };

        world.Send("n1", "n2", 1000);
        world.Sim.RunFor(Seconds(2));

        Assert.InRange(world.At("n2").Count(m => m.At > Ms(2)), 70, 130);
    }

    [Fact]
    public void Messages_of_a_pair_arrive_in_order_and_those_of_different_pairs_may_not()
    {
        using var world = new World(3);
        world.Sim.Network.Faults = new LinkFaults { MinDelay = Ms(1), MaxDelay = Ms(100) };

        for (var i = 0; i < 100; i++)
        {
            world.Send("n1", "n3", 1);
            world.Send("n2", "n3", 1);
            world.Sim.RunFor(Ms(1));
        }

        world.Sim.RunFor(Seconds(1));

        Assert.Equal(Enumerable.Range(1, 100), world.From("n1", "n3"));
        Assert.Equal(Enumerable.Range(1, 100), world.From("n2", "n3"));
        Assert.NotEqual(world.At("n3").Select(m => m.Number).Order(), world.At("n3").Select(m => m.Number));
    }

    [Fact]
    public void Reordered_messages_overtake()
    {
        using var world = new World(2);
        world.Sim.Network.Faults = new LinkFaults { MinDelay = Ms(1), MaxDelay = Ms(100), Reorder = 0.3 };

        world.Send("n1", "n2", 100);
        world.Sim.RunFor(Seconds(1));

        Assert.Equal(Enumerable.Range(1, 100), world.From("n1", "n2").Order());
        Assert.NotEqual(Enumerable.Range(1, 100), world.From("n1", "n2"));
        Assert.InRange(world.Sim.Network.Counts.Reordered, 15, 45);
    }

    [Fact]
    public void Lost_messages_do_not_arrive()
    {
        using var world = new World(2);
        world.Sim.Network.Faults = new LinkFaults { Loss = 0.3 };

        world.Send("n1", "n2", 1000);
        world.Sim.RunFor(Seconds(1));

        Assert.InRange(world.At("n2").Count, 620, 780);
        Assert.Equal(1000 - world.At("n2").Count, world.Sim.Network.Counts.Lost);
    }

    [Fact]
    public void Duplicated_messages_arrive_twice()
    {
        using var world = new World(2);
        world.Sim.Network.Faults = new LinkFaults { Duplicate = 0.3 };

        world.Send("n1", "n2", 1000);
        world.Sim.RunFor(Seconds(1));

        Assert.InRange(world.At("n2").Count, 1220, 1380);
        Assert.Equal(1000, world.From("n1", "n2").Distinct().Count());
    }

    [Fact]
    public void A_link_can_have_its_own_faults()
    {
        using var world = new World(3);
        world.Sim.Network.SetFaults(new("n1"), new("n2"), new LinkFaults { Loss = 1 });

        world.SendAll();

        Assert.Equal(["n1>n3", "n2>n1", "n2>n3", "n3>n1", "n3>n2"], world.Heard());
    }

    [Fact]
    public void A_partition_cuts_both_directions()
    {
        using var world = new World(4);
        world.Sim.Network.Partition(new NodeId("n1"), new NodeId("n2"));

        world.SendAll();

        Assert.Equal(["n1>n2", "n2>n1", "n3>n4", "n4>n3"], world.Heard());
    }

    [Fact]
    public void A_one_way_cut_lets_the_other_direction_through()
    {
        using var world = new World(2);
        world.Sim.Network.CutOneWay(new("n1"), new("n2"));

        world.SendAll();

        Assert.Equal(["n2>n1"], world.Heard());
    }

    [Fact]
    public void An_isolated_node_hears_nobody_and_nobody_hears_it()
    {
        using var world = new World(3);
        world.Sim.Network.Isolate(new("n2"));

        world.SendAll();

        Assert.Equal(["n1>n3", "n3>n1"], world.Heard());
    }

    [Fact]
    public void In_a_ring_each_hears_its_neighbours_only()
    {
        using var world = new World(5);
        world.Sim.Network.Ring([.. world.Sim.Nodes.Select(node => node.Id)]);

        world.SendAll();

        Assert.Equal(["n1>n2", "n1>n5", "n2>n1", "n2>n3", "n3>n2", "n3>n4", "n4>n3", "n4>n5", "n5>n1", "n5>n4"], world.Heard());
    }

    [Fact]
    public void A_cut_also_loses_what_is_on_its_way()
    {
        using var world = new World(2);
        world.Sim.Network.Faults = TenMs;
        world.Send("n1", "n2", 1);
        world.Sim.RunFor(Ms(5));

        world.Sim.Network.Isolate(new("n1"));
        world.Sim.RunFor(Seconds(1));

        Assert.Empty(world.Heard());
    }

    [Fact]
    public void Overlapping_cuts_end_with_the_last()
    {
        using var world = new World(2);
        var first = world.Sim.Network.Isolate(new("n1"));
        var second = world.Sim.Network.Isolate(new("n2"));

        first.End();
        first.End();
        world.SendAll();
        Assert.Empty(world.Heard());

        second.End();
        world.SendAll();
        Assert.Equal(["n1>n2", "n2>n1"], world.Heard());
    }

    [Fact]
    public void Clogged_messages_arrive_in_order_when_the_clog_ends()
    {
        using var world = new World(2);
        var clog = world.Sim.Network.Clog(new("n1"), new("n2"));
        world.Send("n1", "n2", 5);
        world.Sim.RunFor(Seconds(1));
        Assert.Empty(world.At("n2"));

        clog.End();
        world.Sim.RunFor(Seconds(1));

        Assert.Equal([1, 2, 3, 4, 5], world.From("n1", "n2"));
        Assert.All(world.At("n2"), m => Assert.Equal(Seconds(1), m.At));
    }

    [Fact]
    public void Healing_ends_every_cut_clog_and_loss()
    {
        using var world = new World(3);
        world.Sim.Network.Faults = new LinkFaults { Loss = 1 };
        world.Sim.Network.SetFaults(new("n1"), new("n2"), new LinkFaults { Loss = 1 });
        world.Sim.Network.Isolate(new("n1"));
        world.Sim.Network.Clog(new("n2"), new("n3"));

        world.Sim.Network.Heal();
        world.SendAll();

        Assert.Equal(6, world.Heard().Count);
    }

    [Fact]
    public void The_receiver_answers_the_sender_through_the_network()
    {
        var replies = new List<object>();
        using var sim = new Simulation(1);
        sim.Network.Faults = TenMs;
        sim.AddNode("n2", node => node.Act("echo", (context, message) => context.Sender.Tell($"echo of {message}")));
        var asking = sim.AddNode("n1", node => node.Act("asking", (_, message) =>
        {
            if (message is "go")
                node.Remote("n2/echo").Tell("hello");
            else
                replies.Add((message, sim.Now));
        }));
        asking.Actor("asking").Tell("go");

        sim.RunFor(Seconds(1));

        Assert.Equal([("echo of hello", Ms(20))], replies.Cast<(object, TimeSpan)>());
    }

    [Fact]
    public void Peers_give_refs_to_replicas_and_clients_and_know_return_addresses()
    {
        var received = new List<object>();
        var group = new GroupId("orders");
        IPeers? peers = null;
        using var sim = new Simulation(1);
        sim.AddNode("n2", node => node.Record("replica-orders", received));
        var own = sim.AddNode("n1", node =>
        {
            peers = node.Peers;
            node.Record("client", received);
            node.Act("parent", (context, _) => received.Add(peers.AddressOf(context.ActorOf(Props.Create<Child>(), "child"))));
        });

        peers!.Replica(new("n2"), group).Tell("to the replica");
        peers.Client(peers.AddressOf(own.Actor("client"))).Tell("to myself");
        own.Actor("parent").Tell("go");
        sim.RunFor(Seconds(1));

        Assert.StartsWith("n1/client#", peers.AddressOf(own.Actor("client")));
        Assert.Equal("n2/replica-orders", peers.AddressOf(peers.Replica(new("n2"), group)));
        Assert.Equal(["n1/parent/child", "to myself", "to the replica"], received.Select(r => $"{r}".Split('#')[0]).Order());
        Assert.Throws<ArgumentException>(() => peers.AddressOf(sim.System.DeadLetters));
    }

    [Fact]
    public void A_ref_may_be_older_than_the_node_it_leads_to()
    {
        var received = new List<object>();
        IActorRef? link = null;
        using var sim = new Simulation(1);
        sim.AddNode("n1", node => link = node.Remote("n2/b"));
        link!.Tell("too early");
        sim.RunFor(Seconds(1));
        sim.AddNode("n2", node => node.Record("b", received));
        link.Tell("hello");
        sim.RunFor(Seconds(1));

        Assert.Equal(["hello"], received);
        Assert.Equal(1, sim.Network.Counts.Undeliverable);
    }

    [Fact]
    public void A_node_reaches_its_own_actors_whatever_the_network_does()
    {
        using var world = new World(1);
        world.Sim.Network.Faults = new LinkFaults { Loss = 1 };

        world.Send("n1", "n1", 1);
        world.Sim.RunFor(Ms(0));

        Assert.Single(world.At("n1"));
    }

    [Fact]
    public void Every_message_between_nodes_passes_through_the_codec()
    {
        using var world = new World(2, new SimulationOptions { Codec = message => message is World.Message m ? m with { Number = m.Number * 10 } : message });

        world.Send("n1", "n2", 2);
        world.Send("n1", "n1", 1);
        world.Sim.RunFor(Seconds(1));

        Assert.Equal([10, 20], world.From("n1", "n2"));
        Assert.Equal([1], world.From("n1", "n1"));
    }

    [Fact]
    public void A_message_that_the_codec_refuses_ends_the_run()
    {
        using var world = new World(2, new SimulationOptions { Codec = _ => throw new NotSupportedException("no codec") });
        world.Send("n1", "n2", 1);

        var failure = Assert.Throws<SimulationFailedException>(() => world.Sim.RunFor(Seconds(1)));

        Assert.Equal("Message from n1 to n2/a: no codec", failure.Detail);
    }

    [Fact]
    public void Watching_an_actor_of_another_node_is_refused()
    {
        using var sim = new Simulation(1);
        sim.AddNode("n2", node => node.Record("b", []));
        sim.AddNode("n1", node => node.Act("a", (context, _) => context.Watch(node.Remote("n2/b")))).Actor("a").Tell("go");

        sim.RunFor(Seconds(1));

        var failure = Assert.Single(sim.Failures);
        Assert.Contains("n2/b is on another node", failure.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void A_rate_outside_of_0_to_1_is_refused(double rate)
    {
        Assert.Contains("Loss is", Assert.Throws<ArgumentOutOfRangeException>(() => new LinkFaults { Loss = rate }).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiskFaults { SyncFailure = rate });
        Assert.Throws<ArgumentOutOfRangeException>(() => new HintFaults { Missing = rate });
    }

    /// <summary>Nodes n1, n2, ... each with one actor that records what it hears.</summary>
    private sealed class World : IDisposable
    {
        private readonly Dictionary<string, List<Received>> _received = [];
        private readonly Dictionary<string, SimNodeContext> _contexts = [];
        private readonly Dictionary<(string, string), int> _sent = [];

        public World(int nodes, SimulationOptions? options = null)
        {
            Sim = new Simulation(1, options);
            foreach (var name in Enumerable.Range(1, nodes).Select(i => $"n{i}"))
            {
                _received[name] = [];
                Sim.AddNode(name, node =>
                {
                    _contexts[name] = node;
                    node.Act("a", (_, message) => _received[name].Add(new Received(((Message)message).From, ((Message)message).Number, Sim.Now)));
                });
            }
        }

        public Simulation Sim { get; }

        public void Send(string from, string to, int count)
        {
            for (var i = 0; i < count; i++)
            {
                _sent[(from, to)] = _sent.GetValueOrDefault((from, to)) + 1;
                _contexts[from].Remote($"{to}/a").Tell(new Message(from, _sent[(from, to)]));
            }
        }

        /// <summary>Everybody sends one message to everybody else.</summary>
        public void SendAll()
        {
            foreach (var from in _contexts.Keys)
            {
                foreach (var to in _contexts.Keys.Where(to => to != from))
                    Send(from, to, 1);
            }

            Sim.RunFor(Seconds(1));
        }

        public List<Received> At(string node) => _received[node];

        public IEnumerable<int> From(string from, string to) => _received[to].Where(m => m.From == from).Select(m => m.Number);

        public IReadOnlyList<string> Heard() => [.. _received.SelectMany(r => r.Value.Select(m => $"{m.From}>{r.Key}")).Order()];

        public void Dispose() => Sim.Dispose();

        public sealed record Message(string From, int Number);

        public sealed record Received(string From, int Number, TimeSpan At);
    }

    private sealed class Child : UntypedActor
    {
        protected override void OnReceive(object message) => Unhandled(message);
    }
}
