using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Actors.Node.Commands;

/// <summary>One answer of a node, read to its end.</summary>
internal sealed record Answer(HttpStatusCode Status, HttpResponseHeaders Headers, byte[] Body)
{
    public bool IsOk => (int)Status is >= 200 and < 300;

    /// <summary>The last part of the problem document's type, such as <c>key-not-found</c>; empty when all went well or another server answered.</summary>
    public string Code => Member("type").Split(':')[^1];

    /// <summary>The revision of the key, as its entity tag has it.</summary>
    public string Revision => Headers.ETag?.Tag.Trim('"') ?? "";

    /// <summary>The text of a member of the JSON object in the body; empty when there is none.</summary>
    public string Member(string name)
    {
        try
        {
            using var json = JsonDocument.Parse(Body);
            return json.RootElement.ValueKind is JsonValueKind.Object && json.RootElement.TryGetProperty(name, out var member) ? member.ToString() : "";
        }
        catch (JsonException)
        {
            return "";
        }
    }

    /// <summary>What a command that cannot go on from this answer ends with.</summary>
    public CommandException ToException()
    {
        var exitCode = (int)Status switch
        {
            409 or 410 or 412 => ExitCode.Negative,
            404 when Code == "key-not-found" => ExitCode.Negative,
            >= 400 and < 500 and not 429 => ExitCode.Usage,
            _ => ExitCode.Unavailable,
        };
        var detail = Member("detail") is { Length: > 0 } text ? text : $"the answer was {(int)Status}";
        var present = Member("presentValue") is { Length: > 0 } value ? $"; its value is '{Entry.Escape(value)}'" : "";
        return new CommandException(exitCode, detail + present + Member("write") switch
        {
            "not-applied" when exitCode is ExitCode.Unavailable => " (not applied)",
            "unknown" => " (unknown whether it was applied)",
            _ => "",
        });
    }
}

/// <summary>Talks to the first of several nodes that answers.</summary>
/// <remarks>
/// A request goes to the next node when a node cannot be reached or did not apply it (429, 503). When a connection breaks after the request
/// was sent, it is repeated only if that cannot apply it twice: a read, or a write with an idempotency token. Then a later node's
/// "not applied" says nothing of the first attempt, so the write ends as unknown unless one answers for good.
/// </remarks>
internal sealed class NodeClient : IDisposable
{
    private readonly IReadOnlyList<Uri> _nodes;
    private readonly TimeSpan _timeout;
    private readonly ClientIdentity _identity;
    private readonly HttpClient _http;
    private volatile int _preferred;    // the node that answered last

    /// <param name="nodes">Base URLs, at least one.</param>
    /// <param name="timeout">For each attempt.</param>
    /// <param name="identity">What it trusts and who it is.</param>
    public NodeClient(IReadOnlyList<Uri> nodes, TimeSpan timeout, ClientIdentity identity)
    {
        _nodes = nodes;
        _timeout = timeout;
        _identity = identity;
        _http = new HttpClient(identity.Handler()) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>As this one, to one node alone.</summary>
    public NodeClient At(Uri node) => new([node], _timeout, _identity);

    /// <summary>True when a request may be sent more than once, so that writes need a token.</summary>
    public bool MayRepeat => _nodes.Count > 1;

    /// <summary>Sends what <paramref name="request"/> makes for a path such as <c>/v1/status</c>.</summary>
    /// <exception cref="CommandException">No node answered, or it is not known whether the request was applied.</exception>
    public async Task<Answer> SendAsync(string path, Func<Uri, HttpRequestMessage> request)
    {
        using var response = await OpenAsync(path, request, HttpCompletionOption.ResponseContentRead);
        return new Answer(response.StatusCode, response.Headers, await response.Content.ReadAsByteArrayAsync());
    }

    /// <summary>As <see cref="SendAsync"/>, but returns as soon as the headers are there; the caller reads the body and disposes the answer.</summary>
    public async Task<HttpResponseMessage> OpenAsync(string path, Func<Uri, HttpRequestMessage> request, HttpCompletionOption completion = HttpCompletionOption.ResponseHeadersRead)
    {
        var first = _preferred;
        HttpResponseMessage? refusal = null;    // this node did not apply it, others may be asked
        string? open = null;                    // an earlier attempt may have been applied
        var reason = "";
        for (var i = 0; i < _nodes.Count; i++)
        {
            var node = (first + i) % _nodes.Count;
            using var message = request(Target(_nodes[node], path));
            _identity.Sign(message);
            try
            {
                using var limit = new CancellationTokenSource(_timeout);
                var response = await _http.SendAsync(message, completion, limit.Token);
                if (response.StatusCode is not (HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests))
                {
                    refusal?.Dispose();
                    _preferred = node;
                    return response;
                }

                refusal?.Dispose();
                refusal = response;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                reason = Describe(e);
                if (message.Method == HttpMethod.Get || WasNotSent(e))
                    continue;
                open = $"{_nodes[node].OriginalString}: {reason} (unknown whether it was applied)";
                if (!message.Headers.Contains("Idempotency-Key"))
                    break;
            }
        }

        if (open is not null)
            throw new CommandException(ExitCode.Unavailable, open);
        return refusal ?? throw new CommandException(ExitCode.Unavailable, $"nothing answers at {string.Join(" or ", _nodes.Select(n => n.OriginalString))}: {reason}; is the cluster up? 'actors up' starts one");
    }

    public void Dispose() => _http.Dispose();

    private static bool WasNotSent(Exception e) => e is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError };

    private string Describe(Exception e) => e switch
    {
        OperationCanceledException => $"no answer within {_timeout.TotalSeconds:0.###} s",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => _identity.Refusal is { } refusal ? $"its certificate is refused: {refusal}" : "no TLS is spoken there",
        { InnerException: System.Net.Sockets.SocketException inner } => inner.Message.ToLowerInvariant(),
        _ => "the connection broke",
    };

    // A key may be '..' or hold an encoded slash: the path must go out as it was written.
    private static Uri Target(Uri node, string path) =>
        new(node.OriginalString.TrimEnd('/') + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
}
