using Actors.Delivery;
using CsCheck;

namespace Actors.Tests.DeliveryTests;

public sealed class DedupWindowTests
{
    private const int Size = 64;

    [Theory]
    [InlineData(Size - 1, Arrival.New)]
    [InlineData(Size, Arrival.New)]
    [InlineData(Size + 1, Arrival.TooFar)]
    internal void A_number_is_new_up_to_the_end_of_the_window_and_refused_beyond_it(long sequence, Arrival expected)
    {
        var window = new DedupWindow(Size);

        Assert.Equal(expected, window.Add(sequence));
        Assert.Equal(expected is Arrival.New ? Arrival.Duplicate : Arrival.TooFar, window.Add(sequence));
        Assert.Equal(0, window.UpTo);
    }

    [Theory]
    [InlineData(Size - 1)]
    [InlineData(Size)]
    [InlineData(Size + 1)]
    public void A_number_that_is_sent_again_after_the_window_has_moved_on_is_a_duplicate(int further)
    {
        var window = new DedupWindow(Size);
        for (var sequence = 1; sequence <= 1 + further; sequence++)
            Assert.Equal(Arrival.New, window.Add(sequence));

        Assert.Equal(Arrival.Duplicate, window.Add(1));
        Assert.Equal(1 + further, window.UpTo);
    }

    [Fact]
    public void It_says_what_a_set_of_all_numbers_says_whatever_the_order() =>
        Gen.Int[1, 200].Array[0, 300].Sample(sequences =>
        {
            var window = new DedupWindow(Size);
            var seen = new HashSet<long>();
            foreach (var sequence in sequences)
            {
                var upTo = UpTo(seen);
                Arrival expected;
                if (sequence > upTo + Size)
                    expected = Arrival.TooFar;
                else
                    expected = seen.Add(sequence) ? Arrival.New : Arrival.Duplicate;
                Assert.Equal(expected, window.Add(sequence));
                Assert.Equal(UpTo(seen), window.UpTo);
                Assert.Equal(seen.Count == 0 ? 0 : seen.Max(), window.Highest);
                for (var any = 1L; any <= window.UpTo + Size; any++)
                    Assert.Equal(seen.Contains(any), window.Contains(any));
            }
        });

    [Theory]
    [InlineData(3, 5)]
    [InlineData(5, 5)]
    [InlineData(1000, 1000)]
    public void What_is_skipped_counts_as_seen(long to, long upTo)
    {
        var window = new DedupWindow(Size);
        window.Add(4);
        window.Add(5);

        window.SkipTo(to);

        Assert.Equal(upTo, window.UpTo);
        Assert.False(window.HasGap);
        Assert.Equal(Arrival.Duplicate, window.Add(to));
        Assert.Equal(Arrival.New, window.Add(upTo + Size));
    }

    [Fact]
    public void What_others_have_seen_is_a_gap_here()
    {
        var window = new DedupWindow(Size);
        Assert.False(window.HasGap);

        window.Announce(1);
        Assert.True(window.HasGap);

        window.Add(1);
        Assert.False(window.HasGap);
        window.Announce(10_000);
        Assert.Equal(1 + Size, window.Highest);
    }

    private static long UpTo(HashSet<long> seen)
    {
        var upTo = 0L;
        while (seen.Contains(upTo + 1))
            upTo++;
        return upTo;
    }
}
