using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>A client that believes every replica to be the primary: asks each again and again for a read by its lease. What comes back does not matter, only that it may.</summary>
internal sealed class LeaseProbe : UntypedActor, IWithTimers
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(40);
    private static readonly byte[] Anything = KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Get, Key = "k0"u8 });

    private readonly SimGroup _group;
    private readonly IPeers _peers;
    private long _number;

    public LeaseProbe(SimGroup group, IPeers peers) => (_group, _peers) = (group, peers);

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(Tick.Instance, Tick.Instance, Interval);

    protected override void OnReceive(object message)
    {
        if (message is not Tick)
            return;
        var address = _peers.AddressOf(Self);
        foreach (var node in _group.Nodes)
            _peers.Replica(node, _group.Settings.Id).Tell(new Requests(_group.Settings.Id, address, ++_number, default, 1, [new Request(RequestKind.Read, _number, default, Anything)]), ActorRefs.NoSender);
    }

    private sealed class Tick : INoSerializationVerificationNeeded
    {
        public static readonly Tick Instance = new();
    }
}
