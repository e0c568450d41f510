namespace Actors.Timing;

/// <summary>The holder's side of a lease: until when nobody else can have taken its place, if those who answered keep what they promised.</summary>
/// <remarks>
/// Whoever answers a message promises to support nobody else for L(1+ρ) from its receipt, by its own clock; ρ bounds how much faster that clock may
/// run than the holder's. The holder counts L from the sending, by its own clock, so its lease is over first. Gray and Cheriton, SOSP 1989, section 2;
/// Ongaro, dissertation 2014, section 6.4.1.
/// </remarks>
internal sealed class Lease(TimeSpan length)
{
    private const int Marks = 32;           // sending times are kept to a thirty-second of the length, on the safe side

    private readonly Queue<(long Number, TimeSpan At)> _sent = new();       // messages from this number on were sent at this time or later
    private TimeSpan _markedAt = TimeSpan.MinValue;
    private (long Number, TimeSpan At) _answered = (long.MaxValue, TimeSpan.MinValue);     // the newest mark at or below what was answered
    private bool _surrendered;

    /// <summary>How long a promise must last so that it outlives a lease of <paramref name="length"/>.</summary>
    public static TimeSpan PromiseFor(TimeSpan length, double maxDrift) => length * (1 + maxDrift);

    /// <summary>Message <paramref name="number"/> is about to be sent; numbers grow.</summary>
    public void Sending(long number, TimeSpan now)
    {
        if (_sent.Count > 0 && now - _markedAt < length / Marks)
            return;
        while (_sent.TryPeek(out var oldest) && now - oldest.At >= length)
            _sent.Dequeue();        // too long ago to be worth anything
        _sent.Enqueue((number, now));
        _markedAt = now;
    }

    /// <summary>True while nobody else can have taken over, where a quorum has answered message <paramref name="answered"/> or later ones.</summary>
    /// <param name="answered"><see cref="long.MaxValue"/> when nobody else is needed.</param>
    /// <param name="now">Taken after whatever is answered was read: a pause after that does no harm.</param>
    public bool Holds(long answered, TimeSpan now)
    {
        if (_surrendered)
            return false;
        if (answered == long.MaxValue)
            return true;
        while (_sent.TryPeek(out var mark) && mark.Number <= answered)
            _answered = _sent.Dequeue();
        return _answered.Number <= answered && now < _answered.At + length;
    }

    /// <summary>Given up for good: another one was asked to take over, whenever the message may arrive.</summary>
    public void Surrender() => _surrendered = true;
}
