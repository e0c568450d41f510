using Actors.Benchmarks.Load;
using Actors.Benchmarks.Systems;
using Actors.Networks;

namespace Actors.Benchmarks;

/// <summary>One cluster whose traffic is counted.</summary>
/// <param name="System">The name of one of ours.</param>
/// <param name="Replicas">How many.</param>
/// <param name="Outstanding">Writes in flight.</param>
/// <param name="Seconds">How long.</param>
/// <param name="ValueBytes">Length of the values.</param>
/// <param name="DataFolder">Where the servers keep their data.</param>
/// <param name="Network">Where they run; the client is in its hub, and so is this process.</param>
internal sealed record BytesOrder(string System, int Replicas, int Outstanding, int Seconds, int ValueBytes, string DataFolder, Network Network);

/// <summary>What came of a <see cref="BytesOrder"/>.</summary>
/// <param name="Sent">Bytes that each server sent meanwhile, the leader first, then in the order of the group.</param>
internal sealed record BytesResult(string Version, DriveResult Writes, IReadOnlyList<long> Sent);

/// <summary><c>bytes</c>: what each replica of a group sends for a write, counted by the kernel at its network interface.</summary>
internal static class BytesRun
{
    /// <summary>The hidden command that runs one cluster.</summary>
    public const string Command = "count-bytes";

    private const int WarmupSeconds = 5;
    private static readonly string[] Systems = ["actors", "chain"];

    public sealed record Options(int Replicas, int Outstanding, int Seconds, int ValueBytes);

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        if (!Environment.IsPrivilegedProcess)
            throw new BenchmarkException("bytes are counted in network namespaces, which only root may make: run as root");
        using var network = Network.Create($"actors-bytes-{Environment.ProcessId}", options.Replicas);
        var results = new Dictionary<string, BytesResult>();
        foreach (var system in Systems)
        {
            var order = new BytesOrder(system, options.Replicas, options.Outstanding, options.Seconds, options.ValueBytes, report.DataFolder, network);
            results.Add(system, await ChildProgram.RunAsync<BytesOrder, BytesResult>(Machine.HubOf(network), Command, order, cancellation));
            report.Measured(results[system].Version);
        }

        Report.Table(
            $"Bytes sent for a write of {options.ValueBytes} bytes, {options.Outstanding} outstanding, {options.Replicas} replicas",
            ["replica", "what", .. Systems, $"{Systems[1]} ÷ {Systems[0]}"],
            Enumerable.Range(0, options.Replicas).Select(i => (string[])
            [
                $"{i + 1}", i == 0 ? "primary, head" : i == options.Replicas - 1 ? "backup, tail" : "backup, middle",
                .. Systems.Select(s => $"{PerWrite(results[s], i):f0}"), $"{PerWrite(results[Systems[1]], i) / PerWrite(results[Systems[0]], i):f2}",
            ]));
        Console.WriteLine();
        Console.WriteLine($"Writes/s: {string.Join(", ", Systems.Select(s => $"{s} {results[s].Writes.PerSecond:n0}"))}");
        report.Close(results);
    }

    public static async Task<BytesResult> CountAsync(BytesOrder order, CancellationToken cancellation)
    {
        using var system = SystemCatalog.Create<ActorsCluster>(order.System, Site.In(order.Network, order.Replicas, order.DataFolder));
        await system.StartAsync(cancellation);
        var target = (await system.TargetsAsync(Operation.Write, cancellation))[0];
        var drive = new DriveOrder(target, Operation.Write, order.Outstanding, WarmupSeconds, 1, order.ValueBytes, []);
        await Driver.RunAsync(drive, cancellation);
        var servers = (await system.WholeAsync(cancellation)).Order;
        var before = Sent();
        var writes = await Driver.RunAsync(drive with { WarmupSeconds = 0, Seconds = order.Seconds }, cancellation);
        if (writes.Errors > 0)
            throw new BenchmarkException($"{order.System}: {writes.Errors} writes failed, the first with: {writes.FirstError}");
        Report.Progress($"{order.System}: {writes.PerSecond:n0} writes/s");
        return new BytesResult(system.Version, writes, [.. Sent().Zip(before, (now, then) => now - then)]);

        long[] Sent() => [.. servers.Select(server => order.Network.BytesSent(server + 1))];
    }

    private static double PerWrite(BytesResult result, int replica) => (double)result.Sent[replica] / result.Writes.Operations;
}
