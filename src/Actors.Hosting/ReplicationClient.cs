using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Client;
using Actors.Timing;
using Akka.Actor;

namespace Actors.Hosting;

/// <summary>A client of groups whose nodes are elsewhere, for an application that replicates nothing itself.</summary>
/// <example>
/// <code>
/// using var system = ActorSystem.Create("demo", ConfigurationFactory
///     .ParseString("akka { actor.provider = remote, remote.dot-netty.tcp { hostname = 127.0.0.1, port = 0 } }")
///     .WithFallback(ActorsConfig.Default));
/// var group = ReplicationClient.Connect(system, new Dictionary&lt;string, string&gt; { ["n1"] = "127.0.0.1:4051" }, "default");
/// </code>
/// </example>
public static class ReplicationClient
{
    /// <summary>Starts a client of one group.</summary>
    /// <param name="system">Named as the cluster is, with Akka.Remote and <see cref="ActorsConfig.Default"/> among its configuration.</param>
    /// <param name="nodes">The nodes of the cluster, name to <c>host:port</c>; those that hold the group must be among them.</param>
    /// <param name="group">The group's name.</param>
    /// <param name="settings">Defaults when null.</param>
    /// <returns>Its commands and queries; watching is for the nodes of the group.</returns>
    /// <exception cref="ArgumentException">A name or an address is not valid, or a setting is out of range.</exception>
    public static IReplicatedGroup Connect(ActorSystem system, IReadOnlyDictionary<string, string> nodes, string group, ClientSettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(nodes);
        var addresses = new SortedDictionary<NodeId, NodeAddress>();
        foreach (var (name, text) in nodes)
        {
            addresses.Add(new NodeId(name), NodeAddress.TryParse(text, out var address)
                ? address
                : throw new ArgumentException($"node {name}: '{text}' is not an address; write host:port, such as 127.0.0.1:4051", nameof(nodes)));
        }

        if (addresses.Count == 0)
            throw new ArgumentException("a client needs the address of at least one node", nameof(nodes));
        var id = new GroupId(group);
        var peers = new RemotePeers((ExtendedActorSystem)system, addresses);
        var client = system.ActorOf(GroupClient.Props(id, [.. addresses.Keys], default, peers, SystemClock.Instance, (settings ?? new ClientSettings()).Validated()));
        return new GroupHandle(id, message => client.Tell(message, ActorRefs.NoSender), replica: null);
    }
}
