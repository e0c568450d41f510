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

    /// <summary>Found by seed 171 of the directed swarm: what another life could not vouch for was asked again, of the life that had gone, without end and without a pause.</summary>
    [Fact]
    public void A_client_learns_the_life_of_a_replica_that_cannot_serve_either()
    {
        var (group, node) = (new GroupId("g"), new NodeId("n1"));
        var commands = new List<Requests>();
        GroupReply? answer = null;
        using var sim = new Simulation(1, new SimulationOptions { Config = ActorsConfig.Default });
        sim.AddNode(node.Value, context =>
        {
            context.Act("replica-g", (_, message) =>
            {
                var m = (Requests)message;
                if (m.Items[0].Kind is RequestKind.Register)
                {
                    var registered = new Reply(RequestKind.Register, m.Items[0].Sequence, new LogPosition(new Epoch(1), 2), 0, new Applied(Outcome.Ok, default, 2, ""));
                    context.Peers.Client(m.ReplyTo).Tell(new Replies(group, node, m.Number, [registered]) { Life = 7 }, ActorRefs.NoSender);
                    return;
                }

                commands.Add(m);
                context.Peers.Client(m.ReplyTo).Tell(new Redirect(group, node, default, m.Life == 8 ? m.Number : 0, NoQuorum: true) { Life = 8 }, ActorRefs.NoSender);
            });
            var client = context.ActorOf(GroupClient.Props(group, [node], node, context.Peers, context.Clock, new ClientSettings()), "client");
            client.Tell(new Submit(new byte[1], default, TestActors.Seconds(1), reply => answer = reply), ActorRefs.NoSender);
        });

        sim.RunUntil(() => answer is not null, TestActors.Seconds(5));

        Assert.Equal(Outcome.Unknown, answer!.Value.Outcome);
        Assert.Equal([7L, 8], commands.Select(m => m.Life));
    }

    [Theory]
    [InlineData(0, Outcome.Overloaded)]     // its first copy named no life: nobody can have ordered it
    [InlineData(7, Outcome.Unknown)]        // its first copy named a life that is over, and that can say no more what it did with it
    public void A_command_goes_at_once_to_the_life_that_the_replica_names_and_is_refused_for_certain_unless_another_life_may_have_ordered_it(long life, Outcome outcome)
    {
        var (group, node) = (new GroupId("g"), new NodeId("n1"));
        var session = new LogPosition(new Epoch(1), 2);
        var commands = new List<Requests>();
        GroupReply? answer = null;
        using var sim = new Simulation(1, new SimulationOptions { Config = ActorsConfig.Default });
        sim.AddNode(node.Value, context =>
        {
            context.Act("replica-g", (_, message) =>
            {
                var m = (Requests)message;
                if (m.Items[0].Kind is RequestKind.Register)
                {
                    Reply(m, new Reply(RequestKind.Register, m.Items[0].Sequence, session, 0, new Applied(Outcome.Ok, default, 2, "")), life);
                    return;
                }

                commands.Add(m);
                if (m.Life != 8)
                    context.Peers.Client(m.ReplyTo).Tell(new Redirect(group, node, node, m.Life == 0 ? m.Number : 0, false) { Life = 8 }, ActorRefs.NoSender);
                else
                    Reply(m, new Reply(RequestKind.Command, 1, session, 0, new Applied(Outcome.Overloaded, default, 0, "full")), 8);
            });
            var client = context.ActorOf(GroupClient.Props(group, [node], node, context.Peers, context.Clock, new ClientSettings()), "client");
            client.Tell(new Submit(new byte[1], default, TestActors.Seconds(1), reply => answer = reply), ActorRefs.NoSender);

            void Reply(Requests m, Reply reply, long of) =>
                context.Peers.Client(m.ReplyTo).Tell(new Replies(group, node, m.Number, [reply]) { Life = of }, ActorRefs.NoSender);
        });

        sim.RunUntil(() => answer is not null, TestActors.Seconds(5));

        Assert.Equal(outcome, answer!.Value.Outcome);
        Assert.Equal([life, 8], commands.Take(2).Select(m => m.Life));
    }
}
