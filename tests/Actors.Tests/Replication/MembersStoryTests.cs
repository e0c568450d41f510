using Actors.Membership;
using Actors.Replication;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.ReplicationTests;

/// <summary>Operators who take nodes in and remove them.</summary>
public sealed class MembersStoryTests
{
    [Fact]
    public void A_removed_node_stays_out_until_it_is_asked_to_join_and_then_catches_up_while_writes_go_on()
    {
        using var story = new Story(4).Begin();
        var node = story.Backup;
        Assert.Equal("", story.Change(node, join: false));
        story.Simulation.RunFor(Seconds(5));
        Assert.DoesNotContain(node, story.Status(story.Primary).Members);
        Assert.Equal(ReplicaRole.Outside, story.Status(node).Role);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(node, "from-outside", "1")).Outcome);
        Assert.Equal("1", story.Value(story.Get(node, "from-outside", ReadMode.Stale)));

        var answers = new List<Answer>();
        for (var i = 0; i < 200; i++)
        {
            answers.Add(story.Put(story.Primary, "k", $"{i}"));
            if (i == 50)
                Assert.Equal("", story.Change(node, join: true));
            story.Simulation.RunFor(Ms(10));
        }

        Assert.All(answers, answer => Assert.Equal(Outcome.Ok, story.Ended(answer).Outcome));
        Assert.All(answers, answer => Assert.InRange(answer.Took, TimeSpan.Zero, Ms(100)));
        story.Whole();
        story.Simulation.RunFor(Ms(100));
        Assert.Equal("199", story.Value(story.Get(node, "k", ReadMode.Stale)));
    }

    [Fact]
    public void A_primary_that_is_removed_hands_over()
    {
        using var story = new Story(3).Begin();
        var old = story.Primary;
        Assert.Equal("", story.Change(old, join: false));
        story.Simulation.RunUntil(() => story.Primary != old, Seconds(3));

        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "k", "1")).Outcome);
        story.Simulation.RunFor(Seconds(3));
        Assert.DoesNotContain(old, story.Status(story.Primary).Members);
        Assert.Equal(2, story.Status(story.Primary).Members.Count);
    }

    [Fact]
    public void What_cannot_be_done_is_refused_in_one_line_and_changes_nothing()
    {
        using var story = new Story(3).Begin();
        var last = story.Status(story.Primary).LastIndex;
        Assert.Equal("n2 is a member of group 'story' already", story.Change(new NodeId("n2"), join: true));
        Assert.Equal("n9 is not one of actors.nodes: n1, n2, n3", story.Change(new NodeId("n9"), join: true));
        Assert.Equal("n9 does not belong to group 'story': n1, n2, n3 do", story.Change(new NodeId("n9"), join: false));
        Assert.Equal(last, story.Status(story.Primary).LastIndex);

        var gone = story.Backups[0];
        Assert.Equal("", story.Change(gone, join: false));
        story.Simulation.RunFor(Seconds(1));
        last = story.Status(story.Primary).LastIndex;
        var other = story.Backups[1];
        Assert.Equal($"without {other} group 'story' would have 1 of at least 2 members (min-in-view)", story.Change(other, join: false));
        Assert.Equal(last, story.Status(story.Primary).LastIndex);
    }

    [Fact]
    public void The_last_member_cannot_be_removed()
    {
        using var story = new Story(2, s => s with { MinInView = 1 }).Begin();
        var last = story.Primary;
        Assert.Equal("", story.Change(story.Backup, join: false));
        story.Simulation.RunFor(Seconds(1));

        Assert.Equal($"{last} is the last member of group 'story'", story.Change(last, join: false));
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(last, "k", "1")).Outcome);
    }

    [Fact]
    public void A_node_is_not_removed_when_those_who_are_left_would_be_no_majority()
    {
        using var story = new Story(3, s => s with { Commit = CommitRule.Majority }).Begin();
        story.Simulation.Network.Isolate(story.Backups[0]);
        story.Simulation.RunFor(Seconds(2));
        var healthy = story.Backups[1];

        Assert.Equal($"without {healthy} only 1 of the other 2 members of group 'story' would answer, which is no majority", story.Change(healthy, join: false));
        Assert.Equal("", story.Change(story.Backups[0], join: false));      // the dead one may go
        story.Simulation.RunFor(Seconds(1));
        Assert.Equal(2, story.Status(story.Primary).Members.Count);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "k", "1")).Outcome);
    }

    [Fact]
    public void A_node_that_was_not_there_at_the_start_is_outside_until_it_is_asked_to_join()
    {
        using var story = new Story(3, spares: 1).Begin();
        var spare = new NodeId("n4");
        story.Simulation.RunFor(Seconds(5));
        Assert.Equal((ReplicaRole.Outside, 0L), (story.Status(spare).Role, story.Status(spare).LastIndex));
        Assert.Equal(3, story.Status(story.Primary).Members.Count);

        Assert.Equal("", story.Change(spare, join: true));
        story.Whole();
        Assert.Equal("1", story.Value(story.Get(spare, "begin", ReadMode.Stale)));
    }

    [Fact]
    public void A_node_outside_does_not_keep_the_group_from_its_rest()
    {
        using var story = new Story(3, spares: 1).Begin();
        story.Simulation.RunFor(Seconds(5));
        var messages = 0;
        story.Messages = m => messages += m is Append ? 1 : 0;
        story.Simulation.RunFor(Seconds(10));
        Assert.Equal(0, messages);
        Assert.Equal(ReplicaRole.Outside, story.Status(new NodeId("n4")).Role);
    }

    [Fact]
    public void Nodes_that_are_removed_one_after_the_other_can_come_back_together()
    {
        using var story = new Story(5).Begin();
        foreach (var node in story.Backups.Take(3).ToList())
            Assert.Equal("", story.Change(node, join: false));
        Assert.Equal(2, story.Status(story.Primary).Members.Count);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "k", "1")).Outcome);

        foreach (var node in story.Backups.Except(story.Status(story.Primary).Members).ToList())
            Assert.Equal("", story.Change(node, join: true));
        story.Whole();
    }

    [Fact]
    public void A_removed_node_stays_out_whoever_leads_and_whatever_restarts()
    {
        using var story = new Story(4).Begin();
        var node = story.Backup;
        Assert.Equal("", story.Change(node, join: false));
        foreach (var other in story.Backups.Append(story.Primary).ToList())
        {
            story.Node(other).Crash();
            story.Simulation.RunFor(Seconds(3));
            story.Node(other).Restart();
            story.Simulation.RunFor(Seconds(3));
        }

        story.Repeatedly(() => story.Status(story.Primary).Members.Count == 3);
        Assert.Equal(ReplicaRole.Outside, story.Status(node).Role);
    }

    [Fact]
    public void A_node_that_is_cut_off_while_it_is_removed_learns_of_it_later()
    {
        using var story = new Story(4).Begin();
        var node = story.Backup;
        var cut = story.Simulation.Network.Isolate(node);
        Assert.Equal("", story.Change(node, join: false));
        story.Simulation.RunFor(Seconds(3));
        cut.End();
        story.Repeatedly(() => story.Status(node).Role is ReplicaRole.Outside);
        Assert.Equal(3, story.Status(story.Primary).Members.Count);
    }

    [Fact]
    public void A_link_of_a_chain_is_removed_and_comes_back_as_the_tail_when_it_is_asked()
    {
        using var story = new Story(4, s => s with { Protocol = Protocol.Chain }, spares: 1).Begin();
        foreach (var node in (NodeId[])[new("n1"), new("n3"), new("n5")])     // the head, a middle one, one that never was there
        {
            if (node.Value != "n5")
                Assert.Equal("", story.Change(node, join: false));
            story.Repeatedly(() => story.Status(node).Role is ReplicaRole.Outside);
            Assert.DoesNotContain(node, story.Status(new NodeId("n2")).Members);
            Assert.Equal(Outcome.Ok, story.Ended(story.Put(node, "k", node.Value)).Outcome);

            Assert.Equal("", story.Change(node, join: true));
            story.Repeatedly(() => story.Status(node).Role is ReplicaRole.Tail);
            Assert.Equal(node, story.Status(new NodeId("n2")).Members[^1]);
            Assert.Equal(node.Value, story.Value(story.Get(node, "k", ReadMode.Stale)));
        }
    }

    [Fact]
    public void What_a_chain_cannot_do_is_refused_in_one_line()
    {
        using var story = new Story(2, s => s with { Protocol = Protocol.Chain }).Begin();
        Assert.Equal("group 'story': n2 is a member already", story.Change(new NodeId("n2"), join: true));
        Assert.Equal("n9 is not one of actors.nodes: n1, n2", story.Change(new NodeId("n9"), join: true));
        Assert.Equal("group 'story': n9 does not belong to the group: n1, n2 do", story.Change(new NodeId("n9"), join: false));
        Assert.Equal("group 'story': without n2 there would be 1 of at least 2 members (min-in-view)", story.Change(new NodeId("n2"), join: false));
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(new NodeId("n1"), "k", "1")).Outcome);
    }

    [Fact]
    public void A_kicked_node_still_belongs_to_the_group_and_comes_back_by_itself()
    {
        using var story = new Story(3).Begin();
        var cut = story.Simulation.Network.Isolate(story.Backup);
        story.Simulation.RunFor(Seconds(3));
        Assert.Equal(2, story.Status(story.Primary).Members.Count);

        cut.End();
        story.Whole();
    }
}
