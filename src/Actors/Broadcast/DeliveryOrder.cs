namespace Actors.Broadcast;

/// <summary>Holds messages back until what goes before them has been delivered: nothing, the sender's earlier messages, or all that its sender had delivered.</summary>
/// <remarks>
/// Causal order by direct dependencies (Prakash, Raynal and Singhal, JPDC 1997): a message names what its sender had delivered since its own last message, without
/// what follows from that; FIFO order gives the rest.
/// </remarks>
internal sealed class DeliveryOrder(Ordering ordering)
{
    private readonly bool _fifo = ordering is not Ordering.None;
    private readonly bool _causal = ordering.HasFlag(Ordering.Causal);
    private readonly SortedDictionary<ParticipantId, Lane> _lanes = [];
    private readonly SortedDictionary<ParticipantId, long> _since = [];      // delivered since the own last message, without what follows from the rest
    private readonly Queue<Item> _ready = new();

    /// <summary>Messages that wait for others.</summary>
    public int Waiting { get; private set; }

    /// <summary>Messages of one life that wait.</summary>
    public int WaitingOf(ParticipantId origin) => _lanes.TryGetValue(origin, out var lane) ? lane.Waiting.Count : 0;

    /// <summary>Up to where the messages of <paramref name="origin"/> have been delivered; without an order that says nothing, and is the highest number there is.</summary>
    public long DeliveredOf(ParticipantId origin) => !_fifo ? long.MaxValue : _lanes.TryGetValue(origin, out var lane) ? lane.Delivered : 0;

    /// <summary>All that has been delivered, when there is an order. Causal order: no message in it follows from one that is not.</summary>
    public IEnumerable<Extent> Delivered => _lanes.Select(lane => new Extent(lane.Key, lane.Value.Delivered, lane.Value.Delivered));

    /// <summary>The dependencies of a message that <paramref name="sender"/> sends now; from here on only what is delivered later is one.</summary>
    public IReadOnlyList<MessageId> TakeDependencies(ParticipantId sender)
    {
        if (!_causal)
            return [];
        MessageId[] dependencies = [.. _since.Where(last => last.Key != sender).Select(last => new MessageId(last.Key, last.Value))];
        _since.Clear();
        return dependencies;
    }

    /// <summary>Takes a message that may be delivered as soon as the order allows.</summary>
    public void Add(Item item)
    {
        if (!_fifo)
        {
            _ready.Enqueue(item);
            return;
        }

        var lane = LaneOf(item.Id.Origin);
        if (item.Id.Sequence <= lane.Delivered)
            return;     // it was cut
        lane.Waiting.Add(item.Id.Sequence, item);
        Waiting++;
    }

    /// <summary>The messages of <paramref name="origin"/> up to <paramref name="sequence"/> will not all come: nothing waits for them, and those that waited are given up.</summary>
    /// <returns>How many are given up.</returns>
    public int Skip(ParticipantId origin, long sequence)
    {
        if (!_fifo)
            return 0;
        var lane = LaneOf(origin);
        var passed = lane.Waiting.Keys.Where(waiting => waiting <= sequence).ToArray();
        foreach (var each in passed)
            lane.Waiting.Remove(each);
        Waiting -= passed.Length;
        lane.Delivered = Math.Max(lane.Delivered, sequence);
        return passed.Length;
    }

    /// <summary>Forgets a life of which nothing will come any more.</summary>
    public void Remove(ParticipantId origin)
    {
        if (_lanes.Remove(origin, out var lane))
            Waiting -= lane.Waiting.Count;
        _since.Remove(origin);
    }

    /// <summary>The next message in order; null when all that are here wait.</summary>
    public Item? Next()
    {
        if (_ready.TryDequeue(out var next) || (next = TakeFirst()) is not null)
            Note(next);
        return next;
    }

    private Item? TakeFirst()
    {
        if (Waiting == 0)
            return null;
        foreach (var lane in _lanes.Values)
        {
            if (!lane.Waiting.TryGetValue(lane.Delivered + 1, out var item) || !MayFollow(item))
                continue;
            lane.Waiting.Remove(item.Id.Sequence);
            lane.Delivered = item.Id.Sequence;
            Waiting--;
            return item;
        }

        return null;
    }

    private bool MayFollow(Item item)
    {
        foreach (var before in item.After)
        {
            if (_lanes.TryGetValue(before.Origin, out var lane) ? lane.Delivered < before.Sequence : !IsGone(before.Origin))
                return false;
        }

        return true;
    }

    /// <summary>True for a life of which others have told for so long that it is forgotten here: later lives of the node are known.</summary>
    private bool IsGone(ParticipantId origin) => _lanes.Keys.Count(other => other.Node == origin.Node && other.Incarnation > origin.Incarnation) >= MessageStreams.LivesKept;

    private void Note(Item item)
    {
        if (!_causal || item.IsLost)
            return;
        foreach (var before in item.After)
        {
            if (_since.TryGetValue(before.Origin, out var last) && last <= before.Sequence)
                _since.Remove(before.Origin);
        }

        _since[item.Id.Origin] = item.Id.Sequence;
    }

    private Lane LaneOf(ParticipantId origin)
    {
        if (!_lanes.TryGetValue(origin, out var lane))
            _lanes.Add(origin, lane = new Lane());
        return lane;
    }

    private sealed class Lane
    {
        public long Delivered { get; set; }

        public Dictionary<long, Item> Waiting { get; } = [];
    }
}
