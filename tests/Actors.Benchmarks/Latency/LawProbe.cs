using System.Diagnostics;
using Actors.Benchmarks.Load;
using Actors.Benchmarks.Systems;
using Actors.Networks;
using Actors.Replication;

namespace Actors.Benchmarks.Latency;

/// <summary>One cluster whose latencies are measured.</summary>
/// <param name="IsChain">A chain, or primary and backups.</param>
/// <param name="Replicas">How many; the client is on the node after them.</param>
/// <param name="Operations">How many of each kind are timed.</param>
/// <param name="DataFolder">Where the servers keep their data.</param>
/// <param name="Network">Has one node more than there are replicas.</param>
internal sealed record LawOrder(bool IsChain, int Replicas, int Operations, string DataFolder, Network Network);

/// <summary>What came of a <see cref="LawOrder"/>: the latency of each operation, in milliseconds, by its kind.</summary>
internal sealed record LawResult(string Version, IReadOnlyDictionary<string, IReadOnlyList<double>> Milliseconds);

/// <summary>Times one request after the other at a client in a network namespace of its own, which this process runs in.</summary>
internal static class LawProbe
{
    /// <summary>The hidden command that runs it.</summary>
    public const string Command = "law";

    public const string Write = "write";
    public const string BarrierRead = "read, barrier";
    public const string LeaseRead = "read, lease";

    private const int ValueBytes = 100;
    private const int Warmup = 30;

    public static async Task<LawResult> RunAsync(LawOrder order, CancellationToken cancellation)
    {
        var site = Site.In(order.Network, order.Replicas, order.DataFolder);
        using var system = new ActorsCluster(site, order.IsChain, reads: "lease");
        await system.StartAsync(cancellation);
        await using var client = new ActorsLoadClient((await system.TargetsAsync(Operation.Write, cancellation))[0].Endpoints, ValueBytes);
        var kinds = new Dictionary<string, Func<int, Task>>
        {
            [Write] = client.WriteAsync,
            [BarrierRead] = key => client.ReadAsync(key, ReadMode.Barrier),
            [LeaseRead] = key => client.ReadAsync(key, ReadMode.Linearizable),
        };
        var result = new Dictionary<string, IReadOnlyList<double>>();
        foreach (var (kind, run) in kinds)
        {
            await TimeAsync(run, Warmup);
            result.Add(kind, await TimeAsync(run, order.Operations));
            Report.Progress($"{system.Name}, {order.Replicas} replicas: {kind} {Statistics.Median(result[kind]):f1} ms");
        }

        return new LawResult(system.Version, result);
    }

    private static async Task<double[]> TimeAsync(Func<int, Task> run, int times)
    {
        var milliseconds = new double[times];
        for (var i = 0; i < times; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await run(i % LoadClients.Keys);
            milliseconds[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        return milliseconds;
    }
}
