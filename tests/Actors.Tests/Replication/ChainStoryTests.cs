using Actors.Membership;
using Actors.Replication;
using Actors.TestKit;

namespace Actors.Tests.ReplicationTests;

/// <summary>Short stories of a chain: one fault at a time, and what must come of it.</summary>
public sealed class ChainStoryTests
{
    [Fact]
    public void The_head_orders_the_tail_answers_and_all_links_hold_the_write()
    {
        using var story = Chain(5).Begin();
        var (orders, answers) = (new HashSet<NodeId>(), new HashSet<NodeId>());
        story.Messages = m =>
        {
            if (m is Append { Entries.Count: > 0 } append && append.Previous.Index >= 2)
                orders.Add(append.From.Node);
            if (m is Replies { Number: 0 } replies)
                answers.Add(replies.From);
        };

        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(3), "k", "1")).Outcome);
        Assert.Equal("1", story.Value(story.Get(N(2), "k")));

        Assert.Equal([N(1), N(2), N(3), N(4)], orders.Order());
        Assert.Equal([N(5)], answers);
        story.Repeatedly(() => story.Statuses(N(1)).Select(s => s.CommitIndex).Distinct().Count() == 1);
        Assert.Equal(
            [ReplicaRole.Head, ReplicaRole.Middle, ReplicaRole.Middle, ReplicaRole.Middle, ReplicaRole.Tail],
            story.Statuses(N(1)).OrderBy(s => s.Node).Select(s => s.Role));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void A_link_that_dies_is_left_out_and_its_machine_comes_back_as_the_tail(int link)
    {
        using var story = Chain(5).Begin();
        var other = N(link == 3 ? 2 : 3);
        story.Node(N(link)).Crash();
        var put = story.Ended(story.Put(other, "k", "1"));

        Assert.Equal(Outcome.Ok, put.Outcome);
        Assert.InRange(put.Took, TimeSpan.Zero, story.Settings.KickAfter * 2);
        Assert.Equal(Except(link), story.Status(other).Members);
        Assert.Equal("1", story.Value(story.Get(other, "k")));

        story.Node(N(link)).Restart();
        story.Whole();
        Assert.Equal([.. Except(link), N(link)], story.Status(other).Members);
        Assert.Equal(ReplicaRole.Tail, story.Status(N(link)).Role);
        Assert.Equal("1", story.Value(story.Get(N(link), "k")));
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(4, 5)]
    [InlineData(1, 5)]
    [InlineData(2, 4)]
    public void Two_links_that_die_at_once_are_left_out(int one, int two)
    {
        using var story = Chain(5).Begin();
        var other = Enumerable.Range(1, 5).Select(N).First(n => n != N(one) && n != N(two));
        story.Node(N(one)).Crash();
        story.Node(N(two)).Crash();

        Assert.Equal(Outcome.Ok, story.Ended(story.Put(other, "k", "1")).Outcome);
        Assert.Equal(3, story.Status(other).Members.Count);
        story.Node(N(one)).Restart();
        story.Node(N(two)).Restart();
        story.Whole();
    }

    [Fact]
    public void A_failure_in_the_middle_of_a_repair_is_repaired_as_well()
    {
        using var story = Chain(5).Begin();
        var crashed = false;
        story.Messages = m =>
        {
            // As soon as a view without the middle is told of, one of those who must join it dies.
            if (m is ViewChanged { Record: { IsActive: false, Epoch.Value: 2 } } && !crashed)
            {
                crashed = true;
                story.Simulation.After(TimeSpan.Zero, story.Node(N(4)).Crash);
            }
        };
        story.Node(N(3)).Crash();

        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "1")).Outcome);
        Assert.True(crashed);
        Assert.Equal([N(1), N(2), N(5)], story.Status(N(2)).Members);
    }

    [Fact]
    public void Sequential_failures_leave_min_in_view_links_and_then_reads_only()
    {
        using var story = Chain(4).Begin();
        foreach (var link in (int[])[1, 3])
        {
            story.Node(N(link)).Crash();
            Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", $"{link}")).Outcome);
        }

        Assert.Equal([N(2), N(4)], story.Status(N(2)).Members);
        story.Node(N(4)).Crash();
        story.Repeatedly(() => story.Status(N(2)) is { Members.Count: 1, Role: ReplicaRole.Head });
        Assert.NotEqual(Outcome.Ok, story.Ended(story.Put(N(2), "k", "4", timeout: TimeSpan.FromSeconds(3))).Outcome);      // the client finds the head by it
        var put = story.Ended(story.Put(N(2), "k", "5", timeout: TimeSpan.FromSeconds(3)));

        Assert.Contains("the view has 1 of at least 2 members (min-in-view)", put.Reply!.Value.Error, StringComparison.Ordinal);
        Assert.True(put.Reply.Value.NotApplied);
        Assert.Equal("3", story.Value(story.Get(N(2), "k")));
        story.Node(N(4)).Restart();
        story.Repeatedly(() => story.Status(N(2)).Members.Count == 2);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "6")).Outcome);
    }

    [Fact]
    public void With_min_in_view_1_the_last_link_goes_on_writing()
    {
        using var story = Chain(3, s => s with { MinInView = 1 }).Begin();
        story.Node(N(1)).Crash();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "1")).Outcome);
        story.Node(N(3)).Crash();

        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "2")).Outcome);
        Assert.Equal([N(2)], story.Status(N(2)).Members);
    }

    [Fact]
    public void A_head_that_dies_with_a_half_forwarded_batch_leaves_every_increment_applied_once()
    {
        using var story = Chain(3).Begin();
        var crashed = false;
        story.Messages = m =>
        {
            // The batch has left the head, and is not at the tail yet.
            if (m is Append { Entries.Count: > 1 } append && append.From.Node == N(1) && !crashed)
            {
                crashed = true;
                story.Simulation.After(TimeSpan.Zero, story.Node(N(1)).Crash);
            }
        };
        var answers = Enumerable.Range(0, 20).Select(_ => story.Increment(N(2), "n")).ToList();
        foreach (var answer in answers)
            Assert.Equal(Outcome.Ok, story.Ended(answer).Outcome);

        Assert.True(crashed);
        Assert.Equal("20", story.Value(story.Get(N(2), "n")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Increments_in_mid_pipeline_are_applied_once_whichever_link_dies(int link)
    {
        using var story = Chain(4).Begin();
        var at = N(link == 2 ? 3 : 2);
        var answers = new List<Answer>();
        for (var i = 0; i < 30; i++)
        {
            answers.Add(story.Increment(at, "n"));
            story.Simulation.RunFor(TimeSpan.FromMilliseconds(1));
            if (i == 10)
                story.Node(N(link)).Crash();
        }

        foreach (var answer in answers)
            Assert.Equal(Outcome.Ok, story.Ended(answer).Outcome);
        Assert.Equal("30", story.Value(story.Get(at, "n")));
    }

    [Fact]
    public void A_tail_that_is_cut_off_answers_no_linearizable_read()
    {
        using var story = Chain(3).Begin();
        var cut = story.Simulation.Network.Isolate(N(3));
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(1), "begin", "2")).Outcome);
        var late = story.Get(N(3), "begin");

        Assert.Equal(Outcome.Unavailable, story.Ended(late).Outcome);
        Assert.Equal("1", story.Value(story.Get(N(3), "begin", ReadMode.Stale)));
        cut.End();
        story.Whole();
        Assert.Equal("2", story.Value(story.Get(N(3), "begin")));
    }

    [Fact]
    public void A_head_that_is_cut_off_answers_nothing_and_is_replaced()
    {
        using var story = Chain(3).Begin();
        var cut = story.Simulation.Network.Isolate(N(1));
        var early = story.Get(N(1), "begin", timeout: TimeSpan.FromSeconds(20));
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "begin", "2")).Outcome);

        Assert.Equal(Outcome.Unavailable, story.Ended(early).Outcome);
        Assert.Equal(Outcome.Unavailable, story.Ended(story.Put(N(1), "begin", "3", timeout: TimeSpan.FromSeconds(20))).Outcome);
        cut.End();
        story.Whole();
        Assert.Equal("2", story.Value(story.Get(N(1), "begin")));
    }

    [Fact]
    public void A_head_whose_disk_stalls_falls_silent_and_its_successor_takes_over()
    {
        using var story = Chain(3).Begin();
        var stalled = story.Primary;
        story.Node(stalled).Disk.Stall(TimeSpan.FromSeconds(20));
        story.Put(stalled, "k", "1");
        var began = story.Simulation.Now;
        story.Simulation.RunUntil(() => story.Primary != stalled, TimeSpan.FromSeconds(10));
        Assert.InRange(story.Simulation.Now - began, story.Settings.KickAfter, 4 * story.Settings.KickAfter);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "k", "2")).Outcome);
        story.Whole();
        Assert.Equal("2", story.Value(story.Get(story.Primary, "k")));
    }

    [Fact]
    public void A_kicked_head_that_comes_back_keeps_what_was_answered_without_its_knowledge()
    {
        using var story = Chain(3).Begin();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(3), "k", "1")).Outcome);
        NetworkFault? cut = null;
        var (answered, held) = (0L, true);
        story.Messages = m =>
        {
            if (m is Append { Entries.Count: > 0 } append && append.From.Node == N(2))
                cut ??= story.Simulation.Network.Isolate(N(1));
            if (answered > 0)
                held &= OnDisk(story, N(1)).HoldsDurably(answered);
        };
        answered = story.Ended(story.Put(N(3), "k", "2")).Reply!.Value.Index;
        Assert.True(story.Status(N(1)).CommitIndex < answered && held);

        story.Repeatedly(() => story.Status(N(2)).Members.Count == 2);
        cut!.End();
        story.Whole();
        Assert.True(held);
    }

    [Fact]
    public void A_kicked_head_that_comes_back_drops_what_nobody_else_got()
    {
        using var story = Chain(3).Begin();
        var cut = story.Simulation.Network.Isolate(N(1));
        var alone = story.Ended(story.Put(N(1), "k", "1", timeout: TimeSpan.FromSeconds(1)));
        Assert.NotEqual(Outcome.Ok, alone.Outcome);
        story.Repeatedly(() => story.Status(N(2)).Members.Count == 2);
        Assert.True(story.Status(N(1)).LastIndex > story.Status(N(2)).LastIndex);

        cut.End();
        story.Whole();
        Assert.Single(story.Statuses(N(2)).Select(s => s.LastIndex).Distinct());
        Assert.Null(story.Value(story.Get(N(1), "k")));
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(1), "k", "2")).Outcome);
    }

    [Fact]
    public void While_the_directory_is_down_a_stable_chain_goes_on_and_a_restarted_link_finds_its_place()
    {
        using var story = Chain(3).Begin();
        foreach (var node in Directory)
            story.Node(node).Crash();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "1")).Outcome);
        Assert.Equal("1", story.Value(story.Get(N(3), "k")));

        // A restarted tail may be ahead of what its predecessor knows to be committed.
        story.Node(N(3)).Crash();
        story.Simulation.RunFor(TimeSpan.FromMilliseconds(300));
        story.Node(N(3)).Restart();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "2")).Outcome);

        story.Node(N(2)).Crash();
        var stuck = story.Put(N(1), "k", "3", timeout: TimeSpan.FromSeconds(20));
        story.Simulation.RunFor(TimeSpan.FromSeconds(5));
        Assert.False(stuck.HasCome && stuck.Outcome is Outcome.Ok);
        foreach (var node in Directory)
            story.Node(node).Restart();
        story.Repeatedly(() => story.Status(N(1)) is { Members.Count: 2, Role: ReplicaRole.Head });
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(1), "k", "4")).Outcome);
        Assert.Equal([N(1), N(3)], story.Status(N(1)).Members);
    }

    [Fact]
    public void A_directory_of_five_repairs_a_chain_after_three_of_it_have_died_one_after_the_other()
    {
        using var story = Chain(3, directoryNodes: 5).Begin();
        foreach (var node in (NodeId[])[new("d1"), new("d4"), new("d2")])
        {
            story.Node(node).Crash();
            story.Simulation.RunFor(TimeSpan.FromSeconds(4));
        }

        story.Node(N(2)).Crash();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(1), "k", "1")).Outcome);
        Assert.Equal([N(1), N(3)], story.Status(N(1)).Members);
    }

    [Fact]
    public void A_chain_whose_last_link_is_lost_goes_on_from_another_one_when_an_operator_says_so()
    {
        using var story = Chain(3).Begin();
        story.Node(N(3)).Crash();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "1")).Outcome);
        story.Node(N(2)).Crash();
        story.Repeatedly(() => story.Status(N(1)).Members.Count == 1);
        Assert.Contains("has a view that serves", story.AcceptLoss(N(1), default), StringComparison.Ordinal);
        story.Node(N(1)).Crash();       // for good, as the operator believes
        story.Node(N(2)).Restart();
        story.Node(N(3)).Restart();
        story.Simulation.RunFor(TimeSpan.FromSeconds(5));

        var left = story.Status(N(2));
        Assert.NotEqual("", story.AcceptLoss(N(2), new LogPosition(left.LastEpoch, left.LastIndex + 1)));
        Assert.Equal("", story.AcceptLoss(N(2), new LogPosition(left.LastEpoch, left.LastIndex)));
        story.Repeatedly(() => story.Status(N(2)).Members.Count == 2);
        Assert.Equal([N(2), N(3)], story.Status(N(2)).Members);
        Assert.Equal(left.LastIndex + 1, Assert.Single(story.Status(N(2)).Losses).At.Index);
        Assert.Equal("1", story.Value(story.Get(N(3), "k")));
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(3), "k", "2")).Outcome);

        // It was the head of a view of its own, in which nobody could tell it.
        story.Node(N(1)).Restart();
        story.Whole();
        Assert.Equal([N(2), N(3), N(1)], story.Status(N(1)).Members);
        Assert.Equal("2", story.Value(story.Get(N(1), "k")));
    }

    [Fact]
    public void A_new_tail_gets_the_state_from_a_middle_and_what_follows_it_from_the_tail()
    {
        using var story = Chain(4, s => s with { LogLimitBytes = 1_000, TransferChunkBytes = 64, StateFlushInterval = TimeSpan.FromMilliseconds(20) }).Begin();
        for (var i = 0; i < 100; i++)
            Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(1), $"k{i}", $"{i}")).Outcome);
        var senders = new HashSet<NodeId>();
        story.Messages = m =>
        {
            if (m is StateChunk chunk)
                senders.Add(chunk.From.Node);
        };
        story.Node(N(2)).Crash();
        story.Node(N(2)).Disk.Wipe();
        story.Repeatedly(() => story.Status(N(1)).Members.Count == 3);
        story.Node(N(2)).Restart();
        var writes = 0;
        do
            Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(1), "k", $"{writes++}")).Outcome);
        while (story.Status(N(1)).Members.Count == 3 && writes < 1_000);

        Assert.Equal([N(3)], senders);
        story.Whole();
        Assert.Equal([N(1), N(3), N(4), N(2)], story.Status(N(1)).Members);
        Assert.Equal($"{writes - 1}", story.Value(story.Get(N(2), "k")));
    }

    [Fact]
    public void A_wiped_machine_gets_the_state_and_becomes_the_tail_while_writes_go_on()
    {
        using var story = Chain(3, s => s with { LogLimitBytes = 1_000, TransferChunkBytes = 256, StateFlushInterval = TimeSpan.FromMilliseconds(20) }).Begin();
        for (var i = 0; i < 100; i++)
            Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(1), $"k{i}", $"{i}")).Outcome);
        story.Node(N(2)).Crash();
        story.Node(N(2)).Disk.Wipe();
        story.Node(N(2)).Restart();
        var sent = false;
        story.Messages = m => sent |= m is StateChunk;
        for (var i = 0; i < 100; i++)
            Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(1), $"k{i}", $"{i + 1}")).Outcome);

        story.Whole();
        Assert.True(sent);
        Assert.Equal([N(1), N(3), N(2)], story.Status(N(1)).Members);
        Assert.Equal("100", story.Value(story.Get(N(2), "k99")));
    }

    private static readonly NodeId[] Directory = [new("d1"), new("d2"), new("d3")];

    private static Story Chain(int nodes, Func<GroupSettings, GroupSettings>? change = null, int directoryNodes = 3)
        => new(nodes, s => (change ?? (same => same))(s with { Protocol = Protocol.Chain }), directoryNodes: directoryNodes);

    private static LogOnDisk OnDisk(Story story, NodeId node) => new(story.Node(node), new GroupKeys(story.Settings.Id));

    private static NodeId N(int number) => new($"n{number}");

    private static List<NodeId> Except(int link) => [.. Enumerable.Range(1, 5).Where(i => i != link).Select(N)];
}
