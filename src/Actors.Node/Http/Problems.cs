using System.Diagnostics.Metrics;
using System.Text.Json;
using Actors.Replication;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Actors.Node.Http;

/// <summary>What an error answer says about the write that was asked for.</summary>
internal enum WriteFate
{
    NotApplied,
    Unknown,
}

/// <summary>One error answer. The whole list, with what a client should do, is in this project's README.</summary>
/// <param name="Status">The HTTP status code.</param>
/// <param name="Code">A stable name for programs: the end of the document's <c>type</c>.</param>
/// <param name="Detail">One line for a person: what is wrong and what would be right.</param>
internal sealed record Problem(int Status, string Code, string Detail)
{
    private static readonly Counter<long> Count = new Meter("Actors").CreateCounter<long>("actors.http.problems", "{request}", "Requests that were refused or failed, by code");

    /// <summary>The fate of the write; said only where a key was to be written.</summary>
    public WriteFate Write { get; init; } = WriteFate.NotApplied;

    /// <summary>The parameter, header or part of the path that is wrong.</summary>
    public string? Parameter { get; init; }

    /// <summary>The value that stood against a compare-and-set.</summary>
    public ReadOnlyMemory<byte>? PresentValue { get; init; }

    /// <summary>Seconds after which a retry makes sense.</summary>
    public int? RetryAfter { get; init; }

    public static Problem BadParameter(string parameter, string rule) => new(400, "bad-parameter", $"{parameter} {rule}") { Parameter = parameter };

    public static Problem TooLarge(string detail) => new(413, "too-large", detail);

    public static Problem NoSuchGroup(string detail) => new(404, "group-not-found", detail);

    public static Problem NoSuchKey() => new(404, "key-not-found", "there is no such key");

    public static Problem ConditionFailed(string detail) => new(412, "condition-failed", detail);

    /// <summary>The answer to a request that ended with <paramref name="outcome"/>, which is not Ok.</summary>
    public static Problem Of(Outcome outcome, string error) => outcome switch
    {
        Outcome.Failed => new Problem(409, "refused", error),
        Outcome.Overloaded => new Problem(429, "overloaded", error) { RetryAfter = 1 },
        Outcome.Unavailable => new Problem(503, "unavailable", error) { RetryAfter = 1 },
        Outcome.Unknown => new Problem(504, "no-answer", error) { Write = WriteFate.Unknown },
        // A retry gets a new session, so there is nothing to wait for.
        Outcome.Expired => new Problem(503, "session-expired", error) { RetryAfter = 0 },
        Outcome.TokenReused => new Problem(422, "token-reused", error) { Parameter = "Idempotency-Key" },
        Outcome.TooLarge => TooLarge(error),
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "is not an error"),
    };

    /// <summary>Answers with this as a problem document (RFC 9457), with the members <c>write</c> and <c>parameter</c> of our own.</summary>
    public async Task WriteAsync(HttpContext context)
    {
        Count.Add(1, new KeyValuePair<string, object?>("code", Code));
        var response = context.Response;
        response.StatusCode = Status;
        response.ContentType = "application/problem+json";
        if (RetryAfter is { } seconds)
            response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        await using var json = new Utf8JsonWriter(response.BodyWriter, ScanEndpoint.Readable);
        json.WriteStartObject();
        json.WriteString("type", "urn:actors:problem:" + Code);
        json.WriteString("title", ReasonPhrases.GetReasonPhrase(Status));
        json.WriteNumber("status", Status);
        json.WriteString("detail", Detail);
        if (Parameter is not null)
            json.WriteString("parameter", Parameter);
        if (PresentValue is { } present)
            json.WriteBytes("presentValue", present.Span);
        if (RequestTarget.IsKeyWrite(context))
            json.WriteString("write", Write is WriteFate.Unknown ? "unknown" : "not-applied");
        json.WriteEndObject();
    }
}

/// <summary>Ends a request with a problem document.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Detail)
{
    public Problem Problem { get; } = problem;
}
