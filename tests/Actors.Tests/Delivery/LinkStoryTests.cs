using System.Diagnostics.Metrics;
using System.Text;
using Actors.Delivery;
using Actors.Membership;
using Actors.Storage;
using Akka.Event;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.DeliveryTests;

/// <summary>The tricky cases of reliable links, one by one.</summary>
public sealed class LinkStoryTests
{
    private static readonly DeliverySettings Default = new();
    private static readonly DeliverySettings Once = new() { Guarantee = Guarantee.EffectivelyOnce, Level = AckLevel.Processed };

    private static IEnumerable<string> Numbers(int from, int to) => Enumerable.Range(from, to - from + 1).Select(i => $"m{i}");

    // ---- Loss ----

    [Theory]
    [InlineData(10)]
    [InlineData(50)]
    [InlineData(200)]
    public void A_last_message_that_is_lost_is_sent_again_after_two_round_trips(int roundTripMs)
    {
        using var story = new LinkStory(Default, delay: Ms(roundTripMs / 2.0));
        for (var i = 1; i <= 20; i++)
        {
            story.Send($"warm{i}");
            story.RunFor(1);
        }

        var isFirst = true;
        story.Loses = message => message is Data { Items.Count: > 0 } && isFirst && !(isFirst = false);
        var sentAt = story.Sim.Now;
        story.Send("last");
        story.RunFor(5);

        var limit = TimeSpan.FromMilliseconds(Math.Max(2 * roundTripMs, Default.MinRetransmit.TotalMilliseconds)) + Ms(1);
        Assert.Equal("last", story.Contents.Last());
        Assert.InRange(story.Delivered[^1].At - sentAt - Ms(roundTripMs / 2.0), TimeSpan.Zero, limit);
        Assert.Equal(2, story.Sent.Count(w => w.At >= sentAt));
    }

    [Fact]
    public void What_is_lost_in_the_middle_is_sent_again_alone_and_what_follows_waits_for_it()
    {
        using var story = new LinkStory(Default);
        story.RunFor(1);
        story.Loses = message => message is Data { Items: [{ Sequence: 3, Attempt: 1 }, ..] };
        for (var i = 1; i <= 6; i++)
        {
            story.Send($"m{i}");
            story.RunFor(0.003);
        }

        story.RunFor(1);
        Assert.Equal(Numbers(1, 6), story.Contents);
        Assert.Equal([3L], story.Sent.SelectMany(w => w.Message.Items).Where(i => i.Attempt > 1).Select(i => i.Sequence));
    }

    [Fact]
    public void The_first_message_of_all_may_be_lost_and_so_may_what_opens_the_link()
    {
        using var story = new LinkStory(Default);
        var opens = 0;
        story.Loses = message => message is Open && ++opens <= 2 || message is Data { Items: [{ Sequence: 1, Attempt: 1 }, ..] };
        story.Send(Numbers(1, 3));
        story.RunFor(5);

        Assert.Equal(Numbers(1, 3), story.Contents);
    }

    [Fact]
    public void A_lost_ack_costs_one_question_and_no_message_is_sent_twice()
    {
        using var story = new LinkStory(Once);
        story.RunFor(1);
        story.Replies = content => $"re:{content}";
        var results = 0;
        story.Loses = message => message is Ack { Results.Count: > 0 } && ++results == 1;
        story.Send("m1");
        story.RunFor(5);

        Assert.Equal("re:m1", Assert.Single(story.Outcomes).Reply);
        Assert.Single(story.Delivered);
        Assert.Single(story.Sent);
    }

    [Fact]
    public void A_duplicate_is_answered_with_the_first_reply()
    {
        using var story = new LinkStory(Once);
        story.RunFor(1);
        var calls = 0;
        story.Replies = _ => $"call {++calls}";
        story.Loses = message => message is Ack && story.Sim.Now < Seconds(3);
        story.Send("m1");
        story.RunFor(10);

        Assert.True(story.Sent.Count() > 2);
        Assert.Single(story.Delivered);
        Assert.Equal((DeliveryStatus.Processed, "call 1"), story.Outcomes.Select(o => (o.Status, (string)o.Reply!)).Single());
    }

    [Fact]
    public void At_most_once_sends_once_and_what_is_lost_stays_lost()
    {
        using var story = new LinkStory(Default with { Guarantee = Guarantee.AtMostOnce });
        story.RunFor(1);
        story.Loses = message => message is Data { Items: [{ Sequence: 2 }, ..] };
        foreach (var content in Numbers(1, 3))
        {
            story.Send(content);
            story.RunFor(0.1);
        }

        story.RunFor(60);
        Assert.Equal(["m1", "m3"], story.Contents);
        Assert.Equal(3, story.Sent.Count());
        Assert.All(story.Outcomes, outcome => Assert.Equal(DeliveryStatus.Sent, outcome.Status));
    }

    // ---- Restarts and incarnations ----

    [Fact]
    public void A_receiver_restarted_in_mid_stream_gets_what_was_not_acknowledged_and_nothing_is_missing()
    {
        using var story = new LinkStory(Default);
        story.Send(Numbers(1, 50));
        story.RunFor(1);
        story.Receiver.Crash();
        story.Send(Numbers(51, 100));
        story.RunFor(1);
        story.Receiver.Restart();
        story.RunFor(20);

        Assert.Equal(Numbers(1, 100), story.Contents);
        Assert.Equal(100, story.Outcomes.Count(o => o.Status is DeliveryStatus.Delivered));
    }

    [Fact]
    public void A_sender_restarted_at_the_same_address_is_another_one_and_what_is_left_of_the_first_is_refused()
    {
        using var refused = new Refusals();
        using var story = new LinkStory(Default);
        story.Send(Numbers(1, 5));
        story.RunFor(1);
        var old = story.Sent.Last().Message;
        story.Sender.Crash();
        story.Sender.Restart();
        story.RunFor(1);
        story.Send("first of the second");
        story.RunFor(1);

        story.Tell("r", LinkStory.Inbox, old);
        story.Tell("r", LinkStory.Inbox, old with { Items = [new DataItem(6, 1, ItemFlags.Whole, "late"u8.ToArray())] });
        story.RunFor(1);
        story.Send("second");
        story.RunFor(1);

        Assert.Equal([.. Numbers(1, 5), "first of the second", "second"], story.Contents);
        Assert.True(refused["Replaced"] >= 2);
    }

    [Fact]
    public void An_old_request_to_open_that_is_delivered_late_takes_nothing_over()
    {
        using var story = new LinkStory(Default);
        story.RunFor(1);
        var old = story.Wire.Select(w => w.Message).OfType<Open>().First();
        story.Sender.Crash();
        story.Sender.Restart();
        story.Send("m1");
        story.RunFor(1);
        story.Tell("r", LinkStory.Inbox, old);
        story.RunFor(1);
        story.Send("m2");
        story.RunFor(1);

        Assert.Equal(Numbers(1, 2), story.Contents);
        Assert.Equal(2, story.Outcomes.Count());
    }

    [Fact]
    public void Of_two_senders_with_one_name_the_first_is_told_that_it_has_been_replaced()
    {
        using var story = new LinkStory(Default);
        story.Send("m1");
        story.RunFor(1);
        story.AddSender("t", origin: "s");
        story.RunFor(1);
        story.Tell("t", "link", "from the other");
        story.RunFor(1);
        story.Send("m2");
        story.RunFor(1);
        story.Send("m3");
        story.RunFor(1);

        Assert.Equal(["m1", "from the other"], story.Contents);
        Assert.Equal(
            [DeliveryStatus.Delivered, DeliveryStatus.Unknown, DeliveryStatus.Refused],
            story.Outcomes.Select(o => o.Status));
        Assert.Contains("another sender of this name has taken over", story.Outcomes.Last().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void An_outbox_goes_on_where_it_was_after_a_crash_of_the_sender()
    {
        using var story = new LinkStory(Default, durableOutbox: true);
        story.Receiver.Crash();
        story.Send(Numbers(1, 30));
        story.RunFor(1);
        Assert.Equal(30, story.Outcomes.Count(o => o.Status is DeliveryStatus.Stored));
        story.Sender.Crash();
        story.Receiver.Restart();
        story.Sender.Restart();
        story.Send(Numbers(31, 40));
        story.RunFor(5);

        Assert.Equal(Numbers(1, 40), story.Contents);
    }

    [Fact]
    public void With_an_inbox_nothing_is_processed_twice_and_nothing_is_lost_when_both_sides_crash_again_and_again()
    {
        using var story = new LinkStory(Once, durableOutbox: true, durableInbox: true);
        story.Replies = content =>
        {
            var count = story.Delivered.Count;
            var writes = new WriteSet();
            writes.Put(Table.State, ReliableDelivery.StateKey(LinkStory.Inbox, Encoding.ASCII.GetBytes($"{count:D6}")), Encoding.UTF8.GetBytes(content));
            return new Processed(writes, $"re:{content}");
        };
        for (var i = 0; i < 20; i++)
        {
            story.Send(Numbers((10 * i) + 1, (10 * i) + 10));
            story.RunFor(0.021 + (0.003 * i));
            var node = i % 2 == 0 ? story.Receiver : story.Sender;
            if (i % 2 != 0)
                story.RunFor(0.5);      // what a producer has not been told to be stored may be lost with its node
            node.Crash();
            node.Restart();
        }

        story.RunFor(30);
        Assert.Equal(Numbers(1, 200), Ledger(story));
    }

    [Fact]
    public void A_store_that_fails_ends_the_link_aloud()
    {
        using var story = new LinkStory(Default, durableOutbox: true);
        story.RunFor(1);
        story.Sender.Disk.FailNextSync();
        story.Send("m1");
        story.RunFor(1);
        story.Send("m2");
        story.RunFor(1);

        Assert.Equal([DeliveryStatus.Unknown, DeliveryStatus.Refused], story.Outcomes.Select(o => o.Status));
        Assert.StartsWith("the outbox failed: ", story.Outcomes.Last().Reason, StringComparison.Ordinal);
    }

    // ---- Bounds ----

    [Theory]
    [InlineData(Overflow.Backpressure, DeliveryStatus.Refused)]
    [InlineData(Overflow.Fail, DeliveryStatus.Refused)]
    [InlineData(Overflow.DropNewest, DeliveryStatus.Dropped)]
    public void A_silent_receiver_costs_no_more_than_the_buffer_and_little_traffic(Overflow overflow, DeliveryStatus status)
    {
        using var story = new LinkStory(Default with { Overflow = overflow, MaxBuffered = 100, WindowMessages = 64 });
        story.RunFor(1);
        story.Receiver.Crash();
        story.Wire.Clear();
        story.Send(Numbers(1, 1000));
        story.RunFor(60);

        Assert.Equal(900, story.Outcomes.Count(o => o.Status == status));
        Assert.Contains("MaxBuffered 100", story.Outcomes.First().Reason, StringComparison.Ordinal);
        Assert.InRange(story.Sent.Sum(w => w.Message.Items.Count), 64, 64 + (2 * 30));     // the window once, then two at a time, ever more seldom
        story.Receiver.Restart();
        story.RunFor(30);
        Assert.Equal(Numbers(1, 100), story.Contents);
        Assert.Equal(overflow is Overflow.Backpressure ? [SlowDown.Instance, GoOn.Instance] : [], story.Told.Where(m => m is SlowDown or GoOn));
    }

    [Fact]
    public void A_slow_consumer_holds_up_its_sender_and_nobody_holds_more_than_the_window()
    {
        using var story = new LinkStory(Once with { WindowMessages = 64, ConsumerWindow = 2, MaxBuffered = 100 });
        story.Replies = _ => null;
        story.Send(Numbers(1, 100));
        story.RunFor(5);

        Assert.Equal(Numbers(1, 2), story.Contents);
        Assert.Equal(64, story.Sent.SelectMany(w => w.Message.Items).Select(i => i.Sequence).Distinct().Count());
    }

    [Fact]
    public void A_receiver_takes_no_more_bytes_than_it_may_and_goes_on_when_there_is_room()
    {
        using var refused = new Refusals();
        var small = Once with { MaxMessageBytes = 1000, WindowBytes = 4000, MaxReceiverBytes = 4000, ConsumerWindow = 1 };
        using var story = new LinkStory(small);
        story.AddSender("t", origin: "t");
        story.Replies = content => story.Sim.Now > Seconds(5) ? Confirm.Instance : null;
        for (var i = 0; i < 10; i++)
        {
            story.Send(new string('s', 900));
            story.Tell("t", "link", new string('t', 900));
        }

        story.RunFor(4);
        Assert.True(refused["NoRoom"] > 0);
        Assert.Equal(2, story.Delivered.Count);
    }

    [Fact]
    public void More_senders_than_a_receiver_remembers_are_refused_until_one_has_been_silent_for_long()
    {
        using var story = new LinkStory(Default, Default with { MaxSenders = 1, ForgetAfter = Seconds(10) });
        story.Send("m1");
        story.RunFor(1);
        story.AddSender("t", origin: "t");
        story.Tell("t", "link", "t1");
        story.RunFor(5);
        Assert.Equal(["m1"], story.Contents);
        Assert.Contains("MaxSenders 1", story.Wire.Select(w => w.Message).OfType<Refused>().First().Detail, StringComparison.Ordinal);

        story.RunFor(20);
        Assert.Equal(["m1", "t1"], story.Contents);
    }

    // ---- Consumers ----

    [Fact]
    public void At_least_once_a_consumer_that_does_not_confirm_gets_it_again_then_it_is_a_dead_letter_and_the_next_ones_go_on()
    {
        using var story = new LinkStory(Default with { Level = AckLevel.Processed, ConsumerTimeout = Seconds(1), MaxDeliveries = 3 });
        var dead = new List<object>();
        story.Sim.AddNode("d", context => story.Sim.System.EventStream.Subscribe(context.Record("dead", dead), typeof(DeadLetter)));
        story.Replies = content => content == "m2" ? null : Confirm.Instance;
        story.Send(Numbers(1, 3));
        story.RunFor(20);

        Assert.Equal(["m1", "m2", "m3", "m2", "m2"], story.Contents);
        Assert.Contains("m2", dead.OfType<DeadLetter>().Select(letter => letter.Message));
        Assert.Equal(
            [("m1", DeliveryStatus.Processed), ("m3", DeliveryStatus.Processed), ("m2", DeliveryStatus.DeadLettered)],
            story.Outcomes.Select(o => ((string)o.Tag!, o.Status)));
    }

    [Fact]
    public void Effectively_once_a_consumer_that_does_not_confirm_never_gets_it_again()
    {
        using var story = new LinkStory(Once with { ConsumerTimeout = Seconds(1) });
        story.Replies = content => content == "m1" ? null : Confirm.Instance;
        story.Send(Numbers(1, 2));
        story.RunFor(20);

        Assert.Equal(Numbers(1, 2), story.Contents);
        Assert.Equal([DeliveryStatus.Processed, DeliveryStatus.DeadLettered], story.Outcomes.Select(o => o.Status));
        Assert.Contains("may or may not have been processed", story.Outcomes.Last().Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bare_message_needs_no_envelope_and_its_reply_comes_back_as_it_is()
    {
        using var story = new LinkStory(Once);
        story.Replies = content => $"re:{content}";
        story.Sender.Actor("link").Tell("bare", story.Sender.Actor("producer"));
        story.RunFor(1);

        Assert.Equal(["re:bare"], story.Told);
    }

    [Fact]
    public void A_large_message_goes_in_chunks_and_arrives_whole_though_some_are_lost_and_the_receiver_crashes()
    {
        using var story = new LinkStory(Default with { ChunkBytes = 100, MaxMessageBytes = 5000 });
        story.RunFor(1);
        var large = string.Concat(Enumerable.Range(0, 1000).Select(i => $"{i:D5}"));
        story.Loses = message => message is Data { Items: [{ Attempt: 1 } first, ..] } && first.Sequence % 3 == 0;
        story.Send("before", large, "after");
        story.RunFor(0.007);
        story.Receiver.Crash();
        story.Receiver.Restart();
        story.RunFor(10);

        Assert.Equal(large, story.Contents.Single(c => c.Length > 10));
        Assert.Equal("after", story.Contents.Last());
    }

    [Fact]
    public void What_a_consumer_writes_needs_a_store_and_otherwise_does_not_count()
    {
        using var story = new LinkStory(Once with { ConsumerTimeout = Seconds(1) });
        story.Replies = _ => new Processed(new WriteSet());
        story.Send("m1");
        story.RunFor(5);

        Assert.Equal(DeliveryStatus.DeadLettered, Assert.Single(story.Outcomes).Status);
    }

    // ---- Bad input ----

    [Fact]
    public void A_message_over_the_limit_or_of_another_type_is_refused_with_one_line_and_the_link_goes_on()
    {
        using var refused = new Refusals();
        using var story = new LinkStory(Default with { MaxMessageBytes = 10 });
        story.Send("12345678901");
        story.Sender.Actor("link").Tell(new Send(17, "number"), story.Sender.Actor("producer"));
        story.Send("fine");
        story.RunFor(1);

        Assert.Equal(
            ["a message of 11 bytes is over the limit of 10 (MaxMessageBytes)", "the codec of this link takes String, not Int32", null],
            story.Outcomes.Select(o => o.Reason));
        Assert.Equal(["fine"], story.Contents);
        Assert.True(refused["too long"] >= 1);
        Assert.True(refused["the codec does not take it"] >= 1);
    }

    [Fact]
    public void A_receiver_with_a_window_too_small_for_the_largest_message_is_told_to_the_producer()
    {
        using var story = new LinkStory(Default, Default with { MaxMessageBytes = 1000, WindowBytes = 4000 });
        story.Send("m1");
        story.RunFor(1);

        Assert.Contains("too few for a message of 1048576 (MaxMessageBytes)", Assert.Single(story.Outcomes).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Far_future_numbers_unknown_sessions_and_acks_of_what_was_never_sent_are_refused_and_counted_and_change_nothing()
    {
        using var refused = new Refusals();
        using var story = new LinkStory(Default);
        story.Send("m1");
        story.RunFor(1);
        var data = story.Sent.Last().Message;
        var ack = story.Wire.Select(w => w.Message).OfType<Ack>().Last();

        story.Tell("r", LinkStory.Inbox, data with { Items = [new DataItem(1L << 40, 1, ItemFlags.Whole, "far"u8.ToArray())] });
        story.Tell("r", LinkStory.Inbox, data with { Items = [new DataItem(2 + Default.WindowMessages, 1, ItemFlags.Whole, "far"u8.ToArray())] });
        story.Tell("r", LinkStory.Inbox, data with { Lowest = 1L << 40, Items = [] });
        story.Tell("r", LinkStory.Inbox, data with { Session = 5 });
        story.Tell("r", LinkStory.Inbox, data with { Origin = new NodeId("nobody") });
        story.Tell("s", "link", ack with { Received = 1L << 40 });
        story.Tell("s", "link", ack with { Incarnation = new Incarnation(5) });
        story.RunFor(1);
        story.Send("m2");
        story.RunFor(1);

        Assert.Equal(Numbers(1, 2), story.Contents);
        Assert.True(refused["TooFar"] >= 3);
        Assert.True(refused["UnknownSession"] >= 2);
        Assert.True(refused["ack of what was never sent"] >= 1);
        Assert.True(refused["other incarnation"] >= 1);
        Assert.All(story.Wire.Select(w => w.Message).OfType<Refused>(), r => Assert.DoesNotContain('\n', r.Detail));
    }

    [Theory]
    [InlineData("far ahead", "TooFar")]
    [InlineData("of another session", "UnknownSession")]
    [InlineData("of an earlier incarnation", "Replaced")]
    [InlineData("of a stranger", "UnknownSession")]
    [InlineData("that settles what was never sent", "TooFar")]
    public void However_much_bad_input_comes_it_is_counted_and_none_of_it_is_held(string kind, string reason)
    {
        const int Count = 10_000;
        using var refused = new Refusals();
        using var story = new LinkStory(Default);
        story.Send("m1");
        story.RunFor(1);
        var data = story.Sent.Last().Message;
        var sent = new List<WeakReference>();

        for (var i = 1; i <= Count; i++)
        {
            sent.Add(Bad(i));
            if (i % 100 == 0)
                story.RunFor(0.01);
        }

        story.RunFor(1);
        story.Wire.Clear();
        GC.Collect();
        Assert.Equal(0, sent.Count(bytes => bytes.IsAlive));
        Assert.True(refused[reason] >= Count);
        story.Send("m2");
        story.RunFor(1);
        Assert.Equal(Numbers(1, 2), story.Contents);

        WeakReference Bad(int i)
        {
            var bytes = new byte[1_000];
            DataItem[] items = [new DataItem(2, 1, ItemFlags.Whole, bytes)];
            story.Tell("r", LinkStory.Inbox, kind switch
            {
                "far ahead" => data with { Items = [new DataItem(Default.WindowMessages + 1 + i, 1, ItemFlags.Whole, bytes)] },
                "of another session" => data with { Session = data.Session + i, Items = items },
                "of an earlier incarnation" => data with { Incarnation = new Incarnation(data.Incarnation.Value - (UInt128)i), Items = items },
                "of a stranger" => data with { Origin = new NodeId($"x{i}"), Items = items },
                _ => data with { Lowest = 1_000 + i, Items = items },
            });
            return new WeakReference(bytes);
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    public void A_copy_that_comes_a_window_late_is_a_duplicate_and_so_is_one_message_more_or_less(int more)
    {
        using var story = new LinkStory(Default with { WindowMessages = 64 });
        var count = 64 + more;
        story.Send(Numbers(1, 1 + count));
        story.RunFor(2);
        var data = story.Sent.Last().Message;
        story.Tell("r", LinkStory.Inbox, data with { Lowest = 1, Items = [new DataItem(1, 2, ItemFlags.Whole, "m1"u8.ToArray())] });
        story.RunFor(1);

        Assert.Equal(Numbers(1, 1 + count), story.Contents);
    }

    private static List<string> Ledger(LinkStory story) =>
        [.. story.Receiver.Disk.Scan(Table.State, ReliableDelivery.StateKey(LinkStory.Inbox, "0"u8), ReliableDelivery.StateKey(LinkStory.Inbox, ":"u8)).Select(pair => Encoding.UTF8.GetString(pair.Value))];

    /// <summary>How often messages were refused meanwhile, by reason; other tests may add to it.</summary>
    private sealed class Refusals : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Dictionary<string, long> _counts = [];

        public Refusals()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "actors.delivery.refused")
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            {
                lock (_counts)
                    _counts[(string)tags[0].Value!] = _counts.GetValueOrDefault((string)tags[0].Value!) + value;
            });
            _listener.Start();
        }

        public long this[string reason]
        {
            get
            {
                lock (_counts)
                    return _counts.GetValueOrDefault(reason);
            }
        }

        public void Dispose() => _listener.Dispose();
    }
}
