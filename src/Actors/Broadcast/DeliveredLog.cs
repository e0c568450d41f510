namespace Actors.Broadcast;

/// <summary>What a member has delivered in this life, as far as it is kept, and those who listen.</summary>
internal sealed class DeliveredLog(int kept)
{
    private readonly Queue<Delivered> _log = new();
    private readonly List<Func<Delivered, bool>> _listeners = [];

    /// <summary>The position of the latest one; 0 when there is none.</summary>
    public long Last { get; private set; }

    /// <summary>Everything after this position is kept.</summary>
    public long CompleteAfter => Last - _log.Count;

    public void Add(MessageId id, ReadOnlyMemory<byte> payload, long missed = 0)
    {
        var delivered = new Delivered(++Last, id, payload) { Missed = missed };
        _log.Enqueue(delivered);
        if (_log.Count > kept)
            _log.Dequeue();
        _listeners.RemoveAll(listener => !listener(delivered));
    }

    /// <summary>The messages of <paramref name="origin"/> with a number above <paramref name="sequence"/>, as far as they are kept.</summary>
    public IEnumerable<Delivered> Of(ParticipantId origin, long sequence) =>
        _log.Where(delivered => delivered.Missed == 0 && delivered.Id.Origin == origin && delivered.Id.Sequence > sequence);

    /// <summary>The next position follows <paramref name="position"/>; what is kept from before does not connect to it.</summary>
    public void GoOnAfter(long position)
    {
        _log.Clear();
        Last = position;
    }

    public void Add(Listen request)
    {
        var after = request.After ?? Last;
        if (after < CompleteAfter || after > Last)
        {
            request.Refused(CompleteAfter, Last);
            return;
        }

        foreach (var delivered in _log)
        {
            if (delivered.Position > after && !request.Listener(delivered))
                return;
        }

        _listeners.Add(request.Listener);
    }
}
