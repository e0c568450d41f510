using System.Buffers;
using System.Buffers.Binary;

namespace Actors.Replication.KeyValue;

/// <summary>The byte layouts of the key-value machine: commands, queries, replies and the record that is state and event at once.</summary>
/// <remarks>
/// Integers are little-endian; a length stands before its bytes (16 bits for keys, 32 for values); <c>…</c> runs to the end. The layouts stand in this folder's README.
/// Every length is checked before it is used, nothing is allocated by a length that was read, and bytes left over are an error: whatever
/// is not one of these layouts throws <see cref="CommandRejectedException"/> and nothing else.
/// </remarks>
internal static class KeyValueCodec
{
    public const byte NoCondition = 0;
    public const byte IfRevision = 1;
    public const byte IfPresent = 2;

    private const byte Absent = 0;
    private const byte Present = 1;
    private const byte Deleted = 2;
    private const int RecordHeader = 1 + sizeof(long);
    private const int PageHeader = 1 + sizeof(ushort);

    [Flags]
    private enum PageFlags : byte
    {
        None = 0,
        More = 1,
        KeysOnly = 2,
    }

    // Commands: op, key, then
    //   put               condition, value…
    //   delete            condition
    //   compare-and-set   expected, value…
    //   increment         delta (64 bits)
    // where a condition is 0 for none, 1 and a revision (64 bits), or 2 for a key that exists.

    public static byte[] WriteCommand(in KeyValueCommand command)
    {
        var bytes = new byte[1 + sizeof(ushort) + command.Key.Length + command.Op switch
        {
            KeyValueOp.Put => ConditionLength(command.Condition) + command.Value.Length,
            KeyValueOp.Delete => ConditionLength(command.Condition),
            KeyValueOp.CompareAndSet => sizeof(int) + command.Expected.Length + command.Value.Length,
            _ => sizeof(long),
        }];
        var writer = new KeyValueWriter(bytes);
        writer.Byte((byte)command.Op);
        writer.Key(command.Key);
        if (command.Op is KeyValueOp.Put or KeyValueOp.Delete)
            writer.Condition(command.Condition);
        if (command.Op is KeyValueOp.CompareAndSet)
            writer.Value(command.Expected);
        if (command.Op is KeyValueOp.Increment)
            writer.Int64(command.Delta);
        writer.Raw(command.Value);
        return bytes;
    }

    public static KeyValueCommand ReadCommand(ReadOnlySpan<byte> bytes)
    {
        var reader = new KeyValueReader(bytes, "command");
        var op = (KeyValueOp)reader.Byte();
        if (op is not (KeyValueOp.Put or KeyValueOp.Delete or KeyValueOp.CompareAndSet or KeyValueOp.Increment))
            throw reader.Malformed($"it begins with {(byte)op}");
        var key = reader.Key();
        var condition = op is KeyValueOp.Put or KeyValueOp.Delete ? reader.Condition() : default;
        var expected = op is KeyValueOp.CompareAndSet ? reader.Value() : default;
        var delta = op is KeyValueOp.Increment ? reader.Int64() : 0;
        var value = op is KeyValueOp.Put or KeyValueOp.CompareAndSet ? reader.Rest() : default;
        reader.End();
        return new KeyValueCommand { Op = op, Key = key, Condition = condition, Expected = expected, Delta = delta, Value = value };
    }

    // Queries: op, then
    //   get    key
    //   scan   keys-only (0 or 1), limit (16 bits), prefix, after

    public static byte[] WriteQuery(in KeyValueQuery query)
    {
        var bytes = new byte[1 + (query.Op is KeyValueOp.Get
            ? sizeof(ushort) + query.Key.Length
            : 1 + sizeof(ushort) + sizeof(ushort) + query.Prefix.Length + sizeof(ushort) + query.After.Length)];
        var writer = new KeyValueWriter(bytes);
        writer.Byte((byte)query.Op);
        if (query.Op is KeyValueOp.Get)
        {
            writer.Key(query.Key);
            return bytes;
        }

        writer.Byte(query.KeysOnly ? (byte)1 : (byte)0);
        writer.UInt16(query.Limit);
        writer.Key(query.Prefix);
        writer.Key(query.After);
        return bytes;
    }

    public static KeyValueQuery ReadQuery(ReadOnlySpan<byte> bytes)
    {
        var reader = new KeyValueReader(bytes, "query");
        var op = (KeyValueOp)reader.Byte();
        KeyValueQuery query;
        switch (op)
        {
            case KeyValueOp.Get:
                query = new KeyValueQuery { Op = op, Key = reader.Key() };
                break;
            case KeyValueOp.Scan:
                query = new KeyValueQuery { Op = op, KeysOnly = reader.Flag(), Limit = reader.UInt16(), Prefix = reader.Key(), After = reader.Key() };
                break;
            default:
                throw reader.Malformed($"it begins with {(byte)op}");
        }

        reader.End();
        return query;
    }

    // The record: 1, revision (64 bits), value… : stored under the key, announced to its watchers and given to its readers as it is.
    //   For a deleted key watchers get 2 and the revision, and readers of a missing key get 0 alone.

    public static byte[] WriteRecord(long revision, ReadOnlySpan<byte> value) => WriteRecord(Present, revision, value);

    public static byte[] WriteTombstone(long revision) => WriteRecord(Deleted, revision, default);

    public static void WriteAbsent(IBufferWriter<byte> reply)
    {
        reply.GetSpan(1)[0] = Absent;
        reply.Advance(1);
    }

    /// <summary>The value in a stored record and its revision.</summary>
    public static ReadOnlySpan<byte> ReadRecord(ReadOnlySpan<byte> record, out long revision)
    {
        var reader = new KeyValueReader(record, "record");
        if (reader.Byte() is not Present)
            throw reader.Malformed($"it begins with {record[0]}");
        revision = reader.Revision();
        return reader.Rest();
    }

    public static GetResult ReadGetReply(GroupReply reply)
    {
        var bytes = reply.Payload;
        var reader = new KeyValueReader(bytes.Span, "reply to get");
        if (reader.Byte() is Absent)
        {
            reader.End();
            return new GetResult(reply);
        }

        ReadRecord(bytes.Span, out var revision);
        return new GetResult(reply) { Found = true, Revision = revision, Value = bytes[RecordHeader..] };
    }

    public static KeyValueChange ReadChange(GroupEvent change)
    {
        var reader = new KeyValueReader(change.Payload.Span, "event");
        var kind = reader.Byte();
        if (kind is not (Present or Deleted))
            throw reader.Malformed($"it begins with {kind}");
        var revision = reader.Revision();
        if (kind is Deleted)
            reader.End();
        return new KeyValueChange(change.Key, kind is Deleted, revision, change.Payload[RecordHeader..]);
    }

    // Replies to writes: status, revision (64 bits), then for an increment its new number (64 bits), for a failed comparison the present value….

    public static void WriteReply(IBufferWriter<byte> reply, WriteStatus status, long revision, ReadOnlySpan<byte> more = default)
    {
        var length = RecordHeader + more.Length;
        var writer = new KeyValueWriter(reply.GetSpan(length));
        writer.Byte((byte)status);
        writer.Int64(revision);
        writer.Raw(more);
        reply.Advance(length);
    }

    public static void WriteIncrementReply(IBufferWriter<byte> reply, long revision, long number)
    {
        Span<byte> more = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(more, number);
        WriteReply(reply, WriteStatus.Changed, revision, more);
    }

    public static WriteResult ReadWriteReply(GroupReply reply)
    {
        var reader = new KeyValueReader(reply.Payload.Span, "reply to a write");
        var status = (WriteStatus)reader.Byte();
        if (status > WriteStatus.ConditionFailedWithValue)
            throw reader.Malformed($"it begins with {(byte)status}");
        var revision = reader.Revision();
        var hasValue = status is WriteStatus.ConditionFailedWithValue;
        if (!hasValue)
            reader.End();
        return new WriteResult(reply)
        {
            Changed = status is WriteStatus.Changed,
            ConditionFailed = status is WriteStatus.ConditionFailed or WriteStatus.ConditionFailedWithValue,
            Revision = revision,
            PresentValue = hasValue ? reply.Payload[RecordHeader..] : default(ReadOnlyMemory<byte>?),
        };
    }

    public static IncrementResult ReadIncrementReply(GroupReply reply)
    {
        var reader = new KeyValueReader(reply.Payload.Span, "reply to an increment");
        if (reader.Byte() is not (byte)WriteStatus.Changed)
            throw reader.Malformed($"it begins with {reply.Payload.Span[0]}");
        var result = new IncrementResult(reply) { Revision = reader.Revision(), Number = reader.Int64() };
        reader.End();
        return result;
    }

    // A page: flags (1 more follow, 2 keys only), number of entries (16 bits), then for each: key, revision (64 bits), and unless keys only: value length (32 bits), value.

    /// <summary>The bytes that an entry takes in a page.</summary>
    public static int EntryLength(byte[] key, byte[] record, bool keysOnly) =>
        sizeof(ushort) + key.Length + sizeof(long) + (keysOnly ? 0 : sizeof(int) + record.Length - RecordHeader);

    public static void WritePage(IBufferWriter<byte> reply, List<KeyValuePair<byte[], byte[]>> records, bool more, bool keysOnly)
    {
        var header = new KeyValueWriter(reply.GetSpan(PageHeader));
        header.Byte((byte)((more ? PageFlags.More : PageFlags.None) | (keysOnly ? PageFlags.KeysOnly : PageFlags.None)));
        header.UInt16(records.Count);
        reply.Advance(PageHeader);
        foreach (var (key, record) in records)
        {
            var length = EntryLength(key, record, keysOnly);
            var writer = new KeyValueWriter(reply.GetSpan(length));
            var value = ReadRecord(record, out var revision);
            writer.Key(key);
            writer.Int64(revision);
            if (!keysOnly)
                writer.Value(value);
            reply.Advance(length);
        }
    }

    public static ScanPage ReadPage(GroupReply reply)
    {
        var bytes = reply.Payload;
        var reader = new KeyValueReader(bytes.Span, "page");
        var flags = (PageFlags)reader.Byte();
        if ((flags & ~(PageFlags.More | PageFlags.KeysOnly)) != 0)
            throw reader.Malformed($"it begins with {(byte)flags}");
        var count = reader.UInt16();
        if (count > KeyValueLimits.MaxPageEntries || (count == 0 && flags.HasFlag(PageFlags.More)))
            throw reader.Malformed($"it announces {count} entries{(flags.HasFlag(PageFlags.More) ? " and more" : "")}");
        var entries = new List<KeyValueEntry>(count);
        while (entries.Count < count)
        {
            var key = bytes[reader.Range(reader.UInt16())];
            var revision = reader.Revision();
            var value = flags.HasFlag(PageFlags.KeysOnly) ? default : bytes[reader.Range(reader.Int32())];
            entries.Add(new KeyValueEntry(key, revision, value));
        }

        reader.End();
        return new ScanPage(reply) { Entries = entries, More = flags.HasFlag(PageFlags.More) };
    }

    private static byte[] WriteRecord(byte kind, long revision, ReadOnlySpan<byte> value)
    {
        // Every byte is written below, so there is nothing to clear first.
        var record = GC.AllocateUninitializedArray<byte>(RecordHeader + value.Length);
        var writer = new KeyValueWriter(record);
        writer.Byte(kind);
        writer.Int64(revision);
        writer.Raw(value);
        return record;
    }

    private static int ConditionLength(Precondition condition) => condition.Revision is null ? 1 : 1 + sizeof(long);
}
