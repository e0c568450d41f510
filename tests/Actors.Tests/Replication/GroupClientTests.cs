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
    private static readonly GroupId Group = new("g");
    private static readonly NodeId Node = new("n1");
    private static readonly LogPosition Session = new(new Epoch(1), 2);

    /// <summary>Found by seed 17 of the swarm: each refusal of the older of two copies sent a further one, so two copies chased each other for ever.</summary>
    [Fact]
    public void A_refusal_of_an_earlier_copy_sends_no_further_one_while_a_later_copy_is_on_its_way()
    {
        var requests = new List<Requests>();
        var answer = Run((context, m) =>
        {
            requests.Add(m);
            if (requests.Count < 2)
                return;
            foreach (var request in requests.TakeLast(requests.Count == 2 ? 2 : 1))
                context.Peers.Client(request.ReplyTo).Tell(new Redirect(Group, Node, default, request.Number, NoQuorum: true), ActorRefs.NoSender);
        }, complete => new Query(new byte[1], ReadMode.Barrier, null, complete));

        Assert.Equal(Outcome.Unavailable, answer.Outcome);
        Assert.Equal(2, requests.Count);
    }

    /// <summary>Found by seed 171 of the directed swarm: what another life could not vouch for was asked again, of the life that had gone, without end and without a pause.</summary>
    [Fact]
    public void A_client_learns_the_life_of_a_replica_that_cannot_serve_either()
    {
        var commands = new List<Requests>();
        var answer = Run((context, m) =>
        {
            if (m.Items[0].Kind is RequestKind.Register)
            {
                Reply(context, m, Registered(m), life: 7);
                return;
            }

            commands.Add(m);
            context.Peers.Client(m.ReplyTo).Tell(new Redirect(Group, Node, default, m.Life == 8 ? m.Number : 0, NoQuorum: true) { Life = 8 }, ActorRefs.NoSender);
        }, Command);

        Assert.Equal(Outcome.Unknown, answer.Outcome);
        Assert.Equal([7L, 8], commands.Select(m => m.Life));
    }

    [Theory]
    [InlineData(0, Outcome.Overloaded)]     // its first copy named no life: nobody can have ordered it
    [InlineData(7, Outcome.Unknown)]        // its first copy named a life that is over, and that can say no more what it did with it
    public void A_command_goes_at_once_to_the_life_that_the_replica_names_and_is_refused_for_certain_unless_another_life_may_have_ordered_it(long life, Outcome outcome)
    {
        var commands = new List<Requests>();
        var answer = Run((context, m) =>
        {
            if (m.Items[0].Kind is RequestKind.Register)
            {
                Reply(context, m, Registered(m), life);
                return;
            }

            commands.Add(m);
            if (m.Life != 8)
                context.Peers.Client(m.ReplyTo).Tell(new Redirect(Group, Node, Node, m.Life == 0 ? m.Number : 0, false) { Life = 8 }, ActorRefs.NoSender);
            else
                Reply(context, m, new Reply(RequestKind.Command, 1, Session, 0, new Applied(Outcome.Overloaded, default, 0, "full")), life: 8);
        }, Command);

        Assert.Equal(outcome, answer.Outcome);
        Assert.Equal([life, 8], commands.Take(2).Select(m => m.Life));
    }

    private static GroupReply Run(Action<SimNodeContext, Requests> replica, Func<Action<GroupReply>, object> ask)
    {
        GroupReply? answer = null;
        using var sim = new Simulation(1, new SimulationOptions { Config = ActorsConfig.Default });
        sim.AddNode(Node.Value, context =>
        {
            context.Act("replica-g", (_, message) => replica(context, (Requests)message));
            var client = context.ActorOf(GroupClient.Props(Group, [Node], Node, context.Peers, context.Clock, new ClientSettings()), "client");
            client.Tell(ask(reply => answer = reply), ActorRefs.NoSender);
        });
        sim.RunUntil(() => answer is not null, TestActors.Seconds(5));
        return answer!.Value;
    }

    private static object Command(Action<GroupReply> complete) => new Submit(new byte[1], default, TestActors.Seconds(1), complete);

    private static Reply Registered(Requests m) => new(RequestKind.Register, m.Items[0].Sequence, Session, 0, new Applied(Outcome.Ok, default, 2, ""));

    private static void Reply(SimNodeContext context, Requests m, Reply reply, long life) =>
        context.Peers.Client(m.ReplyTo).Tell(new Replies(Group, Node, m.Number, [reply]) { Life = life }, ActorRefs.NoSender);
}
