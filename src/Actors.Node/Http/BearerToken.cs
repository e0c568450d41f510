using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary>Asks each request for the token; the health checks, which say no more than yes or why not, are for whoever supervises the node.</summary>
internal sealed class BearerToken(string token)
{
    private const string Scheme = "Bearer ";
    private readonly byte[] _hash = HashOf(token);

    /// <summary>Middleware that refuses requests without the token.</summary>
    /// <exception cref="ProblemException">There is none, or another one.</exception>
    public Task RequireAsync(HttpContext context, RequestDelegate next)
    {
        var given = context.Request.Headers.Authorization.ToString();
        if (context.Request.Path.StartsWithSegments("/healthz") || (given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && IsToken(given[Scheme.Length..].Trim())))
            return next(context);
        context.Response.Headers.WWWAuthenticate = "Bearer";
        throw new ProblemException(new Problem(401, "no-token", given.Length == 0 ? "this node asks for its token: send 'Authorization: Bearer TOKEN'" : "the token is not this node's") { Parameter = "Authorization" });
    }

    // By their hashes, so that the time tells nothing of how much of it was right.
    private bool IsToken(string text) => CryptographicOperations.FixedTimeEquals(HashOf(text), _hash);

    private static byte[] HashOf(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
