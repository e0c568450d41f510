namespace Actors.Replication;

/// <summary>How far one member is behind what a majority holds: what the others hold already waits for it alone.</summary>
/// <remarks>
/// Whoever answers is not silent, but may still be too slow for the group. Judged against a majority, not against the primary's last entry:
/// when all are slow together, nobody is. A burst is no lag: entries and bytes count once they were over their limit for a whole election time-out.
/// </remarks>
internal sealed class Lag
{
    private const int MostMarks = 16;       // they measure the lag to a sixteenth of its limit

    private readonly GroupSettings _settings;
    private readonly Queue<(long Held, TimeSpan At)> _marks = new();    // what a majority held when, as far as the member does not hold it
    private TimeSpan _markedAt;
    private TimeSpan _heldAt;               // the member holds what a majority held then
    private TimeSpan _withinAt;             // when it last was within the limits of entries and bytes
    private long _entries;
    private long _bytes;

    public Lag(GroupSettings settings, TimeSpan now)
    {
        _settings = settings;
        Restart(now);
    }

    /// <summary>What was before no longer counts: the member has become one, or there is nothing yet to judge it by.</summary>
    public void Restart(TimeSpan now)
    {
        _marks.Clear();
        (_markedAt, _heldAt, _withinAt, _entries, _bytes) = (now, now, now, 0, 0);
    }

    /// <summary>The member holds everything up to <paramref name="match"/>, a majority up to <paramref name="held"/>; <paramref name="bytes"/> are between the two.</summary>
    public void Observe(long match, long held, long bytes, TimeSpan now)
    {
        (_entries, _bytes) = (Math.Max(0, held - match), bytes);
        if (_entries <= _settings.MaxLagEntries && _bytes <= _settings.MaxLagBytes)
            _withinAt = now;
        while (_marks.TryPeek(out var mark) && mark.Held <= match)
            _heldAt = _marks.Dequeue().At;
        if (match >= held)
            _heldAt = now;
        else if (_marks.Count == 0 || (_marks.Count < MostMarks && now - _markedAt >= _settings.MaxLagTime / MostMarks))
        {
            _marks.Enqueue((held, now));
            _markedAt = now;
        }
    }

    /// <summary>Which limit it is past, for the log; null when it is past none.</summary>
    public string? Excess(TimeSpan now)
    {
        if (now - _heldAt >= _settings.MaxLagTime)
            return $"lacks what a majority held {(now - _heldAt).TotalMilliseconds} ms ago (max-lag-time)";
        if (now - _withinAt < _settings.ElectionTimeout)
            return null;
        return _entries > _settings.MaxLagEntries ? $"is {_entries} entries behind a majority (max-lag-entries)" : $"is {_bytes} bytes behind a majority (max-lag-bytes)";
    }
}
