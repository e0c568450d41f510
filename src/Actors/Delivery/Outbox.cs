using Actors.Membership;
using Actors.Storage;
using Actors.Wire;
using Akka.Actor;

namespace Actors.Delivery;

/// <summary>Writer → sender: the messages up to <paramref name="UpTo"/> are durable and may leave.</summary>
internal sealed record Stored(long UpTo, IReadOnlyList<(IActorRef Producer, object? Tag, long Sequence)> Producers) : INoSerializationVerificationNeeded;

/// <summary>The messages of a sender on disk, until they are settled. A message leaves only when it is durable: after a crash its number cannot be given to another one.</summary>
internal sealed class Outbox
{
    /// <summary>So many settled messages are removed in one write, which nobody waits for: what a crash brings back is found to be a duplicate.</summary>
    private const int ForgetBatch = 256;

    private readonly NodeId _origin;
    private WriteSet _writes = new();
    private List<(IActorRef Producer, object? Tag, long Sequence)> _producers = [];
    private long _forgotten;
    private bool _hasMessages;      // only they need to be synced

    private Outbox(NodeId origin, Incarnation incarnation, long first, long last)
        => (_origin, Incarnation, First, Last, _forgotten) = (origin, incarnation, first, last, first);

    /// <summary>Drawn when the outbox was first used.</summary>
    public Incarnation Incarnation { get; }

    /// <summary>The first message that was not settled, as far as it is known, when the outbox was loaded.</summary>
    public long First { get; }

    /// <summary>The last message ever added.</summary>
    public long Last { get; private set; }

    /// <summary>The outbox of <paramref name="origin"/> as the store has it.</summary>
    /// <exception cref="StoreFailedException">What the store has is damaged.</exception>
    public static Outbox Load(IStore store, NodeId origin, Func<Incarnation> newIncarnation)
    {
        if (store.Get(Table.Meta, DeliveryKeys.Outbox(origin)) is not { } record)
            return new Outbox(origin, newIncarnation(), 1, 0);
        try
        {
            var r = new ByteReader(record);
            var (incarnation, last) = (new Incarnation(r.UInt128()), r.Int64());
            var first = Pairs(store, origin, 1).Select(pair => DeliveryKeys.SequenceOf(pair.Key)).FirstOrDefault(last + 1);
            return new Outbox(origin, incarnation, first, last);
        }
        catch (MalformedException e)
        {
            throw new StoreFailedException($"the outbox of {origin} is damaged: {e.Message}", e);
        }
    }

    /// <summary>Its messages and chunks in order.</summary>
    /// <exception cref="StoreFailedException">One of them is missing or damaged.</exception>
    public IEnumerable<(ReadOnlyMemory<byte> Payload, ItemFlags Flags)> Messages(IStore store)
    {
        var next = First;
        foreach (var (key, value) in Pairs(store, _origin, First))
        {
            if (DeliveryKeys.SequenceOf(key) != next++ || value.Length == 0 || value[0] > (byte)(ItemFlags.Continues | ItemFlags.More))
                throw new StoreFailedException($"the outbox of {_origin} is damaged at message {next - 1}");
            yield return (value.AsMemory(1), (ItemFlags)value[0]);
        }

        if (next != Last + 1)
            throw new StoreFailedException($"the outbox of {_origin} lacks its messages {next} to {Last}");
    }

    /// <summary>Adds a message or one of its chunks.</summary>
    public void Add(long sequence, ItemFlags flags, ReadOnlyMemory<byte> payload)
    {
        _writes.Put(Table.Log, DeliveryKeys.Outgoing(_origin, sequence), (byte[])[(byte)flags, .. payload.Span]);
        (Last, _hasMessages) = (sequence, true);
    }

    /// <summary><paramref name="producer"/> is to be told when what was added last is durable.</summary>
    public void Promise(IActorRef producer, object? tag) => _producers.Add((producer, tag, Last));

    /// <summary>Everything below <paramref name="lowest"/> is settled.</summary>
    public void Forget(long lowest)
    {
        if (lowest < _forgotten + ForgetBatch)
            return;
        _writes.DeleteRange(Table.Log, DeliveryKeys.Outgoing(_origin, _forgotten), DeliveryKeys.Outgoing(_origin, lowest));
        _forgotten = lowest;
    }

    /// <summary>Writes what has been added; <paramref name="sender"/> is told <see cref="Stored"/>.</summary>
    public void Write(IActorRef writer, IActorRef sender)
    {
        if (_writes.Count == 0)
            return;
        var identity = new ByteWriter(24);
        identity.UInt128(Incarnation.Value);
        identity.Int64(Last);
        _writes.Put(Table.Meta, DeliveryKeys.Outbox(_origin), identity.ToArray());
        writer.Tell(new StoreWrite(_writes, _hasMessages, sender, new Stored(Last, _producers)), ActorRefs.NoSender);
        (_writes, _producers, _hasMessages) = (new WriteSet(), [], false);
    }

    private static IEnumerable<KeyValuePair<byte[], byte[]>> Pairs(IStore store, NodeId origin, long from) =>
        store.Scan(Table.Log, DeliveryKeys.Outgoing(origin, from), DeliveryKeys.Outgoing(origin, long.MaxValue));
}
