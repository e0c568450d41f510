using Actors.Benchmarks.Load;
using Actors.Benchmarks.Systems;

namespace Actors.Benchmarks;

/// <summary><c>writes</c> and <c>reads</c>: throughput, latency and server CPU of several systems with the same number of requests in flight.</summary>
internal static class ThroughputRun
{
    public sealed record Options(
        Operation Operation, IReadOnlyList<string> Systems, IReadOnlyList<int> Outstanding, int Rounds, int Seconds, int WarmupSeconds, int ValueBytes);

    private sealed record Sample(int Round, string Target, string Meaning, int Outstanding, DriveResult Result);

    /// <summary>The rounds of one target with one number of requests in flight.</summary>
    private sealed record Row(string Target, int Outstanding, IReadOnlyList<DriveResult> Rounds)
    {
        public double PerSecond => Median(r => r.PerSecond);

        public double P50Ms => Median(r => r.P50Ms);

        public double P99Ms => Median(r => r.P99Ms);

        public double ServerMicros => Median(r => r.ServerMicrosPerOperation);

        public double ClientMicros => Median(r => r.ClientMicrosPerOperation);

        private double Median(Func<DriveResult, double> value) => Statistics.Median(Rounds.Select(value));
    }

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        SystemCatalog.Check<ILoadable>(options.Systems, Site.Loopback(report.DataFolder));
        var samples = new List<Sample>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var name in options.Systems)
            {
                // One system at a time exists at all, new in each round: none disturbs another, and a noisy minute hits all alike.
                using var system = SystemCatalog.Create<ILoadable>(name, Site.Loopback(report.DataFolder));
                report.Measured(system.Version);
                await system.StartAsync(cancellation);
                await MeasureAsync(system, round, options, samples, cancellation);
            }
        }

        Print([.. samples.GroupBy(s => (s.Outstanding, s.Target)).OrderBy(g => g.Key.Outstanding)
            .Select(g => new Row(g.Key.Target, g.Key.Outstanding, [.. g.Select(s => s.Result)]))], options);
        Console.WriteLine();
        foreach (var (target, meaning) in samples.Select(s => (s.Target, s.Meaning)).Distinct())
            Console.WriteLine($"{target}: {meaning}");
        var noise = samples.Select(s => s.Result.OtherPercentOfMachine).ToArray();
        Console.WriteLine($"CPU taken by other programs meanwhile: median {Statistics.Median(noise):f0} %, at most {noise.Max():f0} % of the machine");
        report.Close(samples);
    }

    private static async Task MeasureAsync(ILoadable system, int round, Options options, List<Sample> samples, CancellationToken cancellation)
    {
        foreach (var target in await system.TargetsAsync(options.Operation, cancellation))
        {
            foreach (var outstanding in options.Outstanding)
            {
                var order = new DriveOrder(
                    target, options.Operation, outstanding, options.WarmupSeconds, options.Seconds, options.ValueBytes, [.. system.Servers.Select(s => s.Pid)]);
                var result = await ChildProgram.RunAsync<DriveOrder, DriveResult>(Machine.Loopback, Driver.Command, order, cancellation);
                if (result.Errors > 0)
                    throw new BenchmarkException($"{target.Name}: {result.Errors} of {result.Errors + result.Operations} requests failed, the first with: {result.FirstError}");
                Report.Progress($"round {round}/{options.Rounds} {target.Name} {outstanding} outstanding: {result.PerSecond:n0}/s");
                samples.Add(new Sample(round, target.Name, target.Meaning, outstanding, result));
            }
        }
    }

    private static void Print(IReadOnlyList<Row> rows, Options options)
    {
        var operation = options.Operation == Operation.Write ? "write" : "read";
        Report.Table(
            $"{options.Operation}s of {options.ValueBytes} bytes: medians of {options.Rounds} rounds of {options.Seconds} s",
            ["outstanding", "system", $"{operation}s/s", "min to max", "p50 ms", "p99 ms", $"server CPU µs/{operation}", $"client CPU µs/{operation}"],
            rows.Select(r => new[]
            {
                $"{r.Outstanding}", r.Target, $"{r.PerSecond:n0}", $"{r.Rounds.Min(x => x.PerSecond):n0} to {r.Rounds.Max(x => x.PerSecond):n0}",
                $"{r.P50Ms:f2}", $"{r.P99Ms:f2}", $"{r.ServerMicros:f1}", $"{r.ClientMicros:f1}",
            }));

        var ours = rows[0].Target;
        var pairs = from row in rows
                    where row.Target == ours
                    from peer in rows
                    where peer.Target != ours && peer.Outstanding == row.Outstanding
                    select (row, peer);
        if (pairs.Any())
        {
            Report.Table(
                "Ratios of these medians",
                ["outstanding", "pair", $"{operation}s/s", "p50", "p99", "server CPU"],
                pairs.Select(p => new[]
                {
                    $"{p.row.Outstanding}", $"{ours} ÷ {p.peer.Target}", $"{p.row.PerSecond / p.peer.PerSecond:f2}", $"{p.row.P50Ms / p.peer.P50Ms:f2}",
                    $"{p.row.P99Ms / p.peer.P99Ms:f2}", $"{p.row.ServerMicros / p.peer.ServerMicros:f2}",
                }));
        }
    }
}
