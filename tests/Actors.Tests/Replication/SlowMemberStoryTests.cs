using Actors.Replication;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.ReplicationTests;

/// <summary>Members that answer, and are too slow all the same.</summary>
public sealed class SlowMemberStoryTests
{
    [Theory]
    [InlineData("time")]
    [InlineData("entries")]
    [InlineData("bytes")]
    public void A_backup_that_answers_and_lags_is_kicked_and_writes_wait_for_it_no_longer(string limit)
    {
        using var story = new Story(3, s => Limited(s with { KickAfter = Seconds(60), MaxLagTime = Seconds(60) }, limit)).Begin();
        var slow = story.Backup;
        story.Node(slow).Disk.SyncsTake = Ms(400);
        var answers = Write(story, Seconds(4));

        Assert.DoesNotContain(slow, story.Status(story.Primary).Members);
        Assert.All(answers, answer => Assert.Equal(Outcome.Ok, story.Ended(answer).Outcome));
        Assert.All(answers.TakeLast(20), answer => Assert.InRange(answer.Took, TimeSpan.Zero, Ms(50)));

        story.Node(slow).Disk.SyncsTake = TimeSpan.Zero;
        story.Whole();
    }

    [Fact]
    public void A_backup_that_is_slow_within_its_limits_stays()
    {
        using var story = new Story(3).Begin();
        story.Node(story.Backup).Disk.SyncsTake = Ms(200);      // with what waits before and behind it, lags of 0.6 s
        var answers = Write(story, Seconds(4));

        Assert.Equal(3, story.Status(story.Primary).Members.Count);
        story.Node(story.Backup).Disk.SyncsTake = TimeSpan.Zero;
        Assert.All(answers, answer => Assert.Equal(Outcome.Ok, story.Ended(answer).Outcome));
    }

    [Fact]
    public void Nobody_is_kicked_when_all_backups_are_slow_alike()
    {
        using var story = new Story(3, s => s with { MaxLagTime = Ms(500), KickAfter = Seconds(60) }).Begin();
        foreach (var node in story.Backups)
            story.Node(node).Disk.SyncsTake = Ms(400);
        Write(story, Seconds(4));

        Assert.Equal(3, story.Status(story.Primary).Members.Count);
    }

    [Theory]
    [InlineData(CommitRule.All)]
    [InlineData(CommitRule.Majority)]
    public void A_primary_whose_disk_stalls_falls_silent_and_another_takes_over(CommitRule rule)
    {
        using var story = new Story(3, s => s with { Commit = rule }).Begin();
        var stalled = story.Primary;
        var epoch = story.Epoch;
        story.Node(stalled).Disk.Stall(Seconds(20));
        story.Put(stalled, "k", "1");
        var began = story.Simulation.Now;
        story.Simulation.RunUntil(() => story.Primary != stalled, Seconds(10));

        Assert.InRange(story.Simulation.Now - began, story.Settings.KickAfter, story.Settings.KickAfter + 3 * story.Settings.ElectionTimeout);
        Assert.Equal(epoch.Next(), story.Epoch);
        var put = story.Ended(story.Put(story.Primary, "k", "2"));
        Assert.Equal(Outcome.Ok, put.Outcome);
        Assert.InRange(put.Took, TimeSpan.Zero, Ms(100));       // under All the view is already without it
        story.Whole();
        Assert.Equal("2", story.Value(story.Get(story.Primary, "k")));
    }

    [Fact]
    public void A_backup_whose_disk_stalls_asks_for_no_votes_until_it_goes_again()
    {
        using var story = new Story(3, s => s with { Commit = CommitRule.Majority }).Begin();
        var stalled = story.Backup;
        story.Node(stalled).Disk.Stall(Seconds(10));
        story.Put(story.Primary, "k", "1");
        story.Simulation.RunFor(story.Settings.KickAfter + Ms(200));
        var asked = 0;
        story.Messages = m => asked += m is RequestVote vote && vote.From.Node == stalled ? 1 : 0;
        var cut = story.Simulation.Network.CutOneWay(story.Primary, stalled);
        story.Simulation.RunFor(Seconds(5));
        Assert.Equal(0, asked);

        story.Simulation.RunFor(Seconds(5));
        Assert.True(asked > 0);
        cut.End();
        story.Whole();
    }

    private static GroupSettings Limited(GroupSettings settings, string limit) => limit switch
    {
        "time" => settings with { MaxLagTime = Ms(500) },
        "entries" => settings with { MaxLagEntries = 5 },
        _ => settings with { MaxLagBytes = 1000 },
    };

    /// <summary>A write every 20 ms.</summary>
    private static List<Answer> Write(Story story, TimeSpan duration)
    {
        var answers = new List<Answer>();
        for (var at = TimeSpan.Zero; at < duration; at += Ms(20))
        {
            answers.Add(story.Put(story.Primary, "k", $"{at.TotalMilliseconds}"));
            story.Simulation.RunFor(Ms(20));
        }

        return answers;
    }
}
