using System.Net;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary>Keeps pages of other sites, which a browser near this node may show, from using the API: by a name that resolves to its address, or by a plain form.</summary>
internal sealed class ForeignPages(NodeInfo node)
{
    private readonly Uri _own = new(node.Http);

    /// <summary>Middleware that refuses what such a page would send.</summary>
    /// <exception cref="ProblemException">It is refused.</exception>
    public Task RefuseAsync(HttpContext context, RequestDelegate next)
    {
        var host = context.Request.Host;
        if (!IsServed(host.Host))
            throw new ProblemException(new Problem(421, "foreign-host", $"this node serves {Served}, not '{host.Host}'") { Parameter = "Host" });
        var origin = context.Request.Headers.Origin.ToString();
        if (origin.Length > 0 && !(Uri.TryCreate(origin, UriKind.Absolute, out var page) && (IsLoopback(page.Host) || page.Authority == host.Value)))
            throw new ProblemException(new Problem(403, "foreign-origin", "this node answers no pages of other sites") { Parameter = "Origin" });
        return next(context);
    }

    private string Served => _own.IsLoopback ? "localhost and 127.0.0.1" : $"{_own.Host} and IP addresses";

    // A page cannot send the address itself as its host: what it was loaded from is a name.
    private bool IsServed(string host) => IsLoopback(host) || (!_own.IsLoopback && (IPAddress.TryParse(host.Trim('[', ']'), out _) || host.Equals(_own.Host, StringComparison.OrdinalIgnoreCase)));

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
