using System.Text;
using Actors.Broadcast;
using Actors.Membership;
using Actors.TestKit;
using static Actors.Tests.BroadcastTests.BroadcastStory;

namespace Actors.Tests.BroadcastTests;

/// <summary>Cases that broadcast systems are known to get wrong.</summary>
public sealed class BroadcastTrickyTests
{
    private static readonly BroadcastSpec Fifo = new(Reliability.Reliable, Ordering.Fifo, FaultModel.Omission);
    private static readonly BroadcastSpec Causal = new(Reliability.Reliable, Ordering.Causal, FaultModel.Omission);
    private static readonly BroadcastSpec Total = new(Reliability.UniformReliable, Ordering.Total, FaultModel.Omission);
    private static readonly BroadcastSpec LooseTotal = new(Reliability.Reliable, Ordering.Total, FaultModel.CrashStop);

    [Fact]
    public void The_last_message_is_lost_and_no_other_follows_it()
    {
        using var story = new BroadcastStory(Fifo);
        var first = story.Broadcast(1);
        story.Run(0.1);
        var cut = story.Simulation.Network.CutOneWay(N(1), N(2));
        var last = story.Broadcast(1);
        story.Run(0.1);
        cut.End();

        story.Run(5);

        Assert.Equal([first, last], story.DeliveredBy(2));
    }

    [Fact]
    public void The_first_message_is_lost_and_holds_back_those_that_follow()
    {
        using var story = new BroadcastStory(Fifo);
        var cut = story.Simulation.Network.CutOneWay(N(1), N(2));
        var first = story.Broadcast(1);
        story.Run(0.1);
        cut.End();
        var second = story.Broadcast(1);
        story.Run(0.01);
        Assert.Empty(story.DeliveredBy(2));

        story.Run(5);

        Assert.Equal([first, second], story.DeliveredBy(2));
    }

    [Fact]
    public void Over_links_that_lose_nothing_best_effort_waits_for_what_is_late_and_asks_for_nothing()
    {
        using var story = new BroadcastStory(new BroadcastSpec(Reliability.BestEffort, Ordering.Fifo, FaultModel.CrashStop));
        var asked = 0;
        story.OnSend = m => asked += m is Pull ? 1 : 0;
        story.Simulation.Network.Faults = new LinkFaults { Reorder = 1, Slow = 0.5, SlowDelay = TimeSpan.FromSeconds(1) };

        for (var i = 0; i < 50; i++)
        {
            story.Broadcast(1);
            story.Run(0.02);
        }

        story.Run(5);
        Assert.Equal(0, asked);
        foreach (var node in new[] { 1, 2, 3 })
            Assert.Equal(50, story.DeliveredBy(node).Count);
    }

    [Fact]
    public void A_suspicion_that_nobody_takes_back_ends_with_what_is_heard_of_the_member()
    {
        using var story = new BroadcastStory(Fifo);
        story.Simulation.Node(N(2)).Crash();
        story.Simulation.Node(N(3)).Actor(BroadcastNode.Name).Tell(new PeerHint(N(1), true), Akka.Actor.ActorRefs.NoSender);
        var cut = story.Simulation.Network.Isolate(N(3));
        var text = story.Broadcast(1);
        story.Run(0.2);

        cut.End();
        story.Run(10);

        Assert.Equal([text], story.DeliveredBy(3));
    }

    [Fact]
    public void Behind_a_gap_that_nobody_can_fill_a_later_life_learns_who_has_what_follows()
    {
        using var story = new BroadcastStory(new BroadcastSpec(Reliability.UniformReliable, Ordering.None));
        var cut = story.Simulation.Network.Isolate(N(3));
        story.Broadcast(3);
        story.Run(0.01);
        cut.End();
        story.CrashAfterSends<Data>(3, sends: 2);
        var text = story.Broadcast(3);
        story.Run(2);

        story.Simulation.Node(N(3)).Restart();
        story.Run(10);

        foreach (var node in new[] { 1, 2, 3 })
            Assert.Equal([text], story.DeliveredBy(node));
    }

    [Fact]
    public void What_follows_from_a_third_members_message_waits_for_it()
    {
        using var story = new BroadcastStory(Causal);
        var clog = story.Simulation.Network.Clog(N(1), N(3));
        var question = story.Broadcast(1);
        story.Run(0.1);
        Assert.Equal([question], story.DeliveredBy(2));
        var answer = story.Broadcast(2);
        story.Run(0.1);
        Assert.Empty(story.DeliveredBy(3));     // the answer is there, the question is not

        clog.End();
        story.Run(5);

        Assert.Equal([question, answer], story.DeliveredBy(3));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_sequencer_crashes_after_some_of_the_sends_of_a_place_and_all_others_have_the_message_once(int sends)
    {
        using var story = new BroadcastStory(LooseTotal, nodes: 4);
        var sent = 0;
        story.OnSend = m =>
        {
            if (m is Ordered { Places.Count: > 0 } && m.From.Node == N(1) && sent++ == sends)
                story.Simulation.Node(N(1)).Crash();
        };

        var texts = new[] { story.Broadcast(2), story.Broadcast(3), story.Broadcast(2) };
        story.Run(20);

        foreach (var node in new[] { 2, 3, 4 })
            Assert.Equal(texts.Order(), story.DeliveredBy(node).Order());
        story.Group.Checker.CheckOrderOfThoseThere();
        story.ShouldLackNothing();
    }

    [Fact]
    public void What_only_the_sequencer_delivered_dies_with_it_unless_the_broadcast_is_uniform()
    {
        using var loose = new BroadcastStory(LooseTotal);
        foreach (var other in new[] { 2, 3 })
            loose.Simulation.Network.CutOneWay(N(1), N(other));
        loose.Broadcast(1);
        loose.Run(0.1);
        Assert.Single(loose.DeliveredBy(1));
        loose.Simulation.Node(N(1)).Crash();
        loose.Run(5);
        Assert.Empty(loose.DeliveredBy(2));
        Assert.Null(loose.Group.Checker.Lacking());
        Assert.NotNull(loose.Group.Checker.Lacking(uniform: true));

        using var uniform = new BroadcastStory(Total);
        foreach (var other in new[] { 2, 3 })
            uniform.Simulation.Network.CutOneWay(N(1), N(other));
        uniform.Broadcast(1);
        uniform.Run(0.1);
        Assert.Empty(uniform.DeliveredBy(1));
    }

    [Fact]
    public void What_the_old_sequencer_did_not_order_goes_to_the_new_one_before_anything_newer()
    {
        using var story = new BroadcastStory(Total, nodes: 5);
        story.Simulation.Network.Isolate(N(1));
        var early = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            early.Add(story.Broadcast(2));
            story.Run(0.05);
        }

        story.Run(5);
        var late = story.Broadcast(2);
        story.Run(2);

        Assert.Equal([.. early, late], story.DeliveredBy(4));
    }

    [Fact]
    public void A_sequencer_behind_a_partition_orders_nothing_and_is_fenced_when_it_is_back()
    {
        using var story = new BroadcastStory(Total, nodes: 5);
        var cut = story.Simulation.Network.Partition(N(1), N(2));
        var lost = story.Broadcast(1);
        var theirs = story.Broadcast(3);
        story.Run(5);
        Assert.Empty(story.DeliveredBy(2));
        Assert.Equal([theirs], story.DeliveredBy(4));

        cut.End();
        story.Run(10);

        foreach (var node in new[] { 1, 2, 3, 4, 5 })
            Assert.Equal([theirs, lost], story.DeliveredBy(node));
        Assert.True(story.Refused["an old epoch"] > 0);
    }

    [Fact]
    public void What_comes_from_an_earlier_life_of_a_member_is_refused_and_its_later_life_begins_with_1()
    {
        using var story = new BroadcastStory(Fifo);
        BroadcastMessage? old = null;
        story.OnSend = m => old ??= m is Data && m.From.Node == N(1) ? m : null;
        var before = story.Broadcast(1);
        story.Run(1);
        story.Simulation.Node(N(1)).Crash();
        story.Run(1);
        story.Simulation.Node(N(1)).Restart();
        story.Run(5);
        var after = story.Broadcast(1);
        story.Run(2);

        story.Inject(2, old!);
        story.Run(1);

        Assert.Equal([before, after], story.DeliveredBy(2));
        Assert.Equal(1, story.Refused["an old incarnation"]);
    }

    [Fact]
    public void A_message_that_all_have_is_dropped_when_it_comes_again_also_after_the_window_has_moved_on()
    {
        using var story = new BroadcastStory(Fifo, change: s => s with { Window = 64, DigestInterval = TimeSpan.FromMilliseconds(100) });
        BroadcastMessage? first = null;
        story.OnSend = m => first ??= m as Data;
        for (var i = 0; i < 200; i++)
        {
            story.Broadcast(1);
            story.Run(0.02);
        }

        story.Inject(2, first! with { From = first!.From });
        story.Run(1);

        Assert.Equal(200, story.DeliveredBy(2).Count);
    }

    [Fact]
    public void A_number_far_ahead_is_refused_and_takes_no_memory()
    {
        using var story = new BroadcastStory(Fifo);
        ParticipantId from = default;
        story.OnSend = m => from = m.From.Node == N(1) ? m.From : from;
        story.Broadcast(1);
        story.Run(1);

        for (var i = 1; i <= 10; i++)
            story.Inject(2, new Data(story.Group.Settings.Id, from, false, [new Item(new MessageId(from, i * 1_000_000L), [], Encoding.UTF8.GetBytes("far"))]));
        story.Run(2);

        Assert.Equal(10, story.Refused["too far ahead"]);
        Assert.Single(story.DeliveredBy(2));
        var next = story.Broadcast(1);
        story.Run(2);
        Assert.Equal(next, story.DeliveredBy(2)[^1]);
    }

    [Fact]
    public void A_stranger_and_a_message_over_the_limit_are_refused()
    {
        using var story = new BroadcastStory(Fifo, change: s => s with { MaxMessageBytes = 10 });
        ParticipantId from = default;
        story.OnSend = m => from = m.From.Node == N(1) ? m.From : from;
        story.Broadcast(1);
        story.Run(1);

        var stranger = new ParticipantId(new NodeId("n9"), 1);
        story.Inject(2, new Data(story.Group.Settings.Id, stranger, false, []));
        story.Inject(2, new Data(story.Group.Settings.Id, from, false, [new Item(new MessageId(from, 2), [], new byte[11])]));
        story.Inject(2, new Data(story.Group.Settings.Id, from, false, [new Item(new MessageId(stranger, 1), [], new byte[1])]));
        story.Broadcast(2, bytes: 11);
        story.Run(1);

        Assert.Equal((2, 2), (story.Refused["not a member"], story.Refused["too long"]));
    }

    [Fact]
    public void A_member_that_left_while_messages_were_on_their_way_is_waited_for_no_longer()
    {
        using var story = new BroadcastStory(new BroadcastSpec(Reliability.UniformReliable, Ordering.Fifo, FaultModel.CrashStop, acknowledgement: Acknowledgement.All));
        story.CrashAfterSends<Received>(3, 1);
        var text = story.Broadcast(1);

        story.Run(10);

        Assert.Equal([text], story.DeliveredBy(1));
        Assert.Equal([text], story.DeliveredBy(2));
    }

    [Fact]
    public void After_a_partition_each_side_gets_what_the_other_sent()
    {
        using var story = new BroadcastStory(Causal, nodes: 5);
        var cut = story.Simulation.Network.Partition(N(1), N(2));
        for (var i = 0; i < 20; i++)
        {
            story.Broadcast(1);
            story.Broadcast(4);
            story.Run(0.2);
        }

        cut.End();
        story.Run(20);

        foreach (var node in new[] { 1, 2, 3, 4, 5 })
            Assert.Equal(40, story.DeliveredBy(node).Count);
    }

    [Fact]
    public void Who_comes_late_gets_what_not_all_have_and_everything_from_then_on()
    {
        using var story = new BroadcastStory(Fifo);
        story.Simulation.Node(N(3)).Crash();
        for (var i = 0; i < 50; i++)
            story.Broadcast(1);
        story.Run(5);

        story.Simulation.Node(N(3)).Restart();
        story.Run(5);
        var after = story.Broadcast(2);
        story.Run(2);

        Assert.Equal(51, story.DeliveredBy(3).Count);
        Assert.Equal(after, story.DeliveredBy(3)[^1]);
    }

    [Fact]
    public void A_new_life_gets_what_its_earlier_life_had_acknowledged_and_another_member_had_not()
    {
        using var story = new BroadcastStory(new BroadcastSpec(Reliability.BestEffort, Ordering.Fifo, FaultModel.Omission));
        story.Run(1);
        story.Simulation.Network.CutOneWay(N(1), N(3));
        var held = story.Broadcast(1);
        story.Run(1);
        Assert.Equal([held], story.DeliveredBy(2));

        story.Simulation.Node(N(2)).Crash();
        story.Simulation.Node(N(2)).Restart();
        Assert.Empty(story.DeliveredBy(2));
        story.Run(3);       // nothing follows that would show what is missing

        Assert.Equal([held], story.DeliveredBy(2));
    }

    [Theory]
    [InlineData(Ordering.Fifo)]
    [InlineData(Ordering.Total)]
    public void A_member_that_is_away_for_too_long_fills_nobodys_memory_and_goes_on_later(Ordering ordering)
    {
        using var story = new BroadcastStory(
            ordering is Ordering.Total ? Total : Fifo,
            change: s => s with { MaxBufferedBytes = 1 << 20, DigestInterval = TimeSpan.FromMilliseconds(100), StabilityTimeout = TimeSpan.FromHours(1) });
        MissTooMuch(story);
        var after = story.Broadcast(2);
        story.Run(5);

        Assert.Equal(after, story.DeliveredBy(3)[^1]);
        Assert.InRange(story.DeliveredBy(3).Count, 1, 190);
        Assert.Equal(201, story.DeliveredBy(2).Count);
    }

    [Theory]
    [InlineData(Ordering.Fifo, false)]
    [InlineData(Ordering.Fifo, true)]
    [InlineData(Ordering.Causal, false)]
    [InlineData(Ordering.Causal, true)]
    [InlineData(Ordering.Total, true)]
    public void A_member_that_was_cut_off_takes_the_state_of_another_one_and_goes_on_from_there(Ordering ordering, bool isUniform)
    {
        using var story = new BroadcastStory(
            new BroadcastSpec(isUniform ? Reliability.UniformReliable : Reliability.Reliable, ordering),
            change: s => s with { MaxBufferedBytes = 1 << 20, DigestInterval = TimeSpan.FromMilliseconds(100), StabilityTimeout = TimeSpan.FromHours(1), State = SomeState });
        MissTooMuch(story);
        story.Broadcast(2);
        story.Broadcast(3);
        story.Run(5);

        Assert.InRange(story.DeliveredBy(3).Count, 1, 191);
        Assert.Null(story.Group.DifferenceOfStates());
        Assert.Equal(202, story.Group.StateOf(N(3)).Messages.Count);
    }

    [Theory]
    [InlineData(Ordering.Fifo)]
    [InlineData(Ordering.Causal)]
    [InlineData(Ordering.Total)]
    public void Who_comes_late_takes_the_state_that_forgotten_messages_led_to_in_parts_also_over_a_bad_network(Ordering ordering)
    {
        using var story = new BroadcastStory(
            new BroadcastSpec(Reliability.UniformReliable, ordering), change: s => s with { DigestInterval = TimeSpan.FromMilliseconds(100), State = SomeState });
        for (var i = 0; i < 3_000; i++)
        {
            story.Broadcast(1);
            story.Run(0.01);
        }

        story.Run(2);
        story.Simulation.Node(N(3)).Crash();
        story.Run(1);
        story.Simulation.Network.Faults = new LinkFaults { Loss = 0.2, Duplicate = 0.2, Reorder = 0.2 };
        story.Simulation.Node(N(3)).Restart();
        for (var i = 0; i < 50; i++)
        {
            story.Broadcast(2);
            story.Run(0.1);
        }

        story.Simulation.Network.Faults = new LinkFaults();
        story.Run(20);

        Assert.True(story.Group.StateOf(N(1)).Save().Length > 48 << 10);
        Assert.Null(story.Group.DifferenceOfStates());
        Assert.Equal(3_050, story.Group.StateOf(N(3)).Messages.Count);
    }

    [Fact]
    public void What_a_member_delivered_while_it_was_cut_off_is_applied_again_to_the_state_that_it_takes()
    {
        using var story = new BroadcastStory(Fifo, change: s => s with { MaxBufferedBytes = 1 << 20, DigestInterval = TimeSpan.FromMilliseconds(100), State = SomeState });
        story.Group.Checker.MayMiss = true;
        var cut = story.Simulation.Network.Isolate(N(3));
        for (var i = 0; i < 200; i++)
        {
            story.Broadcast(1, bytes: 20_000);
            if (i % 20 == 0)
                story.Broadcast(3);
            story.Run(0.05);
        }

        cut.End();
        story.Run(20);

        Assert.Null(story.Group.DifferenceOfStates());
        Assert.Equal(210, story.Group.StateOf(N(3)).Messages.Count);
    }

    [Fact]
    public void A_state_over_the_limit_is_refused_and_the_member_goes_on_without_it()
    {
        using var story = new BroadcastStory(Fifo, change: s => s with { MaxBufferedBytes = 1 << 20, DigestInterval = TimeSpan.FromMilliseconds(100), State = SomeState });
        story.Group.Checker.MayMiss = true;
        long asked = 0;
        var giver = default(ParticipantId);
        story.OnSend = m =>
        {
            if (m is AskState ask)
                asked = ask.Transfer;
            else if (m is Cut)
                giver = m.From;
        };
        var cut = story.Simulation.Network.Isolate(N(3));
        for (var i = 0; i < 200; i++)
        {
            story.Broadcast(1, bytes: 20_000);
            story.Run(0.05);
        }

        cut.End();
        while (asked == 0)
            story.Run(0.001);
        story.Inject(3, new StatePart(story.Group.Settings.Id, giver, asked, default, [], int.MaxValue, 0, new byte[1]));
        story.Run(20);
        var after = story.Broadcast(1);
        story.Run(2);

        Assert.Equal(1, story.Refused["a state that is too long"]);
        Assert.Equal(after, story.DeliveredBy(3)[^1]);
    }

    private const string MoreLives = "more lives of a member than are told apart";
    private const int FloodCount = 10_000;
    private const int FloodWindow = 64;

    public static TheoryData<string, string?> BadInput => new()
    {
        { "far ahead", "too far ahead" },
        { "too long", "too long" },
        { "of an old incarnation", "an old incarnation" },
        { "of a stranger", "not a member" },
        { "of lives that were never heard of", MoreLives },      // any member may tell of them, and others hear of it too: the latest eight are told apart
        { "acknowledgements of what nobody sent", "too far ahead" },
        { "digests that promise what nobody has", "too far ahead" },
        { "cuts", "a cut of what is not missing" },
        { "of another kind of order", "not of this group's order" },
        { "requests for the state", null },
        { "what a member of the view says that it has", "too far ahead" },
        { "what a member says in a view that nobody knows", null },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public void Bad_input_is_counted_and_however_much_of_it_comes_no_more_than_a_window_is_held_and_the_group_goes_on(string kind, string? reason)
    {
        using var story = new BroadcastStory(
            new BroadcastSpec(Reliability.UniformReliable, Ordering.Fifo),
            change: s => s with { MaxMessageBytes = 2_000, Window = FloodWindow, DigestInterval = TimeSpan.FromMilliseconds(100), State = SomeState, MayJoin = kind.Contains("view") ? [] : null });
        story.Run(2);
        story.Group.Checker.MayMiss = true;
        ParticipantId sender = default, other = default;
        story.OnSend = m => (sender, other) = (m.From.Node == N(1) ? m.From : sender, m.From.Node == N(3) ? m.From : other);
        story.Broadcast(1);
        story.Broadcast(3);
        story.Run(1);
        Flood(story, 2, reason, Bad);

        BroadcastMessage Bad(int i)
        {
            var group = story.Group.Settings.Id;
            return kind switch
            {
                "far ahead" => new Data(group, sender, false, [new Item(new MessageId(sender, 1_000 + i), [], new byte[1_000])]),
                "too long" => new Data(group, sender, false, [new Item(new MessageId(sender, 1 + i), [], new byte[2_001])]),
                "of an old incarnation" => new Data(group, sender with { Incarnation = sender.Incarnation - i }, false, [new Item(new MessageId(sender, 1), [], new byte[1_000])]),
                "of a stranger" => new Data(group, new ParticipantId(new NodeId($"x{i}"), i), false, [new Item(new MessageId(sender, 1), [], new byte[1_000])]),
                "of lives that were never heard of" => new Data(group, sender, false, [new Item(new MessageId(other with { Incarnation = other.Incarnation - FloodCount + i - 1 }, 2), [], new byte[1_000])]),
                "acknowledgements of what nobody sent" => new Received(group, sender, [new MessageId(sender, 1_000 + i)]),
                "digests that promise what nobody has" => new Digest(group, sender, false, [new Extent(other, 1_000 + i, 1_000 + i)]),
                "cuts" => new Cut(group, sender, 1, [new Extent(other, 1, 1)]),
                "of another kind of order" => new Submit(group, sender, new Epoch(1), [new Item(new MessageId(sender, 2), [], new byte[1_000])]),
                "what a member of the view says that it has" => new Present(group, sender, false, false, [], [new MessageId(sender, 1_000 + i)]) { InView = 1 },
                "what a member says in a view that nobody knows" => new Present(group, sender, true, true, [], [new MessageId(sender, 2)]) { InView = 1_000 + i },
                _ => new AskState(group, sender, i, 0),
            };
        }
    }

    [Theory]
    [InlineData("far ahead", "what goes before it is missing")]
    [InlineData("too long", "too long")]
    [InlineData("of an old incarnation", "an old incarnation")]
    [InlineData("of somebody else", "not its own")]
    [InlineData("of an old epoch", "an old epoch")]
    [InlineData("of another kind of order", "not of this group's order")]
    public void A_sequencer_counts_bad_input_and_holds_none_of_it(string kind, string reason)
    {
        using var story = new BroadcastStory(Total, change: s => s with { MaxMessageBytes = 2_000, Window = FloodWindow });
        ParticipantId sender = default, other = default;
        var epoch = Epoch.Zero;
        story.OnSend = m => (sender, other, epoch) = (m.From.Node == N(2) ? m.From : sender, m.From.Node == N(3) ? m.From : other, m is Ordered ordered ? ordered.Epoch : epoch);
        story.Broadcast(2);
        story.Broadcast(3);
        story.Run(1);

        Flood(story, 1, reason, Bad);

        BroadcastMessage Bad(int i)
        {
            var group = story.Group.Settings.Id;
            return kind switch
            {
                "far ahead" => new Submit(group, sender, epoch, [new Item(new MessageId(sender, 1_000 + i), [], new byte[1_000])]),
                "too long" => new Submit(group, sender, epoch, [new Item(new MessageId(sender, 2), [], new byte[2_001])]),
                "of an old incarnation" => new Submit(group, sender with { Incarnation = sender.Incarnation - i }, epoch, [new Item(new MessageId(sender, 2), [], new byte[1_000])]),
                "of somebody else" => new Submit(group, sender, epoch, [new Item(new MessageId(other, 2), [], new byte[1_000])]),
                "of an old epoch" => new Submit(group, sender, Epoch.Zero, [new Item(new MessageId(sender, 2), [], new byte[1_000])]),
                _ => new Data(group, sender, false, [new Item(new MessageId(sender, 2), [], new byte[1_000])]),
            };
        }
    }

    /// <summary>However much bad input comes, it is counted, no more than a window of it is held, and the group goes on.</summary>
    private static void Flood(BroadcastStory story, int node, string? reason, Func<int, BroadcastMessage> bad)
    {
        var injected = new List<WeakReference>();
        for (var i = 1; i <= FloodCount; i++)
        {
            injected.Add(story.Inject(node, bad(i)));
            if (i % 100 == 0)
                story.Run(0.01);
        }

        story.Run(1);
        GC.Collect();
        Assert.InRange(injected.Count(bytes => bytes.IsAlive), 0, FloodWindow);
        if (reason == MoreLives)
            Assert.InRange(story.Refused.GetValueOrDefault(reason), FloodCount - MessageStreams.LivesKept, long.MaxValue);
        else if (reason is not null)
            Assert.Equal(FloodCount, story.Refused.GetValueOrDefault(reason));
        var text = story.Broadcast(2);
        story.Run(5);
        Assert.Contains(text, story.DeliveredBy(1));
        Assert.Contains(text, story.DeliveredBy(3));
    }

    [Fact]
    public void A_message_of_an_unknown_group_is_refused_and_counted()
    {
        using var story = new BroadcastStory(Fifo);
        var from = default(ParticipantId);
        story.OnSend = m => from = m.From;
        story.Broadcast(1);
        story.Run(1);
        var counted = 0L;
        using var meters = new System.Diagnostics.Metrics.MeterListener();
        meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "actors.broadcast.refused")
                listener.EnableMeasurementEvents(instrument);
        };
        meters.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            foreach (var (key, value) in tags)
                counted += key == "reason" && (string?)value == "an unknown group" ? count : 0;
        });
        meters.Start();

        story.Inject(2, new Data(new GroupId("elsewhere"), from, false, []));
        story.Run(0.1);

        Assert.Equal(1, counted);
    }

    /// <summary>The third member is away for more than the others keep for it, and is back.</summary>
    private static void MissTooMuch(BroadcastStory story)
    {
        story.Group.Checker.MayMiss = true;
        var cut = story.Simulation.Network.Isolate(N(3));
        for (var i = 0; i < 200; i++)
        {
            story.Broadcast(1, bytes: 20_000);
            story.Run(0.05);
        }

        story.Run(5);
        cut.End();
        story.Run(20);
    }

    private static IBroadcastState SomeState() => throw new InvalidOperationException("the simulation has its own");
}
