using Actors.Membership;
using Actors.Replication;
using CsCheck;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

public sealed class ViewsTests
{
    private static readonly string[] Names = ["n1", "n2", "n3", "n4", "n5"];

    private enum Verb { Append, Commit, Truncate }

    private sealed record Step(Verb Verb, int Members, int A);

    private static readonly Gen<Step[]> GenHistory =
        Gen.Select(Gen.Frequency((4, Gen.Const(Verb.Append)), (2, Gen.Const(Verb.Commit)), (1, Gen.Const(Verb.Truncate))), Gen.Int[1, 31], Gen.Int[0, 100], (v, m, a) => new Step(v, m, a))
            .Array[1, 12];

    [Fact]
    public void Elections_and_commits_follow_the_definition_in_every_history_of_views() =>
        Gen.Select(GenHistory, Gen.Int[0, 31], Gen.Long[0, 6].Array[5]).Sample((history, agreeing, durable) =>
        {
            var (views, model, committed) = Play(history);
            bool Agrees(MemberId id) => (agreeing >> Number(id) & 1) == 1;
            long Durable(MemberId id) => durable[Number(id)];

            Assert.Equal(model.All(v => MoreThanHalf(v.View, Agrees)), views.IsQuorum(Agrees));
            foreach (var rule in (CommitRule[])[CommitRule.All, CommitRule.Majority])
            {
                var highest = Enumerable.Range(0, 7).Where(i =>
                    model.All(v => MoreThanHalf(v.View, m => Durable(m) >= i))
                    && (rule is CommitRule.Majority || model[^1].View.Members.All(m => Durable(m) >= i))).Max();
                Assert.Equal(highest, views.Committable(rule, Durable));
            }

            Assert.Equal(committed, views.CommittedIndex);
            Assert.Equal(model[^1].Index, views.NewestIndex);
            Assert.Equal(committed != model[^1].Index, views.IsPending);
            Assert.True(views.Committed.SameAs(model[0].View));
            Assert.Equal(model.All(v => v.View.Members.SequenceEqual(model[0].View.Members)), views.MembersSettled);
            Assert.Equal(model.SelectMany(v => v.View.Members).Distinct().Order(), views.Everyone.Order());
        });

    [Fact]
    public void Two_groups_that_decide_in_neighbouring_states_always_share_a_member() =>
        Gen.Select(GenHistory, Gen.Int[1, 31], Gen.Int[0, 31], Gen.Int[0, 31]).Sample((history, next, one, other) =>
        {
            // One replica has appended a further view that another one does not know of yet.
            var (views, _, _) = Play(history);
            var before = views.IsQuorum(id => (one >> Number(id) & 1) == 1);
            views.Append(views.NewestIndex + 1, ViewOf(next));
            var after = views.IsQuorum(id => (other >> Number(id) & 1) == 1);
            Assert.False(before && after && (one & other) == 0);
        });

    [Fact]
    public void Nobody_decides_before_the_first_view()
    {
        var views = new Views();
        Assert.True(views.IsEmpty);
        Assert.False(views.IsQuorum(_ => true));
    }

    [Fact]
    public void A_kick_releases_what_waited_for_the_dead_member()
    {
        var views = new Views();
        views.Recover(1, View("n1", "n2", "n3"));
        long Durable(MemberId id) => id.Node.Value == "n3" ? 4 : 9;
        Assert.Equal(4, views.Committable(CommitRule.All, Durable));
        views.Append(9, View("n1", "n2"));
        Assert.Equal(9, views.Committable(CommitRule.All, Durable));
    }

    [Fact]
    public void A_primary_alone_cannot_kick_both_others()
    {
        var views = new Views();
        views.Recover(1, View("n1", "n2", "n3"));
        views.Append(9, View("n1"));
        Assert.Equal(3, views.Committable(CommitRule.All, id => id.Node.Value == "n1" ? 9 : 3));
    }

    [Fact]
    public void Removing_a_committed_view_is_a_broken_invariant()
    {
        var views = new Views();
        views.Append(1, View("n1", "n2"));
        views.Append(5, View("n1"));
        views.Commit(5);
        Assert.Throws<InvariantViolation>(() => views.Truncate(5));
        Assert.Throws<InvariantViolation>(() => views.Append(5, View("n1")));
    }

    [Fact]
    public void An_id_is_out_for_ever_only_when_the_view_without_it_is_committed()
    {
        var views = new Views();
        views.Recover(1, View("n1", "n2", "n3"));
        views.Append(9, View("n1", "n2"));
        Assert.False(views.IsRemoved(Member("n3"), At(1, 1)));
        views.Commit(9);
        Assert.True(views.IsRemoved(Member("n3"), At(1, 9)));
        Assert.False(views.IsRemoved(Member("n2"), At(1, 9)));
    }

    [Fact]
    public void Whoever_learns_is_one_of_everyone_and_no_voter()
    {
        var views = new Views();
        views.Recover(1, View("n1", "n2").WithLearner(Member("n3", 5)));
        views.Append(9, View("n1", "n2").WithLearner(Member("n3", 5)).WithPromoted(Member("n3", 5)).WithLearner(Member("n4", 8)));
        Assert.Equal([Member("n1"), Member("n2"), Member("n3", 5), Member("n4", 8)], views.Everyone.Order());
        Assert.True(views.IsVoter(Member("n3", 5)));
        Assert.False(views.IsVoter(Member("n4", 8)));
    }

    [Fact]
    public void A_seat_is_taken_by_any_life_of_its_node_and_a_folder_votes_under_any_id()
    {
        var views = new Views();
        views.Recover(1, View("n1", "n2").WithLearner(Member("n3", 5)));
        Assert.True(views.IsSeat(new NodeId("n1")));
        Assert.True(views.IsSeat(new NodeId("n2")));
        Assert.False(views.IsSeat(new NodeId("n3")));
        Assert.True(views.IsVoter(new NodeId("n2"), new Incarnation(7)));
        Assert.False(views.IsVoter(new NodeId("n2"), new Incarnation(8)));
        Assert.False(views.IsVoter(new NodeId("n3"), new Incarnation(7)));
        views.Append(9, View("n1"));
        Assert.True(views.IsSeat(new NodeId("n2")));        // the view without it is not committed
        Assert.True(views.IsVoter(new NodeId("n2"), new Incarnation(7)));
        views.Commit(9);
        Assert.False(views.IsSeat(new NodeId("n2")));
        Assert.False(views.IsVoter(new NodeId("n2"), new Incarnation(7)));
    }

    [Fact]
    public void What_was_known_before_a_recovery_counts_no_more()
    {
        var views = new Views();
        views.Recover(1, View("n1", "n2", "n3"));
        views.Append(9, View("n1", "n2"));
        views.Recover(20, View("n4"));
        Assert.Equal((20, 20, false), (views.CommittedIndex, views.NewestIndex, views.IsPending));
        Assert.Equal([Member("n4")], views.Everyone);
    }

    [Fact]
    public void An_id_that_joined_later_than_what_is_known_here_is_not_out()
    {
        var views = new Views();
        views.Recover(9, View("n1", "n2"));
        Assert.False(views.IsRemoved(Member("n3", 10), At(1, 9)));
        Assert.False(views.IsRemoved(Member("n3") with { Joined = At(2, 5) }, At(1, 9)));     // of an epoch that this log has not seen
        Assert.True(views.IsRemoved(Member("n3", 5), At(1, 9)));
        Assert.True(views.IsRemoved(Member("n3", 9), At(1, 9)));
        Assert.True(views.IsRemoved(Member("n3", 12), At(2, 9)));       // of an epoch that ended without it: no log has that entry after one of epoch 2
    }

    [Fact]
    public void Nobody_is_out_before_the_first_view_is_known_to_be_committed()
    {
        var views = new Views();
        views.Append(1, View("n1", "n2"));
        Assert.False(views.IsRemoved(Member("n3"), LogPosition.Zero));
    }

    private static (Views Views, List<(long Index, View View)> Model, long Committed) Play(Step[] history)
    {
        var views = new Views();
        var model = new List<(long Index, View View)>();
        var (last, committed) = (0L, 0L);
        void Append(View view)
        {
            model.Add((++last, view));
            views.Append(last, view);
        }

        Append(ViewOf(history[0].Members));
        foreach (var step in history.Skip(1))
        {
            switch (step.Verb)
            {
                case Verb.Append:
                    Append(ViewOf(step.Members));
                    break;
                case Verb.Commit:
                    var index = step.A % (last + 1);
                    views.Commit(index);
                    if (model.FindLastIndex(v => v.Index <= index) is >= 0 and var settled)
                    {
                        model.RemoveRange(0, settled);
                        committed = model[0].Index;
                    }

                    break;
                case Verb.Truncate when last > Math.Max(committed, 1):
                    var from = Math.Max(committed, 1) + 1 + step.A % (last - Math.Max(committed, 1));
                    views.Truncate(from);
                    model.RemoveAll(v => v.Index >= from);
                    last = from - 1;
                    break;
            }
        }

        return (views, model, committed);
    }

    private static bool MoreThanHalf(View view, Func<MemberId, bool> agrees) => 2 * view.Members.Count(agrees) > view.Members.Count;

    private static View ViewOf(int bits) => View([.. Names.Where((_, i) => (bits >> i & 1) == 1)]);

    private static int Number(MemberId id) => Array.IndexOf(Names, id.Node.Value);
}
