using Actors.Timing;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.ReplicationTests;

/// <summary>RFC 6298, section 2.</summary>
public sealed class RttEstimatorTests
{
    private readonly RttEstimator _estimator = new(minimum: Ms(50));

    [Fact]
    public void Before_the_first_sample_it_is_one_second() => Assert.Equal(Seconds(1), _estimator.Timeout);     // (2.1)

    [Fact]
    public void The_first_sample_R_gives_R_plus_four_times_half_of_R()                                          // (2.2)
    {
        _estimator.Sample(Ms(100));
        Assert.Equal(Ms(300), _estimator.Timeout);
    }

    [Fact]
    public void Later_samples_move_the_variation_first_and_then_the_mean()                                      // (2.3)
    {
        _estimator.Sample(Ms(100));
        _estimator.Sample(Ms(200));

        // RTTVAR = 3/4 * 50 + 1/4 * |100 - 200| = 62.5; SRTT = 7/8 * 100 + 1/8 * 200 = 112.5
        Assert.Equal(Ms(112.5 + 4 * 62.5), _estimator.Timeout);
    }

    [Fact]
    public void Steady_samples_converge_to_the_minimum_or_the_round_trip_and_a_tick_of_the_scheduler()        // (2.3): max (G, 4 RTTVAR)
    {
        for (var i = 0; i < 100; i++)
            _estimator.Sample(Ms(1));
        Assert.Equal(Ms(50), _estimator.Timeout);
        for (var i = 0; i < 200; i++)
            _estimator.Sample(Ms(400));
        Assert.InRange(_estimator.Timeout, Ms(409), Ms(411));
    }

    [Fact]
    public void Each_expiry_doubles_it_up_to_five_seconds_and_a_sample_ends_that()                              // (5.5), (2.5)
    {
        _estimator.Sample(Ms(200));
        Assert.Equal(Ms(600), _estimator.Timeout);
        _estimator.Expired();
        Assert.Equal(Ms(1200), _estimator.Timeout);
        _estimator.Expired();
        Assert.Equal(Ms(2400), _estimator.Timeout);
        for (var i = 0; i < 100; i++)
            _estimator.Expired();
        Assert.Equal(Seconds(5), _estimator.Timeout);
        _estimator.Sample(Ms(200));
        Assert.True(_estimator.Timeout <= Ms(600));
    }

    [Fact]
    public void A_round_trip_of_zero_counts_as_a_sample()
    {
        _estimator.Sample(TimeSpan.Zero);
        Assert.Equal(Ms(50), _estimator.Timeout);
    }

    [Fact]
    public void For_how_long_an_answer_was_held_back_is_no_part_of_the_round_trip_but_of_the_time_out()      // RFC 9002, 5.3
    {
        _estimator.Sample(Ms(130), ackDelay: Ms(30));

        Assert.Equal(Ms(100 + (4 * 50) + 30), _estimator.Timeout);
        Assert.Equal(Ms((2 * 100) + 30), _estimator.ProbeTimeout);
        Assert.Equal(Ms((1.25 * 100) + 30), _estimator.ReorderingWait);      // RFC 8985, 6.2
    }

    [Fact]
    public void The_first_time_out_and_the_longest_may_be_set()
    {
        var estimator = new RttEstimator(minimum: Ms(50), initial: Ms(200), maximum: Ms(700));
        Assert.Equal(Ms(200), estimator.Timeout);
        estimator.Expired();
        estimator.Expired();
        Assert.Equal(Ms(700), estimator.Timeout);
    }

    [Fact]
    public void The_tail_is_probed_after_two_round_trips_or_the_minimum_and_after_an_expiry_like_the_rest()
    {
        Assert.Equal(Seconds(1), _estimator.ProbeTimeout);
        for (var i = 0; i < 100; i++)
            _estimator.Sample(Ms(100));
        Assert.Equal(_estimator.Timeout, _estimator.ProbeTimeout);      // RTT + 4 RTTVAR is less by now
        _estimator.Sample(Ms(300));
        Assert.InRange(_estimator.ProbeTimeout, Ms(249), Ms(251));
        _estimator.Expired();
        Assert.Equal(_estimator.Timeout, _estimator.ProbeTimeout);
        for (var i = 0; i < 200; i++)
            _estimator.Sample(Ms(1));
        Assert.Equal(Ms(50), _estimator.ProbeTimeout);
    }

    [Fact]
    public void Jitter_makes_a_backed_off_time_out_longer_until_a_sample_comes()
    {
        _estimator.Sample(Ms(100));
        _estimator.Expired(jitter: 0.1);
        Assert.Equal(Ms(660), _estimator.Timeout);
        _estimator.Sample(Ms(100));
        Assert.True(_estimator.Timeout <= Ms(300));
    }

    [Fact]
    public void A_peer_cannot_claim_a_longer_delay_than_the_round_trip_took()
    {
        _estimator.Sample(Ms(100), ackDelay: Seconds(60));

        Assert.InRange(_estimator.Timeout, Ms(110), Ms(111));
    }
}
