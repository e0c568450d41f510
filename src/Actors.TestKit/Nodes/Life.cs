namespace Actors.TestKit;

/// <summary>One life of a node: from a start to the next crash.</summary>
internal sealed class Life(SimNode node, int number)
{
    public SimNode Node { get; } = node;

    /// <summary>1 for the first.</summary>
    public int Number { get; } = number;

    /// <summary>Its refs to other nodes.</summary>
    public required SimPeers Peers { get; init; }

    public bool IsDead { get; set; }

    public bool IsPaused { get; set; }

    /// <summary>When the pause ends, in ticks.</summary>
    public long PausedUntil { get; set; }

    /// <summary>For how many ticks the clock has stood still in pauses so far; timers fire that much later.</summary>
    public long Stopped { get; set; }

    /// <summary>By address.</summary>
    public Dictionary<string, SimActor> Actors { get; } = [];

    /// <summary>Since when its clock stands still, in ticks; null while it goes.</summary>
    public long? ClockStoppedAt { get; set; }

    /// <summary>Timers that came due during a pause.</summary>
    public List<SimEvent> LateTimers { get; private set; } = [];

    /// <summary>Messages from other nodes that arrived during a pause.</summary>
    public List<SimEvent> LateMessages { get; private set; } = [];

    public List<SimEvent> TakeLateTimers()
    {
        var late = LateTimers;
        LateTimers = [];
        return late;
    }

    public List<SimEvent> TakeLateMessages()
    {
        var late = LateMessages;
        LateMessages = [];
        return late;
    }
}
