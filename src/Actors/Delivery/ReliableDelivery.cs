using System.Security.Cryptography;
using Actors.Membership;
using Actors.Storage;
using Actors.Timing;
using Akka.Actor;

namespace Actors.Delivery;

/// <summary>Reliable links of one actor system: an actor that sends for your producers, and one that receives for your consumer.</summary>
/// <remarks>The system needs <see cref="ActorsConfig.Default"/> among its configuration. What a link promises and assumes is in the folder's README.</remarks>
public sealed class ReliableDelivery
{
    private readonly ActorSystem _system;
    private readonly DeliveryEnvironment _environment;

    /// <summary>Links that keep what is under way in memory.</summary>
    public ReliableDelivery(ActorSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        _system = system;
        _environment = new DeliveryEnvironment(new SystemPeers((ExtendedActorSystem)system), SystemClock.Instance, new CryptoRandom());
    }

    /// <summary>Links with a durable outbox and inbox in <paramref name="store"/>, which nobody else writes to.</summary>
    public ReliableDelivery(ActorSystem system, IStore store) : this(system)
    {
        ArgumentNullException.ThrowIfNull(store);
        var writer = system.ActorOf(StoreWriter.Props(store, SystemClock.Instance).WithDispatcher(ActorsConfig.StoreDispatcher));
        _environment = _environment with { Store = new DeliveryStore(store, writer) };
    }

    /// <summary>Starts the actor that receives for <paramref name="consumer"/>, a local actor; others send to it at <c>user/</c><paramref name="name"/>.</summary>
    /// <param name="name">Its name; with a store also that of its inbox.</param>
    /// <param name="consumer">Gets the messages as the senders gave them. Where they ask for level processed, whatever it tells to the <c>Sender</c> of a message is the reply to it.</param>
    /// <param name="codec">As the senders'.</param>
    /// <param name="settings">As the senders'; the defaults when null.</param>
    /// <exception cref="ArgumentException">A setting is out of range, or the name is not valid.</exception>
    public IActorRef Receiver(string name, IActorRef consumer, IPayloadCodec codec, DeliverySettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(consumer);
        ArgumentNullException.ThrowIfNull(codec);
        return _system.ActorOf(DeliveryReceiver.Props(new NodeId(name).Value, consumer, codec, (settings ?? new DeliverySettings()).Validated(), _environment), name);
    }

    /// <summary>Starts the actor that sends to a receiver: tell it a message, or a <see cref="Send"/> to hear what becomes of it.</summary>
    /// <param name="origin">Its name, unique among all senders of that receiver; with a store also that of its outbox.</param>
    /// <param name="receiver">The receiver's path, such as <c>akka.tcp://shop@10.0.0.2:4051/user/orders</c> or <c>akka://shop/user/orders</c>. It need not exist yet.</param>
    /// <param name="codec">Takes the messages; nothing else is sent.</param>
    /// <param name="settings">The defaults when null.</param>
    /// <exception cref="ArgumentException">A setting is out of range, or the name or the path is not valid.</exception>
    public IActorRef Sender(string origin, string receiver, IPayloadCodec codec, DeliverySettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(codec);
        if (SystemPeers.Parse(receiver) is null)
            throw new ArgumentException($"delivery: '{receiver}' is not the path of an actor, such as akka.tcp://shop@10.0.0.2:4051/user/orders");
        return _system.ActorOf(DeliverySender.Props(new NodeId(origin), receiver, codec, (settings ?? new DeliverySettings()).Validated(), _environment), origin);
    }

    /// <summary>The key in <see cref="Table.State"/> under which the consumer of the receiver <paramref name="name"/> keeps its own <paramref name="key"/>; see <see cref="Processed"/>.</summary>
    public static byte[] StateKey(string name, ReadOnlySpan<byte> key) => DeliveryKeys.State(name, key);

    /// <summary>Incarnations and sessions must not repeat, and nobody must guess them.</summary>
    private sealed class CryptoRandom : Random
    {
        public CryptoRandom() : base(0)
        {
        }

        public override long NextInt64() => (long)(Word() >> 1);

        public override long NextInt64(long minValue, long maxValue) => minValue + (long)(Word() % (ulong)(maxValue - minValue));

        public override double NextDouble() => (Word() >> 11) * (1.0 / (1UL << 53));

        private static ulong Word()
        {
            Span<byte> bytes = stackalloc byte[8];
            RandomNumberGenerator.Fill(bytes);
            return BitConverter.ToUInt64(bytes);
        }
    }
}
