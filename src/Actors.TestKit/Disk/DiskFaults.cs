namespace Actors.TestKit;

/// <summary>How a disk behaves. The default is a good drive: a sync takes 0.05 to 0.5 ms and never fails.</summary>
public sealed record DiskFaults
{
    private readonly double _slow, _syncFailure;

    /// <summary>The shortest sync; default 0.05 ms.</summary>
    public TimeSpan MinSync { get; init; } = TimeSpan.FromMilliseconds(0.05);

    /// <summary>The longest usual sync; default 0.5 ms.</summary>
    public TimeSpan MaxSync { get; init; } = TimeSpan.FromMilliseconds(0.5);

    /// <summary>The share of syncs that take up to <see cref="SlowSync"/>: 0 to 1, default 0.</summary>
    public double Slow { get => _slow; init => _slow = Rate.Checked(value, nameof(Slow)); }

    /// <summary>The longest slow sync; default 500 ms.</summary>
    public TimeSpan SlowSync { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The share of syncs that fail: 0 to 1, default 0.</summary>
    public double SyncFailure { get => _syncFailure; init => _syncFailure = Rate.Checked(value, nameof(SyncFailure)); }
}
