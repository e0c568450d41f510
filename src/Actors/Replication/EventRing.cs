namespace Actors.Replication;

/// <summary>The latest published changes, for watchers that join or resume.</summary>
/// <remarks>Held in memory only: a replica that starts anew can serve watchers from its recovered index on.</remarks>
internal sealed class EventRing(int capacity)
{
    private readonly Deque<GroupEvent> _events = new();

    /// <summary>The lowest index after which every change is held.</summary>
    public long CompleteAfter { get; private set; }

    /// <summary>The index of the newest change held, or <see cref="CompleteAfter"/> when none is.</summary>
    public long Latest => _events.Count > 0 ? _events[_events.Count - 1].Index : CompleteAfter;

    /// <summary>Nothing at or before <paramref name="index"/> is held.</summary>
    public void StartAfter(long index)
    {
        CompleteAfter = index;
        DropUpTo(index);
    }

    /// <summary>Adds a change; when there are too many, the oldest go, all those of one index together.</summary>
    public void Add(in GroupEvent change)
    {
        _events.PushBack(change);
        while (_events.Count > capacity)
            CompleteAfter = _events.PopFront().Index;
        DropUpTo(CompleteAfter);
    }

    /// <summary>The changes with an index above <paramref name="after"/> to keys that begin with <paramref name="prefix"/>, oldest first.</summary>
    public List<GroupEvent> After(long after, ReadOnlyMemory<byte> prefix)
    {
        var result = new List<GroupEvent>();
        for (var i = _events.Count - 1; i >= 0 && _events[i].Index > after; i--)
        {
            if (_events[i].Key.Span.StartsWith(prefix.Span))
                result.Add(_events[i]);
        }

        result.Reverse();
        return result;
    }

    private void DropUpTo(long index)
    {
        while (_events.Count > 0 && _events[0].Index <= index)
            _events.PopFront();
    }
}
