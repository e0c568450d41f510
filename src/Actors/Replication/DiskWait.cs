namespace Actors.Replication;

/// <summary>For how long the disk has owed the oldest of the saves that it was given.</summary>
internal sealed class DiskWait
{
    private readonly Queue<(long Ticket, TimeSpan At)> _owed = new();

    /// <summary>Save <paramref name="ticket"/> was handed over; tickets grow.</summary>
    public void Began(long ticket, TimeSpan now) => _owed.Enqueue((ticket, now));

    /// <summary>All saves up to <paramref name="ticket"/> are durable.</summary>
    public void Ended(long ticket)
    {
        while (_owed.TryPeek(out var oldest) && oldest.Ticket <= ticket)
            _owed.Dequeue();
    }

    /// <summary>Zero when it owes nothing.</summary>
    public TimeSpan At(TimeSpan now) => _owed.TryPeek(out var oldest) ? now - oldest.At : TimeSpan.Zero;
}
