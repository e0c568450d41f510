using Actors.Benchmarks.Systems;

namespace Actors.Benchmarks.Failover;

/// <summary><c>failover</c>: how long until a write is acknowledged again after the leader was killed or cut off.</summary>
internal static class FailoverRun
{
    public sealed record Options(IReadOnlyList<string> Systems, IReadOnlyList<Fault> Faults, int Times);

    private sealed record Series(string System, Fault Fault, double P50Ms, double P95Ms, double MaxMs, IReadOnlyList<double> Milliseconds);

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        SystemCatalog.Check<IElectsLeader>(options.Systems, Site.Loopback(report.DataFolder));
        var network = new NamespaceNetwork($"actors-bench-{Environment.ProcessId}");
        var cuts = options.Faults.Contains(Fault.Cut);
        var series = new List<Series>();
        try
        {
            if (cuts)
                network.Create();
            foreach (var fault in options.Faults)
            {
                foreach (var system in options.Systems)
                {
                    var order = new FaultOrder(system, fault, options.Times, report.DataFolder, fault == Fault.Cut ? network : null);
                    var place = fault == Fault.Cut ? network.Hub : Machine.Loopback;
                    var result = await ChildProgram.RunAsync<FaultOrder, FaultResult>(place, FaultInjector.Command, order, cancellation);
                    report.Measured(result.Version);
                    series.Add(Summary(system, fault, result.Milliseconds));
                }
            }
        }
        finally
        {
            if (cuts)
                network.Remove();
        }

        Report.Table(
            "From the fault to the next acknowledged write (ms)",
            ["fault", "system", "times", "p50", "p95", "max", "p50 ÷ " + options.Systems[0]],
            series.Select(s => new[]
            {
                s.Fault.ToString(), s.System, $"{s.Milliseconds.Count}", $"{s.P50Ms:f0}", $"{s.P95Ms:f0}", $"{s.MaxMs:f0}",
                $"{s.P50Ms / series.First(first => first.Fault == s.Fault).P50Ms:f2}",
            }));
        report.Close(series);
    }

    private static Series Summary(string system, Fault fault, IReadOnlyList<double> milliseconds) =>
        new(system, fault, Statistics.Percentile(milliseconds, 50), Statistics.Percentile(milliseconds, 95), milliseconds.Max(), milliseconds);
}
