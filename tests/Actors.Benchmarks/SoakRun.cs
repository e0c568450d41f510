using Actors.Benchmarks.Load;
using Actors.Benchmarks.Systems;

namespace Actors.Benchmarks;

/// <summary><c>soak</c>: writes for minutes on end; elections there should be none, memory should stay flat and throughput too.</summary>
internal static class SoakRun
{
    private const int MinuteSeconds = 60;
    private const int ValueBytes = 100;

    public sealed record Options(string System, int Minutes, int Outstanding);

    /// <param name="Number">From 1.</param>
    /// <param name="Result">Of the minute's writes.</param>
    /// <param name="Epoch">At its end.</param>
    /// <param name="ResidentMegabytes">Of each server, at its end.</param>
    private sealed record Minute(int Number, DriveResult Result, long Epoch, IReadOnlyList<double> ResidentMegabytes);

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        using var system = SystemCatalog.Create<IElectsLeader>(options.System, Site.Loopback(report.DataFolder));
        report.Measured(system.Version);
        await system.StartAsync(cancellation);
        var firstEpoch = (await system.WholeAsync(cancellation)).Epoch;
        var minutes = new List<Minute>();
        for (var number = 1; number <= options.Minutes; number++)
        {
            var minute = await MeasureAsync(system, number, options, cancellation);
            minutes.Add(minute);
            Report.Progress($"minute {number}/{options.Minutes}: {minute.Result.PerSecond:n0} writes/s, epoch {minute.Epoch}, {minute.Result.Errors} errors");
        }

        Report.Table(
            $"{options.System}: writes of {ValueBytes} bytes, {options.Outstanding} outstanding",
            ["minute", "epoch", "writes/s", "p99 ms", "max ms", "errors", .. system.Servers.Select(s => $"{s.Name} MB")],
            minutes.Select(m => new[]
            {
                $"{m.Number}", $"{m.Epoch}", $"{m.Result.PerSecond:n0}", $"{m.Result.P99Ms:f2}", $"{m.Result.MaxMs:f0}", $"{m.Result.Errors}",
            }.Concat(m.ResidentMegabytes.Select(mb => $"{mb:f0}")).ToArray()));
        Console.WriteLine();
        Console.WriteLine($"Elections during the run: {minutes[^1].Epoch - firstEpoch}");
        Console.WriteLine($"Memory, last minute ÷ first: {minutes[^1].ResidentMegabytes.Sum() / minutes[0].ResidentMegabytes.Sum():f2}");
        report.Close(minutes);
    }

    private static async Task<Minute> MeasureAsync(IElectsLeader system, int number, Options options, CancellationToken cancellation)
    {
        var target = (await system.TargetsAsync(Operation.Write, cancellation))[0];
        var order = new DriveOrder(target, Operation.Write, options.Outstanding, WarmupSeconds: 0, MinuteSeconds, ValueBytes, [.. system.Servers.Select(s => s.Pid)]);
        var result = await ChildProgram.RunAsync<DriveOrder, DriveResult>(Machine.Loopback, Driver.Command, order, cancellation);
        var memory = system.Servers.Select(s => ProcessCpu.ResidentBytes(s.Pid) / (1024.0 * 1024)).ToArray();
        return new Minute(number, result, (await system.WholeAsync(cancellation)).Epoch, memory);
    }
}
