using Actors.Delivery;

namespace Actors.TestKit;

/// <summary>What the senders of links put on the network: never more than the window holds, copies that are sent again included.</summary>
internal sealed class LinkWire(Simulation simulation, DeliverySettings settings)
{
    private readonly Dictionary<string, SortedDictionary<long, int>> _unsettled = [];    // by return address, which is another one in each life of a sender

    public void OnMessage(DeliveryMessage message)
    {
        if (message is not Data data || settings.Guarantee is Guarantee.AtMostOnce)
            return;
        if (!_unsettled.TryGetValue(data.ReplyTo, out var sent))
            _unsettled.Add(data.ReplyTo, sent = []);
        while (sent.Count > 0 && sent.First().Key < data.Lowest)
            sent.Remove(sent.First().Key);
        foreach (var item in data.Items)
        {
            if (item.Sequence >= data.Lowest + settings.WindowMessages)
                simulation.World.Fail("Window", $"{data.Origin} sends message {item.Sequence}; from {data.Lowest} on the window holds {settings.WindowMessages}");
            if (item.Sequence >= data.Lowest)
                sent[item.Sequence] = item.Payload.Length;
        }

        // Of messages that are settled out of order the network does not tell.
        if (settings.Level is not AckLevel.Processed && sent.Values.Sum() is var bytes && bytes > settings.WindowBytes)
            simulation.World.Fail("Window", $"{data.Origin} has sent {bytes} bytes that are not settled; the window holds {settings.WindowBytes}");
    }
}
