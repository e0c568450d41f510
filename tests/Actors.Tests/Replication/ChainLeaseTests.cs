using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Actors.TestKit;
using Actors.Timing;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.ReplicationTests;

/// <summary>Leases in a chain: its tail answers reads straight, and never an old value.</summary>
public sealed class ChainLeaseTests
{
    private static readonly NodeId[] Directory = [new("d1"), new("d2"), new("d3")];
    private static readonly byte[] Query = KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Get, Key = "begin"u8.ToArray() });

    [Fact]
    public void A_read_under_a_lease_is_answered_by_the_tail_alone()
    {
        using var story = Begin();
        var asked = new List<NodeId>();
        var answered = new List<NodeId>();
        Assert.Equal("1", story.Value(story.Get(N(1), "begin")));       // the client learns whom to ask
        story.Messages = m =>
        {
            if (m is PassReads pass)
                asked.Add(pass.From.Node);
            if (m is Replies { Items: [{ Kind: RequestKind.Read }] } replies)
                answered.Add(replies.From);
        };

        Assert.Equal("1", story.Value(story.Get(N(1), "begin")));
        Assert.Empty(asked);
        Assert.Equal([N(3)], answered);
    }

    [Fact]
    public void A_barrier_read_runs_down_the_chain_all_the_same()
    {
        using var story = Begin();
        var asked = new List<NodeId>();
        story.Messages = m =>
        {
            if (m is PassReads pass)
                asked.Add(pass.From.Node);
        };

        Assert.Equal("1", story.Value(story.Get(N(3), "begin", ReadMode.Barrier)));
        Assert.Equal([N(1), N(2)], asked);
    }

    [Fact]
    public void Without_the_directory_leases_run_out_and_reads_run_down_the_chain()
    {
        using var story = Begin();
        Assert.Equal("1", story.Value(story.Get(N(3), "begin")));
        foreach (var node in Directory)
            story.Node(node).Crash();
        story.Simulation.RunFor(story.Settings.LeaseDuration + Ms(10));
        var asked = 0;
        story.Messages = m => asked += m is PassReads ? 1 : 0;

        Assert.Equal("1", story.Value(story.Get(N(3), "begin")));
        Assert.Equal(2, asked);
    }

    [Fact]
    public void When_the_tail_dies_reads_go_on_at_the_next_one_after_its_lease()
    {
        using var story = Begin();
        Assert.Equal("1", story.Value(story.Get(N(1), "begin")));
        story.Node(N(3)).Crash();
        var get = story.Ended(story.Get(N(1), "begin"));

        Assert.Equal(Outcome.Ok, get.Outcome);
        Assert.InRange(get.Took, story.Settings.KickAfter, story.Settings.KickAfter * 2 + Promise(story));
    }

    [Fact]
    public void A_new_tail_reads_by_a_lease_of_its_own_when_that_of_the_one_before_it_is_over()
    {
        using var story = Begin();
        var outside = story.Outside();
        var (decided, read) = (TimeSpan.Zero, TimeSpan.Zero);
        story.Messages = m =>
        {
            if (m is ViewChanged { Record.Epoch.Value: 2 } && decided == TimeSpan.Zero)
                decided = story.Simulation.Now;
            if (m is Replies { Items: [{ Kind: RequestKind.Read, Result.Outcome: Outcome.Ok }] } replies && replies.From == N(2) && read == TimeSpan.Zero)
                read = story.Simulation.Now;
        };
        story.Node(N(3)).Crash();
        for (var i = 0; read == TimeSpan.Zero && i < 5_000; i++)
        {
            outside.Send(N(2), LogPosition.Zero, new Request(RequestKind.Read, i, default, Query));
            story.Simulation.RunFor(Ms(1));
        }

        Assert.InRange(read - decided, Promise(story) - Ms(5), Promise(story) + Ms(100));
    }

    [Fact]
    public void Nobody_waits_for_a_tail_that_stays_in_the_view_behind_which_another_one_is_put()
    {
        using var story = Begin();
        story.Node(N(2)).Crash();
        story.Repeatedly(() => story.Status(N(1)).Members.Count == 2);
        story.Node(N(2)).Restart();
        var longest = TimeSpan.Zero;
        for (var i = 0; story.Status(N(1)).Members.Count < 3 && i < 1_000; i++)
        {
            var put = story.Ended(story.Put(N(1), "k", $"{i}"));
            Assert.Equal(Outcome.Ok, put.Outcome);
            longest = put.Took > longest ? put.Took : longest;
        }

        story.Whole();
        Assert.Equal(ReplicaRole.Tail, story.Status(N(2)).Role);
        Assert.InRange(longest, TimeSpan.Zero, Promise(story) / 2);
    }

    [Fact]
    public void A_restarted_tail_answers_nothing_for_as_long_as_an_earlier_one_may()
    {
        using var story = Begin();
        var put = story.Put(N(1), "k", "1");
        story.Node(N(3)).Crash();
        story.Node(N(3)).Restart();
        var restarted = story.Simulation.Now;
        story.Ended(put);

        Assert.Equal(Outcome.Ok, put.Outcome);
        Assert.InRange(story.Simulation.Now - restarted, Promise(story), Promise(story) + Ms(100));
    }

    /// <summary>Found by seed 8825: what was told before a machine stopped leaves when it goes on, and is as old as was said when it was told.</summary>
    [Fact]
    public void An_answer_that_leaves_late_since_its_machine_stopped_says_how_old_it_was_when_it_was_told()
    {
        using var story = Begin(hesitations: 1);
        var outside = story.Outside();
        outside.Send(N(3), LogPosition.Zero, new Request(RequestKind.StaleRead, 1, default, Query));
        story.Simulation.RunFor(Ms(5));
        story.Node(N(3)).Pause(Seconds(3));
        story.Simulation.RunFor(Seconds(2.9));
        Assert.Empty(outside.Replies);
        story.Simulation.RunFor(Seconds(0.2));

        Assert.InRange(Assert.Single(outside.Replies).AgeMs, 1, 3 * story.Settings.ElectionTimeout.TotalMilliseconds);
    }

    [Theory]
    [InlineData(1.0, 1.1, false)]       // the new tail's clock gains by all that the bound allows
    [InlineData(0.91, 1.0, false)]      // or the holder's loses
    [InlineData(1.0, 2.0, true)]        // by more than that
    [InlineData(0.5, 1.0, true)]
    public void A_removed_tail_answers_after_another_one_only_when_clocks_run_apart_by_more_than_the_bound(double holder, double others, bool does)
    {
        var broken = new List<string>();
        for (var phase = 0; phase < 100; phase += 13)
            broken.AddRange(ReadAtARemovedTail(holder, others, Ms(phase)));

        Assert.Equal(does ? ["Removed Readers Are Silent"] : [], broken.Distinct());
    }

    /// <summary>The tail is cut off from the links before it, but not from the directory until that has decided on a view without it. What its reads break when the new tail answers.</summary>
    private static IEnumerable<string> ReadAtARemovedTail(double holder, double others, TimeSpan phase)
    {
        using var story = Begin();
        story.Node(N(3)).Clock.Rate = holder;
        foreach (var other in new[] { N(1), N(2) })
            story.Node(other).Clock.Rate = others;
        story.Simulation.RunFor(Seconds(1) + phase);
        var outside = story.Outside();
        foreach (var link in new[] { N(1), N(2) })
            Part(story, N(3), link);
        var decided = false;
        story.Messages = m =>
        {
            if (m is not ViewChanged { Record.Epoch.Value: 2 } || decided)
                return;
            decided = true;
            story.Simulation.After(TimeSpan.Zero, () => Array.ForEach(Directory, node => Part(story, N(3), node)));
        };
        story.Simulation.RunUntil(() => decided, Seconds(10));
        var put = story.Put(N(1), "begin", "2");
        try
        {
            for (var i = 0; i < 1_000; i++)
            {
                outside.Send(N(3), LogPosition.Zero, new Request(RequestKind.Read, i, default, Query));
                story.Simulation.RunFor(Ms(1));
            }
        }
        catch (SimulationFailedException failure)
        {
            return [failure.Property];
        }

        Assert.Equal(Outcome.Ok, put.Outcome);
        Assert.Contains(outside.Replies, r => r.Kind is RequestKind.Read);      // it did answer for a while
        return [];
    }

    private static void Part(Story story, NodeId one, NodeId other)
    {
        story.Simulation.Network.CutOneWay(one, other);
        story.Simulation.Network.CutOneWay(other, one);
    }

    private static Story Begin(double hesitations = 0)
    {
        var story = new Story(3, hesitations: hesitations, change: s => s with
        {
            Protocol = Protocol.Chain,
            Reads = ReadGuard.Lease,
            ElectionTimeout = Ms(300),
            HeartbeatInterval = Ms(50),
            LeaseDuration = Ms(270),
            MaxClockDrift = 0.1,
        }).Begin();
        story.Simulation.RunFor(Ms(200));
        return story;
    }

    private static TimeSpan Promise(Story story) => Lease.PromiseFor(story.Settings.LeaseDuration, story.Settings.MaxClockDrift);

    private static NodeId N(int number) => new($"n{number}");
}
