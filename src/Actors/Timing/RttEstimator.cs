namespace Actors.Timing;

/// <summary>Learns a retransmission time-out from measured round trips (RFC 6298, section 2, with a minimum of our own).</summary>
/// <remarks>
/// SRTT ← 7/8 SRTT + 1/8 R; RTTVAR ← 3/4 RTTVAR + 1/4 |SRTT − R|; time-out = SRTT + max(G, 4 RTTVAR) + D, doubled by each expiry until a new sample comes.
/// G is a tick of Akka's scheduler: where round trips hardly differ, a time-out would otherwise expire together with the answer.
/// D is for how long the other side has lately held an answer back: its disk's time is not the network's (QUIC, RFC 9002, section 5.3).
/// </remarks>
internal sealed class RttEstimator(TimeSpan minimum, TimeSpan? initial = null, TimeSpan? maximum = null)
{
    private const double Granularity = 10;      // ms

    private readonly TimeSpan _initial = initial ?? TimeSpan.FromSeconds(1);
    private readonly TimeSpan _maximum = maximum ?? TimeSpan.FromSeconds(5);

    private double _smoothed;       // ms; 0 before the first sample
    private double _variation;
    private double _ackDelay;
    private int _backoff;
    private double _jitter;

    /// <summary>How long to wait for an answer before asking again; from the minimum to the maximum (5 s unless set).</summary>
    public TimeSpan Timeout => Clamped(_smoothed == 0 ? _initial : Milliseconds(_smoothed + Math.Max(Granularity, 4 * _variation) + _ackDelay), _backoff);

    /// <summary>When to send the last message once more, should nothing follow that could show its loss: two round trips (RFC 8985, section 7.2). After an expiry it is <see cref="Timeout"/>.</summary>
    public TimeSpan ProbeTimeout
    {
        get
        {
            if (_smoothed == 0 || _backoff > 0)
                return Timeout;
            var probe = Clamped(Milliseconds((2 * _smoothed) + _ackDelay), 0);
            return probe < Timeout ? probe : Timeout;
        }
    }

    /// <summary>How long a message may be overtaken by later ones before it counts as lost: five quarters of a round trip (RFC 8985, section 6.2).</summary>
    public TimeSpan ReorderingWait => Milliseconds((1.25 * _smoothed) + _ackDelay);

    /// <summary>A round trip of which it is known which copy was answered (Karn), and for how much of it the answer was held back.</summary>
    public void Sample(TimeSpan roundTrip, TimeSpan ackDelay = default)
    {
        var delay = Math.Clamp(ackDelay.TotalMilliseconds, 0, Math.Max(roundTrip.TotalMilliseconds, 0));
        _ackDelay = Math.Max(delay, 0.875 * _ackDelay);
        var ms = Math.Max(roundTrip.TotalMilliseconds - delay, 0.001);
        if (_smoothed == 0)
        {
            (_smoothed, _variation) = (ms, ms / 2);
        }
        else
        {
            _variation = 0.75 * _variation + 0.25 * Math.Abs(_smoothed - ms);
            _smoothed = 0.875 * _smoothed + 0.125 * ms;
        }

        (_backoff, _jitter) = (0, 0);
    }

    /// <summary>The time-out expired without an answer.</summary>
    /// <param name="jitter">By which share the next ones are longer, so that those who lost the same peer do not come back in step: 0 to 1.</param>
    public void Expired(double jitter = 0) => (_backoff, _jitter) = (Math.Min(_backoff + 1, 10), jitter);

    private TimeSpan Clamped(TimeSpan timeout, int backoff)
    {
        var backedOff = (timeout < minimum ? minimum : timeout) * ((1L << backoff) * (1 + _jitter));
        return backedOff > _maximum ? _maximum : backedOff;
    }

    private static TimeSpan Milliseconds(double value) => TimeSpan.FromMilliseconds(value);
}
