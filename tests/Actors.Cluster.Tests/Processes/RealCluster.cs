using System.Diagnostics;
using System.Globalization;

namespace Actors.Cluster.Tests;

/// <summary>Processes of the built node program on ports of their own, with an example configuration, data in a temporary folder: three as primary and backups, or a chain.</summary>
/// <remarks>Started node by node, each with <c>actors node --config</c>. Whatever happens, no process and no folder is left behind.</remarks>
internal sealed class RealCluster : IDisposable
{
    /// <summary>As in config/primary-backup.conf, which the nodes include.</summary>
    public static readonly TimeSpan ElectionTimeout = TimeSpan.FromMilliseconds(300);

    /// <summary>As in config/primary-backup.conf, which the nodes include.</summary>
    public static readonly TimeSpan KickAfter = TimeSpan.FromSeconds(1);

    private const int Replicas = 3;
    private const int LogLines = 60;
    private const int RemotingPort = 4051;
    private const int HttpPort = 8081;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly string _folder = Directory.CreateTempSubdirectory("actors-cluster-").FullName;

    private readonly int _port;

    private RealCluster(Network? network, string settings, string? certs, int links, int spares)
    {
        var count = (links > 0 ? links : Replicas) + spares;
        Outside = spares;
        var port = network is null ? Ports.FreeInARow(2 * count) : 0;
        _port = port;
        var addresses = Enumerable.Range(1, count)
            .Select(n => network is null
                ? (Remoting: $"127.0.0.1:{Text(port + n - 1)}", Host: "127.0.0.1", Http: port + count + n - 1)
                : (Remoting: $"{Network.Address(n)}:{Text(RemotingPort)}", Host: Network.Address(n), Http: HttpPort))
            .ToArray();
        var nodes = string.Join('\n', addresses.Select((address, i) => $"actors.nodes.n{i + 1} = \"{address.Remoting}\""));
        Nodes = [.. addresses.Select((address, i) =>
        {
            var name = $"n{i + 1}";
            var config = Path.Combine(_folder, name + ".conf");
            File.WriteAllText(config, $"""
                include "{(links > 0 ? NodeProgram.ChainConfig : NodeProgram.ExampleConfig)}"
                {nodes}
                actors.node = {name}
                actors.data-directory = "{Path.Combine(_folder, name)}"
                actors.http.host = "{address.Host}"
                actors.http.port = {Text(address.Http)}
                {(network is null ? "" : "actors.insecure = on")}
                {(certs is null ? "" : $"actors.tls.folder = \"{certs}\"")}
                {(spares == 0 ? "" : $"actors.groups.default.members = [{string.Join(", ", Enumerable.Range(1, count - spares).Select(n => $"n{n}"))}]")}
                {settings}
                """);
            return new RealNode(name, config, $"{(certs is null ? "http" : "https")}://{address.Host}:{Text(address.Http)}", _folder, network?.Namespace(i + 1), certs);
        })];
    }

    public IReadOnlyList<RealNode> Nodes { get; }

    /// <summary>How many of them do not belong to the group, as far as the test has not changed that: at first the last ones.</summary>
    public int Outside { get; set; }

    /// <summary>The port of a node's Akka.Remote, by its place in <see cref="Nodes"/>; without a network of their own.</summary>
    public int RemotingPortOf(int node) => _port + node;

    public RealNode this[string name] => Nodes.Single(node => node.Name == name);

    /// <summary>A further node under the name of <paramref name="node"/>, with data and ports of its own: to the others that name has the address that it had.</summary>
    public RealNode SecondOf(RealNode node)
    {
        var (config, port) = (Path.Combine(_folder, $"second-{node}.conf"), Ports.FreeInARow(2));
        File.WriteAllText(config, $"""
            include "{node.ConfigFile}"
            actors.nodes.{node} = "127.0.0.1:{Text(port)}"
            actors.data-directory = "{Path.Combine(_folder, $"second-{node}")}"
            actors.http.port = {Text(port + 1)}
            """);
        return new RealNode($"second-{node}", config, $"http://127.0.0.1:{Text(port + 1)}", _folder, networkNamespace: null);
    }

    /// <summary>A running cluster of which every node has been taken into the view.</summary>
    /// <param name="output">Has the nodes' logs when it does not start.</param>
    /// <param name="network">Where the nodes run; null for the machine's own network.</param>
    /// <param name="settings">What its configuration has beside the example's.</param>
    /// <param name="certs">The folder with its certificates; null for none.</param>
    /// <param name="links">The length of the chain, at most 5 with the spares; 0 for the example of primary-backup.</param>
    /// <param name="spares">Nodes that do not found the group.</param>
    public static async Task<RealCluster> StartAsync(ITestOutputHelper? output = null, Network? network = null, string settings = "", string? certs = null, int links = 0, int spares = 0)
    {
        var cluster = new RealCluster(network, settings, certs, links, spares);
        try
        {
            cluster.StartAll();
            await cluster.WholeAsync();
            return cluster;
        }
        catch
        {
            cluster.PrintLogs(output);
            cluster.Dispose();
            throw;
        }
    }

    /// <summary>Runs <paramref name="test"/> on a cluster of its own; prints the nodes' logs when it fails.</summary>
    public static async Task WithAsync(ITestOutputHelper output, Func<RealCluster, Task> test, Network? network = null, string settings = "", string? certs = null, int links = 0, int spares = 0)
    {
        using var cluster = await StartAsync(output, network, settings, certs, links, spares);
        await cluster.PrintingLogsAsync(output, () => test(cluster));
    }

    /// <summary>Runs <paramref name="test"/>; prints the nodes' logs when it fails.</summary>
    public async Task PrintingLogsAsync(ITestOutputHelper output, Func<Task> test)
    {
        try
        {
            await test();
        }
        catch
        {
            PrintLogs(output);
            throw;
        }
    }

    public void StartAll()
    {
        foreach (var node in Nodes)
            node.Start();
    }

    /// <summary>Waits until every node is reached and is in the view, if it belongs to the group, and returns the primary.</summary>
    public async Task<RealNode> WholeAsync() => await UntilAsync("all are members, one of them primary or head", async () =>
    {
        foreach (var node in Nodes)
        {
            if (await node.Http.StatusAsync() is not { } status || !IsWhole(status))
                return null;
        }

        return await PrimaryOrNoneAsync(Nodes);
    });

    /// <summary>Waits until one of <paramref name="among"/> is the primary by what these nodes say.</summary>
    public static Task<RealNode> PrimaryAsync(IReadOnlyList<RealNode> among) => UntilAsync("a primary", () => PrimaryOrNoneAsync(among));

    /// <summary>Asks until there is an answer.</summary>
    public static async Task<T> UntilAsync<T>(string what, Func<Task<T?>> ask)
        where T : class
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Limit; await Task.Delay(Pause))
        {
            if (await ask() is { } answer)
                return answer;
        }

        throw new TimeoutException($"not within {Limit.TotalSeconds} s: {what}");
    }

    public void Dispose()
    {
        foreach (var node in Nodes)
            node.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<RealNode?> PrimaryOrNoneAsync(IReadOnlyList<RealNode> among)
    {
        var status = await among[0].Http.StatusAsync();
        var name = status?.Default.Primary;
        return among.FirstOrDefault(node => node.Name == name);
    }

    private bool IsWhole(ClusterStatus status) =>
        status.Nodes.All(node => node.Reachable) && status.Default.IsWhole(status.Nodes.Count - Outside);

    private void PrintLogs(ITestOutputHelper? output)
    {
        foreach (var node in Nodes)
        {
            var lines = node.Log.Split('\n');
            var text = $"---- {node} ({(node.IsRunning ? "running" : "not running")}), the last of {lines.Length} lines ----\n{string.Join('\n', lines.TakeLast(LogLines))}";
            if (output is not null)
                output.WriteLine(text);
            else
                Console.Error.WriteLine(text);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
