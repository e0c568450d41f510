using Actors.Broadcast;
using Actors.TestKit;
using Actors.Tests.SimulationTests;

namespace Actors.Tests.BroadcastTests;

/// <summary>The shipped participants under seeded faults, all legal specifications in turn. SEEDS=5000 runs more seeds, SEED=17 one of them again.</summary>
public sealed class BroadcastSwarmTests
{
    private const int SweptSeeds = 312;

    [Fact]
    public async Task Every_property_holds_on_all_seeds_and_the_sweep_sees_what_it_should()
    {
        var seeds = SeedsAttribute.Chosen(SweptSeeds);
        var sweep = new SwarmSweep(seeds[0], seeds[^1]) { Swarm = Swarm.Broadcast, StopsAtFirst = true };

        await sweep.RunAsync();

        if (sweep.Violations is [var violation, ..])
            Assert.Fail($"{BroadcastSwarm.SpecOf(violation.Seed)}: {violation.Failure!.Message}\na smaller plan that fails too:\n{sweep.Smaller(violation)}\nagain with: SEED={violation.Seed} dotnet test");
        Assert.Empty(sweep.NeverSeen);
    }

    [Fact]
    public void Seeds_go_through_all_legal_specifications()
    {
        var legal = BroadcastSpec.Legal().ToHashSet();

        Assert.Equal(legal, [.. Enumerable.Range(1, legal.Count).Select(seed => BroadcastSwarm.SpecOf(seed))]);
        Assert.InRange(legal.Count, 40, SweptSeeds);
    }
}
