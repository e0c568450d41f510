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
    public const string OverHttp = ", HTTP";

    private const int ValueBytes = 100;
    private const int WarmupOutstanding = 64;
    private static readonly TimeSpan Warmup = TimeSpan.FromSeconds(12);     // until servers and client are compiled; with one request at a time that would take minutes

    public static async Task<LawResult> RunAsync(LawOrder order, CancellationToken cancellation)
    {
        var site = Site.In(order.Network, order.Replicas, order.DataFolder);
        using var system = new ActorsCluster(site, order.IsChain, reads: "lease");
        await system.StartAsync(cancellation);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(system.UrlOf((await system.WholeAsync(cancellation)).Leader)) };
        await using var client = new ActorsLoadClient((await system.TargetsAsync(Operation.Write, cancellation))[0].Endpoints, ValueBytes);
        var kinds = new Dictionary<string, Func<int, Task>>
        {
            [Write] = client.WriteAsync,
            [BarrierRead] = key => client.ReadAsync(key, ReadMode.Barrier),
            [LeaseRead] = key => client.ReadAsync(key, ReadMode.Linearizable),
            [Write + OverHttp] = key => PutAsync(http, key, cancellation),
            [BarrierRead + OverHttp] = key => GetAsync(http, key, "?read=barrier", cancellation),
            [LeaseRead + OverHttp] = key => GetAsync(http, key, "", cancellation),
        };
        var result = new Dictionary<string, IReadOnlyList<double>>();
        await WarmUpAsync([.. kinds.Values]);
        foreach (var (kind, run) in kinds)
        {
            result.Add(kind, await TimeAsync(run, order.Operations));
            Report.Progress($"{system.Name}, {order.Replicas} replicas: {kind} {Statistics.Median(result[kind]):f1} ms");
        }

        return new LawResult(system.Version, result);
    }

    private static async Task PutAsync(HttpClient http, int key, CancellationToken cancellation)
    {
        using var answer = await http.PutAsync(PathOf(key), new ByteArrayContent(LoadClients.Value(ValueBytes)), cancellation);
        answer.EnsureSuccessStatusCode();
    }

    private static async Task GetAsync(HttpClient http, int key, string query, CancellationToken cancellation)
    {
        var value = await http.GetByteArrayAsync(PathOf(key) + query, cancellation);
        if (value.Length != ValueBytes)
            throw new BenchmarkException($"{LoadClients.Key(key)} has {value.Length} bytes, {ValueBytes} were written");
    }

    private static string PathOf(int key) => $"/v1/groups/default/keys/{LoadClients.Key(key)}";

    private static async Task WarmUpAsync(IReadOnlyList<Func<int, Task>> kinds)
    {
        await Parallel.ForAsync(0, LoadClients.Keys, new ParallelOptions { MaxDegreeOfParallelism = WarmupOutstanding }, async (key, _) => await kinds[0](key));     // what is read must be there
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, WarmupOutstanding).Select(async i =>
        {
            for (var run = i; clock.Elapsed < Warmup; run++)
                await kinds[run % kinds.Count](run % LoadClients.Keys);
        }));
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
