namespace Actors.Timing;

/// <summary>Learns a retransmission time-out from measured round trips (RFC 6298, section 2, with a minimum of our own).</summary>
/// <remarks>SRTT ← 7/8 SRTT + 1/8 R; RTTVAR ← 3/4 RTTVAR + 1/4 |SRTT − R|; time-out = SRTT + 4 RTTVAR, doubled by each expiry until a new sample comes.</remarks>
internal sealed class RttEstimator(TimeSpan minimum, TimeSpan? initial = null)
{
    private readonly TimeSpan _initial = initial ?? TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Maximum = TimeSpan.FromSeconds(5);

    private double _smoothed;       // ms; 0 before the first sample
    private double _variation;
    private int _backoff;

    /// <summary>How long to wait for an answer before asking again; at least the minimum, at most 5 s.</summary>
    public TimeSpan Timeout
    {
        get
        {
            var base_ = _smoothed == 0 ? _initial : TimeSpan.FromMilliseconds(_smoothed + 4 * _variation);
            var timeout = (base_ < minimum ? minimum : base_) * (1 << _backoff);
            return timeout > Maximum ? Maximum : timeout;
        }
    }

    /// <summary>A round trip of a request that was sent once (a repeated one does not tell which copy was answered: Karn).</summary>
    public void Sample(TimeSpan roundTrip)
    {
        var ms = Math.Max(roundTrip.TotalMilliseconds, 0.001);
        if (_smoothed == 0)
        {
            (_smoothed, _variation) = (ms, ms / 2);
        }
        else
        {
            _variation = 0.75 * _variation + 0.25 * Math.Abs(_smoothed - ms);
            _smoothed = 0.875 * _smoothed + 0.125 * ms;
        }

        _backoff = 0;
    }

    /// <summary>The time-out expired without an answer.</summary>
    public void Expired() => _backoff = Math.Min(_backoff + 1, 4);
}
