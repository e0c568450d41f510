using System.Net;
using System.Net.Sockets;
using Actors.Networks;

namespace Actors.Benchmarks.Systems;

/// <summary>Where the servers of a system run and keep their data.</summary>
/// <param name="DataFolder">Exists; each server gets a folder of its own in it.</param>
/// <param name="Machines">One per server.</param>
internal sealed record Site(string DataFolder, IReadOnlyList<Machine> Machines)
{
    /// <summary>As many as are compared with other systems.</summary>
    public const int Servers = 3;

    /// <summary>Servers on the loopback interface.</summary>
    public static Site Loopback(string dataFolder, int servers = Servers) => new(dataFolder, [.. Enumerable.Repeat(Machine.Loopback, servers)]);

    /// <summary>Servers on the first <paramref name="servers"/> nodes of a network.</summary>
    public static Site In(Network network, int servers, string dataFolder) => new(dataFolder, [.. Enumerable.Range(1, servers).Select(n => Machine.In(network, n))]);

    /// <summary>A new folder for the data of one system.</summary>
    public string NewFolder(string system)
    {
        var folder = Path.Combine(DataFolder, $"{system}-{Guid.NewGuid():n}");
        Directory.CreateDirectory(folder);
        return folder;
    }

    /// <summary>TCP ports that nobody listens on at present, all different.</summary>
    public static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        foreach (var listener in listeners)
            listener.Start();
        var ports = listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port).ToArray();
        foreach (var listener in listeners)
            listener.Dispose();
        return ports;
    }
}

/// <summary>A place for one server: the loopback interface, or a network namespace with an address of its own.</summary>
/// <param name="Address">The address the server listens on.</param>
/// <param name="Namespace">The network namespace it runs in; null for the caller's own.</param>
internal sealed record Machine(string Address, string? Namespace)
{
    /// <summary>This machine's loopback interface.</summary>
    public static readonly Machine Loopback = new("127.0.0.1", null);

    /// <summary>A node of a network, by its number from 1.</summary>
    public static Machine In(Network network, int node) => new(Network.Address(node), network.Namespace(node));

    /// <summary>The hub of a network, which reaches every node.</summary>
    public static Machine HubOf(Network network) => new(Network.HubAddress, network.Hub);

    /// <summary>The command line that runs <paramref name="command"/> there; the process id is that of the command itself.</summary>
    public string[] CommandLine(params string[] command) =>
        Namespace is null ? command : ["ip", "netns", "exec", Namespace, .. command];
}
