using System.Collections.Concurrent;
using System.Diagnostics;

namespace Actors.Networks;

/// <summary>Carries IP packets between the nodes of a <see cref="Network"/> through this process, and loses and delays some: what <c>tc netem</c> does where the kernel has it.</summary>
/// <param name="seed">Of which packets are lost.</param>
internal sealed class PacketRelay(int seed) : IDisposable
{
    private const int DestinationEnd = 19;      // of the address in an IPv4 header, whose last byte is the node's number

    private readonly Random _random = new(seed);
    private readonly ConcurrentDictionary<int, FileStream> _links = new();
    private readonly BlockingCollection<(long At, FileStream To, byte[] Packet)> _delayed = [];
    private volatile bool _stopped;
    private int _lossPercent;
    private int _delayMs;

    public long Carried { get; private set; }

    public long Lost { get; private set; }

    /// <summary>From now on this many of a hundred packets are lost, and the others arrive so much later.</summary>
    public void Degrade(int lossPercent, int delayMs) => (_lossPercent, _delayMs) = (lossPercent, delayMs);

    /// <summary>Connects a node by an interface of this name in its namespace; its address is given afterwards.</summary>
    public void Join(int node, string networkNamespace, string interfaceName)
    {
        var link = NetworkNamespace.TunnelIn(networkNamespace, interfaceName);
        _links[node] = link;
        if (node == 1)
            Start(Deliver);
        Start(() => Read(link));
    }

    public void Dispose()
    {
        _stopped = true;
        _delayed.CompleteAdding();
        foreach (var link in _links.Values)
            link.Dispose();
    }

    private static void Start(ThreadStart run) => new Thread(run) { IsBackground = true, Name = "packets" }.Start();

    private void Read(FileStream link)
    {
        var buffer = new byte[65_536];
        try
        {
            while (link.Read(buffer) is > DestinationEnd and var length)
                Carry(buffer.AsSpan(0, length).ToArray());
        }
        catch (Exception e) when (_stopped && e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The network is gone.
        }
    }

    private void Carry(byte[] packet)
    {
        if (packet[0] >> 4 != 4 || !_links.TryGetValue(packet[DestinationEnd], out var to))
            return;     // not of this network
        lock (_random)
        {
            Carried++;
            if (_random.Next(100) < _lossPercent)
            {
                Lost++;
                return;
            }

            _delayed.Add((Stopwatch.GetTimestamp() + _delayMs * Stopwatch.Frequency / 1000, to, packet));
        }
    }

    // All have the same delay, so they leave in the order in which they came.
    private void Deliver()
    {
        foreach (var (at, to, packet) in _delayed.GetConsumingEnumerable())
        {
            var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), at);
            if (wait > TimeSpan.Zero)
                NetworkNamespace.Sleep(wait);
            try
            {
                to.Write(packet);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // The interface is down: a lost packet.
            }
        }
    }
}
