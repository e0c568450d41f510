using System.Globalization;
using Actors.Tests.DeliveryTests;
using Actors.Tests.ReplicationTests;
using Actors.Tests.SimulationTests;

namespace Actors.Tests;

/// <summary>What the test assembly does when a test starts it as a process of its own.</summary>
internal static class TestHost
{
    /// <summary>Followed by seeds: runs the determinism scenario with each and prints one line for it.</summary>
    public const string RunScenario = "run-scenario";

    /// <summary>Followed by seeds: runs the swarm of the primary-backup group with each and prints one line for it.</summary>
    public const string RunSwarm = "run-swarm";

    private static int Main(string[] args)
    {
        if (args is [KilledProcessTests.Run, .. var link])
            return KilledProcessTests.Serve(link);
        Func<long, string>? run = args.FirstOrDefault() switch
        {
            RunScenario => seed => Scenario.Run(seed),
            RunSwarm => PrimaryBackupSwarmTests.Summary,
            _ => null,
        };
        if (run is null)
        {
            Console.Error.WriteLine($"usage: dotnet exec Actors.Tests.dll {RunScenario}|{RunSwarm} SEED...");
            return 2;
        }

        foreach (var seed in args.Skip(1))
            Console.WriteLine(run(long.Parse(seed, CultureInfo.InvariantCulture)));
        return 0;
    }
}
