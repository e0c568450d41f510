using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Client;
using Actors.TestKit;
using Actors.Tests.SimulationTests;
using Akka.Actor;

namespace Actors.Tests.ReplicationTests;

/// <summary>The client of a group alone, against a replica that says what the test wants.</summary>
public sealed class GroupClientTests
{
    /// <summary>Found by seed 17 of the swarm: each refusal of the older of two copies sent a further one, so two copies chased each other for ever.</summary>
    [Fact]
    public void A_refusal_of_an_earlier_copy_sends_no_further_one_while_a_later_copy_is_on_its_way()
    {
        var (group, node) = (new GroupId("g"), new NodeId("n1"));
        var requests = new List<Requests>();
        GroupReply? answer = null;
        using var sim = new Simulation(1, new SimulationOptions { Config = ActorsConfig.Default });
        sim.AddNode(node.Value, context =>
        {
            context.Act("replica-g", (_, message) =>
            {
                requests.Add((Requests)message);
                if (requests.Count < 2)
                    return;
                foreach (var m in requests.TakeLast(requests.Count == 2 ? 2 : 1))
                    context.Peers.Client(m.ReplyTo).Tell(new Redirect(group, node, default, m.Number, NoQuorum: true), ActorRefs.NoSender);
            });
            var client = context.ActorOf(GroupClient.Props(group, [node], node, context.Peers, context.Clock, new ClientSettings()), "client");
            client.Tell(new Query(new byte[1], ReadMode.Barrier, null, reply => answer = reply), ActorRefs.NoSender);
        });

        sim.RunUntil(() => answer is not null, TestActors.Seconds(5));

        Assert.Equal(Outcome.Unavailable, answer!.Value.Outcome);
        Assert.Equal(2, requests.Count);
    }
}
