using Actors.Broadcast;
using Actors.Membership;
using static Actors.Tests.BroadcastTests.BroadcastStory;

namespace Actors.Tests.BroadcastTests;

/// <summary>Members join and leave while the group works.</summary>
public sealed class BroadcastViewTests
{
    private static readonly BroadcastSpec Uniform = new(Reliability.UniformReliable, Ordering.Fifo);
    private static readonly BroadcastSpec Causal = new(Reliability.Reliable, Ordering.Causal);

    [Fact]
    public void A_node_that_joins_delivers_what_follows_and_broadcasts_itself()
    {
        using var story = Story(Uniform, 3);
        story.Broadcast(1);
        story.Run(1);
        Assert.Equal("", Change(story, at: 2, node: 4, joins: true));
        story.Run(2);

        var texts = new[] { story.Broadcast(1), story.Broadcast(4) };
        story.Run(2);

        foreach (var node in new[] { 1, 2, 3, 4 })
            Assert.Subset(story.DeliveredBy(node).ToHashSet(), texts.ToHashSet());
        Assert.True(story.Group.MembersAt(N(3)) is { Number: 2, Members.Count: 4, IsWhole: true });
    }

    [Fact]
    public void Nobody_waits_for_a_member_that_was_removed()
    {
        using var story = Story(new BroadcastSpec(Reliability.UniformReliable, Ordering.Fifo, FaultModel.CrashStop, acknowledgement: Acknowledgement.All), 3);
        story.Simulation.Network.Isolate(N(3));
        var text = story.Broadcast(1);
        story.Run(2);
        Assert.Empty(story.DeliveredBy(1));

        Assert.Equal("", Change(story, at: 1, node: 3, joins: false));
        story.Run(2);

        Assert.Equal([text], story.DeliveredBy(1));
        Assert.Equal([text], story.DeliveredBy(2));
    }

    [Fact]
    public void A_member_that_was_removed_learns_of_it_and_is_refused_until_it_joins_again()
    {
        using var story = Story(Uniform, 4);
        Assert.Equal("", Change(story, at: 1, node: 4, joins: false));
        story.Group.Checker.OnRemoved(N(4));
        story.Run(1);
        var refused = story.Broadcast(4);
        story.Run(1);
        Assert.Empty(story.DeliveredBy(1));
        var missed = story.Broadcast(1);
        story.Run(1);
        Assert.Empty(story.DeliveredBy(4));

        Assert.Equal("", Change(story, at: 1, node: 4, joins: true));
        story.Run(5);
        var text = story.Broadcast(4);
        story.Run(2);

        Assert.Equal([missed, text], story.DeliveredBy(1));
        Assert.Contains(text, story.DeliveredBy(4));
        Assert.DoesNotContain(refused, story.DeliveredBy(4));
    }

    [Fact]
    public void A_member_that_was_removed_a_moment_ago_joins_again()
    {
        using var story = Story(Uniform, 4);
        var answers = new List<string>();
        story.Group.ChangeMembers(N(1), N(4), joins: false, answers.Add);
        story.Run(0.2);
        story.Group.Checker.OnRemoved(N(4));
        story.Group.ChangeMembers(N(1), N(4), joins: true, answers.Add);
        story.Run(5);

        Assert.Equal(["", ""], answers);
    }

    [Fact]
    public void A_member_that_was_started_again_counts_again_once_it_has_joined()
    {
        using var story = Story(Uniform, 3);
        story.Simulation.Node(N(3)).Crash();
        story.Run(1);
        story.Simulation.Node(N(3)).Restart();
        story.Run(2);
        Assert.Equal("", Change(story, at: 1, node: 3, joins: true));
        story.Run(2);

        story.Simulation.Node(N(2)).Crash();
        var text = story.Broadcast(1);
        story.Run(2);

        Assert.Equal([text], story.DeliveredBy(1));
        Assert.Equal([text], story.DeliveredBy(3));
    }

    [Fact]
    public void What_was_delivered_outlives_the_removal_of_those_who_had_it()
    {
        using var story = Story(Uniform, 5);
        story.Simulation.Network.Partition(N(4), N(5));
        var text = story.Broadcast(1);
        story.Run(0.5);
        Assert.Equal([text], story.DeliveredBy(1));

        foreach (var node in new[] { 1, 2 })
            story.Group.Checker.OnRemoved(N(node));
        Assert.Equal("", Change(story, at: 3, node: 1, joins: false));
        Assert.Equal("", Change(story, at: 3, node: 2, joins: false));      // two of five may be gone
        Assert.Contains("3 of 5 members would be gone", Change(story, at: 3, node: 4, joins: false));
        story.Simulation.Network.Heal();
        story.Run(5);
        Assert.Equal("", Change(story, at: 3, node: 1, joins: true));

        foreach (var node in new[] { 3, 4, 5 })
            Assert.Equal([text], story.DeliveredBy(node));
    }

    [Fact]
    public void A_founder_that_is_started_again_does_not_found_the_group_anew_while_others_go_on()
    {
        using var story = new BroadcastStory(Causal, 1, settings => settings with { MayJoin = [N(2), N(3)] });
        story.Run(5);
        Assert.Equal("", Change(story, at: 1, node: 2, joins: true));
        Assert.Equal("", Change(story, at: 1, node: 3, joins: true));

        story.Simulation.Node(N(1)).Crash();
        story.Simulation.Network.Partition(N(1));
        story.Simulation.Node(N(1)).Restart();
        story.Run(10);
        Assert.True(story.Group.MembersAt(N(1)) is { Number: 0 });
        story.Simulation.Network.Heal();
        story.Run(3);

        Assert.True(story.Group.MembersAt(N(1)) is { Number: 3, Members.Count: 3 });
        Assert.Equal("", Change(story, at: 2, node: 1, joins: true));
    }

    [Fact]
    public void Members_that_were_all_started_again_one_after_the_other_found_the_group_anew()
    {
        using var story = Story(Uniform, 3);
        foreach (var node in new[] { 1, 2, 3 })
        {
            story.Simulation.Node(N(node)).Crash();
            story.Run(1);
            story.Simulation.Node(N(node)).Restart();
            story.Run(3);
        }

        story.Run(5);
        var text = story.Broadcast(1);
        story.Run(2);

        foreach (var node in new[] { 1, 2, 3 })
            Assert.Equal([text], story.DeliveredBy(node));
        Assert.True(story.Group.MembersAt(N(2)) is { Number: 2, IsWhole: true });
    }

    [Fact]
    public void The_word_of_a_member_in_a_later_view_does_not_count()
    {
        using var story = Story(Uniform, 3);
        var lives = story.Group.MembersAt(N(1)).Members;
        story.Simulation.Network.Isolate(N(1));
        var text = story.Broadcast(1);
        story.Run(1);

        story.Inject(1, new Received(story.Group.Settings.Id, lives[1], [new MessageId(lives[0], 1)]) { InView = 2 });
        story.Run(1);
        Assert.Empty(story.DeliveredBy(1));

        story.Inject(1, new Received(story.Group.Settings.Id, lives[2], [new MessageId(lives[0], 1)]) { InView = 1 });
        story.Run(1);
        Assert.Equal([text], story.DeliveredBy(1));
    }

    [Fact]
    public void Who_was_removed_does_not_deliver_what_only_it_has()
    {
        using var story = Story(new BroadcastSpec(Reliability.UniformReliable, Ordering.Fifo, FaultModel.CrashStop, acknowledgement: Acknowledgement.All), 3);
        story.Simulation.Network.Isolate(N(3));
        story.Broadcast(3);
        story.Group.Checker.OnRemoved(N(3));
        Assert.Equal("", Change(story, at: 1, node: 3, joins: false));

        story.Simulation.Network.Heal();
        story.Run(3);

        Assert.True(story.Group.MembersAt(N(3)) is { Number: 2 });
        Assert.Empty(story.DeliveredBy(3));
    }

    [Fact]
    public void A_member_that_removes_itself_tells_the_others_even_when_they_do_not_hear_it_at_first()
    {
        using var story = Story(Uniform, 4);
        story.OnSend = m =>
        {
            if (m is Hello { View.Number: 2 } && m.From.Node == N(4))
                story.Simulation.Network.Isolate(N(4));
        };
        Assert.Equal("", Change(story, at: 4, node: 4, joins: false));
        story.Group.Checker.OnRemoved(N(4));
        Assert.True(story.Group.MembersAt(N(1)) is { Number: 1 });

        story.OnSend = null;
        story.Simulation.Network.Heal();
        story.Run(5);

        foreach (var node in new[] { 1, 2, 3, 4 })
            Assert.True(story.Group.MembersAt(N(node)) is { Number: 2, Members.Count: 3 });
    }

    [Fact]
    public void Greetings_end()
    {
        using var story = Story(Uniform, 4);
        Assert.Equal("", Change(story, at: 1, node: 4, joins: false));
        story.Run(2);
        var greetings = 0;
        story.OnSend = m => greetings += m is Hello ? 1 : 0;

        story.Run(10);

        Assert.InRange(greetings, 1, 10 * 2 * 4 * 2);      // each interval each of the two that are no members asks the four others, and is answered
    }

    [Fact]
    public void A_state_comes_to_the_node_that_joins()
    {
        using var story = Story(Causal, 3, settings => settings with { State = () => throw new InvalidOperationException("the simulation has its own"), StabilityTimeout = TimeSpan.FromMinutes(1) });
        for (var i = 0; i < 20; i++)
            story.Broadcast(1 + i % 3);
        story.Run(5);

        Assert.Equal("", Change(story, at: 1, node: 4, joins: true));
        story.Run(5);
        story.Broadcast(2);
        story.Run(2);

        Assert.Equal(21, story.Group.StateOf(N(4)).Messages.Count);
        Assert.Null(story.Group.StateOf(N(4)).OutOfTurn);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_nobody_has_any_more_is_given_up_by_those_who_wait_for_it_when_somebody_went_on_after_it(bool withState)
    {
        using var story = Story(Causal, 3, settings => withState ? settings with { State = SomeState, DigestInterval = TimeSpan.FromMilliseconds(20) } : settings);     // n4 asks for the state before it asks for messages
        var (first, last) = LoseTheSecondOfThree(story);
        Assert.Equal([first], story.DeliveredBy(3));       // those that had the second one may come back with it

        story.Simulation.Node(N(1)).Restart();
        story.Simulation.Node(N(2)).Restart();
        story.Run(20);

        Assert.Equal([first, last], story.DeliveredBy(3));
        story.ShouldLackNothing();
        Assert.Null(withState ? story.Group.DifferenceOfStates() : null);
    }

    [Fact]
    public void Nothing_is_given_up_while_one_member_may_still_get_it_from_a_life_that_another_one_knows_to_be_over()
    {
        using var story = Story(Causal, 3);
        var (first, last) = LoseTheSecondOfThree(story);
        var cut = story.Simulation.Network.CutOneWay(N(2), N(4));       // n4 does not hear that n2 was started again

        story.Simulation.Node(N(1)).Restart();
        story.Simulation.Node(N(2)).Restart();
        story.Run(20);
        Assert.Equal([first], story.DeliveredBy(3));
        cut.End();
        story.Run(20);

        Assert.Equal([first, last], story.DeliveredBy(3));
    }

    [Fact]
    public void What_one_member_still_has_is_not_given_up()
    {
        using var story = Story(Causal, 3);
        var (first, last) = LoseTheSecondOfThree(story, crash: [1]);

        story.Simulation.Node(N(1)).Restart();
        story.Run(20);

        Assert.Equal(3, story.DeliveredBy(3).Count);
        Assert.Equal([first, last], [story.DeliveredBy(3)[0], story.DeliveredBy(3)[2]]);
    }

    /// <summary>Of three messages of n1 the isolated n3 does not get the last two, and n4, which joins meanwhile, goes on after the second; then those that have it crash.</summary>
    private static (string First, string Last) LoseTheSecondOfThree(BroadcastStory story, int[]? crash = null)
    {
        var first = story.Broadcast(1);
        story.Run(5);
        var isolation = story.Simulation.Network.Isolate(N(3));
        story.Broadcast(1);
        story.Run(1);
        Assert.Equal("", Change(story, at: 2, node: 4, joins: true));
        story.Run(2);
        var last = story.Broadcast(1);
        story.Run(1);
        Assert.Equal([last], story.DeliveredBy(4));
        foreach (var node in crash ?? [1, 2])
            story.Simulation.Node(N(node)).Crash();
        isolation.End();
        story.Run(10);
        return (first, last);
    }

    private static IBroadcastState SomeState() => throw new InvalidOperationException("the simulation has its own");

    [Fact]
    public void What_cannot_be_done_is_refused_with_the_reason()
    {
        using var story = Story(Uniform, 3);
        Assert.Contains("n1 is a member already", Change(story, at: 2, node: 1, joins: true));
        Assert.Contains("n4 is not a member: n1, n2, n3 are", Change(story, at: 2, node: 4, joins: false));
        Assert.Contains("n9 is not one of the group's nodes", Change(story, at: 2, node: 9, joins: true));
        Assert.Contains("ask another node, of n1, n2, n3", Change(story, at: 4, node: 4, joins: true));
        Assert.Contains("majority of 2", Change(story, at: 1, node: 3, joins: false));

        using var unheard = Story(Uniform, 3, settings => settings with { StabilityTimeout = TimeSpan.FromSeconds(10) });
        unheard.Simulation.Network.Isolate(N(4));
        unheard.Run(15);
        Assert.Contains("n1 has not heard of n4", Change(unheard, at: 1, node: 4, joins: true));

        using var unchanged = new BroadcastStory(Uniform);
        Assert.Contains("the members of", Change(unchanged, at: 1, node: 2, joins: false));
    }

    [Theory]
    [InlineData(Reliability.BestEffort, Ordering.Fifo, "at least reliable")]
    [InlineData(Reliability.UniformReliable, Ordering.Total, "not built for a total order yet")]
    public void Members_are_fixed_where_the_order_or_the_reliability_needs_it(Reliability reliability, Ordering ordering, string reason)
    {
        var settings = new BroadcastSettings { Id = new GroupId("g"), Members = [N(1), N(2), N(3)], Spec = new BroadcastSpec(reliability, ordering), MayJoin = [] };

        Assert.Contains(reason, Assert.Throws<ArgumentException>(settings.Validated).Message);
    }

    [Fact]
    public void Who_has_left_since_a_view_was_whole_is_fewer_than_half_of_it()
    {
        var view = GroupView.Found(1, [.. Enumerable.Range(1, 5).Select(i => new ParticipantId(N(i), 1))]);
        var one = view.Without(N(1), isWhole: true, Uniform, out _)!;
        var two = one.Without(N(2), isWhole: false, Uniform, out _)!;

        Assert.Equal((3, 5, 2), (two.Number, two.Whole, two.Gone));
        Assert.Null(two.Without(N(3), isWhole: false, Uniform, out _));
        Assert.Null(one.With(new ParticipantId(N(6), 1), isWhole: false, Uniform, out var refusal));
        Assert.Contains("do not all have yet", refusal);
        Assert.NotNull(one.With(new ParticipantId(N(6), 1), isWhole: true, Uniform, out _));
        Assert.Equal((5, 1), (view.With(new ParticipantId(N(3), 2), isWhole: true, Uniform, out _)!.Members.Count, view.With(new ParticipantId(N(3), 2), isWhole: true, Uniform, out _)!.Gone));
    }

    /// <summary>A group of n1 and so on; one more node may join.</summary>
    private static BroadcastStory Story(BroadcastSpec spec, int members, Func<BroadcastSettings, BroadcastSettings>? change = null)
    {
        var story = new BroadcastStory(spec, members, settings => (change?.Invoke(settings) ?? settings) with { MayJoin = [N(members + 1)] });
        story.Run(5);
        return story;
    }

    private static string Change(BroadcastStory story, int at, int node, bool joins)
    {
        var answer = "no answer";
        story.Group.ChangeMembers(N(at), N(node), joins, refusal => answer = refusal);
        story.Run(3);
        return answer;
    }
}
