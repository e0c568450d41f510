using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Actors.Hosting;

namespace Actors.Cluster.Tests;

/// <summary>One answer of a node; status 0 when the connection broke before there was one.</summary>
/// <param name="Status">The HTTP status code.</param>
/// <param name="Body">As text.</param>
/// <param name="ETag">With its quotes; empty when there is none.</param>
/// <param name="RetryAfter">In seconds; null when there is none.</param>
/// <param name="Took">From sending to the end of the body.</param>
internal sealed record Answer(int Status, string Body, string ETag, int? RetryAfter, TimeSpan Took)
{
    /// <summary>No answer, and no byte of the request has left.</summary>
    public const int NotSent = -1;

    /// <summary>No answer: the connection broke, or the patience ended.</summary>
    public const int Broken = 0;

    /// <summary>The end of the problem document's type, such as <c>key-not-found</c>.</summary>
    public string Code => Member("type").Split(':')[^1];

    /// <summary>True when it is certain that a write took no effect.</summary>
    public bool NotApplied => Status == NotSent || Member("write") == "not-applied";

    public string Member(string name)
    {
        if (!Body.StartsWith('{'))
            return "";
        using var json = JsonDocument.Parse(Body);
        return json.RootElement.TryGetProperty(name, out var member) ? member.ToString() : "";
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Status} after {Took.TotalMilliseconds:f0} ms: {Body}");
}

/// <summary>The HTTP API of one node, used from beside it: in its network namespace when it has one.</summary>
internal sealed class HttpNode : IDisposable
{
    private const string Keys = "/v1/groups/default/keys";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string? _token;
    private readonly HttpClient _http;

    public HttpNode(string url, string? networkNamespace, string? certs = null)
    {
        Url = url;
        var handler = new SocketsHttpHandler { UseProxy = false };
        if (certs is not null)
        {
            var trusted = PinnedCertificates.Load(Path.Combine(certs, NodeIdentity.TrustedFile));
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => trusted.Refusal(certificate) is null;
            _token = NodeIdentity.ReadToken(certs);
        }

        if (networkNamespace is not null)
        {
            handler.ConnectCallback = async (context, cancellation) =>
            {
                var socket = NetworkNamespace.SocketIn(networkNamespace);
                await socket.ConnectAsync(IPAddress.Parse(context.DnsEndPoint.Host), context.DnsEndPoint.Port, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            };
        }

        _http = new HttpClient(handler) { Timeout = Patience };
    }

    public string Url { get; }

    public Task<Answer> GetAsync(string key, string query = "") => SendAsync(HttpMethod.Get, $"{Keys}/{key}{query}");

    public Task<Answer> PutAsync(string key, string value, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Put, $"{Keys}/{key}", value, headers);

    public Task<Answer> DeleteAsync(string key) => SendAsync(HttpMethod.Delete, $"{Keys}/{key}");

    public Task<Answer> CasAsync(string key, string expected, string value) =>
        SendAsync(HttpMethod.Post, $"{Keys}/{key}?op=cas", JsonSerializer.Serialize(new { expected, value }));

    public Task<Answer> IncrAsync(string key, long by, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, string.Create(CultureInfo.InvariantCulture, $"{Keys}/{key}?op=incr&by={by}"), "", headers);

    /// <summary>All entries whose keys begin with <paramref name="prefix"/>, page by page.</summary>
    public async Task<Dictionary<string, string>> ScanAsync(string prefix)
    {
        var all = new Dictionary<string, string>();
        for (var page = $"{Keys}?prefix={prefix}&limit=1000"; page.Length > 0;)
        {
            var path = page;
            // A busy machine may hold an election at any time.
            var answer = await RealCluster.UntilAsync($"a page of {Url}", async () => await SendAsync(HttpMethod.Get, path) is { Status: not 503 } done ? done : null);
            Assert.True(answer.Status == 200, $"{page}: {answer}");
            using var json = JsonDocument.Parse(answer.Body);
            foreach (var entry in json.RootElement.GetProperty("entries").EnumerateArray())
                all.Add(entry.GetProperty("key").GetString()!, entry.GetProperty("value").GetString()!);
            page = json.RootElement.GetProperty("next").GetString() ?? "";
        }

        return all;
    }

    /// <summary>What <c>GET /v1/status</c> says; null when the node does not answer.</summary>
    public async Task<ClusterStatus?> StatusAsync()
    {
        var answer = await SendAsync(HttpMethod.Get, "/v1/status");
        return answer.Status == 200 ? JsonSerializer.Deserialize<ClusterStatus>(answer.Body, JsonSerializerOptions.Web) : null;
    }

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        // Always with a body, if an empty one, and on a connection of its own: HttpClient repeats a request without a body by itself when the
        // node dies after it took it, and then reports that it could not connect, although the first copy may take effect.
        using var request = new HttpRequestMessage(method, Url + path) { Content = new ByteArrayContent(body is null ? [] : Encoding.UTF8.GetBytes(body)) };
        request.Headers.ConnectionClose = true;
        if (_token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        var sent = Stopwatch.GetTimestamp();
        try
        {
            using var response = await _http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            return new Answer((int)response.StatusCode, text, response.Headers.ETag?.Tag ?? "", (int?)response.Headers.RetryAfter?.Delta?.TotalSeconds, Stopwatch.GetElapsedTime(sent));
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            var status = e is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } ? Answer.NotSent : Answer.Broken;
            return new Answer(status, e.Message, "", null, Stopwatch.GetElapsedTime(sent));
        }
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>The answer of <c>GET /v1/status</c>, as its documentation has it.</summary>
internal sealed record ClusterStatus(IReadOnlyList<NodeStatus> Nodes, IReadOnlyList<GroupStatus> Groups)
{
    /// <summary>The group of the examples.</summary>
    public GroupStatus Default => Groups.Single(group => group.Name == "default");
}

/// <summary>One process.</summary>
internal sealed record NodeStatus(string Name, int Pid, string Http, bool Reachable);

/// <summary>One group.</summary>
internal sealed record GroupStatus(string Name, string Protocol, long Epoch, IReadOnlyList<MemberStatus> Members, bool Lossy, IReadOnlyList<LossStatus> DataLoss)
{
    public string? Primary => Members.FirstOrDefault(member => member.Role is "primary" or "head")?.Node;

    /// <summary>True when so many are members that serve, nobody else is in the view, and one of them leads.</summary>
    public bool IsWhole(int count) => Primary is not null && Members.Count == count && Members.All(member => member.Role is "primary" or "backup" or "head" or "middle" or "tail");
}

/// <summary>One replica of a group.</summary>
internal sealed record MemberStatus(string Node, string Role, long CommitIndex, long LastIndex);

internal sealed record LossStatus(long Epoch, long Index, long AtLeast);
