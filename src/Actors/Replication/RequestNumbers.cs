namespace Actors.Replication;

/// <summary>The highest message number seen from each client address: copies and overtaken messages are dropped.</summary>
/// <remarks>
/// Without it a copy made by the network could be ordered after its original was refused as overloaded, although the client was told
/// that it was not applied. Bounded: the address silent for longest goes first.
/// </remarks>
internal sealed class RequestNumbers
{
    private const int Capacity = 10_000;

    private readonly Dictionary<string, LinkedListNode<(string Client, long Number)>> _byClient = [];
    private readonly LinkedList<(string Client, long Number)> _byUse = new();

    /// <summary>True, and remembered, when <paramref name="number"/> is above every earlier one of <paramref name="client"/>.</summary>
    /// <param name="client">Its address.</param>
    /// <param name="number">The number of its message.</param>
    /// <param name="isFirst">True when nothing was known of it: an earlier life of this replica may have ordered a copy of the message.</param>
    public bool IsNew(string client, long number, out bool isFirst)
    {
        isFirst = !_byClient.TryGetValue(client, out var node);
        if (node is not null)
        {
            if (number <= node.Value.Number)
                return false;
            _byUse.Remove(node);
        }
        else if (_byClient.Count >= Capacity)
        {
            _byClient.Remove(_byUse.First!.Value.Client);
            _byUse.RemoveFirst();
        }

        _byClient[client] = _byUse.AddLast((client, number));
        return true;
    }
}
