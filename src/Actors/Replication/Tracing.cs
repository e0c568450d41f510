using System.Diagnostics;
using Actors.Membership;
using Actors.Wire;

namespace Actors.Replication;

/// <summary>The trace that something in a message belongs to.</summary>
/// <param name="At">Which: the place of a request in its message, the index of an entry.</param>
/// <param name="Context">The span that goes on there.</param>
internal readonly record struct Traced(long At, ActivityContext Context);

/// <summary>Spans of one write across nodes: the client's, the primary's until the commit, and each backup's until it is durable there.</summary>
/// <remarks>
/// A message carries contexts of traces that somebody records, and otherwise one byte that says that there is none: without a listener no span is made, kept or sent.
/// The spans come from the source <see cref="SourceName"/>, to which OpenTelemetry or an <see cref="ActivityListener"/> listens.
/// </remarks>
internal static class Tracing
{
    public const string SourceName = "Actors";

    /// <summary>Traces in one message; more go without.</summary>
    public const int MaxPerMessage = 64;

    private const int TraceIdBytes = 16;
    private const int SpanIdBytes = 8;
    private const int ContextBytes = TraceIdBytes + SpanIdBytes + 1;
    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>True when the context is that of a trace which is recorded.</summary>
    public static bool IsRecorded(in ActivityContext context) => context.TraceFlags.HasFlag(ActivityTraceFlags.Recorded) && context.TraceId != default;

    /// <summary>The span in which a caller submits something, under its own if there is one; null when nobody records it.</summary>
    public static Activity? StartClient(GroupId group)
    {
        if (!Source.HasListeners())
            return null;
        var around = Activity.Current;
        return Started(Source.StartActivity("actors.submit", ActivityKind.Client), around)?.SetTag("actors.group", group.Value);
    }

    /// <summary>A span that goes on from another node's; null when nobody here records it.</summary>
    public static Activity? Start(string name, ActivityKind kind, in ActivityContext parent, GroupId group, NodeId node, long index)
    {
        if (!Source.HasListeners())
            return null;
        var around = Activity.Current;
        return Started(Source.StartActivity(name, kind, parent), around)?.SetTag("actors.group", group.Value).SetTag("actors.node", node.Value).SetTag("actors.index", index);
    }

    /// <summary>Ends a span; like its start, that leaves the thread's own one alone.</summary>
    public static void End(Activity span)
    {
        var around = Activity.Current;
        span.Stop();
        Activity.Current = around;
    }

    /// <summary>Writes the traces of a message; one byte when there are none.</summary>
    public static void Write(ByteWriter w, IReadOnlyList<Traced> traces)
    {
        w.Byte((byte)traces.Count);
        if (traces.Count == 0)
            return;
        Span<byte> traceId = stackalloc byte[TraceIdBytes];
        Span<byte> spanId = stackalloc byte[SpanIdBytes];
        foreach (var (at, context) in traces)
        {
            w.Int64(at);
            context.TraceId.CopyTo(traceId);
            context.SpanId.CopyTo(spanId);
            w.Raw(traceId);
            w.Raw(spanId);
            w.Byte((byte)context.TraceFlags);
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="MalformedException">There are too many.</exception>
    public static IReadOnlyList<Traced> Read(ref ByteReader r)
    {
        int count = r.Byte();
        if (count == 0)
            return [];
        if (count > MaxPerMessage || count * (8 + ContextBytes) > r.Remaining)
            throw new MalformedException($"{count} traces in a message do not fit: at most {MaxPerMessage}, in the {r.Remaining} bytes that follow");
        var traces = new Traced[count];
        for (var i = 0; i < count; i++)
        {
            var at = r.Int64();
            var traceId = ActivityTraceId.CreateFromBytes(r.Raw(TraceIdBytes));
            var spanId = ActivitySpanId.CreateFromBytes(r.Raw(SpanIdBytes));
            traces[i] = new Traced(at, new ActivityContext(traceId, spanId, (ActivityTraceFlags)(r.Byte() & 1), isRemote: true));
        }

        return traces;
    }

    // A span outlives the handler that starts it: it must not become the parent of whatever the thread does next.
    private static Activity? Started(Activity? activity, Activity? around)
    {
        Activity.Current = around;
        return activity;
    }
}
