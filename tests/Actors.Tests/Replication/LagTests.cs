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
    public void What_a_member_lacked_before_it_became_one_does_not_count()
    {
        _lag.Observe(match: 5, held: 100, bytes: 0, Ms(100));
        _lag.Restart(Ms(5_000));
        _lag.Observe(match: 99, held: 100, bytes: 0, Ms(5_050));

        Assert.Null(_lag.Excess(Ms(5_100)));
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
}
