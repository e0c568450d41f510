using Actors.Replication;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.ReplicationTests;

public sealed class LagTests
{
    private static readonly GroupSettings Settings = SettingsTests.Valid() with { MaxLagEntries = 10, MaxLagBytes = 1000, MaxLagTime = Ms(800) };

    private readonly Lag _lag = new(Settings, Ms(0));

    [Fact]
    public void A_member_that_holds_what_the_others_hold_is_past_no_limit()
    {
        for (var ms = 0; ms < 5_000; ms += 50)
            _lag.Observe(match: ms, held: ms, bytes: 0, Ms(ms));

        Assert.Null(_lag.Excess(Ms(5_000)));
    }

    [Fact]
    public void A_member_that_keeps_its_distance_is_judged_by_its_distance_in_time()
    {
        for (var ms = 0; ms < 5_000; ms += 50)
        {
            _lag.Observe(match: (ms - 700) / 1000, held: ms / 1000, bytes: 0, Ms(ms));
            Assert.Null(_lag.Excess(Ms(ms)));
        }

        for (var ms = 5_000; ms < 7_000; ms += 50)
            _lag.Observe(match: (ms - 900) / 1000, held: ms / 1000, bytes: 0, Ms(ms));
        Assert.Null(_lag.Excess(Ms(6_799)));
        for (var ms = 7_000; ms < 7_900; ms += 50)
            _lag.Observe(match: (ms - 900) / 1000, held: ms / 1000, bytes: 0, Ms(ms));
        Assert.Contains("max-lag-time", _lag.Excess(Ms(7_850)), StringComparison.Ordinal);
    }

    [Fact]
    public void Too_many_entries_count_once_they_were_too_many_for_an_election_time_out()
    {
        _lag.Observe(match: 5, held: 16, bytes: 0, Ms(100));
        Assert.Null(_lag.Excess(Ms(299)));
        Assert.Equal("is 11 entries behind a majority (max-lag-entries)", _lag.Excess(Ms(300)));
        _lag.Observe(match: 6, held: 16, bytes: 0, Ms(310));
        Assert.Null(_lag.Excess(Ms(310)));
    }

    [Fact]
    public void Too_many_bytes_count_as_too_many_entries_do()
    {
        _lag.Observe(match: 5, held: 6, bytes: 1001, Ms(100));
        Assert.Null(_lag.Excess(Ms(299)));
        Assert.Equal("is 1001 bytes behind a majority (max-lag-bytes)", _lag.Excess(Ms(300)));
    }

    [Fact]
    public void Whoever_is_behind_by_exactly_the_limits_is_past_none()
    {
        _lag.Observe(match: 5, held: 15, bytes: 1000, Ms(100));
        _lag.Observe(match: 5, held: 15, bytes: 1000, Ms(400));
        Assert.Null(_lag.Excess(Ms(400)));
        _lag.Observe(match: 5, held: 15, bytes: 1001, Ms(410));
        Assert.Equal("is 1001 bytes behind a majority (max-lag-bytes)", _lag.Excess(Ms(700)));
    }

    [Fact]
    public void The_clock_begins_when_the_member_is_first_known_and_again_whenever_it_holds_all_that_a_majority_holds()
    {
        const string TooLate = "lacks what a majority held 800 ms ago (max-lag-time)";
        var lag = new Lag(Settings, Ms(1000));
        Assert.Null(Excess(lag, 0, 1, 1799));
        Assert.Equal(TooLate, Excess(lag, 0, 1, 1800));
        Assert.Null(Excess(lag, 7, 7, 1900));
        Assert.Null(Excess(lag, 7, 7, 2700));
        Assert.Null(Excess(lag, 7, 8, 3499));
        Assert.Equal(TooLate, Excess(lag, 7, 8, 3500));
    }

    [Theory]
    [InlineData(1, 1000)]
    [InlineData(2, 1000)]       // held since 1010, which is no sixteenth of the limit later
    [InlineData(3, 1050)]
    [InlineData(4, 1050)]
    [InlineData(5, 1100)]
    public void Since_when_a_majority_holds_what_the_member_holds_is_known_to_a_sixteenth_of_the_limit(long match, double since)
    {
        var lag = new Lag(Settings, Ms(900));
        foreach (var (held, at) in ((long, double)[])[(1, 1000), (2, 1010), (3, 1050), (4, 1060), (5, 1100)])
            lag.Observe(match: 0, held, bytes: 0, Ms(at));

        Assert.Null(Excess(lag, match, 6, since + 799));
        Assert.NotNull(Excess(lag, match, 6, since + 800));
    }

    [Fact]
    public void A_member_that_stands_still_costs_no_more_than_sixteen_marks()
    {
        for (var i = 0; i < 20; i++)
            _lag.Observe(match: 0, held: i + 1, bytes: 0, Ms(50 * i));

        Assert.Null(Excess(_lag, 20, 21, 750 + 799));       // the sixteenth was made at 750
        Assert.NotNull(Excess(_lag, 20, 21, 750 + 800));
    }

    [Fact]
    public void What_a_member_lacked_before_it_became_one_does_not_count()
    {
        _lag.Observe(match: 5, held: 100, bytes: 0, Ms(100));
        _lag.Restart(Ms(5_000));
        _lag.Observe(match: 99, held: 100, bytes: 0, Ms(5_050));

        Assert.Null(_lag.Excess(Ms(5_100)));
        _lag.Observe(match: 100, held: 101, bytes: 0, Ms(5_200));       // nor when it holds that at last
        Assert.Null(_lag.Excess(Ms(5_200)));
    }

    [Fact]
    public void A_disk_owes_since_the_oldest_save_that_has_not_come_back()
    {
        var wait = new DiskWait();
        Assert.Equal(Ms(0), wait.At(Ms(50)));
        wait.Began(1, Ms(100));
        wait.Began(2, Ms(200));
        Assert.Equal(Ms(150), wait.At(Ms(250)));
        wait.Ended(1);
        Assert.Equal(Ms(50), wait.At(Ms(250)));
        wait.Ended(2);
        Assert.Equal(Ms(0), wait.At(Ms(250)));
    }

    private static string? Excess(Lag lag, long match, long held, double ms)
    {
        lag.Observe(match, held, bytes: 0, Ms(ms));
        return lag.Excess(Ms(ms));
    }
}
