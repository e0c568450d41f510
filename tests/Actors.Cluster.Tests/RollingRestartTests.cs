using System.Globalization;

namespace Actors.Cluster.Tests;

/// <summary><c>actors restart</c>: nodes of an <c>up</c> are restarted while clients at all of them go on.</summary>
public class RollingRestartTests(ITestOutputHelper output)
{
    private const int Lines = 20_000;

    [Fact]
    public Task All_nodes_are_restarted_one_after_the_other_without_a_failed_write() => WithUpAsync(async (up, folder) =>
    {
        var before = await up.WholeAsync();
        await File.WriteAllLinesAsync(folder.File("lines"), Enumerable.Range(1, Lines).Select(n => string.Create(CultureInfo.InvariantCulture, $"line-{n}")));
        await Workload.RunAsync(output, up.Nodes, async work =>
        {
            var loading = up.CommandAsync("load", folder.File("lines"), "--parallel", "4");
            var restarted = await up.CommandAsync("restart", "--rolling");
            output.WriteLine($"{restarted}");
            Assert.Equal(0, restarted.ExitCode);
            Assert.Equal(3, restarted.Error.Split('\n').Count(line => line.Contains("a member again", StringComparison.Ordinal)));

            var loaded = await loading;
            output.WriteLine($"load: {loaded}; the most attempts of a step: {work.MostAttempts}");
            Assert.Equal(0, loaded.ExitCode);
            Assert.InRange(work.MostAttempts, 1, up.Nodes.Count);       // whoever knows all nodes got every write through at the first round
        });

        var after = await up.WholeAsync();
        Assert.Equal(before.Nodes.Count, after.Nodes.Select(node => node.Pid).Except(before.Nodes.Select(node => node.Pid)).Count());
    });

    [Fact]
    public Task A_cluster_that_is_not_whole_is_not_restarted() => WithUpAsync(async (up, _) =>
    {
        var before = await up.WholeAsync();
        Assert.Equal(0, (await up.CommandAsync("stop", "n2")).ExitCode);
        var refused = await up.CommandAsync("restart", "--rolling");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("n2 does not run (stopped)", refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await up.CommandAsync("start", "n2")).ExitCode);
        var after = await up.WholeAsync();
        Assert.Equal(before.Nodes.Where(node => node.Name != "n2"), after.Nodes.Where(node => node.Name != "n2"));

        Assert.Equal(2, (await up.CommandAsync("restart")).ExitCode);
        Assert.Equal(0, (await up.CommandAsync("restart", "n3")).ExitCode);
    });

    private Task WithUpAsync(Func<RealUp, Scratch, Task> test) => RealUp.WithAsync(output, test);
}
