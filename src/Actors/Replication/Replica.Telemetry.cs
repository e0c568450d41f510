using System.Diagnostics;
using Actors.Membership;

namespace Actors.Replication;

/// <summary>What the replica lets be measured and traced. Where nobody records, nothing is kept or sent.</summary>
internal abstract partial class Replica
{
    protected readonly ReplicaMeter _meter;
    private readonly Dictionary<long, Activity> _traced = [];           // of entries that wait for their commit, by index
    private readonly Queue<(long Index, Activity Span)> _following = new();   // follower: spans of entries that are not durable here yet

    private static ActivityContext ContextAt(IReadOnlyList<Traced> traces, long at)
    {
        foreach (var trace in traces)
        {
            if (trace.At == at)
                return trace.Context;
        }

        return default;
    }

    /// <summary>The leader has ordered an entry, which somebody may trace.</summary>
    private void TraceOrder(long index, in ActivityContext client)
    {
        if (Tracing.IsRecorded(client) && _traced.Count < Tracing.MaxPerMessage && Tracing.Start("actors.commit", ActivityKind.Server, client, _settings.Id, _environment.Node, index) is { } span)
            _traced.Add(index, span);
    }

    /// <summary>The traces of entries in a message to another replica.</summary>
    private IReadOnlyList<Traced> TracesOf(IReadOnlyList<LogEntry> entries)
    {
        if (_traced.Count == 0 || entries.Count == 0)
            return [];
        var (first, last) = (entries[0].Index, entries[^1].Index);
        return [.. _traced.Where(t => t.Key >= first && t.Key <= last).Select(t => new Traced(t.Key, t.Value.Context))];
    }

    private void TraceCommit(long index)
    {
        if (_traced.Remove(index, out var span))
            Tracing.End(span);
    }

    /// <summary>This replica has got entries that somebody traces.</summary>
    private void TraceAppend(IReadOnlyList<Traced> traces)
    {
        foreach (var (index, context) in traces)
        {
            if (index > _log.Durable && _following.Count < Tracing.MaxPerMessage && Tracing.Start("actors.replicate", ActivityKind.Server, context, _settings.Id, _environment.Node, index) is { } span)
                _following.Enqueue((index, span));
        }
    }

    private void TraceDurable()
    {
        while (_following.TryPeek(out var next) && next.Index <= _log.Durable)
            Tracing.End(_following.Dequeue().Span);
    }

    /// <summary>Whatever comes of them, it is not this replica that sees to it.</summary>
    protected void EndTraces()
    {
        foreach (var span in _traced.Values.Concat(_following.Select(f => f.Span)))
            Tracing.End(span.SetStatus(ActivityStatusCode.Error, "the replica no longer follows or leads"));
        _traced.Clear();
        _following.Clear();
    }

    /// <summary>How far each of those that this replica sends entries to is behind.</summary>
    protected void MeasureLag(IReadOnlyCollection<Progress> others)
    {
        var lags = new (NodeId, long)[others.Count];
        var i = 0;
        foreach (var other in others)
            lags[i++] = (other.Id.Node, _log.Last.Index - other.Match);
        _meter.Lag(lags);
    }
}
