using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Configuration;

namespace Actors.Hosting;

/// <summary>The certificates that a node or a client accepts, and no others: each of them by itself, whoever issued it.</summary>
/// <remarks>Pinning instead of an authority: what a node holds says exactly who may talk to it, and a stolen key of one node makes no other certificate.</remarks>
public sealed class PinnedCertificates
{
    private readonly HashSet<string> _pinned;

    private PinnedCertificates(HashSet<string> pinned) => _pinned = pinned;

    /// <summary>Reads a PEM file with one certificate after the other.</summary>
    /// <exception cref="ConfigurationException">It is not there or holds no certificate; one line.</exception>
    public static PinnedCertificates Load(string file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ConfigurationException($"{file}: the certificates to trust cannot be read: {e.Message}", e);
        }

        if (certificates.Count == 0)
            throw new ConfigurationException($"{file} holds no certificate: it is a PEM file with those of all nodes");
        return new PinnedCertificates([.. certificates.Select(PrintOf)]);
    }

    /// <summary>Why <paramref name="certificate"/> is not accepted, in a few words; null when it is.</summary>
    public string? Refusal(X509Certificate? certificate)
    {
        if (certificate is null)
            return "there is none";
        using var own = new X509Certificate2(certificate);
        return !_pinned.Contains(PrintOf(own)) ? $"{own.Subject} is not among those that are trusted here" : ValidityRefusal(own);
    }

    /// <summary>Why <paramref name="certificate"/> is not valid now; null when it is.</summary>
    internal static string? ValidityRefusal(X509Certificate2 certificate)
    {
        var now = TimeProvider.System.GetUtcNow();
        return now > certificate.NotAfter ? $"{certificate.Subject} expired on {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm} UTC"
            : now < certificate.NotBefore ? $"{certificate.Subject} is valid only from {certificate.NotBefore.ToUniversalTime():yyyy-MM-dd HH:mm} UTC on"
            : null;
    }

    private static string PrintOf(X509Certificate2 certificate) => certificate.GetCertHashString(HashAlgorithmName.SHA256);
}
