using Actors.Replication;
using Actors.TestKit;
using Actors.Timing;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.ReplicationTests;

public sealed class LeaseTests
{
    private readonly Lease _lease = new(Ms(320));

    [Fact]
    public void A_lease_counts_from_the_sending_of_what_was_answered()
    {
        _lease.Sending(1, Ms(1000));
        Assert.False(_lease.Holds(answered: 0, Ms(1000)));
        Assert.True(_lease.Holds(answered: 1, Ms(1319)));
        Assert.False(_lease.Holds(answered: 1, Ms(1320)));
    }

    [Fact]
    public void Messages_close_together_count_as_the_first_of_them()
    {
        _lease.Sending(1, Ms(1000));
        _lease.Sending(2, Ms(1009));
        _lease.Sending(3, Ms(1010));
        Assert.False(_lease.Holds(answered: 2, Ms(1320)));
        Assert.True(_lease.Holds(answered: 3, Ms(1329)));
    }

    [Fact]
    public void An_answer_that_counts_no_longer_takes_the_lease_with_it()
    {
        _lease.Sending(1, Ms(1000));
        _lease.Sending(2, Ms(1100));
        Assert.True(_lease.Holds(answered: 2, Ms(1400)));
        Assert.False(_lease.Holds(answered: 1, Ms(1200)));      // the quorum has changed
    }

    [Fact]
    public void Who_needs_nobody_else_holds_it_until_it_is_surrendered()
    {
        Assert.True(_lease.Holds(long.MaxValue, Ms(5)));
        _lease.Surrender();
        Assert.False(_lease.Holds(long.MaxValue, Ms(5)));
    }

    [Fact]
    public void A_surrendered_lease_never_comes_back()
    {
        _lease.Sending(1, Ms(0));
        _lease.Surrender();
        _lease.Sending(2, Ms(100));
        Assert.False(_lease.Holds(2, Ms(101)));
    }

    [Fact]
    public void A_promise_outlives_the_lease_by_the_drift() => Assert.Equal(Ms(330), Lease.PromiseFor(Ms(300), 0.1));

    [Fact]
    public void The_clock_of_the_machine_goes_on()
    {
        var before = SystemClock.Instance.Elapsed;
        Assert.InRange(before, TimeSpan.Zero, TimeSpan.FromDays(365));
        Assert.InRange(SystemClock.Instance.Elapsed, before, before + TimeSpan.FromMinutes(1));
    }
}

/// <summary>Leases in a group: reads without a round, and never an old value.</summary>
public sealed class LeaseStoryTests
{
    private static readonly GroupSettings Times = SettingsTests.Valid() with
    {
        Reads = ReadGuard.Lease,
        ElectionTimeout = Ms(300),
        HeartbeatInterval = Ms(50),
        LeaseDuration = Ms(270),
        MaxClockDrift = 0.1,
    };

    [Fact]
    public void A_read_under_a_lease_needs_no_round_and_after_it_waits_for_one_that_never_comes()
    {
        using var story = Begin();
        var primary = story.Primary;
        story.Simulation.Network.Isolate(primary);
        Assert.Equal("1", story.Value(story.Get(primary, "begin")));        // nobody can have another value yet
        story.Simulation.RunFor(Times.LeaseDuration);

        Assert.Equal(Outcome.Unavailable, story.Ended(story.Get(primary, "begin")).Outcome);
    }

    [Fact]
    public void A_barrier_read_does_not_use_the_lease()
    {
        using var story = Begin();
        story.Simulation.Network.Isolate(story.Primary);

        Assert.Equal(Outcome.Unavailable, story.Ended(story.Get(story.Primary, "begin", ReadMode.Barrier)).Outcome);
    }

    [Fact]
    public void A_membership_event_overrides_no_promise()
    {
        using var story = Begin();
        var epoch = story.Epoch;
        for (var i = 0; i < 50; i++)
        {
            foreach (var backup in story.Backups)
                story.Simulation.GiveHint(backup, new MembershipHint(story.Primary, Suspected: true));
            story.Simulation.RunFor(Ms(20));
        }

        Assert.Equal(epoch, story.Epoch);
        Assert.Equal(Outcome.Ok, story.Ended(story.Get(story.Primary, "begin")).Outcome);
    }

    [Fact]
    public void A_hand_over_waits_for_no_promise_and_the_lease_is_given_up_first()
    {
        using var story = Begin();
        var (old, next) = (story.Primary, story.Backup);
        var began = story.Simulation.Now;
        Assert.Equal("", story.Transfer(old, next));
        story.Simulation.RunUntil(() => story.Primary == next, Seconds(1));

        Assert.InRange(story.Simulation.Now - began, TimeSpan.Zero, Ms(100));       // promises last 297 ms
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(next, "begin", "2")).Outcome);
        Assert.Equal("2", story.Value(story.Get(old, "begin")));
    }

    [Fact]
    public void A_primary_that_asked_another_to_take_over_reads_by_no_lease_any_more_although_nobody_did()
    {
        using var story = Begin();
        var cut = story.Simulation.Network.CutOneWay(story.Primary, story.Backup);
        var epoch = story.Epoch;
        Assert.Equal("", story.Transfer(story.Primary, story.Backup));
        story.Simulation.RunFor(Times.ElectionTimeout + Ms(50));      // by then the primary leads on
        cut.End();
        story.Simulation.RunFor(Seconds(1));
        Assert.Equal(epoch, story.Epoch);

        story.Simulation.Network.Isolate(story.Primary);
        Assert.Equal(Outcome.Unavailable, story.Ended(story.Get(story.Primary, "begin")).Outcome);      // the order to take over may still arrive
    }

    [Theory]
    [InlineData(1.0, 1.1, false)]       // the voters' clocks gain by all that the bound allows
    [InlineData(0.91, 1.0, false)]      // or the holder's loses
    [InlineData(1.0, 2.0, true)]        // by more than that
    [InlineData(0.5, 1.0, true)]
    public void An_old_value_is_read_only_when_clocks_run_apart_by_more_than_the_bound(double holder, double voters, bool isStale)
    {
        var stale = 0;
        for (var phase = 0; phase < 50; phase += 7)
            stale += StaleReads(holder, voters, Ms(phase));

        Assert.Equal(isStale, stale > 0);
    }

    [Fact]
    public void A_restarted_voter_waits_for_as_long_as_it_may_have_promised()
    {
        using var story = Begin();
        var voter = story.Backup;
        var granted = TimeSpan.Zero;
        story.Messages = m =>
        {
            if (m is Vote { Granted: true } vote && vote.From.Node == voter && granted == TimeSpan.Zero)
                granted = story.Simulation.Now;
        };
        var other = story.Backups[1];
        story.Simulation.Network.CutOneWay(story.Primary, other);
        story.Simulation.RunFor(Seconds(1));        // it has been asking for votes for a while
        story.Node(voter).Crash();
        story.Simulation.Network.Isolate(story.Primary);
        story.Node(voter).Restart();
        var restarted = story.Simulation.Now;
        story.Simulation.RunFor(Seconds(2));

        Assert.True(granted >= restarted + Lease.PromiseFor(Times.LeaseDuration, Times.MaxClockDrift), $"{granted} after a restart at {restarted}");
    }

    private static Story Begin()
    {
        var story = new Story(3, s => s with
        {
            Reads = Times.Reads,
            ElectionTimeout = Times.ElectionTimeout,
            HeartbeatInterval = Times.HeartbeatInterval,
            LeaseDuration = Times.LeaseDuration,
            MaxClockDrift = Times.MaxClockDrift,
            QuietHeartbeats = 1_000_000,        // a group that rests renews no lease
        }).Begin();
        story.Simulation.RunFor(Ms(200));
        return story;
    }

    /// <summary>The primary is cut off, another one is elected as soon as promises allow, and writes; how many reads at the old one are answered with what was before.</summary>
    private static int StaleReads(double holder, double voters, TimeSpan phase)
    {
        using var story = Begin();
        var old = story.Primary;
        story.Node(old).Clock.Rate = holder;
        foreach (var backup in story.Backups)
            story.Node(backup).Clock.Rate = voters;
        story.Simulation.RunFor(Seconds(1) + phase);
        story.Simulation.Network.Isolate(old);
        story.Simulation.RunFor(Ms(5));         // what is on its way would say that it lives
        foreach (var backup in story.Backups)
            story.Simulation.GiveHint(backup, new MembershipHint(old, Suspected: true));
        Answer? put = null;
        var reads = new List<(Answer Read, bool Late)>();
        for (var i = 0; i < 1_000; i++)
        {
            if (story.Primary != old)
                put ??= story.Put(story.Primary, "begin", "2");
            reads.Add((story.Get(old, "begin"), put is { HasCome: true }));
            story.Simulation.RunFor(Ms(1));
        }

        Assert.Equal(Outcome.Ok, put!.Outcome);
        return reads.Count(r => r.Late && r.Read.HasCome && r.Read.Outcome is Outcome.Ok && story.Value(r.Read) == "1");
    }
}
