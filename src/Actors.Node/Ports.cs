using System.Net;
using System.Net.Sockets;
using Actors.Hosting;

namespace Actors.Node;

/// <summary>The TCP ports of this machine's loopback interface.</summary>
internal static class Ports
{
    /// <summary>Where to listen for <paramref name="address"/>, which is a loopback address or <c>localhost</c>.</summary>
    public static IPEndPoint EndPoint(NodeAddress address) =>
        new(address.Host == "localhost" ? IPAddress.Loopback : IPAddress.Parse(address.Host), address.Port);

    /// <summary>True when nobody listens there.</summary>
    public static bool IsFree(NodeAddress address)
    {
        using var listener = new TcpListener(EndPoint(address));
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
