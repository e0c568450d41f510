using System.Diagnostics;

namespace Actors.Cluster.Tests;

/// <summary>What the settings <c>commit</c> and <c>min-in-view</c> make of the loss of a backup: other than their defaults, which are in <see cref="FaultTests"/>.</summary>
public class CommitRuleTests(ITestOutputHelper output)
{
    private static readonly TimeSpan PauseLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RequestTolerance = TimeSpan.FromSeconds(2);

    [Fact]
    public Task A_majority_does_not_wait_for_a_backup_that_is_killed_and_keeps_it_in_the_view() => RunAsync("actors.groups.default.commit = majority", async (cluster, work) =>
    {
        var primary = await cluster.WholeAsync();
        var backup = cluster.Nodes.First(node => node != primary);
        await using var pauses = new PauseMeter(primary.Http);

        backup.Kill();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < 3 * RealCluster.KickAfter;)
            await work.ProgressAsync();
        var view = await primary.Http.StatusAsync();
        output.WriteLine($"{backup} of {primary} was killed; longest pause between acknowledged writes: {pauses.Longest.TotalMilliseconds:f0} ms");
        Assert.True(pauses.Longest < PauseLimit, $"writes paused for {pauses.Longest}");
        Assert.Equal("unreachable", view!.Groups.Single().Members.Single(member => member.Node == backup.Name).Role);

        backup.Start();
        await cluster.WholeAsync();
    });

    [Fact]
    public Task Writes_stop_below_min_in_view_and_go_on_when_the_backup_is_back() => RunAsync(FormattableString.Invariant($$"""
        actors.groups.default.min-in-view = 3
        actors.client.request-timeout = {{RequestTimeout.TotalSeconds}} s
        """), async (cluster, work) =>
    {
        var primary = await cluster.WholeAsync();
        var backup = cluster.Nodes.First(node => node != primary);
        var other = cluster.Nodes.First(node => node != primary && node != backup);

        backup.Kill();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < 3 * RealCluster.KickAfter;)
        {
            foreach (var node in new[] { primary, other })
            {
                var write = await node.Http.PutAsync("below", "min-in-view");
                Assert.True(write.Status is 503 or 504, $"a write at {node}: {write}");
                Assert.True(write.Took < RequestTimeout + RequestTolerance, $"a write at {node}: {write}");
                var read = await node.Http.GetAsync("counter");
                Assert.True(read.Status is 200, $"a read at {node}: {read}");
            }
        }

        backup.Start();
        await cluster.WholeAsync();
    });

    private Task RunAsync(string settings, Func<RealCluster, Workload, Task> test) => Workload.RunAsync(output, test, settings: settings);
}
