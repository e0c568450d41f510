using System.Globalization;
using Actors.Benchmarks.Systems;

namespace Actors.Benchmarks.Failover;

/// <summary>A network that exists only in this kernel: a namespace for each node, and one (the hub) with the bridge that joins them and the client.</summary>
/// <remarks>Needs root. Nothing of it is visible in the machine's own network; every command goes through ip(8).</remarks>
/// <param name="Prefix">Begins the names of its namespaces.</param>
internal sealed record NamespaceNetwork(string Prefix)
{
    private const string Bridge = "br0";
    private const string NodeLink = "eth0";
    private const int HubHost = 254;

    /// <summary>The nodes' places.</summary>
    public IReadOnlyList<Machine> Nodes => [.. Enumerable.Range(1, Site.Servers).Select(n => new Machine(Address(n), Namespace(n)))];

    /// <summary>The place of the client, which reaches every node.</summary>
    public Machine Hub => new(Address(HubHost), $"{Prefix}-hub");

    /// <exception cref="BenchmarkException">The caller is not root, or ip(8) fails; what was made until then is still there.</exception>
    public void Create()
    {
        if (!Environment.IsPrivilegedProcess)
            throw new BenchmarkException("cutting a node off takes network namespaces, which only root may make: run as root, or with --faults kill");
        var hub = Hub.Namespace!;
        Ip($"netns add {hub}");
        Ip($"-n {hub} link set lo up");
        Ip($"-n {hub} link add {Bridge} type bridge");
        Ip($"-n {hub} addr add {Hub.Address}/24 dev {Bridge}");
        Ip($"-n {hub} link set {Bridge} up");
        for (var n = 1; n <= Site.Servers; n++)
        {
            var node = Namespace(n);
            Ip($"netns add {node}");
            Ip($"-n {node} link set lo up");
            Ip($"-n {node} link add {NodeLink} type veth peer name {HubLink(n)} netns {hub}");
            Ip($"-n {node} addr add {Address(n)}/24 dev {NodeLink}");
            Ip($"-n {node} link set {NodeLink} up");
            Ip($"-n {hub} link set {HubLink(n)} master {Bridge} up");
        }
    }

    /// <summary>Takes the node of this number (from 0) off the bridge: its link stays up and its packets vanish, as when a switch fails.</summary>
    public void Cut(int server) => Ip($"-n {Hub.Namespace} link set {HubLink(server + 1)} nomaster");

    /// <summary>Undoes <see cref="Cut"/>.</summary>
    public void Heal(int server) => Ip($"-n {Hub.Namespace} link set {HubLink(server + 1)} master {Bridge}");

    /// <summary>Removes what of it exists; links and addresses go with their namespaces.</summary>
    public void Remove()
    {
        foreach (var line in Tool.Ip.Run("netns", "list").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = line.Split(' ')[0];
            if (name.StartsWith($"{Prefix}-", StringComparison.Ordinal))
                Ip($"netns del {name}");
        }
    }

    private string Namespace(int node) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}-n{node}");

    private static string Address(int host) => string.Create(CultureInfo.InvariantCulture, $"10.77.0.{host}");

    private static string HubLink(int node) => string.Create(CultureInfo.InvariantCulture, $"v{node}");

    private static void Ip(string arguments) => Tool.Ip.Run(arguments.Split(' '));
}
