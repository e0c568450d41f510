using Actors.Membership;

namespace Actors.Replication;

/// <summary>What a primary knows of one other member or learner: what it holds, what is on its way, when it was last heard.</summary>
/// <remarks>Invariant: 0 ≤ <see cref="Match"/> &lt; <see cref="Next"/>.</remarks>
internal sealed class Progress(MemberId id, long next, Lag lag, TimeSpan now)
{
    /// <summary>Messages with entries on their way before smaller ones than a full batch wait for an ack.</summary>
    private const int EnoughInFlight = 2;

    private readonly Queue<(long UpTo, int Bytes)> _inFlight = new();
    private long _rewoundAt;        // the number of the newest message that the last rewind speaks of
    private long _rewoundTo;        // where that rewind went on from

    public MemberId Id { get; } = id;

    /// <summary>Everything up to here is durable there and the same as here.</summary>
    public long Match { get; private set; }

    /// <summary>The next index to send.</summary>
    public long Next { get; private set; } = next;

    /// <summary>True when more entries may be sent: the bytes on their way are within <paramref name="windowBytes"/>.</summary>
    public bool HasRoom(int windowBytes) => BytesInFlight < windowBytes;

    /// <summary>True when only a full batch should be sent: a member syncs in one go what came in the meantime, so more messages would only be smaller ones.</summary>
    public bool IsBusy => _inFlight.Count >= EnoughInFlight;

    /// <summary>Bytes sent and not acknowledged.</summary>
    public int BytesInFlight { get; private set; }

    /// <summary>The highest message number that it answered in this epoch.</summary>
    public long Answered { get; private set; }

    /// <summary>When it was last heard; the start of the reign before that.</summary>
    public TimeSpan HeardAt { get; private set; } = now;

    /// <summary>Since when it owes an ack for entries; <see cref="TimeSpan.MaxValue"/> when it owes none.</summary>
    public TimeSpan OwesSince { get; private set; } = TimeSpan.MaxValue;

    /// <summary>How far it is behind the others.</summary>
    public Lag Lag { get; } = lag;

    /// <summary>True when a membership event says that it is gone.</summary>
    public bool Suspected { get; set; }

    /// <summary>True while it lacks entries that are cut here: it is fetching the state, and gets heartbeats only.</summary>
    public bool LacksState { get; set; }

    /// <summary>The log begins at <paramref name="first"/>: nothing before it can be sent.</summary>
    public void NotBefore(long first) => Next = Math.Max(Next, first);

    /// <summary>Entries up to <paramref name="upTo"/> were sent.</summary>
    public void Sent(long upTo, int bytes, TimeSpan now)
    {
        Next = upTo + 1;
        _inFlight.Enqueue((upTo, bytes));
        BytesInFlight += bytes;
        if (OwesSince == TimeSpan.MaxValue)
            OwesSince = now;
    }

    /// <summary>It answered message <paramref name="number"/> and holds everything up to <paramref name="durable"/>.</summary>
    public void Acknowledged(long number, long durable, TimeSpan now)
    {
        Heard(number, now);
        if (durable <= Match)
            return;
        Match = durable;
        Next = Math.Max(Next, durable + 1);
        while (_inFlight.TryPeek(out var sent) && sent.UpTo <= durable)
            BytesInFlight -= _inFlight.Dequeue().Bytes;
        OwesSince = _inFlight.Count == 0 ? TimeSpan.MaxValue : now;
    }

    /// <summary>It lacks what comes before message <paramref name="number"/>: go on from <paramref name="next"/>. False when the last rewind has seen to that already.</summary>
    public bool Rewind(long number, long next, TimeSpan now)
    {
        Heard(number, now);
        next = Math.Max(next, Match + 1);
        if (number <= _rewoundAt && next >= _rewoundTo)
            return false;
        Next = _rewoundTo = next;
        _inFlight.Clear();
        BytesInFlight = 0;
        return true;
    }

    /// <summary>What was sent up to message <paramref name="number"/> goes on from the rewind: that some of it overtakes the rest is no reason for another one, unless to an earlier place.</summary>
    public void Resent(long number) => _rewoundAt = number;

    /// <summary>Its node's heartbeats told that it lives.</summary>
    public void Vouched(TimeSpan at) => HeardAt = at > HeardAt ? at : HeardAt;

    private void Heard(long number, TimeSpan now)
    {
        Answered = Math.Max(Answered, number);
        HeardAt = now;
        Suspected = false;
    }
}
