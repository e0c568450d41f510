using System.Globalization;

namespace Actors.TestKit;

/// <summary>What a client knows of how its operation ended.</summary>
public enum OperationOutcome
{
    /// <summary>No answer yet, or none that tells: it may take effect at any time after its begin, or never.</summary>
    Unknown,

    /// <summary>It took effect, with a result.</summary>
    Done,

    /// <summary>It certainly took no effect and never will.</summary>
    NotApplied,
}

/// <summary>One operation of a client.</summary>
/// <param name="Client">Who did it.</param>
/// <param name="Operation">What it asked for.</param>
/// <param name="Began">When it was sent, in virtual time.</param>
/// <param name="BeganOrder">Its place among all begins and ends.</param>
public sealed record HistoryEntry<TOperation, TResult>(int Client, TOperation Operation, TimeSpan Began, int BeganOrder)
{
    /// <summary>How it ended.</summary>
    public OperationOutcome Outcome { get; internal set; }

    /// <summary>Its result, when <see cref="Outcome"/> is <see cref="OperationOutcome.Done"/>.</summary>
    public TResult? Result { get; internal set; }

    /// <summary>When the answer came; meaningless while the outcome is unknown.</summary>
    public TimeSpan Ended { get; internal set; }

    /// <summary>The end's place among all begins and ends; <see cref="int.MaxValue"/> while the outcome is unknown.</summary>
    public int EndedOrder { get; internal set; } = int.MaxValue;

    /// <summary>One line for a person.</summary>
    public override string ToString()
    {
        var outcome = Outcome switch
        {
            OperationOutcome.Done => string.Create(CultureInfo.InvariantCulture, $"{Ended.TotalSeconds,10:F6} s  client {Client}: {Operation} = {Result}"),
            OperationOutcome.NotApplied => string.Create(CultureInfo.InvariantCulture, $"{Ended.TotalSeconds,10:F6} s  client {Client}: {Operation} was not applied"),
            _ => $"      open    client {Client}: {Operation}",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{Began.TotalSeconds,10:F6} .. {outcome}");
    }
}

/// <summary>A record of what clients asked and what they were told, for <see cref="Linearizability"/>. May be used from several threads.</summary>
public sealed class History<TOperation, TResult>
{
    private readonly Lock _lock = new();
    private readonly List<HistoryEntry<TOperation, TResult>> _entries = [];
    private readonly Func<TimeSpan> _now;
    private int _order;

    /// <summary>Creates an empty history on the time that <paramref name="now"/> tells, such as <c>() => sim.Now</c>.</summary>
    public History(Func<TimeSpan> now) => _now = now;

    /// <summary>The operations in the order in which they began.</summary>
    public IReadOnlyList<HistoryEntry<TOperation, TResult>> Entries => _entries;

    /// <summary>An operation is being sent.</summary>
    public HistoryEntry<TOperation, TResult> Begin(int client, TOperation operation)
    {
        lock (_lock)
        {
            var entry = new HistoryEntry<TOperation, TResult>(client, operation, _now(), _order++);
            _entries.Add(entry);
            return entry;
        }
    }

    /// <summary>It took effect, with <paramref name="result"/>.</summary>
    public void Done(HistoryEntry<TOperation, TResult> entry, TResult result) => End(entry, OperationOutcome.Done, result);

    /// <summary>It certainly took no effect.</summary>
    public void NotApplied(HistoryEntry<TOperation, TResult> entry) => End(entry, OperationOutcome.NotApplied, default);

    private void End(HistoryEntry<TOperation, TResult> entry, OperationOutcome outcome, TResult? result)
    {
        ArgumentNullException.ThrowIfNull(entry);
        lock (_lock)
        {
            if (entry.Outcome != OperationOutcome.Unknown)
                throw new InvalidOperationException($"this operation has ended already: {entry}");
            entry.Result = result;
            entry.Ended = _now();
            entry.EndedOrder = _order++;
            entry.Outcome = outcome;
        }
    }
}
