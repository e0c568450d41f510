namespace Actors.Timing;

/// <summary>The clocks of one node. A simulation gives each node its own, drifting and pausing.</summary>
public interface IClock
{
    /// <summary>Time since an arbitrary start; never goes back. Time-outs, round trips and leases use this and nothing else.</summary>
    TimeSpan Elapsed { get; }

    /// <summary>The wall clock, for timestamps that a primary writes into log entries. May jump; the log keeps them monotonic.</summary>
    DateTimeOffset UtcNow { get; }
}

/// <summary>The machine's own clocks: <c>Stopwatch</c> and <c>DateTimeOffset.UtcNow</c>.</summary>
public sealed class SystemClock : IClock
{
    /// <summary>The one instance.</summary>
    public static readonly SystemClock Instance = new();

    private static readonly long Start = System.Diagnostics.Stopwatch.GetTimestamp();

    private SystemClock()
    {
    }

    /// <inheritdoc/>
    public TimeSpan Elapsed => System.Diagnostics.Stopwatch.GetElapsedTime(Start);

    /// <inheritdoc/>
    public DateTimeOffset UtcNow => DateTimeOffset.UtcNow;
}
