namespace Actors.Timing;

/// <summary>The clocks of one node. A simulation gives each node its own, drifting and pausing.</summary>
public interface IClock
{
    /// <summary>Time since an arbitrary start; never goes back. Time-outs, round trips and leases use this and nothing else.</summary>
    TimeSpan Elapsed { get; }

    /// <summary>The wall clock, for timestamps that a primary writes into log entries. May jump; the log keeps them monotonic.</summary>
    DateTimeOffset UtcNow { get; }
}

/// <summary>The machine's own clocks: the time since it was started, suspensions included where the system tells, and <c>DateTimeOffset.UtcNow</c>.</summary>
public sealed class SystemClock : IClock
{
    /// <summary>The one instance.</summary>
    public static readonly SystemClock Instance = new();

    private static readonly TimeSpan Start = BootClock.Now;

    private SystemClock()
    {
    }

    /// <inheritdoc/>
    public TimeSpan Elapsed => BootClock.Now - Start;

    /// <inheritdoc/>
    public DateTimeOffset UtcNow => DateTimeOffset.UtcNow;
}
