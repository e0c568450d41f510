using System.Diagnostics;
using Actors.Benchmarks.Load;
using Actors.Benchmarks.Systems;
using Actors.Networks;

namespace Actors.Benchmarks.Failover;

/// <summary>What is done to a server.</summary>
internal enum Fault
{
    /// <summary>kill -9.</summary>
    Kill,

    /// <summary>Its packets vanish, in both directions.</summary>
    Cut,
}

/// <summary>A series of faults on one system.</summary>
/// <param name="System">Its name in the catalog.</param>
/// <param name="Victim">To whom, by the name of one of its <see cref="IElectsLeader.Victims"/>.</param>
/// <param name="Fault">What is done.</param>
/// <param name="Times">How often.</param>
/// <param name="DataFolder">Where the servers keep their data.</param>
/// <param name="Network">Where the servers run; null for the loopback interface. A cut needs one.</param>
internal sealed record FaultOrder(string System, string Victim, Fault Fault, int Times, string DataFolder, Network? Network);

/// <summary>What came of a <see cref="FaultOrder"/>.</summary>
/// <param name="Version">The server program and its version.</param>
/// <param name="Milliseconds">From each fault to the next acknowledged write.</param>
internal sealed record FaultResult(string Version, IReadOnlyList<double> Milliseconds);

/// <summary>Strikes a server again and again while a client writes to the other servers. Runs in a process of its own, for a cut inside the network's hub.</summary>
internal static class FaultInjector
{
    /// <summary>The hidden command that runs it.</summary>
    public const string Command = "faults";

    private const int ValueBytes = 100;
    private static readonly TimeSpan WriteBeforeFault = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static async Task<FaultResult> RunAsync(FaultOrder order, CancellationToken cancellation)
    {
        var site = order.Network is { } network ? Site.In(network, Site.Servers, order.DataFolder) : Site.Loopback(order.DataFolder);
        using var system = SystemCatalog.Create<IElectsLeader>(order.System, site);
        await system.StartAsync(cancellation);
        var struck = system.Victims.Single(victim => victim.Name == order.Victim);
        var milliseconds = new List<double>();
        for (var time = 1; time <= order.Times; time++)
        {
            var victim = struck.In(await system.WholeAsync(cancellation));
            var recovery = await StrikeAsync(system, victim, order, cancellation);
            milliseconds.Add(recovery.TotalMilliseconds);
            Report.Progress($"{order.System} {order.Victim} {order.Fault} {time}/{order.Times}: {recovery.TotalMilliseconds:f0} ms");
        }

        return new FaultResult(system.Version, milliseconds);
    }

    private static async Task<TimeSpan> StrikeAsync(IElectsLeader system, int victim, FaultOrder order, CancellationToken cancellation)
    {
        var survivors = Enumerable.Range(0, system.Servers.Count).Where(s => s != victim);
        await using var client = await LoadClients.ConnectAsync(system.TargetAt(survivors, Operation.Write), ValueBytes);
        await using var probe = new WriteProbe(client);
        await probe.AcknowledgedAfterAsync(Stopwatch.GetTimestamp()).WaitAsync(Limit, cancellation);
        // Up to a quarter more, so that faults do not keep step with heartbeats.
        await Task.Delay(WriteBeforeFault * (1 + Random.Shared.NextDouble() / 4), cancellation);

        var fault = Stopwatch.GetTimestamp();
        Strike();
        // Only writes sent when the fault was complete count: an earlier one may have been acknowledged before it.
        var acknowledged = probe.AcknowledgedAfterAsync(Stopwatch.GetTimestamp());
        try
        {
            return Stopwatch.GetElapsedTime(fault, await acknowledged.WaitAsync(Limit, cancellation));
        }
        catch (TimeoutException)
        {
            throw new BenchmarkException($"{order.System}: no write acknowledged within {Limit.TotalSeconds} s of the fault");
        }
        finally
        {
            Undo();
        }

        void Strike()
        {
            if (order.Fault == Fault.Kill)
                system.Servers[victim].Kill();
            else
                order.Network!.Cut(victim + 1);
        }

        void Undo()
        {
            if (order.Fault == Fault.Kill)
                system.Servers[victim].Start();
            else
                order.Network!.Heal(victim + 1);
        }
    }
}
