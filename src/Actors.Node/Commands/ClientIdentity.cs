using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Actors.Hosting;
using Akka.Configuration;

namespace Actors.Node.Commands;

/// <summary>What a client of the HTTP API of secured nodes has: the certificates that it accepts, and the token that it sends.</summary>
internal sealed class ClientIdentity
{
    public const string CertsVariable = "ACTORS_CERTS";
    public const string TokenVariable = "ACTORS_TOKEN";

    private readonly PinnedCertificates? _trusted;
    private readonly string _token;

    private ClientIdentity(PinnedCertificates? trusted, string token)
    {
        _trusted = trusted;
        _token = token;
    }

    /// <summary>Why the last certificate was refused; null while none was.</summary>
    public string? Refusal { get; private set; }

    /// <summary>The identity from a folder of <c>actors certs new</c>, which need not hold more than <c>trusted.pem</c> and <c>token</c>.</summary>
    /// <param name="folder">The folder; empty for none.</param>
    /// <param name="token">The token; empty for the one in the folder.</param>
    /// <exception cref="CommandException">The folder cannot be read.</exception>
    public static ClientIdentity Load(string folder, string token)
    {
        try
        {
            return folder.Length == 0
                ? new ClientIdentity(null, token)
                : new ClientIdentity(PinnedCertificates.Load(Path.Combine(folder, NodeIdentity.TrustedFile)), token.Length > 0 ? token : NodeIdentity.ReadToken(folder));
        }
        catch (ConfigurationException e)
        {
            throw new CommandException(ExitCode.Usage, e.Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>Connects to nodes and to nothing else: no proxy, no cookies, no redirects.</summary>
    public SocketsHttpHandler Handler() => new()
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, certificate, _, errors) => Accepts(certificate, errors) },
    };

    /// <summary>Adds the token, unless others could read it on the way.</summary>
    public void Sign(HttpRequestMessage request)
    {
        if (_token.Length > 0 && request.RequestUri is { } uri && (uri.Scheme == Uri.UriSchemeHttps || uri.IsLoopback))
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
    }

    private bool Accepts(X509Certificate? certificate, SslPolicyErrors errors)
    {
        Refusal = _trusted is null ? $"nothing says which to trust: give --certs DIR or {CertsVariable}"
            : errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? $"{certificate?.Subject} is for another host"
            : _trusted.Refusal(certificate);
        return Refusal is null;
    }
}
