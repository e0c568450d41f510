using System.Globalization;
using System.Net;

namespace Actors.Hosting;

/// <summary>A host and a TCP port, such as <c>127.0.0.1:4051</c>.</summary>
/// <param name="Host">An IP address or a host name.</param>
/// <param name="Port">1 to 65,535.</param>
public readonly record struct NodeAddress(string Host, int Port)
{
    /// <summary>True for addresses that only this machine can reach.</summary>
    public bool IsLoopback => Host == "localhost" || (IPAddress.TryParse(Host, out var ip) && IPAddress.IsLoopback(ip));

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
