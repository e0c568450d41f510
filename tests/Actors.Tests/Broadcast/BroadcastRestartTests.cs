using Actors.Broadcast;
using static Actors.Tests.BroadcastTests.BroadcastStory;

namespace Actors.Tests.BroadcastTests;

/// <summary>Groups whose members are fixed and are started again.</summary>
public sealed class BroadcastRestartTests
{
    private static readonly BroadcastSpec Total = new(Reliability.UniformReliable, Ordering.Total);

    public static TheoryData<Ordering, FaultModel, Acknowledgement> Specifications => new()
    {
        { Ordering.Fifo, FaultModel.Omission, Acknowledgement.Majority },
        { Ordering.Causal, FaultModel.CrashStop, Acknowledgement.All },
        { Ordering.Total, FaultModel.Omission, Acknowledgement.Majority },
    };

    [Theory]
    [MemberData(nameof(Specifications))]
    public void Members_that_were_all_started_again_one_after_the_other_found_the_group_anew_and_all_of_them_count(Ordering ordering, FaultModel faults, Acknowledgement acknowledgement)
    {
        using var story = new BroadcastStory(new BroadcastSpec(Reliability.UniformReliable, ordering, faults, acknowledgement: acknowledgement));
        story.Broadcast(1);
        story.Run(5);
        foreach (var node in new[] { 1, 2, 3 })
            Restart(story, node);

        Assert.All([1, 2, 3], node => Assert.Equal((2, 3), (story.Group.MembersAt(N(node)).Number, story.Group.MembersAt(N(node)).Members.Count)));
        story.Simulation.Node(N(2)).Crash();
        story.Run(1);
        var text = story.Broadcast(1);
        story.Run(5);
        Assert.Equal(text, story.DeliveredBy(1)[^1]);
        Assert.Equal(text, story.DeliveredBy(3)[^1]);
        story.ShouldLackNothing();
    }

    [Fact]
    public void What_waited_for_a_majority_is_delivered_once_the_group_is_founded_anew()
    {
        using var story = new BroadcastStory(Total);
        Restart(story, 1);
        Restart(story, 2);
        var waits = story.Broadcast(1);
        story.Run(5);
        Assert.DoesNotContain(waits, story.DeliveredBy(1));

        Restart(story, 3);

        Assert.All([1, 2, 3], node => Assert.Equal([waits], story.DeliveredBy(node)));
    }

    [Fact]
    public void What_only_one_of_the_new_founders_has_delivered_keeps_its_place()
    {
        using var story = new BroadcastStory(Total);
        Restart(story, 3);
        var before = story.Broadcast(1);
        story.Run(2);
        Assert.Equal([before], story.DeliveredBy(3));
        foreach (var node in new[] { 1, 2 })
            story.Simulation.Node(N(node)).Crash();
        story.Run(1);
        foreach (var node in new[] { 1, 2 })
            story.Simulation.Node(N(node)).Restart();

        // The two that have forgotten it are a majority, and must not go on without the third.
        while (new[] { 1, 2, 3 }.Any(node => story.Group.MembersAt(N(node)).Number < 2))
            story.Run(0.001);
        var cut = story.Simulation.Network.Isolate(N(3));
        var after = story.Broadcast(1);
        story.Run(10);
        Assert.All([1, 2], node => Assert.Empty(story.DeliveredBy(node)));
        cut.End();
        story.Run(10);

        Assert.Equal([before, after], story.DeliveredBy(3));
        Assert.All([1, 2], node => Assert.Equal([after], story.DeliveredBy(node)));     // all had delivered the other one: it is forgotten
    }

    [Fact]
    public void While_a_founder_goes_on_nobody_founds_the_group_anew()
    {
        using var story = new BroadcastStory(Total);
        Restart(story, 1);
        Restart(story, 2);
        Restart(story, 1);

        Assert.All([1, 2, 3], node => Assert.Equal(1, story.Group.MembersAt(N(node)).Number));
    }

    [Fact]
    public void A_member_that_is_started_again_while_the_group_is_founded_anew_leaves_the_others_with_one_view()
    {
        for (var at = 0; at < 40; at++)
        {
            using var story = new BroadcastStory(new BroadcastSpec(Reliability.UniformReliable, Ordering.Fifo));
            Restart(story, 1);
            Restart(story, 2);
            var greetings = 0;
            story.OnSend = m =>
            {
                if (m is Hello && ++greetings == at)
                    story.Simulation.Node(N(1)).Crash();
            };
            story.Simulation.Node(N(3)).Crash();
            story.Simulation.Node(N(3)).Restart();
            story.Run(5);
            story.OnSend = null;
            if (!story.Simulation.Node(N(1)).IsUp)
                story.Simulation.Node(N(1)).Restart();
            story.Run(10);

            var views = new[] { 1, 2, 3 }.Select(node => story.Group.MembersAt(N(node))).Select(view => $"{view.Number}: {string.Join(", ", view.Members)}").Distinct();
            Assert.StartsWith("2: ", Assert.Single(views), StringComparison.Ordinal);
            var text = story.Broadcast(1);
            story.Run(5);
            Assert.All([1, 2, 3], node => Assert.Equal(text, story.DeliveredBy(node)[^1]));
        }
    }

    private static void Restart(BroadcastStory story, int node)
    {
        story.Simulation.Node(N(node)).Crash();
        story.Run(1);
        story.Simulation.Node(N(node)).Restart();
        story.Run(5);
    }
}
