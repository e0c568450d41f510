using Actors.TestKit;
using Actors.Tests.SimulationTests;

namespace Actors.Tests.DeliveryTests;

/// <summary>The shipped actors of a link under seeded faults. SEEDS=5000 runs more seeds, SEED=17 one of them again.</summary>
public sealed class DeliverySwarmTests
{
    private const int SweptSeeds = 600;

    [Fact]
    public async Task Links_keep_what_they_promise_on_all_seeds_and_the_sweep_sees_what_it_should()
    {
        var seeds = SeedsAttribute.Chosen(SweptSeeds);
        var sweep = new SwarmSweep(seeds[0], seeds[^1]) { Swarm = Swarm.Delivery, StopsAtFirst = true };

        await sweep.RunAsync();

        if (sweep.Violations is [var violation, ..])
            Assert.Fail($"{violation.Failure!.Message}\na smaller plan that fails too:\n{sweep.Smaller(violation)}\nagain with: SEED={violation.Seed} dotnet test");
        Assert.Empty(sweep.NeverSeen);
    }

    [Fact]
    public void The_same_seed_gives_the_same_run() => Assert.Equal(DeliverySwarm.Run(7).TraceHash, DeliverySwarm.Run(7).TraceHash);

    [Fact]
    public void A_link_has_no_members_to_choose() => Assert.Equal(
        "Nodes and Down are for groups; a link has two sides",
        Assert.Throws<ArgumentException>(() => DeliverySwarm.Run(1, new SwarmOptions { Nodes = 3 })).Message);
}
