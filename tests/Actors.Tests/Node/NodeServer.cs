using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Actors.Broadcast;
using Actors.Hosting;
using Actors.Membership;
using Actors.Node;
using Actors.Node.Http;
using Actors.Replication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Actors.Tests.NodeTests;

/// <summary>The HTTP API of a node as it is served, over a group that needs no others.</summary>
public sealed class NodeServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private NodeServer(WebApplication app) => _app = app;

    internal FakeReplication Replication { get; private init; } = new();

    internal FakeCatalog Catalog { get; private init; } = new();

    internal LiveGroup Group => Replication.Group;

    /// <summary>What the health checks say; by tag.</summary>
    internal Dictionary<string, HealthCheckResult> Health { get; } = new() { ["live"] = HealthCheckResult.Healthy(), ["ready"] = HealthCheckResult.Healthy() };

    public string Url => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    public HttpClient Http { get; } = new(new SocketsHttpHandler { UseProxy = false });

    public static async Task<NodeServer> StartAsync()
    {
        var replication = new FakeReplication();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<IReplication>(replication);
        builder.Services.AddSingleton<IBroadcast>(new NoBroadcast());
        var node = new NodeInfo(new NodeId("n1"), "http://127.0.0.1:8081", [new NodeId("n1"), new NodeId("n2")], Path.GetTempPath());
        var catalog = new FakeCatalog();
        builder.Services.AddSingleton<IGroupCatalog>(catalog);
        builder.AddHttpApi(node, new IPEndPoint(IPAddress.Loopback, 0));
        NodeServer? server = null;
        foreach (var tag in (string[])["live", "ready"])
            builder.Services.AddHealthChecks().AddCheck(tag, () => server!.Health[tag], [tag]);
        var app = builder.Build();
        app.UseHttpApi();
        server = new NodeServer(app) { Replication = replication, Catalog = catalog };
        await app.StartAsync();
        return server;
    }

    /// <summary>Sends a request with a path that goes out exactly as it is written.</summary>
    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? body = null, params (string Name, string Value)[] headers) =>
        SendAsync(method, path, body is null ? null : Encoding.UTF8.GetBytes(body), headers);

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, byte[]? body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(Url + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (body is not null)
            request.Content = new ByteArrayContent(body);
        foreach (var (name, value) in headers)
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        return await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public Task<HttpResponseMessage> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public async Task PutAsync(string key, string value) => Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Put, $"/v1/groups/default/keys/{key}", value)).StatusCode);

    /// <summary>Sends bytes over a plain connection and returns what comes back until the server closes it or <paramref name="until"/> was read; with <paramref name="breakOff"/> the client sends its end first.</summary>
    public async Task<string> SendRawAsync(string text, bool breakOff = false, string? until = null)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(Url).Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(text));
        if (breakOff)
            client.Client.Shutdown(SocketShutdown.Send);
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while ((until is null || !answer.ToString().Contains(until, StringComparison.Ordinal)) && await stream.ReadAsync(buffer) is > 0 and var count)
                answer.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
        catch (IOException)
        {
            // The server closed with some of our bytes unread.
        }

        return answer.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

/// <summary>What a test asserts of an answer.</summary>
internal static class AnswerAssertions
{
    public static async Task<string> TextAsync(this HttpResponseMessage answer) => await answer.Content.ReadAsStringAsync();

    public static async Task<JsonElement> JsonAsync(this HttpResponseMessage answer) => JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsByteArrayAsync());

    public static string? Header(this HttpResponseMessage answer, string name) => answer.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    /// <summary>The answer is a problem document of this status and code; returns it.</summary>
    public static async Task<JsonElement> ProblemAsync(this HttpResponseMessage answer, int status, string code, string? write = null)
    {
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = await answer.JsonAsync();
        Assert.Equal($"urn:actors:problem:{code}", problem.GetProperty("type").GetString());
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
        Assert.DoesNotContain("\n", problem.GetProperty("detail").GetString());
        Assert.Equal(write, problem.TryGetProperty("write", out var fate) ? fate.GetString() : null);
        return problem;
    }
}
