using System.Globalization;
using Akka.Actor;
using Akka.Cluster;
using Akka.Configuration;

namespace Actors.Benchmarks.Systems;

/// <summary>Three nodes of Akka.Cluster with Akka's defaults and not an actor of their own: what a cluster costs by itself.</summary>
internal sealed class BareAkkaCluster : ISystemUnderTest
{
    /// <summary>The hidden command that runs one node: <c>akka-node PORT SEED-PORT</c>.</summary>
    public const string NodeCommand = "akka-node";

    private const string UpLine = "all members are up";

    public BareAkkaCluster(Site site)
    {
        var ports = Site.FreePorts(Site.Servers).Select(p => p.ToString(CultureInfo.InvariantCulture)).ToArray();
        Servers = [.. site.Machines.Select((machine, i) =>
            new ServerProcess($"akka-{i + 1}", machine.CommandLine([.. ChildProgram.CommandLine, NodeCommand, ports[i], ports[0]])))];
    }

    public string Version { get; } = $"Akka.Cluster {typeof(Cluster).Assembly.GetName().Version?.ToString(3)}";

    public IReadOnlyList<ServerProcess> Servers { get; }

    public async Task StartAsync(CancellationToken cancellation)
    {
        foreach (var server in Servers)
            server.Start();
        await Wait.ForAsync("akka: no cluster of three", Servers, () =>
            Task.FromResult(Servers.All(s => s.Tail.Contains(UpLine, StringComparison.Ordinal)) ? Servers : null), cancellation);
    }

    public void Dispose()
    {
        foreach (var server in Servers)
            server.Dispose();
    }

    /// <summary>Runs one node until cancelled.</summary>
    public static async Task RunNodeAsync(int port, int seedPort, CancellationToken cancellation)
    {
        using var system = ActorSystem.Create("bare", ConfigurationFactory.ParseString($$"""
            akka.loglevel = WARNING
            akka.actor.provider = cluster
            akka.remote.dot-netty.tcp { hostname = 127.0.0.1, port = {{port}} }
            akka.cluster.seed-nodes = ["akka.tcp://bare@127.0.0.1:{{seedPort}}"]
            """));
        var cluster = Cluster.Get(system);
        while (cluster.State.Members.Count(m => m.Status == MemberStatus.Up) < Site.Servers)
            await Task.Delay(100, cancellation);
        Console.WriteLine(UpLine);
        await Task.Delay(Timeout.Infinite, cancellation);
    }
}
