using Actors.Timing;

namespace Actors.TestKit;

/// <summary>The clocks of one simulated node: they drift, are set wrong, and can stand still.</summary>
public sealed class SimClock : IClock
{
    /// <summary>The wall clock at the start of every simulation.</summary>
    public static readonly DateTimeOffset Start = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly World _world;
    private double _rate = 1;
    private bool _stopped;
    private long _trueBase;         // where the present rate began: true time,
    private long _elapsedBase;      // elapsed time,
    private long _wallBase;         // and wall time

    internal SimClock(World world) => _world = world;

    /// <inheritdoc/>
    public TimeSpan Elapsed => new(_elapsedBase + (_stopped ? 0 : SinceBase));

    /// <inheritdoc/>
    public DateTimeOffset UtcNow => Start + new TimeSpan(_wallBase + SinceBase) + WallOffset;

    /// <summary>Seconds that this clock counts in one true second: 1 is right, 1.01 gains one percent; 0.5 to 2. Timers of the node run by it too.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside of 0.5 to 2.</exception>
    public double Rate
    {
        get => _rate;
        set
        {
            if (value is not (>= 0.5 and <= 2))
                throw new ArgumentOutOfRangeException(nameof(value), $"the rate of a clock is {value}; it must be 0.5 to 2");
            Rebase();
            _rate = value;
        }
    }

    /// <summary>By how much the wall clock is wrong; may change at any time, so it may jump.</summary>
    public TimeSpan WallOffset { get; set; }

    private long SinceBase => (long)((_world.LocalNow - _trueBase) * _rate);

    /// <summary>What <paramref name="local"/> on this clock lasts in ticks of true time.</summary>
    internal long ToTrue(TimeSpan local) => _rate == 1 ? local.Ticks : (long)(local.Ticks / _rate);

    /// <summary>The machine was started again: the time since its start begins at <paramref name="elapsed"/>.</summary>
    internal void Reboot(TimeSpan elapsed)
    {
        Resume();
        _elapsedBase = elapsed.Ticks;
    }

    internal void Stop()
    {
        Rebase();
        _stopped = true;
    }

    internal void Resume()
    {
        Rebase();
        _stopped = false;
    }

    private void Rebase()
    {
        _elapsedBase = Elapsed.Ticks;
        _wallBase += SinceBase;
        _trueBase = _world.LocalNow;
    }
}
