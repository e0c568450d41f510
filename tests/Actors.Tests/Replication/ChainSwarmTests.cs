using Actors.Replication;
using Actors.TestKit;
using Actors.Tests.SimulationTests;

namespace Actors.Tests.ReplicationTests;

/// <summary>The shipped chain and its directory under seeded faults. SEEDS=5000 runs more seeds, SEED=17 one of them again.</summary>
public sealed class ChainSwarmTests
{
    private const int SweptSeeds = 100;

    [Fact]
    public async Task Acknowledged_writes_survive_and_every_read_is_what_it_says_on_all_seeds()
    {
        var seeds = SeedsAttribute.Chosen(SweptSeeds);
        var sweep = new SwarmSweep(seeds[0], seeds[^1]) { Swarm = Swarm.Chain, StopsAtFirst = true };

        await sweep.RunAsync();

        Assert.True(sweep.Violations is [], sweep.Violations is [var violation, ..] ? $"{violation.Failure!.Message}\nagain with: SEED={violation.Seed} dotnet test" : "");
        Assert.InRange(sweep.FewestOperations, 200, long.MaxValue);
        Assert.InRange(sweep.FewestFaults, 3, long.MaxValue);
    }

    [Fact]
    public void A_chain_goes_on_without_the_links_that_never_heal()
    {
        var run = GroupSwarm.Run(1, new SwarmOptions { Protocol = Protocol.Chain, Nodes = 5, Down = 2 });

        Assert.Null(run.Failure);
    }
}
