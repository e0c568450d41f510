using System.Diagnostics;
using Actors.Benchmarks.Load;
using Actors.Benchmarks.Systems;

namespace Actors.Benchmarks;

/// <summary><c>transfer</c>: a machine comes back, once with its data and once with none of it, while clients write: a backup, or the tail of a chain. Only ours is measured.</summary>
internal static class TransferRun
{
    private const int ValueBytes = 100;
    private const int BaselineSeconds = 10;
    private const int WarmupSeconds = 3;        // of each load generator: it writes, but is not compiled yet
    private const int WindowSeconds = 4;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    /// <param name="System">The name of one of ours.</param>
    /// <param name="Megabytes">The state that is transferred; 1 MB is 10^6 bytes.</param>
    /// <param name="Outstanding">Writes in flight.</param>
    public sealed record Options(string System, int Megabytes, int Outstanding);

    /// <param name="What">What went on meanwhile.</param>
    /// <param name="Seconds">How long.</param>
    /// <param name="Writes">Those acknowledged meanwhile.</param>
    /// <param name="SilenceMs">In 99 of 100 heartbeat intervals of all members nobody was silent for longer; a bound, as the histogram has it.</param>
    private sealed record Phase(string What, double Seconds, IReadOnlyList<DriveResult> Writes, double SilenceMs)
    {
        public double PerSecond => Writes.Sum(w => w.Operations) / Writes.Sum(w => w.Seconds);
    }

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        using var system = SystemCatalog.Create<ActorsCluster>(options.System, Site.Loopback(report.DataFolder));
        report.Measured(system.Version);
        await system.StartAsync(cancellation);
        await system.FillAsync(options.Megabytes, cancellation);
        var before = await system.WholeAsync(cancellation);
        var away = before.Order[^1];

        var counted = await system.SilencesAsync(cancellation);
        var alone = await WritesAsync(system, options, BaselineSeconds, cancellation);
        var silence = ActorsCluster.SilenceP99Ms(counted, await system.SilencesAsync(cancellation));
        Report.Progress($"three members: {alone.PerSecond:n0} writes/s");
        var restarted = await ComeBackAsync("restarted with its data", system, away, wipe: false, options, cancellation);
        var wiped = await ComeBackAsync("wiped: sent the whole state", system, away, wipe: true, options, cancellation);
        var after = await system.WholeAsync(cancellation);

        Phase[] phases = [new("three members", alone.Seconds, [alone], silence), restarted, wiped];
        Report.Table(
            $"{options.System}: writes of {ValueBytes} bytes, {options.Outstanding} outstanding, to a state of {options.Megabytes} MB, while one machine of three is",
            ["machine", "until it is a member", "writes/s", "÷ three members", "worst p99 ms", "max ms", "errors", "silence p99 ms"],
            phases.Select(p => new[]
            {
                p.What, p == phases[0] ? "" : $"{p.Seconds:f1} s", $"{p.PerSecond:n0}", $"{p.PerSecond / alone.PerSecond:f2}",
                $"{p.Writes.Max(w => w.P99Ms):f1}", $"{p.Writes.Max(w => w.MaxMs):f0}", $"{p.Writes.Sum(w => w.Errors)}", $"≤ {p.SilenceMs:f0}",
            }));
        Console.WriteLine();
        Console.WriteLine($"Elections during the run: {after.Epoch - before.Epoch}");
        report.Close(phases);
    }

    /// <summary>Kills a server, starts it when the others go on without it, and measures writes until it is a member again.</summary>
    private static async Task<Phase> ComeBackAsync(string what, ActorsCluster system, int server, bool wipe, Options options, CancellationToken cancellation)
    {
        system.Servers[server].Kill();
        if (wipe)
            Directory.Delete(system.DataOf(server), recursive: true);
        await WritesAsync(system, options, WindowSeconds, cancellation);     // they stop until it is left out
        var counted = await system.SilencesAsync(cancellation);
        system.Servers[server].Start();
        var member = UntilMemberAsync(system, server, cancellation);
        var writes = new List<DriveResult>();
        do
            writes.Add(await WritesAsync(system, options, WindowSeconds, cancellation));
        while (!member.IsCompleted);
        var seconds = (await member).TotalSeconds;
        Report.Progress($"{what}: a member after {seconds:f1} s");
        return new Phase(what, seconds, writes, ActorsCluster.SilenceP99Ms(counted, await system.SilencesAsync(cancellation)));
    }

    private static async Task<TimeSpan> UntilMemberAsync(ActorsCluster system, int server, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        while (!await system.IsMemberAsync(server, cancellation))
        {
            if (clock.Elapsed > Limit)
                throw new BenchmarkException($"{system.Servers[server].Name} is no member after {Limit.TotalMinutes} minutes: {system.Servers[server].Tail}");
            await Task.Delay(Pause, cancellation);
        }

        return clock.Elapsed;
    }

    private static async Task<DriveResult> WritesAsync(ActorsCluster system, Options options, int seconds, CancellationToken cancellation)
    {
        var target = (await system.TargetsAsync(Operation.Write, cancellation))[0];
        var order = new DriveOrder(target, Operation.Write, options.Outstanding, WarmupSeconds, seconds, ValueBytes, []);
        return await ChildProgram.RunAsync<DriveOrder, DriveResult>(Machine.Loopback, Driver.Command, order, cancellation);
    }
}
