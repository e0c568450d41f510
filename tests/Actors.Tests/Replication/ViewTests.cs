using Actors.Membership;
using CsCheck;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

public sealed class ViewTests
{
    [Fact]
    public void A_majority_is_more_than_half()
    {
        for (var members = 1; members <= 32; members++)
        {
            Assert.True(2 * Quorum.Majority(members) > members);
            Assert.True(2 * (Quorum.Majority(members) - 1) <= members);
        }
    }

    [Fact]
    public void What_a_majority_has_reached_is_the_highest_value_that_more_than_half_have() =>
        Gen.Long[-5, 5].Array[1, 9].Sample(values =>
        {
            var reached = values.Where(v => 2 * values.Count(w => w >= v) > values.Length).Max();
            Assert.Equal(reached, Quorum.ReachedByMajority((long[])values.Clone()));
        });

    [Fact]
    public void A_majority_of_nobody_is_an_error() => Assert.Throws<ArgumentException>(() => Quorum.ReachedByMajority([]));

    [Fact]
    public void A_learner_replaces_the_learner_of_its_node_and_no_member()
    {
        var view = View("n1", "n2", "n3").WithLearner(Member("n2", 5)).WithLearner(Member("n4", 6)).WithLearner(Member("n2", 7));
        Assert.Equal([Member("n1"), Member("n2"), Member("n3")], view.Members);
        Assert.Equal([Member("n4", 6), Member("n2", 7)], view.Learners);
    }

    [Fact]
    public void A_promoted_learner_replaces_the_member_of_its_node()
    {
        var view = View("n1", "n2", "n3").WithLearner(Member("n2", 5)).WithPromoted(Member("n2", 5));
        Assert.Equal([Member("n1"), Member("n3"), Member("n2", 5)], view.Members);
        Assert.Empty(view.Learners);
        Assert.False(view.Includes(Member("n2")));
    }

    [Fact]
    public void An_id_is_taken_out_wherever_it_stands()
    {
        var view = View("n1", "n2").WithLearner(Member("n3", 5));
        Assert.True(view.Without(Member("n2")).SameAs(View("n1").WithLearner(Member("n3", 5))));
        Assert.True(view.Without(Member("n3", 5)).SameAs(View("n1", "n2")));
        Assert.True(view.Without(Member("n3", 6)).SameAs(view));
    }

    [Fact]
    public void A_folder_is_found_by_node_and_incarnation_whether_it_votes_or_learns()
    {
        var view = View("n1", "n2").WithLearner(Member("n3", 5));
        Assert.Equal(Member("n2"), view.Of(new NodeId("n2"), new Incarnation(7)));
        Assert.Equal(Member("n3", 5), view.Of(new NodeId("n3"), new Incarnation(7)));
        Assert.True(view.Of(new NodeId("n2"), new Incarnation(8)).IsNone);
        Assert.True(view.Of(new NodeId("n4"), new Incarnation(7)).IsNone);
    }

    [Fact]
    public void Those_who_vote_or_learn_belong_to_the_group_unless_it_is_said_who_does()
    {
        var view = View("n1", "n2").WithLearner(Member("n2", 5)).WithLearner(Member("n3", 6));
        Assert.Equal([N("n1"), N("n2"), N("n3")], view.Nodes);
        Assert.Equal([N("n4")], (view with { Nodes = [N("n4")] }).Nodes);
    }

    [Fact]
    public void A_node_belongs_to_the_group_once_and_whoever_comes_and_goes_until_it_is_taken_out()
    {
        var view = View("n1", "n2").WithNode(N("n3"));
        Assert.Equal([N("n1"), N("n2"), N("n3")], view.Nodes);
        Assert.Equal([N("n2"), N("n3"), N("n1")], view.WithNode(N("n1")).Nodes);
        Assert.Equal(view.Nodes, view.Without(Member("n2")).Nodes);
        Assert.Equal(view.Nodes, view.WithLearner(Member("n3", 5)).WithPromoted(Member("n3", 5)).Nodes);
    }

    [Fact]
    public void Of_a_node_that_is_taken_out_no_id_is_left()
    {
        var view = View("n1", "n2").WithLearner(Member("n2", 5)).WithLearner(Member("n3", 6));
        Assert.True(view.WithoutNode(N("n2")).SameAs(View("n1").WithLearner(Member("n3", 6))));
        Assert.Equal([N("n1"), N("n3")], view.WithoutNode(N("n2")).Nodes);
        Assert.DoesNotContain(view.WithoutNode(N("n3")).Learners, id => id.Node == N("n3"));
    }

    [Fact]
    public void Views_are_the_same_when_both_members_and_learners_are()
    {
        var view = View("n1", "n2").WithLearner(Member("n3", 5));
        Assert.True(view.SameAs(View("n1", "n2").WithLearner(Member("n3", 5))));
        Assert.False(view.SameAs(View("n1", "n2").WithLearner(Member("n3", 6))));
        Assert.False(view.SameAs(View("n1").WithLearner(Member("n3", 5))));
        Assert.False(view.SameAs(null!));
    }

    [Fact]
    public void A_view_is_written_as_its_members_and_learners_if_it_has_any()
    {
        Assert.Equal($"[{Member("n1")}, {Member("n2")}]", View("n1", "n2").ToString());
        Assert.Equal($"[{Member("n1")}] learning [{Member("n3", 5)}, {Member("n4", 6)}]", View("n1").WithLearner(Member("n3", 5)).WithLearner(Member("n4", 6)).ToString());
    }

    [Fact]
    public void Positions_compare_epoch_before_index()
    {
        Assert.True(At(1, 100) < At(2, 1));
        Assert.True(At(2, 1) < At(2, 2));
        Assert.True(At(2, 2) >= At(2, 2));
        Assert.Equal(0, At(2, 2).CompareTo(At(2, 2)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("N1")]
    [InlineData("-n")]
    [InlineData("n 1")]
    [InlineData("n/1")]
    [InlineData("ä")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]      // 65
    public void Names_outside_the_alphabet_are_refused_by_name(string name)
    {
        Assert.Contains($"node name '{name}' is not valid", Assert.Throws<ArgumentException>(() => new NodeId(name)).Message, StringComparison.Ordinal);
        Assert.Contains($"group name '{name}' is not valid", Assert.Throws<ArgumentException>(() => new GroupId(name)).Message, StringComparison.Ordinal);
    }
    private static NodeId N(string name) => new(name);
}
