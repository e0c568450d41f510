namespace Actors.Replication.Star;

/// <summary>Linearizable reads that wait until the primary's epoch is confirmed by a message sent after they arrived.</summary>
/// <remarks>One round serves every read that arrived before it began, and what arrives meanwhile shares the next. Ongaro, dissertation 2014, section 6.4.</remarks>
internal sealed class ReadQueue
{
    private readonly Queue<(long After, string ReplyTo, Request Request)> _waiting = new();

    /// <summary>The number of reads waiting.</summary>
    public int Count => _waiting.Count;

    /// <summary>Reads arrived that no message was sent after.</summary>
    public bool IsDue { get; private set; }

    /// <summary>The newest message number before the last round.</summary>
    public long Round { get; private set; } = -1;

    /// <summary>A read arrived when <paramref name="lastNumber"/> was the newest message number: only an answer to a later one confirms it.</summary>
    public void Add(long lastNumber, string replyTo, Request request)
    {
        _waiting.Enqueue((lastNumber, replyTo, request));
        IsDue = true;
    }

    /// <summary>True when the next round may begin, where those who must have answered message <paramref name="answered"/>.</summary>
    public bool MayBegin(long answered) => IsDue && answered > Round;

    /// <summary>The next round begins: whatever is sent after message <paramref name="lastNumber"/> belongs to it.</summary>
    public void Begin(long lastNumber) => (IsDue, Round) = (false, lastNumber);

    /// <summary>The next read confirmed by those who must have answered message <paramref name="answered"/>.</summary>
    public bool TryTake(long answered, out string replyTo, out Request request)
    {
        if (_waiting.TryPeek(out var first) && first.After < answered)
        {
            (_, replyTo, request) = _waiting.Dequeue();
            return true;
        }

        (replyTo, request) = ("", default);
        return false;
    }

    /// <summary>Takes all that are confirmed, as <see cref="TryTake"/> does, and answers each by <paramref name="read"/>; the replies by client.</summary>
    public IReadOnlyDictionary<string, List<Reply>> Answer(long answered, Func<Request, Reply> read)
    {
        var replies = new Dictionary<string, List<Reply>>();
        while (TryTake(answered, out var client, out var request))
        {
            if (!replies.TryGetValue(client, out var items))
                replies.Add(client, items = []);
            items.Add(read(request));
        }

        return replies;
    }

    /// <summary>Drops all; returns who waited.</summary>
    public IEnumerable<string> Clear()
    {
        var waited = _waiting.Select(w => w.ReplyTo).ToList();
        _waiting.Clear();
        IsDue = false;
        return waited;
    }
}
