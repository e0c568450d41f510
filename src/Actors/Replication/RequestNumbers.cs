namespace Actors.Replication;

/// <summary>The highest message number seen from each client address: copies and overtaken messages are dropped.</summary>
/// <remarks>
/// Without it a copy made by the network could be ordered after its original was refused as overloaded, although the client was told
/// that it was not applied. A later life of the replica does not know the numbers; it orders no message that was meant for this one
/// (<see cref="Requests.Life"/>). Bounded: the address silent for longest goes first.
/// </remarks>
internal sealed class RequestNumbers
{
    private const int Capacity = 10_000;

    private readonly Dictionary<string, LinkedListNode<(string Client, long Number)>> _byClient = [];
    private readonly LinkedList<(string Client, long Number)> _byUse = new();

    /// <summary>True, and remembered, when <paramref name="number"/> is above every earlier one of <paramref name="client"/>.</summary>
    /// <param name="client">Its address.</param>
    /// <param name="number">The number of its message.</param>
    public bool IsNew(string client, long number)
    {
        if (_byClient.TryGetValue(client, out var node))
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
