using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Actors.Hosting;

namespace Actors.Node;

/// <summary>A folder with a self-signed certificate for each node, all of which trust each other, and a token: enough to try and to develop.</summary>
/// <remarks>The keys of all nodes lie together here. In production each machine makes its own, and only the certificates meet in <c>trusted.pem</c>.</remarks>
internal sealed class DevelopmentCertificates(string folder)
{
    private const int TokenBytes = 24;
    private static readonly string[] Everywhere = ["localhost", "127.0.0.1"];

    public string Folder => folder;

    /// <summary>Adds a certificate for each of <paramref name="nodes"/>, valid for <paramref name="time"/> from now.</summary>
    /// <exception cref="IOException">A node has one already: it may be in use.</exception>
    public void Create(IReadOnlyList<(string Name, string[] Hosts)> nodes, TimeSpan time)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, _) in nodes)
        {
            if (File.Exists(FileOf(name + ".pem")))
                throw new IOException($"{FileOf(name + ".pem")} is there already: remove it, and its certificate in {FileOf(NodeIdentity.TrustedFile)}, to make another one");
        }

        var trusted = new StringBuilder();
        foreach (var (name, hosts) in nodes)
        {
            var now = DateTimeOffset.UtcNow;
            var (certificate, key) = SelfSigned(name, hosts.Concat(Everywhere).Distinct(), now - TimeSpan.FromMinutes(5), now + time);
            WriteSecret(name + ".key", key);
            File.WriteAllText(FileOf(name + ".pem"), certificate);
            trusted.Append(certificate).Append('\n');
        }

        File.AppendAllText(FileOf(NodeIdentity.TrustedFile), trusted.ToString());
        if (!File.Exists(FileOf(NodeIdentity.TokenFile)))
            WriteSecret(NodeIdentity.TokenFile, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TokenBytes)) + "\n");
    }

    /// <summary>A certificate and its key in PEM, for both sides of a connection.</summary>
    public static (string Certificate, string Key) SelfSigned(string name, IEnumerable<string> hosts, DateTimeOffset from, DateTimeOffset to)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
        {
            if (IPAddress.TryParse(host, out var address))
                names.AddIpAddress(address);
            else
                names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));    // server and client
        using var certificate = request.CreateSelfSigned(from, to);
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    private string FileOf(string name) => Path.Combine(folder, name);

    private void WriteSecret(string name, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var file = new FileStream(FileOf(name), options);
        file.Write(Encoding.ASCII.GetBytes(text));
    }
}
