using System.Diagnostics;
using System.Globalization;
using Actors.Membership;
using Actors.TestKit;
using Actors.Tests.SimulationTests;

namespace Actors.Tests.ReplicationTests;

/// <summary>The shipped primary-backup actors under seeded faults. SEEDS=5000 runs more seeds, SEED=17 one of them again.</summary>
public sealed class PrimaryBackupSwarmTests
{
    private const int SweptSeeds = 300;

    [Fact]
    public async Task Acknowledged_writes_survive_and_every_read_is_what_it_says_on_all_seeds_and_the_sweep_sees_what_it_should()
    {
        var seeds = SeedsAttribute.Chosen(SweptSeeds);
        var sweep = new SwarmSweep(seeds[0], seeds[^1]) { StopsAtFirst = true };

        await sweep.RunAsync();

        if (sweep.Violations is [var violation, ..])
            Assert.Fail(Explained(sweep, violation));
        Assert.Empty(sweep.NeverSeen);
        Assert.InRange(sweep.FewestOperations, 200, long.MaxValue);
        Assert.InRange(sweep.FewestFaults, 3, long.MaxValue);
    }

    [Fact]
    public async Task What_a_sweep_finds_does_not_depend_on_the_number_of_threads()
    {
        var (one, two) = (new SwarmSweep(1, 8) { Threads = 1 }, new SwarmSweep(1, 8) { Threads = 2 });

        await one.RunAsync();
        await two.RunAsync();

        Assert.Equal((one.TraceHash, one.Steps, one.Operations), (two.TraceHash, two.Steps, two.Operations));
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_run_in_another_process()
    {
        var seeds = Enumerable.Range(1, 20).ToArray();
        using var other = Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(PrimaryBackupSwarmTests).Assembly.Location, TestHost.RunSwarm, .. seeds.Select(seed => $"{seed}")])
        {
            RedirectStandardOutput = true,
        })!;
        var theirs = other.StandardOutput.ReadToEndAsync();
        var ours = seeds.Select(seed => Summary(seed)).ToArray();
        await other.WaitForExitAsync();

        Assert.Equal(ours, (await theirs).Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_group_goes_on_without_the_minority_that_never_heals()
    {
        var run = GroupSwarm.Run(1, new SwarmOptions { Nodes = 5, Down = 2 });

        Assert.Null(run.Failure);
    }

    [Fact]
    public void Machines_of_which_none_knows_of_the_group_any_more_rightly_found_another_one_and_the_run_ends_there()
    {
        var plan = new FaultPlan { Events = [.. Enumerable.Range(1, 3).Select(i => new FaultEvent(TimeSpan.FromSeconds(i), FaultKind.Wipe, [new NodeId($"n{i}")], TimeSpan.FromSeconds(4)))] };

        var run = GroupSwarm.Run(1, new SwarmOptions { Nodes = 3 }, plan);

        Assert.Null(run.Failure);
        Assert.Equal(3, run.Faults[FaultKind.Wipe]);
    }

    [Fact]
    public void Options_out_of_range_are_refused_by_name_and_range()
    {
        Assert.Contains("Loss is 1.5; a rate must be 0 to 1", Refusal(() => new SwarmOptions { Loss = 1.5 }), StringComparison.Ordinal);
        Assert.Contains("Duplicate is -1; a rate must be 0 to 1", Refusal(() => new SwarmOptions { Duplicate = -1 }), StringComparison.Ordinal);
        Assert.Contains("Nodes is 8; it must be 1 to 7", Refusal(() => new SwarmOptions { Nodes = 8 }), StringComparison.Ordinal);
        Assert.Contains("Down is 2; it must be 0 to 1, a minority of the 4 nodes", Refusal(() => GroupSwarm.Run(1, new SwarmOptions { Nodes = 4, Down = 2 })), StringComparison.Ordinal);
        Assert.Contains("Down is 1; it must be 0 to 0, a minority of Nodes, which is not set", Refusal(() => GroupSwarm.Run(1, new SwarmOptions { Down = 1 })), StringComparison.Ordinal);
    }

    /// <summary>One line on one run, the same in every process.</summary>
    internal static string Summary(long seed)
    {
        var run = GroupSwarm.Run(seed);
        return string.Create(CultureInfo.InvariantCulture, $"{seed} {run.Steps} {run.TraceHash:x16} {run.Operations} {run.Failure?.Property}");
    }

    /// <summary>Seed, property, a trace in a file, and fewer faults that are enough.</summary>
    private static string Explained(SwarmSweep sweep, SwarmRun violation)
    {
        var trace = Path.Combine(Path.GetTempPath(), $"actors-{violation.Seed}.trace");
        GroupSwarm.Run(violation.Seed, simulation: new SimulationOptions { TraceFile = trace, LogLevel = "INFO" });
        return $"{violation.Failure!.Message}\nfull trace: {trace}\na smaller plan that fails too:\n{sweep.Smaller(violation)}\nagain with: SEED={violation.Seed} dotnet test";
    }

    private static string Refusal(Func<object> action) => Assert.ThrowsAny<ArgumentException>(action).Message;
}
