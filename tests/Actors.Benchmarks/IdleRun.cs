using System.Diagnostics;
using Actors.Benchmarks.Systems;

namespace Actors.Benchmarks;

/// <summary><c>idle</c>: what a server costs while nothing is asked of it.</summary>
internal static class IdleRun
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(10);

    public sealed record Options(IReadOnlyList<string> Systems, int Seconds, int Groups);

    private sealed record Node(string System, string Name, double PercentOfCore, double ResidentMegabytes);

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        SystemCatalog.Check<ISystemUnderTest>(options.Systems, Site.Loopback(report.DataFolder));
        var nodes = new List<Node>();
        foreach (var name in options.Systems)
        {
            using var system = SystemCatalog.Create<ISystemUnderTest>(name, Site.Loopback(report.DataFolder));
            report.Measured(system.Version);
            await system.StartAsync(cancellation);
            await Task.Delay(Settle, cancellation);
            Report.Progress($"{name}: up, measuring for {options.Seconds} s");
            nodes.AddRange(await MeasureAsync(name, system, options.Seconds, cancellation));
        }

        if (options.Groups > 1)
        {
            var name = $"actors, {options.Groups} groups";
            using var many = new ActorsCluster(Site.Loopback(report.DataFolder), groups: options.Groups);
            await many.StartAsync(cancellation);
            await Task.Delay(Settle, cancellation);
            Report.Progress($"{name}: up, measuring for {options.Seconds} s");
            nodes.AddRange(await MeasureAsync(name, many, options.Seconds, cancellation));
        }

        Report.Table(
            $"Idle for {options.Seconds} s, {Settle.TotalSeconds} s after the start",
            ["system", "node", "CPU, % of a core", "memory MB"],
            nodes.Select(n => new[] { n.System, n.Name, $"{n.PercentOfCore:f2}", $"{n.ResidentMegabytes:f0}" }));
        report.Close(nodes);
    }

    private static async Task<IEnumerable<Node>> MeasureAsync(string name, ISystemUnderTest system, int seconds, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var before = system.Servers.Select(s => ProcessCpu.Seconds(s.Pid)).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(seconds), cancellation);
        return system.Servers.Select((server, i) => new Node(
            name, server.Name, (ProcessCpu.Seconds(server.Pid) - before[i]) / clock.Elapsed.TotalSeconds * 100, ProcessCpu.ResidentBytes(server.Pid) / (1024.0 * 1024))).ToArray();
    }
}
