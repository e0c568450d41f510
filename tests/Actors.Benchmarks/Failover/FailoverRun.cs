using Actors.Benchmarks.Systems;
using Actors.Networks;

namespace Actors.Benchmarks.Failover;

/// <summary><c>failover</c>: how long until a write is acknowledged again after the leader, or a link of a chain, was killed or cut off.</summary>
internal static class FailoverRun
{
    public sealed record Options(IReadOnlyList<string> Systems, IReadOnlyList<Fault> Faults, int Times);

    private sealed record Series(string System, Fault Fault, double P50Ms, double P95Ms, double MaxMs, IReadOnlyList<double> Milliseconds);

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        var cases = options.Systems.SelectMany(system => VictimsOf(system, report).Select(victim => (System: system, Victim: victim.Name))).ToList();
        using var network = options.Faults.Contains(Fault.Cut) ? MakeNetwork() : null;
        var series = new List<Series>();
        foreach (var fault in options.Faults)
        {
            foreach (var (system, victim) in cases)
            {
                var its = fault == Fault.Cut ? network : null;
                var order = new FaultOrder(system, victim, fault, options.Times, report.DataFolder, its);
                var result = await ChildProgram.RunAsync<FaultOrder, FaultResult>(its is null ? Machine.Loopback : Machine.HubOf(its), FaultInjector.Command, order, cancellation);
                report.Measured(result.Version);
                series.Add(Summary($"{system} {victim}", fault, result.Milliseconds));
            }
        }

        Report.Table(
            "From the fault to the next acknowledged write (ms)",
            ["fault", "system", "times", "p50", "p95", "max", "p50 ÷ " + cases[0].System],
            series.Select(s => new[]
            {
                s.Fault.ToString(), s.System, $"{s.Milliseconds.Count}", $"{s.P50Ms:f0}", $"{s.P95Ms:f0}", $"{s.MaxMs:f0}",
                $"{s.P50Ms / series.First(first => first.Fault == s.Fault).P50Ms:f2}",
            }));
        report.Close(series);
    }

    private static IReadOnlyList<Victim> VictimsOf(string system, Report report)
    {
        using var one = SystemCatalog.Create<IElectsLeader>(system, Site.Loopback(report.DataFolder));
        return one.Victims;
    }

    private static Network MakeNetwork() => Environment.IsPrivilegedProcess
        ? Network.Create($"actors-bench-{Environment.ProcessId}", Site.Servers)
        : throw new BenchmarkException("cutting a node off takes network namespaces, which only root may make: run as root, or with --faults kill");

    private static Series Summary(string system, Fault fault, IReadOnlyList<double> milliseconds) =>
        new(system, fault, Statistics.Percentile(milliseconds, 50), Statistics.Percentile(milliseconds, 95), milliseconds.Max(), milliseconds);
}
