using Akka.Actor;
using Akka.Configuration;

namespace Actors.Hosting;

/// <summary>Where this node's Akka.Remote may listen: for now on its own address in <c>actors.nodes</c>, which is a loopback address, and nowhere else.</summary>
internal static class Loopback
{
    private const string HostName = "akka.remote.dot-netty.tcp.hostname";

    public static ConfigurationException Refusal(string setting, string value) =>
        new($"{setting} = {value} is refused: nodes listen on loopback addresses only (127.0.0.1) for now, as connections are neither encrypted nor authenticated yet");

    /// <summary>Refuses a host name in <paramref name="config"/> that others could reach; a missing one is left to <see cref="RequireListening"/>.</summary>
    /// <exception cref="ConfigurationException">It is not a loopback address.</exception>
    public static void RequireHostName(Config config)
    {
        if (config.IsEmpty || config.GetString(HostName) is not { Length: > 0 } host)
            return;
        if (!new NodeAddress(host, 1).IsLoopback)
            throw Refusal(HostName, host);
    }

    /// <summary>Fails while nothing has been started yet, when another process has the node's port: Akka.Remote would say so in a page of stack traces.</summary>
    /// <exception cref="ConfigurationException">The port is in use, or the address is not of this machine.</exception>
    public static void RequireFree(NodeSettings settings)
    {
        if (!settings.Address.CanListen(out var error))
            throw new ConfigurationException($"actors.nodes.{settings.Node} = {settings.Address}: cannot listen there: {error}");
    }

    /// <exception cref="ConfigurationException">The system has no remoting, or listens elsewhere than on its node's address.</exception>
    public static void RequireListening(ExtendedActorSystem system, NodeSettings settings)
    {
        var address = system.Provider.DefaultAddress;
        if (address.Port is not { } port)
            throw new ConfigurationException($"replication needs Akka.Remote: call WithRemoting(\"{settings.Address.Host}\", {settings.Address.Port})");
        RequireHostName(system.Settings.Config);
        var actual = new NodeAddress(address.Host, port);
        if (actual != settings.Address)
            throw new ConfigurationException($"actors.nodes.{settings.Node} = {settings.Address}, but this system listens on {actual}: give Akka.Remote the same address");
    }
}
