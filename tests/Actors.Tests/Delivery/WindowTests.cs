using Actors.Delivery;
using CsCheck;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.DeliveryTests;

/// <summary>The windows of both sides as values, beside models that cannot be wrong.</summary>
public sealed class WindowTests
{
    private const int W = 64;

    [Theory]
    [InlineData(W)]
    [InlineData(2 * W)]
    public void A_receive_window_knows_what_a_set_of_all_numbers_knows(int capacity) => Gen.Select(Gen.Int[1, 300], Gen.Int[0, 19]).List[0, 300].Sample(steps =>
    {
        var window = new ReceiveWindow(0, capacity);
        var all = new HashSet<long>();
        foreach (var (number, draw) in steps)
        {
            if (draw == 0)
            {
                window.Skip(number / 2);
                all.UnionWith(Enumerable.Range(1, number / 2).Select(n => (long)n));
            }
            else
            {
                var expected = all.Contains(number) ? Arrival.Duplicate : number > Cumulative(all) + capacity ? Arrival.TooFar : Arrival.New;
                Assert.Equal(expected, window.Accept(number));
                if (expected is Arrival.New)
                    all.Add(number);
            }

            Assert.Equal(Cumulative(all), window.Cumulative);
            Assert.Equal(all.DefaultIfEmpty().Max(), window.Highest);
            Assert.Equal(all.Where(n => n > window.Cumulative).Order(), Marked(window));
            Assert.Equal((window.Highest - window.Cumulative + 63) / 64, window.Bitmap().Length);
        }

        for (var number = 1; number <= 600; number++)
            Assert.Equal(all.Contains(number), window.Has(number));
    });

    [Fact]
    public void What_is_not_waited_for_any_more_is_a_duplicate_and_what_had_arrived_behind_it_counts()
    {
        var window = new ReceiveWindow(0, W);
        foreach (var number in (long[])[2, 5, 6, 8])
            window.Accept(number);
        window.Skip(4);

        Assert.Equal((6, 8), (window.Cumulative, window.Highest));
        Assert.Equal(Arrival.Duplicate, window.Accept(3));
        Assert.Equal(Arrival.New, window.Accept(7));
        Assert.Equal(8, window.Cumulative);
        window.Skip(1);     // an earlier one that was overtaken
        Assert.Equal(8, window.Cumulative);
        window.Skip(1_000_000_000_000);     // beyond all that ever came
        Assert.Equal((1_000_000_000_000, 1_000_000_000_000), (window.Cumulative, window.Highest));
        Assert.Equal(Arrival.New, window.Accept(1_000_000_000_002));
        Assert.Equal(0b10UL, Assert.Single(window.Bitmap()));
    }

    [Fact]
    public void A_full_window_that_the_missing_number_closes_is_empty()
    {
        var window = new ReceiveWindow(0, W);
        for (var number = 2; number <= W; number++)
            Assert.Equal(Arrival.New, window.Accept(number));
        window.Accept(1);

        Assert.Equal((W, W), (window.Cumulative, window.Highest));
        for (var number = W + 1; number <= 2 * W; number++)
            Assert.Equal(Arrival.New, window.Accept(number));
    }

    [Theory]
    [InlineData(W - 1)]
    [InlineData(W)]
    [InlineData(W + 1)]
    [InlineData(10 * W)]
    public void What_is_repeated_so_far_behind_the_watermark_is_a_duplicate(int behind)
    {
        var window = new ReceiveWindow(0, W);
        for (var number = 1; number <= 20 * W; number++)
            Assert.Equal(Arrival.New, window.Accept(number));

        Assert.Equal(Arrival.Duplicate, window.Accept((20 * W) - behind));
    }

    [Theory]
    [InlineData(W - 1, "New")]
    [InlineData(W, "New")]
    [InlineData(W + 1, "TooFar")]
    [InlineData(long.MaxValue / 4, "TooFar")]
    public void What_is_so_far_ahead_of_the_watermark_is(long ahead, string arrival)
    {
        var window = new ReceiveWindow(100, W);

        Assert.Equal(arrival, window.Accept(100 + ahead).ToString());
        Assert.Equal(100, window.Cumulative);
    }

    [Fact]
    public void A_send_window_holds_back_what_exceeds_its_messages_or_its_bytes_copies_that_are_sent_again_included() =>
        Gen.Int[0, 3].List[0, 400].Select(Gen.Int[0, 1000]).Sample((steps, seed) =>
        {
            var random = new Random(seed);
            var window = new SendWindow(1, W, 2000);
            var unsettled = new Dictionary<long, int>();        // sent, by size
            var now = TimeSpan.Zero;
            foreach (var step in steps)
            {
                now += Ms(1);
                switch (step)
                {
                    case 0:
                        window.Append(new byte[random.Next(400)], ItemFlags.Whole, null);
                        break;
                    case 1:
                        var cursor = window.Lowest;
                        for (var n = window.Choose(ref cursor, long.MaxValue); n != 0; n = window.Choose(ref cursor, long.MaxValue))
                            unsettled[n] = window.Send(n, now).Payload.Length + 32;
                        break;
                    case 2 when unsettled.Count > 0:
                        var arrived = unsettled.Keys.ElementAt(random.Next(unsettled.Count));
                        var bits = arrived - window.Lowest;
                        Assert.True(window.Received(window.Lowest - 1, [.. Enumerable.Range(0, (int)(bits / 64) + 1).Select(w => w == bits / 64 ? 1UL << (int)(bits % 64) : 0UL)], now));
                        if (random.Next(2) == 0)
                        {
                            window.Settle(arrived);
                            unsettled.Remove(arrived);
                        }

                        break;
                    case 3:
                        window.FindLost(now, Ms(2));
                        break;
                }

                Assert.True(unsettled.Values.Sum() <= 2000 || unsettled.Count == 1, $"{unsettled.Values.Sum()} bytes are out");
                Assert.True(unsettled.Count == 0 || unsettled.Keys.Max() < window.Lowest + W);
                Assert.Equal(unsettled.Count, window.InFlight + window.Unsettled + window.Lost);
            }
        });

    [Fact]
    public void Only_what_was_overtaken_long_enough_ago_is_lost()
    {
        var window = Sent(3);
        window.Received(0, [0b100], Ms(10));

        Assert.Equal(Ms(12), window.FindLost(Ms(11), Ms(12)));
        Assert.Equal(0, window.Lost);
        window.FindLost(Ms(12), Ms(12));
        Assert.Equal(2, window.Lost);
        Assert.Equal(42, window.Charged);       // what is lost is with nobody
    }

    [Fact]
    public void What_nothing_overtook_is_not_lost_however_long_ago_it_was_sent()
    {
        var window = Sent(3);
        window.Received(0, [0b1], Ms(1));

        Assert.Equal(TimeSpan.MaxValue, window.FindLost(Seconds(100), Ms(12)));
        Assert.Equal(0, window.Lost);
    }

    [Fact]
    public void The_next_one_is_due_when_the_one_that_was_sent_first_has_waited()
    {
        var window = new SendWindow(1, W, 1 << 20);
        for (var i = 1; i <= 3; i++)
        {
            window.Append(new byte[10], ItemFlags.Whole, null);
            window.Send(i, Ms(100 * i));
        }

        window.Received(0, [0b100], Ms(310));
        Assert.Equal(Ms(350), window.FindLost(Ms(320), Ms(250)));
        Assert.Equal(Ms(450), window.FindLost(Ms(350), Ms(250)));
        Assert.Equal(1, window.Lost);
    }

    [Fact]
    public void As_many_messages_are_sent_as_the_smaller_limit_of_both_sides_allows_and_no_more()
    {
        var window = Queued(5, messages: 3);
        window.Limit(2, 1 << 20);
        Assert.Equal([1, 2], SendAll(window));
        window.Limit(4, 1 << 20);       // what was agreed on first holds
        window.Received(1, [], Ms(1));
        Assert.Empty(SendAll(window));      // arrived, and not settled
        window.Settle(1);
        Assert.Equal([3], SendAll(window));
    }

    [Fact]
    public void As_many_bytes_are_sent_as_the_smaller_limit_of_both_sides_allows_and_no_more()
    {
        var window = Queued(5, bytes: 3 * 42);
        window.Limit(W, 2 * 42);
        Assert.Equal([1, 2], SendAll(window));
        Assert.Equal(2 * 42, window.Charged);
        window.Received(2, [], Ms(1));
        Assert.Equal(2 * 42, window.Charged);
        window.Limit(W, 4 * 42);
        window.Settle(1);
        Assert.Equal([3], SendAll(window));
    }

    [Fact]
    public void Nothing_behind_the_given_number_leaves_for_the_first_time()
    {
        var window = Queued(3);
        Assert.Equal([1, 2], SendAll(window, upTo: 2));
        Assert.Equal(3, window.Next);
    }

    [Fact]
    public void What_may_have_been_sent_in_an_earlier_life_is_sent_again_within_the_window()
    {
        var window = Queued(5, messages: 2);
        window.AssumeSent();
        Assert.Equal((6, 5), (window.Next, window.Lost));
        Assert.Equal([1, 2], SendAll(window));
        Assert.True(window.Received(5, [], Ms(1)));     // the other side turns out to have it all
        Assert.Equal((0, 0, 5), (window.Lost, window.InFlight, window.Unsettled));
    }

    [Fact]
    public void What_an_ack_marks_has_arrived_and_counts_once()
    {
        var window = Sent(70);
        Assert.True(window.Received(2, [0b10, 0b1], Ms(5)));        // 1, 2, 4 and 67
        Assert.Equal((4, 66), (window.Unsettled, window.InFlight));
        Assert.True(window.Received(2, [0b10, 0b1], Ms(6)));
        Assert.True(window.Received(0, [0b1], Ms(7)));      // an earlier one that was overtaken
        Assert.Equal((4, 66), (window.Unsettled, window.InFlight));
        Assert.Equal(Ms(5), window.LowestReceivedAt);
        Assert.True(window.TrySample(68, 1, out _, out _));
        Assert.False(window.TrySample(67, 1, out _, out _));        // how long the ack took is not known
    }

    [Fact]
    public void The_lowest_message_tells_since_when_it_is_known_to_have_arrived_and_nothing_when_it_is_not()
    {
        var window = Sent(2);
        Assert.Null(window.LowestReceivedAt);
        window.Received(1, [], Ms(5));
        Assert.Equal(Ms(5), window.LowestReceivedAt);
        Assert.Equal((null, Ms(5)), window.Settle(1));
        Assert.Null(window.LowestReceivedAt);
        window.Settle(2);
        Assert.Null(window.LowestReceivedAt);
    }

    [Fact]
    public void What_is_settled_is_counted_no_more_and_its_cargo_given_back_once()
    {
        var window = new SendWindow(1, W, 1 << 20);
        foreach (var cargo in (string[])["a", "b", "c"])
            window.Append(new byte[10], ItemFlags.Whole, cargo);
        Assert.Equal((3, 3 * 42, 4), (window.Count, window.Bytes, window.End));
        window.Send(1, Ms(0));
        window.Send(2, Ms(0));
        window.Received(2, [], Ms(4));

        Assert.Equal(("b", Ms(4)), window.Settle(2));
        Assert.Equal((null, Ms(0)), window.Settle(2));
        Assert.Equal((null, Ms(0)), window.Settle(0));
        Assert.Equal((null, Ms(0)), window.Settle(3));      // it was never sent
        Assert.Equal((3, 2 * 42, 42), (window.Count, window.Bytes, window.Charged));
        Assert.Equal(["a", "c"], window.Cargo());
        Assert.Equal("a", window.Settle(1).Cargo);
        Assert.Equal((3, 1, 42, 0), (window.Lowest, window.Count, window.Bytes, window.Charged));
        Assert.True(window.Received(0, [0b11], Ms(5)));     // an ack of what is settled
        Assert.Equal((0, 0), (window.Unsettled, window.InFlight));
    }

    [Fact]
    public void A_chunk_that_another_one_follows_has_more()
    {
        var window = new SendWindow(1, W, 1 << 20);
        foreach (var flags in (ItemFlags[])[ItemFlags.Whole, ItemFlags.More, ItemFlags.Continues | ItemFlags.More, ItemFlags.Continues])
            window.Append(new byte[10], flags, null);
        Assert.Equal([false, true, true, false], Enumerable.Range(1, 4).Select(n => window.HasMore(n)));
    }

    [Fact]
    public void When_nothing_is_heard_the_last_and_the_first_are_sent_again_and_nothing_between() => Assert.Equal([5, 1], Sent(5).Probes());

    [Fact]
    public void An_ack_of_a_copy_tells_which_one_and_when_it_was_sent()
    {
        var window = Sent(1);
        window.Send(1, Ms(50));

        Assert.True(window.TrySample(1, 1, out var first, out var needless));
        Assert.Equal((Ms(0), true), (first, needless));
        Assert.True(window.TrySample(1, 2, out var second, out needless));
        Assert.Equal((Ms(50), false), (second, needless));
        Assert.False(window.TrySample(1, 3, out _, out _));
        Assert.False(window.TrySample(2, 1, out _, out needless));
        Assert.False(needless);
    }

    [Fact]
    public void Which_copy_an_ack_answers_is_not_told_once_they_are_counted_no_more()
    {
        var window = Sent(2);
        Assert.True(window.TrySample(2, 1, out _, out _));
        for (var copy = 2; copy <= 254; copy++)
            window.Send(2, Ms(copy));
        Assert.True(window.TrySample(2, 254, out var sentAt, out _));
        Assert.Equal(Ms(254), sentAt);
        window.Send(2, Ms(255));
        Assert.Equal(255, window.Send(2, Ms(256)).Attempt);
        Assert.False(window.TrySample(2, 255, out _, out _));
        Assert.True(window.Received(1, [], Ms(300)));
        window.Settle(1);
        Assert.False(window.TrySample(1, 1, out _, out _));
    }

    [Fact]
    public void An_ack_of_what_was_never_sent_is_refused()
    {
        var window = Sent(3);

        Assert.False(window.Received(4, [], Ms(1)));
        Assert.False(window.Received(0, [0b1000], Ms(1)));
        Assert.Equal(3, window.InFlight);
    }

    [Fact]
    public void A_receiver_that_remembers_nothing_is_sent_all_that_is_not_settled_and_what_is_settled_in_between_as_such()
    {
        var window = Sent(3);
        window.Received(3, [], Ms(1));
        window.Settle(2);
        window.Restart();

        var cursor = window.Lowest;
        var again = new List<ItemFlags>();
        for (var n = window.Choose(ref cursor, long.MaxValue); n != 0; n = window.Choose(ref cursor, long.MaxValue))
            again.Add(window.Send(n, Ms(2)).Flags);
        Assert.Equal([ItemFlags.Whole, ItemFlags.Settled, ItemFlags.Whole], again);
        Assert.Equal(42 + 32 + 42, window.Bytes);
        Assert.True(window.Received(1, [], Ms(3)));     // all that was known of the receiver is forgotten
        Assert.Equal((1, 2), (window.Unsettled, window.InFlight));
        for (var n = 1; n <= 3; n++)
            window.Settle(n);
        Assert.Equal((0, 0, 0), (window.Count, window.Bytes, window.Charged));
    }

    [Fact]
    public void A_ring_has_a_slot_for_each_number_from_the_first_to_below_the_end_and_no_other()
    {
        var ring = new SequenceRing<int>(5);
        Assert.Throws<ArgumentOutOfRangeException>(() => ring[5]);
        ring.Extend(8);
        Assert.Throws<ArgumentOutOfRangeException>(() => ring[4]);
        Assert.Throws<ArgumentOutOfRangeException>(() => ring[8]);
        Assert.Equal([0, 0, 0], Enumerable.Range(5, 3).Select(n => ring[n]));
        ring.DropBelow(7);
        Assert.Throws<ArgumentOutOfRangeException>(() => ring[6]);
        ring.Extend(3);     // less than it has
        ring.DropBelow(2);
        Assert.Equal((7, 8), (ring.First, ring.End));
        ring.DropBelow(20);     // beyond all that it has
        Assert.Equal((20, 20), (ring.First, ring.End));
    }

    [Fact]
    public void A_ring_agrees_with_a_dictionary_and_its_new_slots_are_empty() =>
        Gen.Select(Gen.Int[0, 1], Gen.Int[0, 40]).Array[1, 60].Sample(steps =>
        {
            var (ring, model) = (new SequenceRing<int>(1), new SortedDictionary<long, int>());
            var (first, end, value) = (1L, 1L, 0);
            foreach (var (verb, count) in steps)
            {
                if (verb == 0)
                {
                    ring.Extend(end + count);
                    for (; end < ring.End; end++)
                    {
                        Assert.Equal(0, ring[end]);
                        ring[end] = model[end] = ++value;
                    }
                }
                else
                {
                    first += count;
                    end = Math.Max(end, first);
                    ring.DropBelow(first);
                    foreach (var gone in model.Keys.Where(n => n < first).ToList())
                        model.Remove(gone);
                }

                Assert.Equal((first, end), (ring.First, ring.End));
                Assert.All(model, slot => Assert.Equal(slot.Value, ring[slot.Key]));
            }
        });

    /// <summary>Messages of ten bytes, each of which weighs 42.</summary>
    private static SendWindow Queued(int count, int messages = W, long bytes = 1 << 20)
    {
        var window = new SendWindow(1, messages, bytes);
        for (var i = 1; i <= count; i++)
            window.Append(new byte[10], ItemFlags.Whole, null);
        return window;
    }

    private static SendWindow Sent(int count)
    {
        var window = Queued(count, messages: 2 * W);
        for (var i = 1; i <= count; i++)
            window.Send(i, TimeSpan.Zero);
        return window;
    }

    private static List<long> SendAll(SendWindow window, long upTo = long.MaxValue)
    {
        var sent = new List<long>();
        var cursor = window.Lowest;
        for (var n = window.Choose(ref cursor, upTo); n != 0; n = window.Choose(ref cursor, upTo))
        {
            window.Send(n, Ms(0));
            sent.Add(n);
        }

        return sent;
    }

    private static long Cumulative(HashSet<long> all)
    {
        var number = 0L;
        while (all.Contains(number + 1))
            number++;
        return number;
    }

    private static IEnumerable<long> Marked(ReceiveWindow window) =>
        window.Bitmap().SelectMany((word, w) => Enumerable.Range(0, 64).Where(bit => (word & (1UL << bit)) != 0).Select(bit => window.Cumulative + 1 + (64 * w) + bit));
}
