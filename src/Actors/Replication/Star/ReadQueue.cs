namespace Actors.Replication.Star;

/// <summary>Linearizable reads that wait until the primary's epoch is confirmed by a message sent after they arrived.</summary>
/// <remarks>One round serves every read that arrived before it began. Ongaro, dissertation 2014, section 6.4.</remarks>
internal sealed class ReadQueue
{
    private readonly Queue<(long After, string ReplyTo, Request Request)> _waiting = new();

    /// <summary>The number of reads waiting.</summary>
    public int Count => _waiting.Count;

    /// <summary>A read arrived when <paramref name="lastNumber"/> was the newest message number: only an answer to a later one confirms it.</summary>
    public void Add(long lastNumber, string replyTo, Request request) => _waiting.Enqueue((lastNumber, replyTo, request));

    /// <summary>The next read confirmed by a quorum that has answered message <paramref name="answered"/>.</summary>
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

    /// <summary>Drops all; returns who waited.</summary>
    public IEnumerable<string> Clear()
    {
        var waited = _waiting.Select(w => w.ReplyTo).ToList();
        _waiting.Clear();
        return waited;
    }
}
