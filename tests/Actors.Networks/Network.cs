using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Actors.Networks;

/// <summary>A network that exists only in this kernel: a namespace for each node, joined by a bridge in a namespace of its own (the hub) or by a <see cref="PacketRelay"/>.</summary>
/// <remarks>What is cut is the link itself. Needs root and ip(8); nothing of it shows in the machine's own network. Another process may be handed the record, to cut and heal.</remarks>
/// <param name="Prefix">Begins the names of its namespaces.</param>
/// <param name="Count">How many nodes there are; their numbers begin at 1.</param>
internal sealed record Network(string Prefix, int Count) : IDisposable
{
    /// <summary>The address of the hub, for a client that reaches every node; only with a bridge.</summary>
    public static readonly string HubAddress = Address(254);

    private const string Bridge = "br0";
    private const string NodeLink = "eth0";

    /// <summary>A prefix for a process that has one network at a time.</summary>
    public static string OfThisProcess { get; } = string.Create(CultureInfo.InvariantCulture, $"actors-{Environment.ProcessId}");

    /// <summary>Makes a network.</summary>
    /// <param name="prefix">See <see cref="Prefix"/>.</param>
    /// <param name="count">See <see cref="Count"/>.</param>
    /// <param name="relay">What carries the packets in place of a bridge; such a network cannot be cut.</param>
    /// <exception cref="IOException">The caller is not root, or ip(8) fails; nothing is left behind.</exception>
    public static Network Create(string prefix, int count, PacketRelay? relay = null)
    {
        if (!Environment.IsPrivilegedProcess)
            throw new IOException("network namespaces may be made only by root");
        var network = new Network(prefix, count);
        try
        {
            network.Make(relay);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>The namespace with the bridge.</summary>
    public string Hub => $"{Prefix}-hub";

    /// <summary>The namespace of a node.</summary>
    public string Namespace(int node) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}-n{node}");

    /// <summary>The address of a node, reachable from the others.</summary>
    public static string Address(int node) => string.Create(CultureInfo.InvariantCulture, $"10.77.0.{node}");

    /// <summary>Takes a node off the bridge: its own link stays up and its packets vanish, as when a switch fails.</summary>
    public void Cut(int node) => Ip($"-n {Hub} link set {HubLink(node)} nomaster");

    /// <summary>Undoes <see cref="Cut"/>.</summary>
    public void Heal(int node) => Ip($"-n {Hub} link set {HubLink(node)} master {Bridge}");

    /// <summary>Bytes that a node has sent to others so far, with all headers.</summary>
    public long BytesSent(int node)
    {
        using var links = JsonDocument.Parse(Ip($"-n {Namespace(node)} -j -s link show {NodeLink}"));
        return links.RootElement[0].GetProperty("stats64").GetProperty("tx").GetProperty("bytes").GetInt64();
    }

    /// <summary>Removes what of it exists; links and addresses go with their namespaces.</summary>
    public void Dispose()
    {
        foreach (var line in Ip("netns list").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = line.Split(' ')[0];
            if (name.StartsWith($"{Prefix}-", StringComparison.Ordinal))
                Ip($"netns del {name}");
        }
    }

    private static string HubLink(int node) => string.Create(CultureInfo.InvariantCulture, $"v{node}");

    private void Make(PacketRelay? relay)
    {
        Ip($"netns add {Hub}");
        Ip($"-n {Hub} link set lo up");
        Ip($"-n {Hub} link add {Bridge} type bridge");
        Ip($"-n {Hub} addr add {HubAddress}/24 dev {Bridge}");
        Ip($"-n {Hub} link set {Bridge} up");
        for (var node = 1; node <= Count; node++)
        {
            var name = Namespace(node);
            Ip($"netns add {name}");
            Ip($"-n {name} link set lo up");
            if (relay is null)
            {
                Ip($"-n {name} link add {NodeLink} type veth peer name {HubLink(node)} netns {Hub}");
                Ip($"-n {Hub} link set {HubLink(node)} master {Bridge} up");
            }
            else
            {
                relay.Join(node, name, NodeLink);
            }

            Ip($"-n {name} addr add {Address(node)}/24 dev {NodeLink}");
            Ip($"-n {name} link set {NodeLink} up");
        }
    }

    private static string Ip(string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new IOException($"ip {arguments}: {error.Result.Trim()}");
    }
}
