using Actors.TestKit;
using Actors.Tests.SimulationTests;

namespace Actors.Tests.ReplicationTests;

/// <summary>The shipped primary-backup actors under seeded faults. SEEDS=5000 runs more seeds, SEED=17 one of them again.</summary>
public sealed class PrimaryBackupSwarmTests
{
    [Theory]
    [Seeds(300)]
    public void Acknowledged_writes_survive_and_every_read_is_linearizable(int seed)
    {
        var run = PrimaryBackupSwarm.Run(seed);
        if (run.Failure is null)
            return;
        var smaller = run.Plan.Shrink(plan => PrimaryBackupSwarm.Run(seed, plan).Failure is not null);
        Assert.Fail($"{run.Failure.Message}\na smaller plan that fails too:\n{smaller}");
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        var (first, second) = (PrimaryBackupSwarm.Run(7), PrimaryBackupSwarm.Run(7));
        Assert.Equal(first.TraceHash, second.TraceHash);
        Assert.Equal(first.Steps, second.Steps);
    }
}
