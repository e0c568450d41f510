using Akka.Actor;
using Akka.Configuration;

namespace Actors.Hosting;

/// <summary>Where this node's Akka.Remote may listen: on its own address in <c>actors.nodes</c> and nowhere else, and beyond loopback only by an explicit setting.</summary>
internal static class Listening
{
    private const string Tcp = "akka.remote.dot-netty.tcp";
    private static readonly string[] HostNames = ["hostname", "bind-hostname"];

    /// <summary>Refuses an address that others could reach, unless <paramref name="isAllowed"/>: by TLS, or by the setting that does without.</summary>
    /// <param name="setting">As it stands in HOCON.</param>
    /// <param name="value">What it is set to.</param>
    /// <param name="host">The host in it.</param>
    /// <param name="isAllowed">True when it may be any address.</param>
    /// <exception cref="ConfigurationException">It is refused.</exception>
    public static void RequireAllowed(string setting, string value, string host, bool isAllowed)
    {
        if (!isAllowed && !new NodeAddress(host, 1).IsLoopback)
        {
            throw new ConfigurationException($"{setting} = {value} is refused: beyond loopback (127.0.0.1) nodes need TLS and a token (actors.tls.folder, which 'actors certs new' makes), "
                + "or actors.insecure = on in a network that nobody else can reach");
        }
    }

    /// <summary>Refuses a host name in <paramref name="config"/> that others could reach; a missing one is left to <see cref="RequireListening"/>.</summary>
    /// <exception cref="ConfigurationException">It is not a loopback address.</exception>
    public static void RequireHostName(Config config, bool isAllowed)
    {
        foreach (var name in HostNames)
        {
            if (!config.IsEmpty && config.GetString($"{Tcp}.{name}") is { Length: > 0 } host)
                RequireAllowed($"{Tcp}.{name}", host, host, isAllowed);
        }
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
        RequireHostName(system.Settings.Config, settings.MayBeReached);
        if (settings.Tls is not null && !system.Settings.Config.GetBoolean($"{Tcp}.enable-ssl"))
            throw new ConfigurationException($"actors.tls is set, but {Tcp}.enable-ssl is off: leave it away");
        var actual = new NodeAddress(address.Host, port);
        if (actual != settings.Address)
            throw new ConfigurationException($"actors.nodes.{settings.Node} = {settings.Address}, but this system listens on {actual}: give Akka.Remote the same address");
    }
}
