using Actors.Broadcast;

namespace Actors.Tests.BroadcastTests;

/// <summary>The pictures of the classic lecture on reliable broadcast: every recipient forwards, duplicates are dropped.</summary>
public sealed class LecturePicturesTests
{
    private static readonly BroadcastSpec Eager = new(Reliability.Reliable, Ordering.None, FaultModel.CrashStop, Dissemination.Eager);

    [Fact]
    public void Nobody_crashes_and_every_copy_but_the_first_is_dropped()
    {
        using var story = new BroadcastStory(Eager);
        var copies = 0;
        story.OnSend = m => copies += m is Data ? 1 : 0;

        var text = story.Broadcast(1);
        story.Run(1);

        Assert.Equal(4, copies);     // two by the sender, one by each recipient
        foreach (var node in new[] { 1, 2, 3 })
            Assert.Equal([text], story.DeliveredBy(node));
    }

    public static TheoryData<string, int> SpecsAndSends()
    {
        var data = new TheoryData<string, int>();
        foreach (var name in Specs.Keys)
        {
            for (var sends = 0; sends <= 3; sends++)
                data.Add(name, sends);
        }

        return data;
    }

    private static readonly Dictionary<string, BroadcastSpec> Specs = new()
    {
        ["eager"] = Eager,
        ["direct"] = new(Reliability.Reliable, Ordering.Fifo, FaultModel.CrashStop),
        ["causal, lossy links"] = new(Reliability.Reliable, Ordering.Causal, FaultModel.Omission),
        ["tree"] = new(Reliability.Reliable, Ordering.None, FaultModel.CrashStop, Dissemination.Tree(3)),
        ["uniform, all"] = new(Reliability.UniformReliable, Ordering.None, FaultModel.CrashStop, acknowledgement: Acknowledgement.All),
        ["uniform, majority"] = new(Reliability.UniformReliable, Ordering.Fifo, FaultModel.Omission),
        ["uniform, eager"] = new(Reliability.UniformReliable, Ordering.Causal, FaultModel.Omission, Dissemination.Eager),
    };

    [Theory, MemberData(nameof(SpecsAndSends))]
    public void The_sender_crashes_after_some_of_its_sends_and_all_others_deliver_or_none(string spec, int sends)
    {
        using var story = new BroadcastStory(Specs[spec], nodes: 4);
        story.CrashAfterSends<Data>(1, sends);

        var text = story.Broadcast(1);
        if (sends == 0)
            Crashed(story, 1);
        story.Run(20);

        foreach (var node in new[] { 2, 3, 4 })
            Assert.Equal(sends == 0 ? [] : [text], story.DeliveredBy(node));
        story.ShouldLackNothing();
    }

    [Fact]
    public void A_recipient_crashes_before_it_delivers_and_the_others_do_not_care()
    {
        using var story = new BroadcastStory(Eager);
        story.OnSend = m =>
        {
            if (m is Data && story.Simulation.Node(BroadcastStory.N(3)).IsUp)
                story.Simulation.Node(BroadcastStory.N(3)).Crash();
        };

        var text = story.Broadcast(1);
        story.Run(5);

        Assert.Equal([text], story.DeliveredBy(1));
        Assert.Equal([text], story.DeliveredBy(2));
        story.ShouldLackNothing();
    }

    [Fact]
    public void The_sender_and_the_only_recipient_crash_before_it_forwards_and_nobody_correct_delivers_which_is_allowed()
    {
        using var story = new BroadcastStory(Eager);
        story.CrashAfterSends<Data>(1, 1);
        story.Broadcast(1);
        story.Simulation.RunUntil(() => !story.Simulation.Node(BroadcastStory.N(1)).IsUp, TimeSpan.FromSeconds(1));
        story.Simulation.Node(BroadcastStory.N(2)).Crash();

        story.Run(10);

        Assert.Empty(story.DeliveredBy(3));
        story.ShouldLackNothing();
    }

    [Fact]
    public void The_recipient_crashes_after_it_has_forwarded_and_all_deliver()
    {
        using var story = new BroadcastStory(Eager);
        var forwarded = false;
        story.OnSend = m =>
        {
            if (m is not Data)
                return;
            if (m.From.Node == BroadcastStory.N(1) && story.Simulation.Node(BroadcastStory.N(1)).IsUp)
                story.Simulation.Node(BroadcastStory.N(1)).Crash();     // its first send was to n2
            else if (m.From.Node == BroadcastStory.N(2))
                forwarded = Crashed(story, 2);
        };

        var text = story.Broadcast(1);
        story.Run(10);

        Assert.True(forwarded);
        Assert.Equal([text], story.DeliveredBy(3));
        story.ShouldLackNothing();
    }

    [Fact]
    public void A_run_that_reliable_broadcast_allows_uniform_broadcast_does_not()
    {
        using var story = new BroadcastStory(new BroadcastSpec(Reliability.Reliable, Ordering.None, FaultModel.CrashStop));
        story.CrashAfterSends<Data>(1, 1);
        story.Broadcast(1);
        // The only recipient delivers, and crashes before it can tell anybody.
        story.Group.Checker.Delivered = (node, _) => story.Simulation.After(TimeSpan.Zero, () => Crashed(story, 2));

        story.Run(10);

        Assert.Empty(story.DeliveredBy(3));
        Assert.Null(story.Group.Checker.Lacking());
        Assert.Equal("URB4 uniform agreement", story.Group.Checker.Lacking(uniform: true)?.Property);
    }

    private static bool Crashed(BroadcastStory story, int node)
    {
        if (story.Simulation.Node(BroadcastStory.N(node)).IsUp)
            story.Simulation.Node(BroadcastStory.N(node)).Crash();
        return true;
    }
}
