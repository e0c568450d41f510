using System.Globalization;
using Actors.Tests.SimulationTests;

namespace Actors.Tests;

/// <summary>What the test assembly does when a test starts it as a process of its own.</summary>
internal static class TestHost
{
    /// <summary>Followed by seeds: runs the determinism scenario with each and prints one line for it.</summary>
    public const string RunScenario = "run-scenario";

    private static int Main(string[] args)
    {
        if (args is not [RunScenario, .. var seeds])
        {
            Console.Error.WriteLine($"usage: dotnet exec Actors.Tests.dll {RunScenario} SEED...");
            return 2;
        }

        foreach (var seed in seeds)
            Console.WriteLine(Scenario.Run(long.Parse(seed, CultureInfo.InvariantCulture)));
        return 0;
    }
}
