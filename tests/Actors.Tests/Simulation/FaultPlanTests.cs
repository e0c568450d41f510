using Actors.Membership;
using Actors.TestKit;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.SimulationTests;

public class FaultPlanTests
{
    private static readonly NodeId[] Five = [.. Enumerable.Range(1, 5).Select(i => new NodeId($"n{i}"))];

    [Fact]
    public void A_seed_always_draws_the_same_plan_and_seeds_differ()
    {
        var mix = new FaultMix { Nodes = Five };

        var plans = Enumerable.Range(1, 50).Select(seed => mix.Draw(new SeededRandom(seed)).ToString()).ToList();

        Assert.Equal(plans, Enumerable.Range(1, 50).Select(seed => mix.Draw(new SeededRandom(seed)).ToString()));
        Assert.Equal(50, plans.Distinct().Count());
    }

    [Fact]
    public void Over_many_seeds_every_kind_is_drawn_and_no_seed_draws_all()
    {
        var mix = new FaultMix { Nodes = Five, MaxEvents = 40 };
        var plans = Enumerable.Range(1, 200).Select(seed => mix.Draw(new SeededRandom(seed))).ToList();

        Assert.Equal(mix.Kinds.Order(), plans.SelectMany(plan => plan.Events).Select(item => item.Kind).Distinct().Order());
        Assert.All(plans, plan => Assert.True(plan.Events.Select(item => item.Kind).Distinct().Count() < Enum.GetValues<FaultKind>().Length));
        Assert.All(plans, plan => Assert.InRange(plan.Events.Count, 3, 40));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void Data_is_damaged_on_a_minority_at_most(int nodes)
    {
        var mix = new FaultMix { Nodes = Five[..nodes], Kinds = [FaultKind.Wipe, FaultKind.BitRot], MaxEvents = 40 };
        for (var seed = 1; seed <= 50; seed++)
        {
            var damaged = mix.Draw(new SeededRandom(seed)).Events.Where(item => item.Kind is FaultKind.Wipe or FaultKind.BitRot).Select(item => item.Targets[0]).Distinct();
            Assert.True(damaged.Count() <= (nodes - 1) / 2);
        }
    }

    [Fact]
    public void A_plan_reads_as_a_schedule()
    {
        var plan = new FaultPlan
        {
            Link = new LinkFaults { Loss = 0.25 },
            Events = [new(Seconds(3.2014), FaultKind.Isolate, [default], Seconds(1.5)), new(Seconds(12), FaultKind.ClockDrift, [Five[1]], Seconds(2), 1.005)],
        };

        var lines = plan.ToString().Split(Environment.NewLine);

        Assert.Contains("Loss = 0.25", lines[0], StringComparison.Ordinal);
        Assert.Equal("    3.201 s  Isolate the leader for 1.500 s", lines[1]);
        Assert.Equal("   12.000 s  ClockDrift n2 by 1.005 for 2.000 s", lines[2]);
        Assert.Equal(
            "    5.000 s  upon a vote + 0.010 s: Pause that node for 1.000 s or until another's answer",
            new FaultEvent(Seconds(5), FaultKind.Pause, [default], Seconds(1)) { Upon = new("vote", Seconds(0.01)), Until = new("answer", Seconds(0)) }.ToString());
        Assert.Equal("no faults", new FaultPlan().ToString());
    }

    [Fact]
    public void Only_what_a_run_can_do_is_drawn_unless_it_is_named() =>
        Assert.Equal([FaultKind.HandOver, FaultKind.Removal, FaultKind.RollingRestart, FaultKind.Backup], Enum.GetValues<FaultKind>().Except(new FaultMix { Nodes = Five }.Kinds));

    [Fact]
    public void Every_kind_of_event_takes_effect_and_ends()
    {
        using var sim = FiveNodes(1);
        var kinds = Enum.GetValues<FaultKind>();
        sim.Execute(new FaultPlan { Events = [.. kinds.Select((kind, i) => new FaultEvent(Seconds(i * 10), kind, [Five[0], Five[1]], Seconds(5), kind == FaultKind.ClockDrift ? 1.01 : 1))] }, operate: (_, _) => null);

        for (var i = 0; i < kinds.Length; i++)
        {
            sim.RunFor(Seconds(1));
            var (node, network) = (sim.Node(Five[0]), sim.Network);
            var active = kinds[i] switch
            {
                FaultKind.Crash or FaultKind.Wipe => !node.IsUp,
                FaultKind.Pause or FaultKind.Suspend => node.IsPaused,
                FaultKind.Isolate => !network.Connects(Five[0], Five[1]),
                FaultKind.Partition => !network.Connects(Five[0], Five[2]) && network.Connects(Five[0], Five[1]),
                FaultKind.CutOneWay => !network.Connects(Five[0], Five[1]) && network.Connects(Five[1], Five[0]),
                FaultKind.DiskFull => node.Disk.IsFull,
                FaultKind.ClockDrift => node.Clock.Rate == 1.01,
                FaultKind.ClockJump => node.Clock.WallOffset == Seconds(1),
                _ => sim.FaultCounts.ContainsKey(kinds[i]),
            };
            Assert.True(active, $"{kinds[i]} is not there");
            sim.RunFor(Seconds(9));
        }

        Assert.All(sim.Nodes, node => Assert.True(node is { IsUp: true, IsPaused: false, Disk.IsFull: false } && node.Clock.Rate == 1));
        Assert.True(Five.All(a => Five.All(b => sim.Network.Connects(a, b))));
        Assert.All(kinds, kind => Assert.Equal(1, sim.FaultCounts[kind]));
    }

    [Fact]
    public void An_event_hits_whoever_leads_at_that_moment()
    {
        using var sim = FiveNodes(1);
        var leader = Five[2];
        sim.Execute(new FaultPlan { Events = [new(Seconds(1), FaultKind.Crash, [default], Seconds(1)), new(Seconds(2.5), FaultKind.Crash, [default], Seconds(1))] }, () => leader);

        sim.RunFor(Seconds(1.5));
        Assert.False(sim.Node(Five[2]).IsUp);
        leader = default;       // nobody leads: nothing to hit
        sim.RunFor(Seconds(1.5));

        Assert.All(sim.Nodes, node => Assert.True(node.IsUp));
        Assert.Equal(1, sim.FaultCounts[FaultKind.Crash]);
    }

    [Fact]
    public void An_event_that_waits_for_a_moment_hits_the_node_whose_moment_it_is_and_only_the_first()
    {
        using var sim = FiveNodes(1);
        sim.Execute(new FaultPlan { Events = [new(Seconds(1), FaultKind.Crash, [default], Seconds(1)) { Upon = new FaultMoment("vote", Seconds(0.5)) }] });

        Vote(Five[1], Seconds(0.9));        // too early
        Vote(Five[2], Seconds(3));
        Vote(Five[3], Seconds(3.1));

        sim.RunFor(Seconds(3.4));
        Assert.All(sim.Nodes, node => Assert.True(node.IsUp));
        sim.RunFor(Seconds(0.5));
        Assert.Equal([Five[2]], sim.Nodes.Where(node => !node.IsUp).Select(node => node.Id));
        sim.RunFor(Seconds(2));
        Assert.All(sim.Nodes, node => Assert.True(node.IsUp));
        Assert.Equal(1, sim.FaultCounts[FaultKind.Crash]);

        void Vote(NodeId node, TimeSpan at) => sim.After(at, () => sim.Moment("vote", node));
    }

    [Fact]
    public void An_event_lasts_until_a_moment_comes_to_another_node_than_it_has_hit_or_for_its_duration()
    {
        using var sim = FiveNodes(1);
        var until = new FaultMoment("answer", Seconds(0.5));
        sim.Execute(new FaultPlan
        {
            Events =
            [
                new(Seconds(1), FaultKind.Isolate, [default], Seconds(20)) { Until = until },
                new(Seconds(1), FaultKind.Pause, [default], Seconds(20)) { Until = until },
                new(Seconds(1), FaultKind.CutOneWay, [Five[1], default], Seconds(2)) { Until = until },
            ],
        }, () => Five[0]);

        sim.After(Seconds(2), () => sim.Moment("answer", Five[0]));
        sim.After(Seconds(5), () => sim.Moment("answer", Five[1]));

        sim.RunFor(Seconds(4.9));
        Assert.True(sim.Node(Five[0]).IsPaused && !sim.Network.Connects(Five[2], Five[0]));
        sim.RunFor(Seconds(1));
        Assert.False(sim.Node(Five[0]).IsPaused);
        Assert.True(Five.All(a => Five.All(b => sim.Network.Connects(a, b))));
    }

    [Theory, Seeds(20)]
    public void Healing_ends_a_plan_at_any_moment(int seed)
    {
        using var sim = FiveNodes(seed);
        sim.Execute(new FaultMix { Nodes = Five, MinEvents = 20, MaxEvents = 40 }.Draw(sim.RandomFor("plan")));
        sim.RunFor(Seconds(sim.RandomFor("heal").Next(40)));

        sim.Heal();
        var counts = sim.FaultCounts.Values.Sum();
        sim.RunFor(Seconds(60));

        Assert.All(sim.Nodes, node => Assert.True(node is { IsUp: true, IsPaused: false, Disk.IsFull: false } && node.Clock.Rate == 1));
        Assert.True(Five.All(a => Five.All(b => sim.Network.Connects(a, b))));
        Assert.Equal(new LinkFaults(), sim.Network.Faults);
        Assert.Equal(counts, sim.FaultCounts.Values.Sum());
    }

    [Fact]
    public void A_store_that_failed_is_opened_anew_by_healing()
    {
        using var sim = new Simulation(1);
        var lives = 0;
        var node = sim.AddNode("n1", node =>
        {
            lives++;
            var store = node.OpenStore();
            node.Tick("a", Seconds(1), () => store.Write(new Storage.WriteSet(), sync: true));
        });
        node.Disk.FailNextSync();
        sim.RunFor(Seconds(5));
        Assert.True(sim.Failures.Count > 0);

        sim.Heal();
        var failures = sim.Failures.Count;
        sim.RunFor(Seconds(5));

        Assert.Equal(2, lives);
        Assert.Equal(failures, sim.Failures.Count);
    }

    [Fact]
    public void Shrinking_leaves_only_the_events_that_matter()
    {
        var plan = new FaultMix { Nodes = Five, MinEvents = 30, MaxEvents = 30 }.Draw(new SeededRandom(4));
        FaultEvent[] culprits = [plan.Events[7], plan.Events[21]];
        var runs = 0;

        var smaller = plan.Shrink(candidate =>
        {
            runs++;
            return culprits.All(candidate.Events.Contains);
        });

        Assert.Equal(culprits, smaller.Events);
        Assert.Equal(new LinkFaults(), smaller.Link);
        Assert.Equal(new DiskFaults(), smaller.Disk);
        Assert.InRange(runs, 1, 100);
    }

    [Fact]
    public void Shrinking_keeps_a_rate_that_matters()
    {
        var plan = new FaultPlan { Link = new LinkFaults { Loss = 0.1 }, Events = [new(Seconds(1), FaultKind.Crash, [Five[0]], Seconds(1))] };

        var smaller = plan.Shrink(candidate => candidate.Link.Loss > 0);

        Assert.Equal((0.1, 0), (smaller.Link.Loss, smaller.Events.Count));
    }

    private static Simulation FiveNodes(long seed)
    {
        var sim = new Simulation(seed);
        foreach (var id in Five)
        {
            sim.AddNode(id.Value, node =>
            {
                var store = node.OpenStore();
                var writes = new Storage.WriteSet();
                writes.Put(Storage.Table.Log, new byte[] { 1 }, new byte[] { 2 });
                store.Write(writes, sync: false);
                node.OnHint(_ => { });
                node.Tick("a", Seconds(1), () => { });
            });
        }

        return sim;
    }
}
