using System.Buffers;
using System.Buffers.Binary;
using Actors.Membership;
using Actors.Wire;

namespace Actors.Replication.Order;

/// <summary>A total order as a state machine: gives entries their places, and keeps the latest ones for whoever comes late.</summary>
/// <remarks>
/// State: one pair for each run of entries that came together, under the place of its last one; of each node the latest life and its last number that has a place;
/// and how far the order goes. Each number of a life gets one place, so a request may come again. What an earlier life asked for is refused, however late it comes.
/// </remarks>
internal sealed class OrderMachine : IStateMachine
{
    private const byte Runs = (byte)'r', Nodes = (byte)'n', Reach = (byte)'o';

    /// <summary>What is published begins with this.</summary>
    public static readonly ReadOnlyMemory<byte> RunPrefix = new[] { Runs };

    /// <inheritdoc/>
    public void Apply(ReadOnlySpan<byte> command, ApplyContext context, IBufferWriter<byte> reply)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(reply);
        var (asked, kept, keptBytes) = Read(command);
        var (state, reach) = (context.State, ReachOf(context.State));
        var (incarnation, last) = LastOf(state, asked.Node);
        if (asked.Incarnation < incarnation)
            throw new CommandRejectedException($"{asked.Node} has begun a later life");
        if (asked.Incarnation > incarnation)
            last = 0;
        if (asked.FirstNumber > last + 1)
            throw new CommandRejectedException($"number {asked.FirstNumber} of {asked.Node} comes before {last + 1}");
        var skipped = (int)Math.Min(last + 1 - asked.FirstNumber, asked.Entries.Count);
        if (skipped == asked.Entries.Count)
            return;
        var run = new OrderedEntries(reach.Last + 1, asked.Node, asked.Incarnation, last + 1, [.. asked.Entries.Skip(skipped)]);
        var (key, bytes) = (KeyOf(run.Last), OrderCodec.WriteRun(run));
        state.Put(key, bytes);
        state.Put(KeyOf(asked.Node), Numbers(asked.Incarnation, last + run.Entries.Count));
        reach = Forget(state, reach with { Last = run.Last, Bytes = reach.Bytes + bytes.Length }, kept, keptBytes);
        state.Put([Reach], Numbers(reach.Forgotten, reach.Last, reach.Bytes));
        context.Publish(key, bytes);
    }

    /// <summary>The query is a place; the reply is the page after it.</summary>
    public void Query(ReadOnlySpan<byte> query, IStateReader state, IBufferWriter<byte> reply)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(reply);
        if (query.Length != 8)
            throw new CommandRejectedException("the place to read after has 8 bytes");
        var reach = ReachOf(state);
        var after = Math.Max(BinaryPrimitives.ReadInt64LittleEndian(query), reach.Forgotten);
        var runs = new List<byte[]>();
        var bytes = 0;
        foreach (var (_, run) in state.Scan(KeyOf(after + 1), [Runs + 1]))
        {
            if (runs.Count > 0 && bytes + run.Length > OrderCodec.MaxPageBytes)
                break;
            runs.Add(run);
            bytes += run.Length;
        }

        var w = new ByteWriter();
        OrderCodec.WritePage(w, reach.Forgotten, reach.Last, runs);
        reply.Write(w.Written);
    }

    /// <summary>Runs go as a whole, and the newest one stays.</summary>
    private static OrderReach Forget(IStateSpace state, OrderReach reach, long kept, long keptBytes)
    {
        var gone = new List<byte[]>();
        foreach (var (key, run) in state.Scan(KeyOf(reach.Forgotten + 1), [Runs + 1]))
        {
            var last = BinaryPrimitives.ReadInt64BigEndian(key.AsSpan(1));
            if (last == reach.Last || (last > reach.Last - kept && reach.Bytes <= keptBytes))
                break;
            gone.Add(key);
            reach = reach with { Forgotten = last, Bytes = reach.Bytes - run.Length };
        }

        foreach (var key in gone)
            state.Delete(key);
        return reach;
    }

    private static OrderReach ReachOf(IStateReader state) => state.Get([Reach]) is { } bytes ? new OrderReach(Number(bytes, 0), Number(bytes, 1), Number(bytes, 2)) : default;

    private static (long Incarnation, long Last) LastOf(IStateReader state, NodeId node) => state.Get(KeyOf(node)) is { } bytes ? (Number(bytes, 0), Number(bytes, 1)) : default;

    private static (OrderedEntries Entries, long Kept, long KeptBytes) Read(ReadOnlySpan<byte> command)
    {
        try
        {
            var read = OrderCodec.ReadCommand(command.ToArray());
            return read.Entries is { Entries.Count: > 0, FirstNumber: > 0 } ? read : throw new CommandRejectedException("there is nothing to order");
        }
        catch (MalformedException e)
        {
            throw new CommandRejectedException(e.Message);
        }
    }

    private static byte[] KeyOf(NodeId node) => [Nodes, .. System.Text.Encoding.ASCII.GetBytes(node.Value)];

    // Big-endian: keys are ordered as bytes.
    private static byte[] KeyOf(long place)
    {
        var key = new byte[9];
        key[0] = Runs;
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(1), place);
        return key;
    }

    private static byte[] Numbers(params ReadOnlySpan<long> numbers)
    {
        var bytes = new byte[8 * numbers.Length];
        for (var i = 0; i < numbers.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8 * i), numbers[i]);
        return bytes;
    }

    private static long Number(byte[] bytes, int index) => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(8 * index));

    /// <summary>How far the order goes: places given, places forgotten, and bytes of the runs that are kept.</summary>
    private readonly record struct OrderReach(long Forgotten, long Last, long Bytes);
}
