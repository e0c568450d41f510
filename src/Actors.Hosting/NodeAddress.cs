using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Actors.Hosting;

/// <summary>A host and a TCP port, such as <c>127.0.0.1:4051</c>.</summary>
/// <param name="Host">An IP address or a host name.</param>
/// <param name="Port">1 to 65,535.</param>
public readonly record struct NodeAddress(string Host, int Port)
{
    /// <summary>True for addresses that only this machine can reach.</summary>
    public bool IsLoopback => Host == "localhost" || (IPAddress.TryParse(Host, out var ip) && IPAddress.IsLoopback(ip));

    /// <summary>True for <c>0.0.0.0</c> and <c>::</c>, where one can listen but not connect.</summary>
    internal bool IsWildcard => IPAddress.TryParse(Host, out var ip) && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any));

    /// <summary>Where to listen for this address; <c>localhost</c> is 127.0.0.1, another name is looked up.</summary>
    /// <exception cref="SocketException">The name is not known.</exception>
    public IPEndPoint EndPoint => new(
        Host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(Host, out var ip) ? ip : Dns.GetHostAddresses(Host)[0], Port);

    /// <summary>Listens there for a moment.</summary>
    /// <param name="error">Why that is not possible, such as a port that another process has; otherwise empty.</param>
    public bool CanListen(out string error)
    {
        try
        {
            using var listener = new TcpListener(EndPoint);
            listener.Start();
            error = "";
            return true;
        }
        catch (SocketException e)
        {
            error = e.Message;
            return false;
        }
    }

    /// <summary>Reads <c>host:port</c>.</summary>
    public static bool TryParse(string text, out NodeAddress address)
    {
        ArgumentNullException.ThrowIfNull(text);
        address = default;
        var colon = text.LastIndexOf(':');
        if (colon < 1 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65_535)
            return false;
        address = new NodeAddress(text[..colon], port);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");
}
