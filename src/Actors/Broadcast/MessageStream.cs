using Actors.Delivery;

namespace Actors.Broadcast;

/// <summary>What a member has of the messages of one life: which it has seen, and those that somebody may still miss.</summary>
internal sealed class MessageStream(ParticipantId origin, int window)
{
    private readonly ReceiveWindow _seen = new(0, window);
    private readonly Dictionary<long, Item> _held = [];
    private long _dropped;  // nothing up to this number is held
    private long _known;    // somebody has told of numbers up to this one

    public ParticipantId Origin => origin;

    /// <summary>Everything up to this number has been seen, or was cut.</summary>
    public long UpTo => _seen.Cumulative;

    /// <summary>The highest number seen.</summary>
    public long Top { get; private set; }

    /// <summary>Everybody who counts has what is up to this number: whoever comes late cannot have it any more.</summary>
    public long Forgotten { get; private set; }

    /// <summary>Bytes of the messages held.</summary>
    public long Bytes { get; private set; }

    /// <summary>Since when something is known to be missing; null while nothing is.</summary>
    public TimeSpan? MissingSince { get; private set; }

    public Extent Extent => new(origin, UpTo, Top);

    public bool Contains(long sequence) => _seen.Has(sequence);

    /// <summary>Takes a message in; <paramref name="hold"/>: others may miss it.</summary>
    public Arrival Add(Item item, bool hold, TimeSpan now)
    {
        var arrival = _seen.Accept(item.Id.Sequence);
        if (arrival is not Arrival.New)
            return arrival;
        Top = Math.Max(Top, item.Id.Sequence);
        if (hold)
        {
            _held.Add(item.Id.Sequence, item);
            Bytes += item.Payload.Length;
        }

        Note(now);
        return arrival;
    }

    /// <summary>Somebody has seen up to <paramref name="sequence"/>.</summary>
    public void Announce(long sequence, TimeSpan now)
    {
        _known = Math.Max(_known, Math.Min(sequence, UpTo + window));     // what is further on waits for a later look
        Note(now);
    }

    /// <summary>The message of that number, when it is held.</summary>
    public Item? Find(long sequence) => _held.GetValueOrDefault(sequence);

    /// <summary>The lowest numbers that are known to be missing, at most <paramref name="most"/>.</summary>
    public List<long> Missing(int most)
    {
        var missing = new List<long>();
        for (var sequence = UpTo + 1; sequence <= Known && missing.Count < most; sequence++)
        {
            if (IsMissing(sequence))
                missing.Add(sequence);
        }

        return missing;
    }

    /// <summary>True for a number that is known to be missing.</summary>
    public bool IsMissing(long sequence) => sequence <= Known && !_seen.Has(sequence);

    /// <summary>A message that is missing cannot be had any more.</summary>
    public void GiveUp(long sequence, TimeSpan now)
    {
        _seen.Accept(sequence);
        Top = Math.Max(Top, sequence);
        Note(now);
    }

    /// <summary>The messages that have been seen although an earlier one is missing.</summary>
    public IEnumerable<MessageId> BehindGap()
    {
        for (var sequence = UpTo + 2; sequence <= Top; sequence++)
        {
            if (_seen.Has(sequence))
                yield return new MessageId(origin, sequence);
        }
    }

    /// <summary>Everybody who counts has what is up to <paramref name="sequence"/>.</summary>
    public void Forget(long sequence)
    {
        Forgotten = Math.Max(Forgotten, sequence);
        for (; _dropped < sequence && _held.Count > 0; _dropped++)
        {
            if (_held.Remove(_dropped + 1, out var item))
                Bytes -= item.Payload.Length;
        }

        _dropped = Math.Max(_dropped, sequence);
    }

    /// <summary>What is missing up to <paramref name="sequence"/> cannot be had any more; returns how many messages that are. What is here stays, as others may need it.</summary>
    public long Cut(long sequence, TimeSpan now)
    {
        var missed = Math.Max(0, sequence - UpTo);
        for (var each = UpTo + 1; each <= Math.Min(sequence, _seen.Highest); each++)
            missed -= _seen.Has(each) ? 1 : 0;
        _seen.Skip(sequence);
        Top = Math.Max(Top, sequence);
        Note(now);
        return missed;
    }

    private long Known => Math.Max(_known, _seen.Highest);

    private void Note(TimeSpan now) => MissingSince = UpTo < Known ? MissingSince ?? now : null;
}
