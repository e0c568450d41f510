using System.Diagnostics.Metrics;
using Actors.Broadcast;
using Actors.Membership;
using Actors.TestKit;

namespace Actors.Tests.BroadcastTests;

/// <summary>A simulated broadcast group, told what to do step by step. Its safety properties are checked throughout.</summary>
internal sealed class BroadcastStory : IDisposable
{
    private static int Stories;

    private readonly MeterListener _meters = new();

    public BroadcastStory(BroadcastSpec spec, int nodes = 3, Func<BroadcastSettings, BroadcastSettings>? change = null, TimeSpan? latency = null)
    {
        var wiring = new SimBroadcastOptions();
        Simulation = new Simulation(seed: 1, wiring.Apply());
        if (latency is { } each)
            Simulation.Network.Faults = new LinkFaults { MinDelay = each, MaxDelay = each };
        var settings = new BroadcastSettings
        {
            Id = new GroupId($"story-{Interlocked.Increment(ref Stories)}"),
            Members = [.. Enumerable.Range(1, nodes).Select(i => new NodeId($"n{i}"))],
            Spec = spec,
            StabilityTimeout = TimeSpan.FromHours(1),
        };
        Group = new SimBroadcast(Simulation, change?.Invoke(settings) ?? settings, wiring);
        Group.Sent = m => OnSend?.Invoke(m);
        Listen();
        Simulation.RunFor(TimeSpan.FromSeconds(2));
    }

    public Simulation Simulation { get; }

    public SimBroadcast Group { get; }

    /// <summary>Sees each message as it leaves.</summary>
    public Action<BroadcastMessage>? OnSend { get; set; }

    /// <summary>What was refused, by reason.</summary>
    public Dictionary<string, long> Refused { get; } = [];

    public IEnumerable<NodeId> Up => Simulation.Nodes.Where(node => node.IsUp).Select(node => node.Id);

    public static NodeId N(int i) => new($"n{i}");

    public string Broadcast(int node, int bytes = 0) => Group.Broadcast(N(node), bytes)!;

    public IReadOnlyList<string> DeliveredBy(int node) => Group.DeliveredBy(N(node));

    public void Run(double seconds) => Simulation.RunFor(TimeSpan.FromSeconds(seconds));

    /// <summary>Crashes a node when it has sent so many messages of a kind from now on; the next ones do not leave any more.</summary>
    public void CrashAfterSends<T>(int node, int sends) where T : BroadcastMessage
    {
        var sent = 0;
        OnSend = m =>
        {
            if (m is T && m.From.Node == N(node) && ++sent == sends)
                Simulation.Node(N(node)).Crash();
        };
    }

    /// <summary>Listens on a member from a position on.</summary>
    public void Listen(int node, long? after, Action<Delivered> listener, Action<long> refused) => Simulation.Node(N(node)).Actor(BroadcastNode.Name).Tell(
        new ForParticipant(Group.Settings.Id, new Listen(
            after,
            delivered =>
            {
                listener(delivered);
                return true;
            },
            (completeAfter, _) => refused(completeAfter))),
        Akka.Actor.ActorRefs.NoSender);

    /// <summary>All properties of the end hold.</summary>
    public void ShouldLackNothing() => Assert.Null(Group.Checker.Lacking());

    /// <summary>Puts a message into a participant's mailbox, as if it had come from the network.</summary>
    /// <returns>Its bytes, for as long as somebody holds them.</returns>
    public WeakReference Inject(int node, BroadcastMessage message)
    {
        var bytes = BroadcastCodec.Encode(message);
        Simulation.Node(N(node)).Actor(BroadcastNode.Name).Tell(BroadcastCodec.Decode(BroadcastCodec.Manifest(message), bytes), Akka.Actor.ActorRefs.NoSender);
        return new WeakReference(bytes);
    }

    public void Dispose()
    {
        _meters.Dispose();
        Simulation.Dispose();
    }

    private void Listen()
    {
        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "actors.broadcast.refused")
                listener.EnableMeasurementEvents(instrument);
        };
        _meters.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            string? group = null, reason = null;
            foreach (var (key, value) in tags)
            {
                if (key == "group")
                    group = (string?)value;
                else if (key == "reason")
                    reason = (string?)value;
            }

            if (group == Group.Settings.Id.Value)
                Refused[reason!] = Refused.GetValueOrDefault(reason!) + count;
        });
        _meters.Start();
    }
}
