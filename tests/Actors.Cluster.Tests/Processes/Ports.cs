using Actors.Hosting;

namespace Actors.Cluster.Tests;

/// <summary>TCP ports of 127.0.0.1.</summary>
internal static class Ports
{
    // Below those that the system gives to outgoing connections, which would take them between the choice and the start of a node.
    private const int First = 20_000;
    private const int Last = 32_000;

    /// <summary>The first of <paramref name="count"/> ports in a row that nobody listens on.</summary>
    public static int FreeInARow(int count)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var first = Random.Shared.Next(First, Last - count);
            if (Enumerable.Range(first, count).All(port => new NodeAddress("127.0.0.1", port).CanListen(out _)))
                return first;
        }

        throw new InvalidOperationException($"no {count} free ports in a row between {First} and {Last}");
    }
}
