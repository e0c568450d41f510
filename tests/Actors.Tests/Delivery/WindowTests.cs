using Actors.Delivery;
using CsCheck;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.DeliveryTests;

/// <summary>The windows of both sides as values, beside models that cannot be wrong.</summary>
public sealed class WindowTests
{
    private const int W = 64;

    [Fact]
    public void A_receive_window_knows_what_a_set_of_all_numbers_knows() => Gen.Int[1, 200].List[0, 300].Sample(numbers =>
    {
        var window = new ReceiveWindow(0, W);
        var all = new HashSet<long>();
        foreach (var number in numbers)
        {
            var cumulative = Cumulative(all);
            var expected = all.Contains(number) ? Arrival.Duplicate : number > cumulative + W ? Arrival.TooFar : Arrival.New;
            Assert.Equal(expected, window.Accept(number));
            if (expected is Arrival.New)
                all.Add(number);
            Assert.Equal(Cumulative(all), window.Cumulative);
            Assert.Equal(all.Where(n => n > window.Cumulative).Order(), Marked(window));
        }
    });

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
        Assert.False(window.TrySample(2, 1, out _, out _));
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
    }

    private static SendWindow Sent(int count)
    {
        var window = new SendWindow(1, W, 1 << 20);
        for (var i = 1; i <= count; i++)
        {
            window.Append(new byte[10], ItemFlags.Whole, null);
            window.Send(i, TimeSpan.Zero);
        }

        return window;
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
