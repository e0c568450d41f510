namespace Actors.Broadcast;

/// <summary>Uniform broadcast: which members have the messages that may not be delivered yet. A set of members has a bit for each rank.</summary>
internal sealed class Holdings
{
    private readonly SortedDictionary<ParticipantId, SortedDictionary<long, Holding>> _open = [];

    /// <summary>True when nothing waits.</summary>
    public bool IsEmpty => _open.Count == 0;

    /// <summary>The lowest number of <paramref name="origin"/> that waits; <see cref="long.MaxValue"/> when none does.</summary>
    public long FirstOf(ParticipantId origin) => _open.TryGetValue(origin, out var open) ? open.First().Key : long.MaxValue;

    /// <summary>True when the message of that name waits, or acknowledgements wait for it.</summary>
    public bool Has(MessageId id) => _open.TryGetValue(id.Origin, out var open) && open.ContainsKey(id.Sequence);

    /// <summary>When the first of those that wait came.</summary>
    public TimeSpan? Oldest => IsEmpty ? null : _open.Values.Min(open => open.First().Value.Since);

    /// <summary>The message itself is here.</summary>
    public void Add(Item item, ulong members, TimeSpan now)
    {
        var holding = Of(item.Id, now);
        holding.Item = item;
        holding.Members |= members;
    }

    /// <summary><paramref name="members"/> have the message, which may not be here yet.</summary>
    public void Add(MessageId id, ulong members, TimeSpan now) => Of(id, now).Members |= members;

    /// <summary><paramref name="members"/> have all messages that wait here.</summary>
    public void AddToItems(ulong members)
    {
        foreach (var holding in _open.Values.SelectMany(open => open.Values).Where(holding => holding.Item is not null))
            holding.Members |= members;
    }

    /// <summary>What <paramref name="members"/> have is not known any more.</summary>
    public void Drop(ulong members)
    {
        foreach (var holding in _open.Values.SelectMany(open => open.Values))
            holding.Members &= ~members;
    }

    /// <summary><paramref name="members"/> have everything of <paramref name="origin"/> up to <paramref name="upTo"/>.</summary>
    public void AddUpTo(ParticipantId origin, long upTo, ulong members)
    {
        if (!_open.TryGetValue(origin, out var open))
            return;
        foreach (var (sequence, holding) in open)
        {
            if (sequence > upTo)
                return;
            holding.Members |= members;
        }
    }

    /// <summary>Takes out, in order, the messages that are here and of which enough members have a copy.</summary>
    public List<Item> TakeReady(Func<ulong, bool> isEnough)
    {
        var ready = new List<Item>();
        foreach (var open in _open.Values)
            ready.AddRange(open.Values.Where(holding => holding.Item is not null && isEnough(holding.Members)).Select(holding => holding.Item!));
        foreach (var item in ready)
            Remove(item.Id);
        return ready;
    }

    /// <summary>Takes out what is up to <paramref name="upTo"/>; returns the messages that are here.</summary>
    public List<Item> TakeUpTo(ParticipantId origin, long upTo)
    {
        if (!_open.TryGetValue(origin, out var open))
            return [];
        var taken = open.TakeWhile(pair => pair.Key <= upTo).ToList();
        foreach (var (sequence, _) in taken)
            Remove(new MessageId(origin, sequence));
        return [.. taken.Select(pair => pair.Value.Item).OfType<Item>()];
    }

    private Holding Of(MessageId id, TimeSpan now)
    {
        if (!_open.TryGetValue(id.Origin, out var open))
            _open.Add(id.Origin, open = []);
        if (!open.TryGetValue(id.Sequence, out var holding))
            open.Add(id.Sequence, holding = new Holding(now));
        return holding;
    }

    /// <summary>Nobody waits for the message any more.</summary>
    public void Remove(MessageId id)
    {
        if (!_open.TryGetValue(id.Origin, out var open))
            return;
        open.Remove(id.Sequence);
        if (open.Count == 0)
            _open.Remove(id.Origin);
    }

    private sealed class Holding(TimeSpan since)
    {
        public TimeSpan Since { get; } = since;

        public Item? Item { get; set; }

        public ulong Members { get; set; }
    }
}
