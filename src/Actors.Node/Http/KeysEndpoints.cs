using System.Globalization;
using System.Text;
using System.Text.Json;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary><c>/v1/groups/{group}/keys/{key}</c>: the body is the value's raw bytes, the entity tag its revision.</summary>
internal static class KeysEndpoints
{
    public const int MaxTokenBytes = 128;

    /// <summary>A compare-and-set in JSON: both values as text or base64, every character at worst escaped to six.</summary>
    private const int MaxCasDocumentBytes = 1024 + 6 * KeyValueLimits.MaxValueBytes;

    public static async Task GetAsync(HttpContext context, KeyValueClient group)
    {
        var mode = ReadModeOf(new Query(context, "read"));
        var result = await group.GetAsync(KeyOf(context), mode);
        Describe(context.Response, result, mode);
        ThrowUnlessOk(result);
        if (!result.Found)
            throw new ProblemException(Problem.NoSuchKey());
        Tag(context.Response, result.Revision);
        if (context.Request.Headers.IfNoneMatch == context.Response.Headers.ETag)
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = result.Value.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(result.Value, context.RequestAborted);
    }

    public static async Task PutAsync(HttpContext context, KeyValueClient group)
    {
        _ = new Query(context);
        var (key, condition, token) = (KeyOf(context), ConditionOf(context.Request), TokenOf(context.Request));
        var value = await RequestBody.ReadAsync(context.Request, KeyValueLimits.MaxValueBytes, "value");
        Answer(context.Response, await group.PutAsync(key, value, condition, token));
    }

    public static async Task DeleteAsync(HttpContext context, KeyValueClient group)
    {
        _ = new Query(context);
        var result = await group.DeleteAsync(KeyOf(context), ConditionOf(context.Request), TokenOf(context.Request));
        Answer(context.Response, result);
        if (!result.Changed)
            throw new ProblemException(Problem.NoSuchKey());
    }

    /// <summary><c>?op=incr&amp;by=1</c> and <c>?op=cas</c>.</summary>
    public static Task PostAsync(HttpContext context, KeyValueClient group)
    {
        var query = new Query(context, "op", "by");
        return query.Required("op", "incr or cas") switch
        {
            "incr" => IncrementAsync(context, group, query.Number("by", long.MinValue, long.MaxValue, 1)),
            "cas" => CompareAndSetAsync(context, group),
            _ => throw new ProblemException(Problem.BadParameter("op", "must be incr or cas")),
        };
    }

    private static async Task IncrementAsync(HttpContext context, KeyValueClient group, long by)
    {
        RefuseConditions(context.Request);
        var result = await group.IncrementAsync(KeyOf(context), by, TokenOf(context.Request));
        Describe(context.Response, result);
        ThrowUnlessOk(result);
        Tag(context.Response, result.Revision);
        context.Response.ContentType = "text/plain";
        await context.Response.WriteAsync(result.Number.ToString(CultureInfo.InvariantCulture), context.RequestAborted);
    }

    private static async Task CompareAndSetAsync(HttpContext context, KeyValueClient group)
    {
        RefuseConditions(context.Request);
        var (key, token) = (KeyOf(context), TokenOf(context.Request));
        var body = await RequestBody.ReadAsync(context.Request, MaxCasDocumentBytes, "body");
        var (expected, value) = ParseCas(body);
        Answer(context.Response, await group.CompareAndSetAsync(key, expected, value, token));
    }

    private static (byte[] Expected, byte[] Value) ParseCas(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return (json.RootElement.ReadBytes("expected"), json.RootElement.ReadBytes("value"));
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new ProblemException(Problem.BadParameter("body", $"must be {{\"expected\": \"...\", \"value\": \"...\"}}, each as text or as \"expectedBase64\", \"valueBase64\": {e.Message}"));
        }
    }

    private static void Answer(HttpResponse response, WriteResult result)
    {
        Describe(response, result);
        ThrowUnlessOk(result);
        Tag(response, result.Revision);
        if (result.ConditionFailed)
            throw new ProblemException(Problem.ConditionFailed(result.Revision == 0 ? "there is no such key" : $"the key is at revision {result.Revision}") with { PresentValue = result.PresentValue });
        response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>The read mode of a request: <c>read=linearizable</c> (the default), <c>read=barrier</c> or <c>read=stale</c>.</summary>
    internal static ReadMode ReadModeOf(Query query) => query.OneOf("read", "linearizable", "barrier", "stale") switch
    {
        "stale" => ReadMode.Stale,
        "barrier" => ReadMode.Barrier,
        _ => ReadMode.Linearizable,
    };

    /// <summary>Says at which index the answer stands and, for a stale read, how old it may be.</summary>
    internal static void Describe(HttpResponse response, KeyValueResult result, ReadMode? read = null)
    {
        if (result.Index > 0)
            response.Headers["Actors-Index"] = result.Index.ToString(CultureInfo.InvariantCulture);
        if (read is not null && (read is ReadMode.Stale || result.IsLossy) && result.Outcome is Outcome.Ok)
            response.Headers["Actors-Age-Ms"] = ((long)result.Age.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
    }

    internal static void ThrowUnlessOk(KeyValueResult result)
    {
        if (result.Outcome is not Outcome.Ok)
            throw new ProblemException(Problem.Of(result.Outcome, result.Error));
    }

    private static void Tag(HttpResponse response, long revision)
    {
        if (revision > 0)
            response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{revision}\"");
    }

    private static byte[] KeyOf(HttpContext context) => RequestTarget.Key(context) switch
    {
        { Length: 0 } => throw new ProblemException(Problem.BadParameter("key", $"must be 1 to {KeyValueLimits.MaxKeyBytes} bytes, is empty")),
        var key => key,
    };

    /// <summary>An empty token would mean none, so it is refused: the client meant to be protected.</summary>
    private static byte[] TokenOf(HttpRequest request)
    {
        var header = request.Headers["Idempotency-Key"];
        if (header.Count == 0)
            return [];
        var token = Encoding.UTF8.GetBytes(header.ToString());
        return token.Length switch
        {
            0 => throw new ProblemException(Problem.BadParameter("Idempotency-Key", $"must be 1 to {MaxTokenBytes} bytes, is empty")),
            > MaxTokenBytes => throw new ProblemException(Problem.TooLarge($"Idempotency-Key of {token.Length} bytes is over the limit of {MaxTokenBytes} bytes")),
            _ => token,
        };
    }

    private static Precondition ConditionOf(HttpRequest request)
    {
        var (match, noneMatch) = (request.Headers.IfMatch, request.Headers.IfNoneMatch);
        if (match.Count > 0 && noneMatch.Count > 0)
            throw new ProblemException(Problem.BadParameter("If-Match", "and If-None-Match cannot both be given"));
        if (noneMatch.Count > 0)
            return noneMatch == "*" ? Precondition.IfMissing : throw new ProblemException(Problem.BadParameter("If-None-Match", "must be * for a write: only if there is no such key"));
        if (match.Count == 0)
            return Precondition.None;
        if (match == "*")
            return Precondition.IfPresent;
        var tag = match.ToString();
        var isRevision = long.TryParse(tag.Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var revision) && tag == $"\"{revision}\"" && revision > 0;
        return isRevision ? Precondition.IfRevision(revision) : throw new ProblemException(Problem.BadParameter("If-Match", "must be one revision in quotes, such as \"42\", or *: only if there is such a key"));
    }

    private static void RefuseConditions(HttpRequest request)
    {
        foreach (var header in (string[])["If-Match", "If-None-Match"])
        {
            if (request.Headers.ContainsKey(header))
                throw new ProblemException(Problem.BadParameter(header, "is for PUT and DELETE: this operation has a condition of its own or none"));
        }
    }
}
