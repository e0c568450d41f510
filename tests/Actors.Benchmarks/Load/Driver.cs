using System.Diagnostics;
using System.Text.Json.Serialization;
using HdrHistogram;

namespace Actors.Benchmarks.Load;

/// <summary>One measurement: keep so many requests in flight for so long.</summary>
/// <param name="Target">Whom to load.</param>
/// <param name="Operation">With what.</param>
/// <param name="Outstanding">Requests in flight at any time; at least 1.</param>
/// <param name="WarmupSeconds">Not measured; with at least 64 requests in flight, so that both sides are compiled and connected.</param>
/// <param name="Seconds">Measured.</param>
/// <param name="ValueBytes">The length of the value.</param>
/// <param name="ServerPids">The processes whose CPU time is counted.</param>
internal sealed record DriveOrder(
    LoadTarget Target, Operation Operation, int Outstanding, int WarmupSeconds, int Seconds, int ValueBytes, IReadOnlyList<int> ServerPids);

/// <summary>What came of a <see cref="DriveOrder"/>.</summary>
/// <param name="Operations">Requests that succeeded.</param>
/// <param name="Errors">Requests that failed.</param>
/// <param name="FirstError">The message of the first that failed; empty when none did.</param>
/// <param name="Seconds">How long it really took.</param>
/// <param name="P50Ms">Median latency in milliseconds.</param>
/// <param name="P99Ms">99th percentile of the latency in milliseconds.</param>
/// <param name="MaxMs">The longest latency in milliseconds.</param>
/// <param name="ServerCpuSeconds">CPU time of all servers, user and system.</param>
/// <param name="ClientCpuSeconds">CPU time of the load generator.</param>
/// <param name="OtherCpuSeconds">CPU time of everything else on the machine: the noise under which this was measured.</param>
internal sealed record DriveResult(
    long Operations, long Errors, string FirstError, double Seconds, double P50Ms, double P99Ms, double MaxMs,
    double ServerCpuSeconds, double ClientCpuSeconds, double OtherCpuSeconds)
{
    public double PerSecond => Operations / Seconds;

    [JsonIgnore] // not a number when every request failed
    public double ServerMicrosPerOperation => ServerCpuSeconds * 1e6 / Operations;

    [JsonIgnore]
    public double ClientMicrosPerOperation => ClientCpuSeconds * 1e6 / Operations;

    public double OtherPercentOfMachine => OtherCpuSeconds * 100 / (Seconds * Environment.ProcessorCount);
}

/// <summary>The load generator: N loops, each with one request in flight (a closed loop). Runs in a process of its own.</summary>
internal sealed class Driver(ILoadClient client, DriveOrder order, CancellationToken cancellation)
{
    /// <summary>The hidden command that runs it.</summary>
    public const string Command = "drive";

    private const int WarmupOutstanding = 64;
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromMilliseconds(10);

    public static async Task<DriveResult> RunAsync(DriveOrder order, CancellationToken cancellation)
    {
        await using var client = await LoadClients.ConnectAsync(order.Target, order.ValueBytes);
        return await new Driver(client, order, cancellation).RunAsync();
    }

    private async Task<DriveResult> RunAsync()
    {
        if (order.Operation == Operation.Read)
            await Parallel.ForAsync(0, LoadClients.Keys, new ParallelOptions { MaxDegreeOfParallelism = WarmupOutstanding }, async (key, _) => await client.WriteAsync(key));
        await LoopsAsync(Math.Max(WarmupOutstanding, order.Outstanding), order.WarmupSeconds, new Tally());

        var tally = new Tally();
        var clock = Stopwatch.StartNew();
        var before = CpuTimes();
        await LoopsAsync(order.Outstanding, order.Seconds, tally);
        var seconds = clock.Elapsed.TotalSeconds;
        var after = CpuTimes();
        var (servers, self) = (after.Servers - before.Servers, after.Self - before.Self);
        return tally.Result(seconds, servers, self, Math.Max(0, after.Machine - before.Machine - servers - self));
    }

    private Task LoopsAsync(int outstanding, int seconds, Tally tally)
    {
        var end = Stopwatch.GetTimestamp() + seconds * Stopwatch.Frequency;
        return Task.WhenAll(Enumerable.Range(0, outstanding).Select(_ => Task.Run(() => LoopAsync(end, tally))));
    }

    private async Task LoopAsync(long end, Tally tally)
    {
        for (var start = Stopwatch.GetTimestamp(); start < end; start = Stopwatch.GetTimestamp())
        {
            cancellation.ThrowIfCancellationRequested();
            var key = Random.Shared.Next(LoadClients.Keys);
            try
            {
                await (order.Operation == Operation.Write ? client.WriteAsync(key) : client.ReadAsync(key));
                tally.Add(Stopwatch.GetElapsedTime(start));
            }
            catch (Exception e)
            {
                tally.Add(e);
                await Task.Delay(PauseAfterError, cancellation);
            }
        }
    }

    private (double Servers, double Self, double Machine) CpuTimes() =>
        (order.ServerPids.Sum(ProcessCpu.Seconds), ProcessCpu.Seconds(Environment.ProcessId), ProcessCpu.MachineSeconds());

    /// <summary>Counts from many threads.</summary>
    private sealed class Tally
    {
        private const long MaxMicros = 60_000_000;
        private const int SignificantDigits = 3;
        private readonly LongConcurrentHistogram _micros = new(1, MaxMicros, SignificantDigits);
        private long _errors;
        private string? _firstError;

        public void Add(TimeSpan latency) => _micros.RecordValue(Math.Clamp((long)latency.TotalMicroseconds, 1, MaxMicros));

        public void Add(Exception error)
        {
            Interlocked.Increment(ref _errors);
            Interlocked.CompareExchange(ref _firstError, error.Message, null);
        }

        public DriveResult Result(double seconds, double serverCpu, double clientCpu, double otherCpu) => new(
            _micros.TotalCount, _errors, _firstError ?? "", seconds, PercentileMs(50), PercentileMs(99), PercentileMs(100), serverCpu, clientCpu, otherCpu);

        private double PercentileMs(double percent) => _micros.GetValueAtPercentile(percent) / 1e3;
    }
}
