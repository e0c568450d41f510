using System.Diagnostics;
using System.Globalization;

namespace Actors.Cluster.Tests;

/// <summary>The whole way, as a newcomer goes it: one command starts the cluster, another loads a real file, and the primary dies in the middle.</summary>
public class EndToEndTests(ITestOutputHelper output)
{
    private const long LoadedBeforeKill = 20_000;

    [SkippableFact]
    public async Task Every_acknowledged_line_of_a_real_file_survives_kill_9_of_the_primary_and_a_restart()
    {
        Needs.Words();
        var lines = await File.ReadAllLinesAsync(Needs.WordList);
        using var folder = new Scratch();
        using var up = new RealUp(folder.Path, data: folder.File("data"));
        try
        {
            await up.StartAsync();
            var loading = up.CommandAsync("load", Needs.WordList);
            var status = await RealCluster.UntilAsync($"{LoadedBeforeKill} lines", async () =>
                await up.StatusAsync() is { } now && now.Groups.Single().Members.Max(member => member.CommitIndex) > LoadedBeforeKill ? now : null);
            var primary = status.Nodes.Single(node => node.Name == status.Groups.Single().Primary);
            Process.GetProcessById(primary.Pid).Kill();
            Assert.False(loading.IsCompleted, "the file was loaded before the kill");

            var loaded = await loading;
            output.WriteLine($"{primary.Name} was killed; load: {loaded}");
            Assert.Equal(0, loaded.ExitCode);
            Assert.StartsWith($"{lines.Length} lines acknowledged", loaded.Output, StringComparison.Ordinal);
            await RequireAllLinesAsync(up, lines);

            Assert.Equal(0, await up.EndAsync(Signal.Terminate));
            await up.StartAsync();
            await up.WholeAsync();
            await RequireAllLinesAsync(up, lines);
            Assert.Equal(0, await up.EndAsync(Signal.Terminate));
        }
        catch
        {
            output.WriteLine(up.Log);
            foreach (var log in Directory.EnumerateFiles(folder.Path, "n*.log", SearchOption.AllDirectories))
                output.WriteLine($"---- {log} ----\n{string.Join('\n', (await File.ReadAllLinesAsync(log)).TakeLast(60))}");
            throw;
        }
    }

    private async Task RequireAllLinesAsync(RealUp up, string[] lines)
    {
        var clock = Stopwatch.StartNew();
        var there = await (await AnyNodeAsync(up)).ScanAsync("");
        output.WriteLine($"{there.Count} lines read back in {clock.Elapsed.TotalSeconds:f1} s");
        Assert.Equal(lines.Length, there.Count);
        for (var i = 0; i < lines.Length; i++)
            Assert.True(there.TryGetValue(lines[i], out var number) && number == (i + 1).ToString(CultureInfo.InvariantCulture), $"line {i + 1}, {lines[i]}, is {there.GetValueOrDefault(lines[i], "not there")}");
    }

    private static Task<HttpNode> AnyNodeAsync(RealUp up) => RealCluster.UntilAsync("a node that answers", async () =>
    {
        foreach (var node in up.Nodes)
        {
            if ((await node.GetAsync("A")).Status == 200)
                return node;
        }

        return null;
    });
}
