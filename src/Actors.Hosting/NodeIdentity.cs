using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Configuration;
using Akka.Event;
using Akka.Remote.Transport.DotNetty;

namespace Actors.Hosting;

/// <summary>Who a node or an application beside it is towards the others: its certificate, those it accepts, and the token of the HTTP API.</summary>
/// <remarks>A folder as <c>actors certs new</c> makes it: <c>NAME.pem</c> and <c>NAME.key</c>, <c>trusted.pem</c> with the certificates of all, and <c>token</c>.</remarks>
public sealed class NodeIdentity
{
    /// <summary>The name of the file with the certificates of all.</summary>
    public const string TrustedFile = "trusted.pem";

    /// <summary>The name of the file with the token.</summary>
    public const string TokenFile = "token";

    private const int MinTokenLength = 16;
    private const long TellAgainMs = 60_000;

    private readonly ConcurrentDictionary<string, long> _told = [];     // refusals, which a node that is refused brings about twice a second

    private NodeIdentity(X509Certificate2 certificate, PinnedCertificates trusted, string token)
    {
        Certificate = certificate;
        Trusted = trusted;
        Token = token;
    }

    /// <summary>The certificate that it shows, with its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The certificates that it accepts.</summary>
    public PinnedCertificates Trusted { get; }

    /// <summary>What a client of the HTTP API must send as bearer token; empty when the folder has none.</summary>
    public string Token { get; }

    /// <summary>Reads <paramref name="name"/>'s files in <paramref name="folder"/>.</summary>
    /// <exception cref="ConfigurationException">A file is missing or does not fit the others, or the certificate is not valid now; one line that names the file.</exception>
    public static NodeIdentity Load(string folder, string name)
    {
        var file = Path.Combine(folder, name + ".pem");
        var trusted = PinnedCertificates.Load(Existing(folder, TrustedFile, name));
        var certificate = Read(Existing(folder, name + ".pem", name), Existing(folder, name + ".key", name));
        if (trusted.Refusal(certificate) is { } refusal)
            throw new ConfigurationException($"{file}: {refusal}: no other node would accept it");
        return new NodeIdentity(certificate, trusted, ReadToken(folder));
    }

    /// <summary>What Akka.Remote needs to show this certificate and to accept only the trusted ones, in both directions. Its HOCON needs <c>akka.remote.dot-netty.tcp.enable-ssl = on</c>.</summary>
    public DotNettySslSetup ToSetup() => new(Certificate, suppressValidation: false, requireMutualAuthentication: true, (certificate, _, peer, _, log) =>
    {
        if (Trusted.Refusal(certificate) is not { } refusal)
            return true;
        var now = Environment.TickCount64;
        if (now - _told.GetOrAdd(refusal, now - TellAgainMs) >= TellAgainMs)
        {
            _told[refusal] = now;
            log.Warning("refused the certificate of {0}: {1}", peer, refusal);
        }

        return false;
    });

    /// <summary>The token in <paramref name="folder"/>; empty when there is none.</summary>
    /// <exception cref="ConfigurationException">It is too short.</exception>
    public static string ReadToken(string folder)
    {
        var file = Path.Combine(folder, TokenFile);
        if (!File.Exists(file))
            return "";
        var token = File.ReadAllText(file).Trim();
        return token.Length >= MinTokenLength && token.All(c => c is > ' ' and < '\u007f') ? token
            : throw new ConfigurationException($"{file} holds no token: at least {MinTokenLength} printable characters without spaces, such as 'actors certs new' makes");
    }

    /// <summary>Refuses a certificate that was made for another machine.</summary>
    /// <exception cref="ConfigurationException">It does not name <paramref name="host"/>.</exception>
    internal void RequireHost(string setting, string host)
    {
        if (!Certificate.MatchesHostname(host))
            throw new ConfigurationException($"{setting} = {host}: the certificate {Certificate.Subject} does not belong there: it is for {Names(Certificate)}");
    }

    private static string Names(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(n => n.EnumerateDnsNames().Concat(n.EnumerateIPAddresses().Select(ip => ip.ToString())));
        return string.Join(", ", names);
    }

    private static string Existing(string folder, string name, string node)
    {
        var file = Path.Combine(folder, name);
        return File.Exists(file) ? file : throw new ConfigurationException($"actors.tls.folder = {folder}: there is no {file}; 'actors certs new {folder} {node}=HOST' makes a set for development");
    }

    private static X509Certificate2 Read(string certificate, string key)
    {
        try
        {
            return X509Certificate2.CreateFromPemFile(certificate, key);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new ConfigurationException($"{certificate} with {key}: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }
}
