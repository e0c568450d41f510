using System.Diagnostics;
using Actors.Benchmarks.Systems;

namespace Actors.Benchmarks;

/// <summary><c>start</c>: a group of one holds a large state; from the start of its process to the first answered read and the first acknowledged write. Only ours is measured.</summary>
internal static class StartRun
{
    private const string DropCaches = "/proc/sys/vm/drop_caches";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false });

    /// <param name="Gigabytes">The state; 1 GB is 10^9 bytes.</param>
    /// <param name="Times">Starts after each kind of end.</param>
    public sealed record Options(int Gigabytes, int Times);

    /// <param name="After">How the process before it ended.</param>
    /// <param name="ReadSeconds">From the start to the answer of a linearizable read.</param>
    /// <param name="WriteSeconds">From the start to the acknowledgement of a write that was sent after that answer.</param>
    private sealed record Start(string After, double ReadSeconds, double WriteSeconds);

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        using var system = new ActorsCluster(Site.Loopback(report.DataFolder, servers: 1));
        report.Measured(system.Version);
        await system.StartAsync(cancellation);
        var values = await system.FillAsync(options.Gigabytes * 1000, cancellation);
        var starts = new List<Start>();
        foreach (var (after, end) in new (string, Action)[] { ("stopped (SIGTERM)", system.Servers[0].Stop), ("killed (kill -9)", system.Servers[0].Kill) })
        {
            for (var i = 0; i < options.Times; i++)
            {
                await WriteAsync(system, values, cancellation);
                end();
                ForgetFiles();
                starts.Add(await StartAsync(system, after, values, cancellation));
                Report.Progress($"{after}: first read after {starts[^1].ReadSeconds:f2} s, first write after {starts[^1].WriteSeconds:f2} s");
            }
        }

        Report.Table(
            $"From the start of a server with {options.Gigabytes} GB of state, {(Environment.IsPrivilegedProcess ? "nothing of it in the page cache" : "page cache as it was")}, {options.Times} times each",
            ["the one before was", "to the first", "median s", "max s"],
            starts.GroupBy(s => s.After).SelectMany(group => new[]
            {
                Row(group.Key, "answered read", [.. group.Select(s => s.ReadSeconds)]),
                Row(group.Key, "acknowledged write", [.. group.Select(s => s.WriteSeconds)]),
            }));
        report.Close(starts);
    }

    private static string[] Row(string after, string what, double[] seconds) => [after, what, $"{Statistics.Median(seconds):f2}", $"{seconds.Max():f2}"];

    private static async Task<Start> StartAsync(ActorsCluster system, string after, int values, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        system.Servers[0].Start();
        await UntilAnsweredAsync(system, clock, () => Http.GetAsync(UrlOf(system, Random.Shared.Next(values)), cancellation), cancellation);
        var read = clock.Elapsed;
        await WriteAsync(system, values, cancellation);
        return new Start(after, read.TotalSeconds, clock.Elapsed.TotalSeconds);
    }

    private static Task WriteAsync(ActorsCluster system, int key, CancellationToken cancellation) =>
        UntilAnsweredAsync(system, Stopwatch.StartNew(), () => Http.PutAsync(UrlOf(system, key), new ByteArrayContent([1]), cancellation), cancellation);

    private static async Task UntilAnsweredAsync(ActorsCluster system, Stopwatch clock, Func<Task<HttpResponseMessage>> ask, CancellationToken cancellation)
    {
        while (clock.Elapsed < Limit)
        {
            if (system.Servers[0].HasExited)
                throw new BenchmarkException($"{system.Servers[0].Name} exited: {system.Servers[0].Tail}");
            try
            {
                using var response = await ask();
                if (response.IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException)
            {
                // it does not listen yet
            }

            await Task.Delay(Pause, cancellation);
        }

        throw new BenchmarkException($"{system.Servers[0].Name} does not answer after {Limit.TotalMinutes} minutes: {system.Servers[0].Tail}");
    }

    private static string UrlOf(ActorsCluster system, int key) => $"{system.UrlOf(0)}/v1/groups/default/keys/{ActorsCluster.StateKey(key)}";

    /// <summary>As if the machine had been started too; without root the files stay in memory.</summary>
    private static void ForgetFiles()
    {
        if (Environment.IsPrivilegedProcess)
            File.WriteAllText(DropCaches, "3");
    }
}
