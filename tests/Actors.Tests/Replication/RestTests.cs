using Actors.Replication;

namespace Actors.Tests.ReplicationTests;

/// <summary>A group with nothing to do sends nothing, and is back at once when there is something.</summary>
public sealed class RestTests
{
    private static readonly TimeSpan LongEnough = TimeSpan.FromSeconds(2);

    [Fact]
    public void A_quiet_group_sends_nothing_but_one_heartbeat_between_its_nodes()
    {
        using var story = Rested(new Story(3));
        var (beats, others) = (0, 0);
        story.Messages = m => (beats, others) = m is NodeBeat ? (beats + 1, others) : (beats, others + 1);

        story.Simulation.RunFor(TimeSpan.FromSeconds(10));

        Assert.Equal(0, others);
        // Each backup and the primary, both ways, every 50 ms.
        Assert.InRange(beats, 10 * 20 * 4 * 0.9, 10 * 20 * 4 * 1.1);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Backup, "k", "1")).Outcome);
        Assert.Equal("1", story.Value(story.Get(story.Backups[1], "k")));
    }

    [Fact]
    public void A_write_into_the_rest_takes_no_longer_than_any_other()
    {
        using var story = new Story(3).Begin();
        var busy = story.Ended(story.Put(story.Primary, "k", "1")).Took;
        Rest(story);

        Assert.InRange(story.Ended(story.Put(story.Primary, "k", "2")).Took, TimeSpan.Zero, busy * 2);
    }

    [Fact]
    public void A_primary_that_dies_at_rest_is_followed_by_another_one_as_ever()
    {
        using var story = Rested(new Story(3));
        var old = story.Primary;
        story.Node(old).Crash();

        story.Simulation.RunUntil(() => story.Primary != old, story.Settings.ElectionTimeout * 4);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "k", "1")).Outcome);
    }

    [Fact]
    public void A_primary_whose_process_is_back_at_once_is_missed_all_the_same()
    {
        using var story = Rested(new Story(3));
        var (old, epoch) = (story.Primary, story.Epoch);
        story.Node(old).Crash();
        story.Node(old).Restart();

        story.Simulation.RunUntil(() => story.Epoch > epoch, story.Settings.ElectionTimeout * 6);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Backup, "k", "1")).Outcome);
    }

    [Fact]
    public void A_primary_cut_off_at_rest_answers_no_read_and_learns_that_it_is_alone()
    {
        using var story = Rested(new Story(3));
        var old = story.Primary;
        var cut = story.Simulation.Network.Isolate(old);
        story.Simulation.RunUntil(() => story.Primary != old, story.Settings.ElectionTimeout * 4);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "begin", "2")).Outcome);

        Assert.Equal(Outcome.Unavailable, story.Ended(story.Get(old, "begin")).Outcome);
        cut.End();
        story.Whole();
    }

    [Fact]
    public void A_backup_that_is_cut_off_at_rest_is_kicked_when_its_silence_is_noticed()
    {
        using var story = Rested(new Story(3));
        var silent = story.Backup;
        var cut = story.Simulation.Network.Isolate(silent);

        story.Simulation.RunFor(story.Settings.ElectionTimeout + story.Settings.KickAfter + TimeSpan.FromMilliseconds(500));
        Assert.DoesNotContain(silent, story.Status(story.Primary).Members);
        cut.End();
        story.Whole();
    }

    [Fact]
    public void A_stale_read_at_rest_tells_the_age_from_the_last_message_of_the_primary_and_freshens_the_next()
    {
        using var story = Rested(new Story(3));
        story.Simulation.RunFor(TimeSpan.FromSeconds(10));

        var first = story.Ended(story.Get(story.Backup, "begin", ReadMode.Stale)).Reply!.Value;
        story.Simulation.RunFor(TimeSpan.FromMilliseconds(200));
        var second = story.Ended(story.Get(story.Backup, "begin", ReadMode.Stale)).Reply!.Value;

        Assert.InRange(first.Age, TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(13));
        Assert.InRange(second.Age, TimeSpan.Zero, TimeSpan.FromMilliseconds(150));
    }

    private static Story Rested(Story story)
    {
        Rest(story.Begin());
        return story;
    }

    private static void Rest(Story story)
    {
        story.Simulation.RunFor(LongEnough);
        var heartbeats = 0;
        story.Messages = m => heartbeats += m is Append ? 1 : 0;
        story.Simulation.RunFor(TimeSpan.FromMilliseconds(200));
        Assert.Equal(0, heartbeats);
        story.Messages = null;
    }
}
