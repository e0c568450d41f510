namespace Actors.TestKit;

/// <summary>How a link treats messages. The default is a good local network: 0.1 to 2 ms, in order, nothing lost.</summary>
public sealed record LinkFaults
{
    private readonly double _loss, _duplicate, _reorder, _slow;

    /// <summary>The shortest delay; default 0.1 ms.</summary>
    public TimeSpan MinDelay { get; init; } = TimeSpan.FromMilliseconds(0.1);

    /// <summary>The longest usual delay; default 2 ms. Delays are evenly distributed between both.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>The share of messages that take up to <see cref="SlowDelay"/>: 0 to 1, default 0.</summary>
    public double Slow { get => _slow; init => _slow = Rate.Checked(value, nameof(Slow)); }

    /// <summary>The longest delay of a slow message; default 100 ms.</summary>
    public TimeSpan SlowDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The share of messages that are lost: 0 to 1, default 0.</summary>
    public double Loss { get => _loss; init => _loss = Rate.Checked(value, nameof(Loss)); }

    /// <summary>The share of messages that arrive twice: 0 to 1, default 0.</summary>
    public double Duplicate { get => _duplicate; init => _duplicate = Rate.Checked(value, nameof(Duplicate)); }

    /// <summary>The share of messages that do not wait for those sent before them: 0 to 1, default 0.</summary>
    public double Reorder { get => _reorder; init => _reorder = Rate.Checked(value, nameof(Reorder)); }

    /// <summary>Draws the delay of one message.</summary>
    internal TimeSpan DrawDelay(SeededRandom random) => random.Between(MinDelay, random.Chance(Slow) ? SlowDelay : MaxDelay);
}

/// <summary>The check of a probability.</summary>
internal static class Rate
{
    public static double Checked(double value, string name) =>
        value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(name, $"{name} is {value}; a rate must be 0 to 1");
}
