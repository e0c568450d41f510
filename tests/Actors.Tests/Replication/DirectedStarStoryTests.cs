using Actors.Membership;
using Actors.Replication;
using Actors.TestKit;

namespace Actors.Tests.ReplicationTests;

/// <summary>Short stories of a primary-backup group whose views come from the directory: one fault at a time, and what must come of it.</summary>
public sealed class DirectedStarStoryTests
{
    [Fact]
    public void The_first_of_the_view_is_the_primary_and_all_members_hold_the_write()
    {
        using var story = Star(3).Begin();
        var votes = 0;
        story.Messages = m => votes += m is RequestVote or Vote ? 1 : 0;

        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(3), "k", "1")).Outcome);
        Assert.Equal("1", story.Value(story.Get(N(2), "k")));

        story.Repeatedly(() => story.Statuses(N(1)).Select(s => s.CommitIndex).Distinct().Count() == 1);
        Assert.Equal([ReplicaRole.Primary, ReplicaRole.Backup, ReplicaRole.Backup], story.Statuses(N(1)).OrderBy(s => s.Node).Select(s => s.Role));
        Assert.Equal(0, votes);
    }

    [Fact]
    public void It_survives_down_to_the_last_replica_and_the_others_come_back_behind_it()
    {
        using var story = Star(5, s => s with { MinInView = 1 }).Begin();
        foreach (var dead in (int[])[1, 2, 4, 3])
        {
            story.Node(N(dead)).Crash();
            var put = story.Ended(story.Put(N(5), "k", $"{dead}"));
            Assert.Equal(Outcome.Ok, put.Outcome);
            Assert.InRange(put.Took, TimeSpan.Zero, story.Settings.KickAfter * 2);
            Assert.Equal($"{dead}", story.Value(story.Get(N(5), "k")));
        }

        Assert.Equal([N(5)], story.Status(N(5)).Members);
        foreach (var dead in (int[])[3, 4, 2, 1])
            story.Node(N(dead)).Restart();
        story.Whole();
        Assert.Equal(N(5), story.Status(N(5)).Members[0]);
        Assert.Equal(ReplicaRole.Primary, story.Status(N(5)).Role);
        Assert.Equal("3", story.Value(story.Get(N(1), "k")));
    }

    [Fact]
    public void A_machine_that_the_others_do_not_reach_under_its_name_is_not_taken_in()
    {
        using var story = Star(3).Begin();
        story.Node(N(3)).Crash();
        story.Repeatedly(() => story.Status(N(1)).Members.Count == 2);
        var before = story.Status(N(1)).Epoch;
        NetworkFault[] cuts = [story.Simulation.Network.CutOneWay(N(1), N(3)), story.Simulation.Network.CutOneWay(N(2), N(3))];

        story.Node(N(3)).Restart();     // the directory answers it
        story.Simulation.RunFor(TimeSpan.FromSeconds(5));
        Assert.Equal(before, story.Status(N(1)).Epoch);

        foreach (var cut in cuts)
            cut.End();
        story.Whole();
    }

    [Fact]
    public void Below_min_in_view_it_answers_reads_only()
    {
        using var story = Star(3).Begin();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(3), "k", "1")).Outcome);
        story.Node(N(1)).Crash();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(3), "k", "2")).Outcome);
        story.Node(N(2)).Crash();

        Assert.Equal("2", story.Value(story.Get(N(3), "k")));
        var refused = story.Ended(story.Put(N(3), "k", "3", timeout: TimeSpan.FromSeconds(3)));
        Assert.Equal(Outcome.Unavailable, refused.Outcome);
        Assert.Contains("the view has 1 of at least 2 members (min-in-view)", refused.Reply!.Value.Error, StringComparison.Ordinal);
        story.Node(N(2)).Restart();
        story.Repeatedly(() => story.Status(N(3)).Members.Count == 2);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(3), "k", "4")).Outcome);
    }

    [Fact]
    public void A_primary_that_is_started_again_leads_in_a_later_epoch()
    {
        using var story = Star(3).Begin();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "1")).Outcome);
        var before = story.Status(N(1));

        story.Node(N(1)).Crash();
        story.Node(N(1)).Restart();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "2")).Outcome);

        Assert.Equal([N(1), N(2), N(3)], story.Status(N(1)).Members);
        Assert.Equal(before.Epoch.Next(), story.Status(N(1)).Epoch);
        Assert.Equal(ReplicaRole.Primary, story.Status(N(1)).Role);
    }

    [Fact]
    public void The_last_replica_is_started_again_and_goes_on()
    {
        using var story = Star(2, s => s with { MinInView = 1 }).Begin();
        story.Node(N(1)).Crash();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "1")).Outcome);

        story.Node(N(2)).Crash();
        story.Node(N(2)).Restart();

        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "l", "2")).Outcome);
        Assert.Equal("1", story.Value(story.Get(N(2), "k")));
    }

    [Fact]
    public void Whoever_was_left_out_does_not_go_on_alone_when_the_eligible_ones_are_dead()
    {
        using var story = Star(3, s => s with { MinInView = 1 }).Begin();
        story.Node(N(1)).Crash();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "1")).Outcome);
        story.Node(N(2)).Crash();
        story.Node(N(3)).Crash();
        story.Node(N(1)).Restart();

        var put = story.Ended(story.Put(N(1), "k", "2", timeout: TimeSpan.FromSeconds(10)));
        Assert.NotEqual(Outcome.Ok, put.Outcome);

        story.Node(N(3)).Restart();
        Assert.Equal("1", story.Value(story.Get(N(3), "k")));
    }

    [Fact]
    public void While_the_directory_is_down_a_whole_group_goes_on_and_a_backup_finds_its_place_again()
    {
        using var story = Star(3).Begin();
        foreach (var node in (string[])["d1", "d2", "d3"])
            story.Node(new NodeId(node)).Crash();

        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "1")).Outcome);
        story.Node(N(3)).Crash();
        story.Node(N(3)).Restart();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "2")).Outcome);
        Assert.Equal("2", story.Value(story.Get(N(2), "k")));
    }

    [Fact]
    public void An_operator_takes_a_node_in_and_removes_the_primary()
    {
        using var story = new Story(3, s => s with { Authority = ViewAuthority.Directory }, spares: 1).Begin();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(2), "k", "1")).Outcome);

        Assert.Equal("", story.Change(N(4), join: true));
        story.Repeatedly(() => story.Status(N(1)) is { Role: ReplicaRole.Primary, Members.Count: 4 });
        Assert.Equal("", story.Change(N(1), join: false));
        story.Repeatedly(() => story.Status(N(2)) is { Role: ReplicaRole.Primary, Members.Count: 3 });

        Assert.Equal(Outcome.Ok, story.Ended(story.Put(N(4), "k", "2")).Outcome);
        Assert.Equal(ReplicaRole.Outside, story.Status(N(1)).Role);
    }

    [Fact]
    public void Nothing_hands_over()
    {
        using var story = Star(3).Begin();
        Assert.Equal("group 'story' has its views from the directory: who orders is the first of its view, nothing hands over", story.Transfer(N(1), N(2)));
    }

    private static Story Star(int nodes, Func<GroupSettings, GroupSettings>? change = null)
        => new(nodes, s => (change ?? (same => same))(s with { Authority = ViewAuthority.Directory }));

    private static NodeId N(int number) => new($"n{number}");
}
