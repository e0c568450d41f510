using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Actors.Replication;

namespace Actors.Sample;

/// <summary>What is in stock, replicated: goods are received and reserved, and nothing is ever reserved that is not there.</summary>
/// <remarks>
/// Commands are lines of text: <c>receive apples 10</c>, <c>reserve apples 3</c>; a query is the name of an item. The reply to either is
/// the stock as text. All state is in the space that comes with each call; that is all it takes to be durable and the same on every node.
/// </remarks>
public sealed class Inventory : IStateMachine
{
    /// <inheritdoc/>
    public void Apply(ReadOnlySpan<byte> command, ApplyContext context, IBufferWriter<byte> reply)
    {
        if (Encoding.UTF8.GetString(command).Split(' ') is not [var verb, var item, var amount] || !int.TryParse(amount, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            throw new CommandRejectedException("write: receive ITEM COUNT, or reserve ITEM COUNT");
        var key = Encoding.UTF8.GetBytes(item);
        var stock = Stock(context.State.Get(key));
        var left = verb switch
        {
            "receive" => stock + count,
            "reserve" when count <= stock => stock - count,
            "reserve" => throw new CommandRejectedException($"only {stock} {item} in stock, {count} wanted"),
            _ => throw new CommandRejectedException($"'{verb}' is not a command"),
        };
        var value = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(value, left);
        context.State.Put(key, value);
        Write(left, reply);
    }

    /// <inheritdoc/>
    public void Query(ReadOnlySpan<byte> query, IStateReader state, IBufferWriter<byte> reply) => Write(Stock(state.Get(query)), reply);

    private static long Stock(byte[]? value) => value is null ? 0 : BinaryPrimitives.ReadInt64BigEndian(value);

    private static void Write(long stock, IBufferWriter<byte> reply) => reply.Write(Encoding.UTF8.GetBytes(stock.ToString(CultureInfo.InvariantCulture)));
}
