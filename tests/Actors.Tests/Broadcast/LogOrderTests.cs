using Actors.Broadcast;
using Actors.Membership;

namespace Actors.Tests.BroadcastTests;

/// <summary>Total order that a replicated log keeps, and with it crash recovery.</summary>
public sealed class LogOrderTests
{
    private static readonly BroadcastSpec Log = new(Reliability.UniformReliable, Ordering.Total, FaultModel.CrashRecovery, orderedBy: Orderer.Log);

    [Fact]
    public void Messages_of_all_members_are_delivered_everywhere_in_one_order()
    {
        using var story = new BroadcastStory(Log);
        for (var i = 0; i < 60; i++)
            story.Broadcast(1 + (i % 3));

        story.Run(2);

        Assert.Equal(60, story.DeliveredBy(1).Count);
        Assert.Equal(story.DeliveredBy(1), story.DeliveredBy(2));
        Assert.Equal(story.DeliveredBy(1), story.DeliveredBy(3));
        story.ShouldLackNothing();
    }

    [Fact]
    public void All_members_crash_at_once_and_deliver_again_what_they_had_delivered_and_what_is_new()
    {
        using var story = new BroadcastStory(Log);
        for (var i = 0; i < 20; i++)
            story.Broadcast(1 + (i % 3));
        story.Run(2);
        var before = story.DeliveredBy(1).ToList();
        foreach (var node in story.Up.ToList())
            story.Simulation.Node(node).Crash();
        story.Run(1);
        foreach (var node in story.Simulation.Nodes.ToList())
            node.Restart();
        story.Run(5);

        var after = story.Broadcast(2);
        story.Run(2);

        foreach (var node in new[] { 1, 2, 3 })
            Assert.Equal([.. before, after], story.DeliveredBy(node));
    }

    [Fact]
    public void A_listener_goes_on_after_a_crash_where_it_was()
    {
        using var story = new BroadcastStory(Log);
        for (var i = 0; i < 10; i++)
            story.Broadcast(2);
        story.Run(2);
        story.Simulation.Node(N(1)).Crash();
        story.Broadcast(2);
        story.Run(2);
        story.Simulation.Node(N(1)).Restart();

        var (heard, refused) = (new List<long>(), new List<long>());
        story.Listen(1, after: 8, delivered => heard.Add(delivered.Position), refused.Add);
        story.Run(5);

        Assert.Equal([9, 10, 11], heard);
        Assert.Empty(refused);
    }

    [Fact]
    public void Who_comes_back_when_much_is_forgotten_is_told_from_where_on_there_is_all()
    {
        using var story = new BroadcastStory(Log, change: s => s with { DeliveredKept = 5 });
        story.Group.Checker.MayMiss = true;
        for (var i = 0; i < 40; i++)
        {
            story.Broadcast(1);
            story.Run(0.1);
        }

        var before = story.DeliveredBy(3).ToList();
        story.Run(1);       // what it delivered last is on its disk by then
        story.Simulation.Node(N(3)).Crash();
        story.Simulation.Node(N(3)).Restart();
        var refused = new List<long>();
        story.Listen(3, after: 0, _ => { }, refused.Add);
        story.Run(5);
        var after = story.Broadcast(2);
        story.Run(2);

        Assert.Equal([35], refused);
        Assert.Equal([.. before.TakeLast(5), after], story.DeliveredBy(3));
    }

    [Fact]
    public void Without_a_majority_nothing_is_delivered_and_afterwards_everything_is()
    {
        using var story = new BroadcastStory(Log);
        var cut = story.Simulation.Network.Isolate(N(1));
        var text = story.Broadcast(1);

        story.Run(10);
        Assert.Empty(story.DeliveredBy(1));
        cut.End();
        story.Run(10);

        foreach (var node in new[] { 1, 2, 3 })
            Assert.Equal([text], story.DeliveredBy(node));
    }

    [Fact]
    public void A_sender_that_crashes_does_so_before_its_message_is_in_the_log_or_after()
    {
        for (var steps = 0; steps < 12; steps++)
        {
            using var story = new BroadcastStory(Log);
            var left = steps;
            story.Group.SentByLog = _ =>
            {
                if (--left == 0)
                    story.Simulation.Node(N(2)).Crash();
            };
            story.Broadcast(2);
            story.Run(20);

            Assert.Equal(story.DeliveredBy(1), story.DeliveredBy(3));
            Assert.InRange(story.DeliveredBy(1).Count, 0, 1);
        }
    }

    private static NodeId N(int i) => BroadcastStory.N(i);
}
