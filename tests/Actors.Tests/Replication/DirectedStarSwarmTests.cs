using Actors.Replication;
using Actors.TestKit;
using Actors.Tests.SimulationTests;

namespace Actors.Tests.ReplicationTests;

/// <summary>The shipped primary-backup with views from the directory under seeded faults. SEEDS=5000 runs more seeds, SEED=17 one of them again.</summary>
public sealed class DirectedStarSwarmTests
{
    private const int SweptSeeds = 100;

    [Fact]
    public async Task Acknowledged_writes_survive_and_every_read_is_what_it_says_on_all_seeds()
    {
        var seeds = SeedsAttribute.Chosen(SweptSeeds);
        var sweep = new SwarmSweep(seeds[0], seeds[^1]) { Options = new SwarmOptions { Authority = ViewAuthority.Directory }, StopsAtFirst = true };

        await sweep.RunAsync();

        Assert.True(sweep.Violations is [], sweep.Violations is [var violation, ..] ? $"{violation.Failure!.Message}\nagain with: SEED={violation.Seed} dotnet test" : "");
        Assert.InRange(sweep.FewestOperations, 200, long.MaxValue);
        Assert.InRange(sweep.FewestFaults, 3, long.MaxValue);
    }
}
