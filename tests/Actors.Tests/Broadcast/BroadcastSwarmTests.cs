using Actors.Broadcast;
using Actors.Membership;
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

    [Fact]
    public void What_is_judged_in_the_end_waits_for_a_change_of_the_members_that_is_under_way()
    {
        for (var seed = 1; seed <= 20; seed++)
        {
            var wiring = new SimBroadcastOptions();
            using var simulation = new Simulation(seed, wiring.Apply());
            simulation.Network.Faults = new LinkFaults { MinDelay = TimeSpan.FromMilliseconds(60), MaxDelay = TimeSpan.FromMilliseconds(60) };
            var settings = new BroadcastSettings
            {
                Id = new GroupId("slow"),
                Members = [new NodeId("n1"), new NodeId("n2"), new NodeId("n3")],
                MayJoin = [new NodeId("n4")],
                Spec = new BroadcastSpec(Reliability.Reliable, Ordering.Fifo),
            };
            var group = new SimBroadcast(simulation, settings, wiring);
            var views = new BroadcastViews(simulation, group, _ => true);
            simulation.RunFor(TimeSpan.FromSeconds(10));
            views.Begin(simulation.Now + TimeSpan.FromSeconds(10));
            simulation.RunFor(TimeSpan.FromSeconds(10));

            views.Converge(simulation.Now + TimeSpan.FromMinutes(1));

            var last = group.MembersAt(settings.Members[0]).Number;
            simulation.RunFor(TimeSpan.FromSeconds(10));
            Assert.Equal(last, group.MembersAt(settings.Members[0]).Number);
        }
    }
}
