using Actors.Membership;
using Actors.Storage;
using Actors.Wire;

namespace Actors.Delivery;

/// <summary>Writer → receiver: the result is durable, and with it whatever the consumer wrote.</summary>
internal sealed record ResultStored(InboundStream Stream, Complete Message, ResultKind Kind, ReadOnlyMemory<byte> Reply) : Akka.Actor.INoSerializationVerificationNeeded;

/// <summary>What became of the messages of each sender, on disk: written together with the consumer's own changes, so that after a crash both are there or neither.</summary>
internal sealed class Inbox(IStore store, string receiver)
{
    private readonly Dictionary<NodeId, (Incarnation Incarnation, long Lowest)> _written = [];

    /// <summary>What the store knows of <paramref name="origin"/>; null for nothing.</summary>
    /// <exception cref="StoreFailedException">What the store has is damaged.</exception>
    public InboundStream? Load(NodeId origin, long session, int capacity)
    {
        if (store.Get(Table.Meta, DeliveryKeys.Inbox(receiver, origin)) is not { } record)
            return null;
        try
        {
            var r = new ByteReader(record);
            var (incarnation, lowest) = (new Incarnation(r.UInt128()), r.Int64());
            var results = store.Scan(Table.Log, DeliveryKeys.Result(receiver, origin, lowest), DeliveryKeys.Result(receiver, origin, long.MaxValue)).ToList();
            while (results.Count > 0 && DeliveryKeys.SequenceOf(results[^1].Key) >= lowest + capacity)
                capacity *= 2;      // it was written with a larger window
            var stream = new InboundStream(origin, incarnation, session, Guarantee.EffectivelyOnce, AckLevel.Processed, lowest, capacity);
            foreach (var (key, value) in results)
            {
                var result = new ByteReader(value);
                stream.Recall(result.Int64(), DeliveryKeys.SequenceOf(key), (ResultKind)result.Byte(), result.Block());
            }

            _written[origin] = (incarnation, lowest);
            return stream;
        }
        catch (MalformedException e)
        {
            throw new StoreFailedException($"the inbox of {receiver} is damaged where it keeps the results for {origin}: {e.Message}", e);
        }
    }

    /// <summary>Adds a result to <paramref name="writes"/>, and removes what its sender has settled or what an earlier life of it left.</summary>
    public void Add(WriteSet writes, InboundStream stream, in Complete message, ResultKind kind, ReadOnlyMemory<byte> reply)
    {
        var origin = stream.Origin;
        if (!_written.TryGetValue(origin, out var written) || written != (stream.Incarnation, stream.Lowest))
        {
            var first = written.Incarnation == stream.Incarnation ? written.Lowest : 1;
            var end = written.Incarnation == stream.Incarnation ? stream.Lowest : long.MaxValue;
            if (end > first)
                writes.DeleteRange(Table.Log, DeliveryKeys.Result(receiver, origin, first), DeliveryKeys.Result(receiver, origin, end));
            var meta = new ByteWriter(24);
            meta.UInt128(stream.Incarnation.Value);
            meta.Int64(stream.Lowest);
            writes.Put(Table.Meta, DeliveryKeys.Inbox(receiver, origin), meta.ToArray());
            _written[origin] = (stream.Incarnation, stream.Lowest);
        }

        var result = new ByteWriter(16 + reply.Length);
        result.Int64(message.First);
        result.Byte((byte)kind);
        result.Block(reply.Span);
        writes.Put(Table.Log, DeliveryKeys.Result(receiver, origin, message.Last), result.ToArray());
    }
}
