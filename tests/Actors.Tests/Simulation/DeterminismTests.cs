using System.Diagnostics;

namespace Actors.Tests.SimulationTests;

public class DeterminismTests
{
    private static readonly int[] TwentySeeds = [.. Enumerable.Range(1, 20)];

    [Theory, Seeds(20)]
    public void The_same_seed_gives_the_same_run(int seed) => Assert.Equal(Scenario.Run(seed), Scenario.Run(seed));

    [Fact]
    public void Different_seeds_give_different_runs() =>
        Assert.Equal(TwentySeeds.Length, TwentySeeds.Select(seed => Scenario.Run(seed).Split(' ')[2]).Distinct().Count());

    [Fact]
    public void The_same_seed_gives_the_same_run_in_another_process()
    {
        using var other = Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(DeterminismTests).Assembly.Location, TestHost.RunScenario, .. TwentySeeds.Select(seed => $"{seed}")])
        {
            RedirectStandardOutput = true,
        })!;
        var theirs = other.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        other.WaitForExit();

        Assert.Equal(TwentySeeds.Select(seed => Scenario.Run(seed)), theirs);
    }
}
