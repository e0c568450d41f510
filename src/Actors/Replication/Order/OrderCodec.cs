using Actors.Membership;
using Actors.Wire;

namespace Actors.Replication.Order;

/// <summary>The layout of commands, state and replies of an <see cref="OrderMachine"/>.</summary>
internal static class OrderCodec
{
    /// <summary>Bytes of entries in one reply to a query, unless one run alone has more: with all else it fits one frame.</summary>
    public const int MaxPageBytes = 48 << 10;

    private const int SmallestEntry = 4;
    private const int SmallestRun = 8 + 4 + 8 + 8 + 4;

    /// <summary>Of a command the place of the first entry is 0: it has none yet.</summary>
    /// <param name="kept">Places that are kept.</param>
    /// <param name="keptBytes">Bytes of entries that are kept.</param>
    public static byte[] WriteCommand(OrderedEntries entries, long kept, long keptBytes)
    {
        var w = new ByteWriter();
        w.Int64(kept);
        w.Int64(keptBytes);
        Write(w, entries);
        return w.ToArray();
    }

    /// <exception cref="MalformedException">These are not the bytes of a command.</exception>
    public static (OrderedEntries Entries, long Kept, long KeptBytes) ReadCommand(ReadOnlyMemory<byte> bytes)
    {
        var r = new ByteReader(bytes);
        var (kept, keptBytes) = (r.Int64(), r.Int64());
        return (ReadRun(ref r), kept, keptBytes);
    }

    public static byte[] WriteRun(OrderedEntries entries)
    {
        var w = new ByteWriter();
        Write(w, entries);
        return w.ToArray();
    }

    /// <exception cref="MalformedException">These are not the bytes of a run.</exception>
    public static OrderedEntries ReadRun(ReadOnlyMemory<byte> bytes)
    {
        var r = new ByteReader(bytes);
        return ReadRun(ref r);
    }

    public static void WritePage(ByteWriter w, long forgotten, long last, IReadOnlyCollection<byte[]> runs)
    {
        w.Int64(forgotten);
        w.Int64(last);
        w.Int32(runs.Count);
        foreach (var run in runs)
            w.Raw(run);
    }

    /// <exception cref="MalformedException">These are not the bytes of a page.</exception>
    public static OrderPage ReadPage(ReadOnlyMemory<byte> bytes)
    {
        var r = new ByteReader(bytes);
        return new OrderPage(r.Int64(), r.Int64(), ByteReader.Array(ref r, SmallestRun, ReadRun));
    }

    private static void Write(ByteWriter w, OrderedEntries entries)
    {
        w.Int64(entries.First);
        w.Text(entries.Node.Value);
        w.Int64(entries.Incarnation);
        w.Int64(entries.FirstNumber);
        w.Int32(entries.Entries.Count);
        foreach (var entry in entries.Entries)
            w.Block(entry.Span);
    }

    private static OrderedEntries ReadRun(ref ByteReader r)
    {
        var (first, node) = (r.Int64(), ViewRecord.ReadNode(ref r));
        return new OrderedEntries(first, node, r.Int64(), r.Int64(), ByteReader.Array(ref r, SmallestEntry, static (ref ByteReader r) => r.Block()));
    }
}
