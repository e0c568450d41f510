using Actors.Hosting;
using Actors.Membership;
using Akka.Actor;
using Akka.Configuration;

namespace Actors.Tests.HostingTests;

public class RemotePeersTests : Akka.TestKit.Xunit2.TestKit
{
    private static readonly NodeId Self = new("n1");
    private static readonly NodeId Other = new("n2");
    private static readonly GroupId Group = new("g");

    private readonly ActorSystem _other;
    private readonly RemotePeers _here;
    private readonly RemotePeers _there;

    public RemotePeersTests() : base(Remoting, "peers")
    {
        _other = ActorSystem.Create("peers", Remoting);
        var nodes = new SortedDictionary<NodeId, NodeAddress> { [Self] = AddressOf(Sys), [Other] = AddressOf(_other) };
        _here = new RemotePeers((ExtendedActorSystem)Sys, nodes);
        _there = new RemotePeers((ExtendedActorSystem)_other, nodes);
    }

    private static Config Remoting => """
        akka.actor.provider = remote
        akka.loglevel = WARNING
        akka.remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
        """;

    [Fact]
    public void A_replica_has_the_path_of_its_node_under_the_systems_own_protocol_and_name()
    {
        var address = ((ExtendedActorSystem)Sys).Provider.DefaultAddress.WithPort(AddressOf(_other).Port);

        Assert.Equal($"{address}/user/replication", _here.Replica(Other, Group).Path.ToString());
    }

    [Fact]
    public async Task A_message_to_a_replica_arrives_at_that_of_the_node_in_every_incarnation()
    {
        for (var incarnation = 1; incarnation <= 2; incarnation++)
        {
            var node = _other.ActorOf(Props.Create(() => new Supervisor(TestActor)), "replication");

            await AwaitAssertAsync(async () =>
            {
                _here.Replica(Other, Group).Tell($"hello {incarnation}");
                await ExpectMsgAsync($"hello {incarnation}", TimeSpan.FromMilliseconds(200));
            });
            await Stop(node);
        }
    }

    [Fact]
    public async Task The_replica_of_this_node_is_looked_up_anew_for_each_call()
    {
        Assert.IsNotAssignableFrom<ActorRefWithCell>(_here.Replica(Self, Group));    // there is none yet

        for (var incarnation = 1; incarnation <= 2; incarnation++)
        {
            var node = Sys.ActorOf(Props.Create(() => new Supervisor(TestActor)), "replication");
            await AwaitConditionAsync(() => Task.FromResult(_here.Replica(Self, Group) is ActorRefWithCell));

            _here.Replica(Self, Group).Tell($"hello {incarnation}");

            await ExpectMsgAsync($"hello {incarnation}");
            await Stop(node);
        }
    }

    [Fact]
    public void An_unknown_node_and_a_malformed_address_lead_to_dead_letters()
    {
        Assert.Same(Sys.DeadLetters, _here.Replica(new NodeId("n9"), Group));
        Assert.Same(Sys.DeadLetters, _here.Client("no address"));
        Assert.Same(Sys.DeadLetters, _here.Client(""));
        Assert.Same(Sys.DeadLetters, _here.Client("akka.tcp://peers@127.0.0.1:1/user/x#one"));
        Assert.Same(Sys.DeadLetters, _here.Client("akka.tcp://peers@127.0.0.1:1/user/x#99999999999999999999"));
    }

    [Fact]
    public async Task A_return_address_leads_back_to_the_actor_from_another_node_and_from_its_own()
    {
        var probe = CreateTestProbe();
        var address = _here.AddressOf(probe);

        await AwaitAssertAsync(async () =>
        {
            _there.Client(address).Tell("from there");
            await probe.ExpectMsgAsync("from there", TimeSpan.FromMilliseconds(200));
        });
        _here.Client(address).Tell("from here");
        await probe.FishForMessageAsync(m => m is "from here");
    }

    [Fact]
    public async Task A_return_address_is_never_that_of_a_later_actor_of_the_same_name()
    {
        var first = Sys.ActorOf(Props.Create(() => new Supervisor(TestActor)), "client");
        var address = _here.AddressOf(first);
        await Stop(first);
        var second = Sys.ActorOf(Props.Create(() => new Supervisor(TestActor)), "client");

        await AwaitAssertAsync(async () =>
        {
            _there.Client(_here.AddressOf(second)).Tell("connected");
            await ExpectMsgAsync("connected", TimeSpan.FromMilliseconds(200));
        });

        foreach (var (peers, name) in new[] { (_here, "here"), (_there, "there") })
        {
            peers.Client(address).Tell("for the first");
            peers.Client(_here.AddressOf(second)).Tell(name);
        }

        var received = new HashSet<string>();
        while (!received.IsSupersetOf(["here", "there"]))
            received.Add(await ExpectMsgAsync<string>());
        Assert.DoesNotContain("for the first", received);
    }

    [Fact]
    public async Task More_return_addresses_than_are_kept_still_lead_where_they_say()
    {
        var probe = CreateTestProbe();
        var address = _here.AddressOf(probe);
        for (var i = 0; i < 3000; i++)
            Assert.NotSame(Sys.DeadLetters, _here.Client(address.Replace("#", $"-{i}#", StringComparison.Ordinal)));

        _here.Client(address).Tell("still there");

        await probe.ExpectMsgAsync("still there");
    }

    [Fact]
    public void An_address_belongs_to_the_node_that_listens_there()
    {
        Assert.Equal(Other, _here.NodeAt(((ExtendedActorSystem)_other).Provider.DefaultAddress));
        Assert.True(_here.NodeAt(new Address("akka.tcp", "peers", "127.0.0.1", 1)).IsNone);
        Assert.Equal((Self, Other), (_here.Self, _there.Self));
    }

    protected override void AfterAll()
    {
        Shutdown(_other);
        base.AfterAll();
    }

    private static NodeAddress AddressOf(ActorSystem system)
    {
        var address = ((ExtendedActorSystem)system).Provider.DefaultAddress;
        return new NodeAddress(address.Host, address.Port!.Value);
    }

    // Its name is free when the guardian has let go of it, which may be a moment after those who watch it know.
    private async Task Stop(IActorRef actor)
    {
        var guardian = (ActorRefWithCell)((IInternalActorRef)actor).Parent;
        await actor.GracefulStop(TimeSpan.FromSeconds(5));
        await AwaitConditionAsync(() => Task.FromResult(guardian.GetSingleChild(actor.Path.Name).IsNobody()));
    }

    private sealed class Supervisor : ReceiveActor
    {
        public Supervisor(IActorRef probe) => ReceiveAny(probe.Tell);
    }
}
