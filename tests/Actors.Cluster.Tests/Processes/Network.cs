
namespace Actors.Cluster.Tests;

/// <summary>A network that exists only in this kernel: a namespace for each node, joined by a bridge in a namespace of its own or by a <see cref="PacketRelay"/>.</summary>
/// <remarks>What is cut is the link itself. Needs root; nothing of it shows in the machine's own network.</remarks>
internal sealed class Network : IDisposable
{
    private readonly string _prefix = $"act{Environment.ProcessId}";
    private readonly int _nodes;

    /// <param name="nodes">How many, from 1.</param>
    /// <param name="relay">What carries the packets in place of a bridge; such a network cannot be cut.</param>
    public Network(int nodes, PacketRelay? relay = null)
    {
        _nodes = nodes;
        Ip($"netns add {Hub}");
        Ip($"-n {Hub} link add br0 type bridge");
        Ip($"-n {Hub} link set br0 up");
        for (var node = 1; node <= nodes; node++)
        {
            var name = Namespace(node);
            Ip($"netns add {name}");
            if (relay is null)
            {
                Ip($"-n {name} link add eth0 type veth peer name v{node} netns {Hub}");
                Ip($"-n {Hub} link set v{node} master br0 up");
            }
            else
                relay.Join(node, name, "eth0");
            Ip($"-n {name} link set lo up");
            Ip($"-n {name} addr add {Address(node)}/24 dev eth0");
            Ip($"-n {name} link set eth0 up");
        }
    }

    private string Hub => $"{_prefix}-hub";

    /// <summary>The namespace of a node, from 1.</summary>
    public string Namespace(int node) => $"{_prefix}-n{node}";

    /// <summary>The address of a node, reachable from the others.</summary>
    public static string Address(int node) => $"10.77.0.{node}";

    /// <summary>Takes a node off the bridge: its own link stays up and its packets vanish, as when a switch fails.</summary>
    public void Cut(int node) => Ip($"-n {Hub} link set v{node} nomaster");

    /// <summary>Undoes <see cref="Cut"/>.</summary>
    public void Heal(int node) => Ip($"-n {Hub} link set v{node} master br0");

    public void Dispose()
    {
        for (var node = 1; node <= _nodes; node++)
            Ip($"netns del {Namespace(node)}");
        Ip($"netns del {Hub}");
    }

    private static void Ip(string arguments) => SystemTool.Run(["ip", .. arguments.Split(' ')]);
}
