using Actors.Benchmarks.Systems;
using Actors.Networks;
using ScottPlot;

namespace Actors.Benchmarks.Latency;

/// <summary><c>laws</c>: latencies of both protocols on a network of one latency, beside what their message patterns promise.</summary>
/// <remarks>
/// With L one way: primary-backup writes in 4L (client, primary, backup and back) whatever the number of replicas; a chain with N hops from head to tail in (N+2)L. A read under a
/// lease takes 2L in both; one that is confirmed as long as a write. Over HTTP the node of the primary or head is asked, which is a client of the chain.
/// </remarks>
internal static class LawsRun
{
    private const string Chain = "chain";
    private const double PointGap = 0.07;       // between points of one number of replicas

    /// <param name="Replicas">How many; each is measured.</param>
    /// <param name="OneWayMs">L, in milliseconds.</param>
    /// <param name="Operations">How many requests of each kind are timed.</param>
    /// <param name="Plot">A PNG file that takes the plot.</param>
    public sealed record Options(IReadOnlyList<int> Replicas, int OneWayMs, int Operations, string Plot);

    private sealed record Row(string System, string Kind, int Replicas, int Hops, int OneWayMs, double P50Ms, double P95Ms)
    {
        public double LawMs => Hops * OneWayMs;
    }

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        if (!Environment.IsPrivilegedProcess)
            throw new BenchmarkException("a network with a latency of its own takes network namespaces, which only root may make: run as root");
        var rows = new List<Row>();
        foreach (var isChain in (bool[])[false, true])
        {
            foreach (var replicas in options.Replicas)
            {
                using var relay = new PacketRelay(seed: 1);
                using var network = Network.Create($"actors-laws-{Environment.ProcessId}", replicas + 1, relay);
                relay.Degrade(lossPercent: 0, options.OneWayMs);
                var order = new LawOrder(isChain, replicas, options.Operations, report.DataFolder, network);
                var result = await ChildProgram.RunAsync<LawOrder, LawResult>(Machine.In(network, replicas + 1), LawProbe.Command, order, cancellation);
                report.Measured(result.Version);
                rows.AddRange(result.Milliseconds.Select(kind => new Row(
                    isChain ? Chain : "primary-backup", kind.Key, replicas, HopsOf(isChain, kind.Key, replicas), options.OneWayMs, Statistics.Median(kind.Value), Statistics.Percentile(kind.Value, 95))));
            }
        }

        Report.Table(
            $"One client, {options.Operations} requests of each kind, L = {options.OneWayMs} ms from any node to any other",
            ["system", "request", "replicas", "law", "law ms", "p50 ms", "p50 ÷ law", "p95 ms"],
            rows.Select(r => new[] { r.System, r.Kind, $"{r.Replicas}", $"{r.Hops}L", $"{r.LawMs:f0}", $"{r.P50Ms:f1}", $"{r.P50Ms / r.LawMs:f2}", $"{r.P95Ms:f1}" }));
        Draw(rows, options);
        Console.WriteLine();
        Console.WriteLine($"Drawn in {options.Plot}");
        report.Close(rows);
    }

    // N + 1 replicas have N hops between them. Over HTTP the primary or head is asked: of a chain the answer comes to the client over it.
    private static int HopsOf(bool isChain, string kind, int replicas) => (isChain, kind) switch
    {
        (false, LawProbe.LeaseRead or LawProbe.LeaseRead + LawProbe.OverHttp) => 2,
        (false, _) => 4,
        (true, LawProbe.LeaseRead) => 2,
        (true, LawProbe.LeaseRead + LawProbe.OverHttp) => 4,
        (true, LawProbe.Write + LawProbe.OverHttp or LawProbe.BarrierRead + LawProbe.OverHttp) => replicas + 2,
        (true, _) => replicas + 1,
    };

    /// <summary>Measured medians as points, the laws as lines; what goes over HTTP is in the table only, for it would hide half of them.</summary>
    private static void Draw(IReadOnlyList<Row> rows, Options options)
    {
        using var plot = new Plot();
        var drawn = rows.Where(r => !r.Kind.EndsWith(LawProbe.OverHttp, StringComparison.Ordinal)).ToList();
        var series = drawn.GroupBy(r => (r.System, r.Kind)).ToList();
        for (var i = 0; i < series.Count; i++)
        {
            var points = series[i].OrderBy(r => r.Replicas).ToList();
            var isChain = series[i].Key.System == Chain;
            var color = plot.Add.Palette.GetColor(i);
            var law = plot.Add.ScatterLine(points.ConvertAll(r => (double)r.Replicas), points.ConvertAll(r => r.LawMs), color.WithAlpha(0.5));
            law.LineWidth = 2;
            var beside = PointGap * (i - (series.Count - 1) / 2.0);     // several share a law: side by side, none hides another
            var measured = plot.Add.ScatterPoints(points.ConvertAll(r => r.Replicas + beside), points.ConvertAll(r => r.P50Ms), color);
            (measured.MarkerSize, measured.MarkerShape) = (9, isChain ? MarkerShape.FilledCircle : MarkerShape.FilledSquare);
            measured.LegendText = $"{series[i].Key.System}: {series[i].Key.Kind}";
        }

        plot.Title($"Median latency (points) and its law (lines), L = {options.OneWayMs} ms one way");
        plot.XLabel("replicas");
        plot.YLabel("ms");
        plot.Axes.SetLimitsY(0, 1.15 * drawn.Max(r => Math.Max(r.P50Ms, r.LawMs)));
        plot.Axes.Bottom.SetTicks([.. options.Replicas.Select(n => (double)n)], [.. options.Replicas.Select(n => $"{n}")]);
        plot.ShowLegend(Edge.Right);
        plot.SavePng(options.Plot, width: 1000, height: 560);
    }
}
