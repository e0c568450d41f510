using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Actors.Cluster.Tests;

/// <summary>A cluster with mutual TLS between its nodes, TLS and a token for HTTP: it works, and whoever does not belong is refused.</summary>
public sealed class SecuredTests(ITestOutputHelper output) : IDisposable
{
    private readonly Scratch _scratch = new();

    private string Certs => _scratch.File("certs");

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public Task Clients_with_the_set_are_served_and_others_are_told_what_they_lack() => RunAsync(async cluster =>
    {
        var token = (await File.ReadAllTextAsync(Path.Combine(Certs, "token"))).Trim();
        var at = cluster["n1"].Http.Url;
        Assert.Equal(0, (await ActorsAsync("put", "greeting", "hello", "--at", at, "--certs", Certs)).ExitCode);
        Assert.Equal("hello", (await ActorsAsync("get", "greeting", "--at", cluster["n2"].Http.Url, "--certs", Certs)).Output);

        var none = _scratch.File("none");
        Directory.CreateDirectory(none);
        File.Copy(Path.Combine(Certs, "trusted.pem"), Path.Combine(none, "trusted.pem"));
        await RefusedAsync(2, "this node asks for its token", "get", "greeting", "--at", at, "--certs", none);
        await RefusedAsync(2, "the token is not this node's", "get", "greeting", "--at", at, "--certs", none, "--token", "0123456789abcdef");
        Assert.Equal("hello", (await ActorsAsync("get", "greeting", "--at", at, "--certs", none, "--token", token)).Output);
        await RefusedAsync(3, "nothing says which to trust", "get", "greeting", "--at", at);

        var other = _scratch.File("other");
        Assert.Equal(0, (await ActorsAsync("certs", "new", other)).ExitCode);
        await RefusedAsync(3, "is not among those that are trusted here", "get", "greeting", "--at", at, "--certs", other, "--token", token);
        Assert.NotEqual(0, (await ActorsAsync("get", "greeting", "--at", at.Replace("https", "http", StringComparison.Ordinal))).ExitCode);
        Assert.Equal("live\n", (await cluster["n1"].Http.SendAsync(HttpMethod.Get, "/healthz/live")).Body);
    });

    [Fact]
    public Task A_node_with_a_certificate_of_another_set_and_one_without_are_refused() => RunAsync(async cluster =>
    {
        var other = _scratch.File("other");
        Assert.Equal(0, (await ActorsAsync("certs", "new", other)).ExitCode);
        var n3 = cluster["n3"];
        await RefusedWithAsync(cluster, n3, $"actors.tls.folder = \"{other}\"", "refused the certificate of");
        var plain = (await File.ReadAllTextAsync(n3.ConfigFile)).Replace($"actors.tls.folder = \"{Certs}\"", "", StringComparison.Ordinal);
        await RefusedWithAsync(cluster, n3, plain, "");

        n3.Start();
        await cluster.WholeAsync();
    });

    [Fact]
    public Task Plain_text_on_the_ports_does_no_harm() => RunAsync(async cluster =>
    {
        foreach (var port in new[] { new Uri(cluster["n1"].Http.Url).Port, cluster.RemotingPortOf(0) })
        {
            foreach (var text in new[] { "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", new string('x', 5_000) })
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port);
                var stream = client.GetStream();
                var answer = new byte[1_000];
                try
                {
                    await stream.WriteAsync(Encoding.ASCII.GetBytes(text));
                    // Closed, with or without an alert; never answered.
                    Assert.DoesNotContain("HTTP/1.1 200", Encoding.ASCII.GetString(answer, 0, await stream.ReadAsync(answer)), StringComparison.Ordinal);
                }
                catch (IOException)
                {
                    // reset
                }
            }
        }

        Assert.All(cluster.Nodes, node => Assert.True(node.IsRunning));
        await cluster.WholeAsync();
    });

    [Theory]
    [InlineData("missing", "there is no ")]
    [InlineData("expired", "CN=n1 expired on 20")]
    [InlineData("of another node", "the certificate CN=n1 does not belong there: it is for 10.9.9.9")]
    [InlineData("not in the set", "CN=n1 is not among those that are trusted here: no other node would accept it")]
    public async Task A_certificate_that_cannot_be_used_is_one_line_at_the_start(string what, string error)
    {
        Directory.CreateDirectory(Certs);
        var now = DateTimeOffset.UtcNow;
        if (what != "missing")
        {
            var host = what == "of another node" ? "10.9.9.9" : "127.0.0.1";
            var (certificate, key) = SelfSigned(host, now.AddDays(what == "expired" ? -2 : 9));
            var trusted = what == "not in the set" ? SelfSigned(host, now.AddDays(9)).Certificate : certificate;
            await File.WriteAllTextAsync(Path.Combine(Certs, "n1.pem"), certificate);
            await File.WriteAllTextAsync(Path.Combine(Certs, "n1.key"), key);
            await File.WriteAllTextAsync(Path.Combine(Certs, "trusted.pem"), trusted);
        }

        var file = _scratch.File("n1.conf");
        var port = Ports.FreeInARow(2);
        await File.WriteAllTextAsync(file, FormattableString.Invariant($$"""
            include "{{NodeProgram.ExampleConfig}}"
            actors.node = n1
            actors.nodes.n1 = "127.0.0.1:{{port}}"
            actors.data-directory = "{{_scratch.File("data")}}"
            actors.http.port = {{port + 1}}
            actors.tls.folder = "{{Certs}}"
            """));
        await RefusedAsync(2, error, "node", "--config", file);
    }

    /// <summary>Starts <paramref name="node"/> with other settings and shows that the cluster gets on without it.</summary>
    private static async Task RefusedWithAsync(RealCluster cluster, RealNode node, string settings, string logged)
    {
        node.Kill();
        var config = await File.ReadAllTextAsync(node.ConfigFile);
        var before = node.Log.Length;
        // A later line goes before an earlier one in an included file only.
        await File.WriteAllTextAsync(node.ConfigFile + ".good", config);
        await File.WriteAllTextAsync(node.ConfigFile, settings.Contains("include", StringComparison.Ordinal) ? settings : $"include \"{node.ConfigFile}.good\"\n{settings}");
        node.Start();
        await RealCluster.UntilAsync($"{node} serves", () => Task.FromResult(node.Log[before..].Contains("serving", StringComparison.Ordinal) ? node : null));
        await RealCluster.UntilAsync("its refusal is logged", () => Task.FromResult(node.Log[before..].Contains(logged, StringComparison.Ordinal) ? node : null));
        var others = cluster.Nodes.Where(other => other != node).ToArray();
        await RealCluster.PrimaryAsync(others);
        for (var i = 0; i < 20; i++)
        {
            // More than the kick takes: writes go on, and it is not seen.
            Assert.Equal(204, (await RealCluster.UntilAsync("a write", async () => await others[0].Http.PutAsync("k", "v") is { Status: not 503 } done ? done : null)).Status);
            Assert.False((await others[0].Http.StatusAsync())!.Nodes.Single(n => n.Name == node.Name).Reachable);
            await Task.Delay(100);
        }

        node.Kill();
        await File.WriteAllTextAsync(node.ConfigFile, config);
    }

    private static (string Certificate, string Key) SelfSigned(string host, DateTimeOffset until)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=n1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Parse(host));
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-9), until);
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    private async Task RunAsync(Func<RealCluster, Task> test)
    {
        var made = await ActorsAsync("certs", "new", Certs);
        Assert.True(made.ExitCode == 0, $"{made}");
        await RealCluster.WithAsync(output, test, certs: Certs);
    }

    private Task<CommandResult> ActorsAsync(params string[] arguments) => NodeProgram.RunAsync(_scratch.Path, arguments);

    private async Task RefusedAsync(int exitCode, string error, params string[] arguments)
    {
        var result = await ActorsAsync(arguments);
        Assert.True(result.ExitCode == exitCode, $"{result}");
        Assert.Contains(error, Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }
}
