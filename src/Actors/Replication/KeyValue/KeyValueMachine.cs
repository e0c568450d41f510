using System.Buffers;
using System.Globalization;

namespace Actors.Replication.KeyValue;

/// <summary>The default state machine: a map from keys to values with revisions, ordered by key, compared as unsigned bytes.</summary>
/// <remarks>
/// The revision of a key is the index of the command that wrote it last, so a put without condition reads nothing. Revisions of one key only
/// grow, also over a delete and a new put. Each command changes at most one key and publishes one event when it did. See the README of this folder.
/// </remarks>
public sealed class KeyValueMachine : IStateMachine
{
    private const int MaxNumberBytes = 20;    // of -9223372036854775808

    /// <inheritdoc/>
    public void Apply(ReadOnlySpan<byte> command, ApplyContext context, IBufferWriter<byte> reply)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(reply);
        var parsed = KeyValueCodec.ReadCommand(command);
        Accept(KeyValueLimits.Refusal(parsed));
        switch (parsed.Op)
        {
            case KeyValueOp.Put: Put(parsed, context, reply); break;
            case KeyValueOp.Delete: Delete(parsed, context, reply); break;
            case KeyValueOp.CompareAndSet: CompareAndSet(parsed, context, reply); break;
            case KeyValueOp.Increment: Increment(parsed, context, reply); break;
        }
    }

    /// <inheritdoc/>
    public void Query(ReadOnlySpan<byte> query, IStateReader state, IBufferWriter<byte> reply)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(reply);
        var parsed = KeyValueCodec.ReadQuery(query);
        Accept(KeyValueLimits.Refusal(parsed));
        switch (parsed.Op)
        {
            case KeyValueOp.Get: Get(parsed, state, reply); break;
            case KeyValueOp.Scan: Scan(parsed, state, reply); break;
        }
    }

    private static void Put(in KeyValueCommand put, ApplyContext context, IBufferWriter<byte> reply)
    {
        if (put.Condition != Precondition.None && !Holds(put.Condition, PresentRevision(context.State.Get(put.Key)), reply))
            return;
        Write(put.Key, put.Value, context);
        KeyValueCodec.WriteReply(reply, WriteStatus.Changed, context.Index);
    }

    private static void Delete(in KeyValueCommand delete, ApplyContext context, IBufferWriter<byte> reply)
    {
        var present = PresentRevision(context.State.Get(delete.Key));
        if (!Holds(delete.Condition, present, reply))
            return;
        if (present > 0)
        {
            var key = delete.Key.ToArray();
            context.State.Delete(key);
            context.Publish(key, KeyValueCodec.WriteTombstone(context.Index));
        }

        KeyValueCodec.WriteReply(reply, present > 0 ? WriteStatus.Changed : WriteStatus.Unchanged, 0);
    }

    private static void CompareAndSet(in KeyValueCommand cas, ApplyContext context, IBufferWriter<byte> reply)
    {
        if (context.State.Get(cas.Key) is not { } record)
        {
            KeyValueCodec.WriteReply(reply, WriteStatus.ConditionFailed, 0);
            return;
        }

        var present = KeyValueCodec.ReadRecord(record, out var revision);
        if (present.SequenceEqual(cas.Expected))
        {
            Write(cas.Key, cas.Value, context);
            KeyValueCodec.WriteReply(reply, WriteStatus.Changed, context.Index);
        }
        else if (present.Length <= KeyValueLimits.MaxReturnedValueBytes)
            KeyValueCodec.WriteReply(reply, WriteStatus.ConditionFailedWithValue, revision, present);
        else
            KeyValueCodec.WriteReply(reply, WriteStatus.ConditionFailed, revision);
    }

    private static void Increment(in KeyValueCommand increment, ApplyContext context, IBufferWriter<byte> reply)
    {
        var present = context.State.Get(increment.Key) is { } record ? Number(increment.Key, KeyValueCodec.ReadRecord(record, out _)) : 0;
        var sum = (Int128)present + increment.Delta;
        if (sum < long.MinValue || sum > long.MaxValue)
            throw new CommandRejectedException($"key {KeyValueText.Describe(increment.Key)} holds {present}: adding {increment.Delta} leaves the range of a signed 64-bit number");
        var number = (long)sum;
        Span<byte> text = stackalloc byte[MaxNumberBytes];
        Write(increment.Key, Format(number, text), context);
        KeyValueCodec.WriteIncrementReply(reply, context.Index, number);
    }

    private static void Get(in KeyValueQuery get, IStateReader state, IBufferWriter<byte> reply)
    {
        if (state.Get(get.Key) is { } record)
            reply.Write(record);
        else
            KeyValueCodec.WriteAbsent(reply);
    }

    private static void Scan(in KeyValueQuery scan, IStateReader state, IBufferWriter<byte> reply)
    {
        var records = new List<KeyValuePair<byte[], byte[]>>();
        var bytes = 0;
        var more = false;
        foreach (var pair in Range(scan, state))
        {
            bytes += KeyValueCodec.EntryLength(pair.Key, pair.Value, scan.KeysOnly);
            more = records.Count == scan.Limit || (records.Count > 0 && bytes > KeyValueLimits.MaxPageBytes);
            if (more)
                break;
            records.Add(pair);
        }

        KeyValueCodec.WritePage(reply, records, more, scan.KeysOnly);
    }

    /// <summary>The pairs whose key begins with the prefix and comes after the cursor.</summary>
    private static IEnumerable<KeyValuePair<byte[], byte[]>> Range(in KeyValueQuery scan, IStateReader state)
    {
        var to = EndOfPrefix(scan.Prefix);
        if (scan.After.SequenceCompareTo(scan.Prefix) < 0)
            return state.Scan(scan.Prefix.ToArray(), to);
        var from = new byte[scan.After.Length + 1];    // the first key after it: the same and a zero
        scan.After.CopyTo(from);
        return to is null || from.AsSpan().SequenceCompareTo(to) < 0 ? state.Scan(from, to) : [];
    }

    /// <summary>The first key after all keys with the prefix; null when there is none, for a prefix of nothing but 0xFF.</summary>
    private static byte[]? EndOfPrefix(ReadOnlySpan<byte> prefix)
    {
        var end = prefix.TrimEnd((byte)0xFF).ToArray();
        if (end.Length == 0)
            return null;
        end[^1]++;
        return end;
    }

    /// <summary>Stores the value under the key and announces it: one record serves both.</summary>
    private static void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ApplyContext context)
    {
        var stored = key.ToArray();
        var record = KeyValueCodec.WriteRecord(context.Index, value);
        context.State.Put(stored, record);
        context.Publish(stored, record);
    }

    private static long PresentRevision(byte[]? record)
    {
        if (record is null)
            return 0;
        KeyValueCodec.ReadRecord(record, out var revision);
        return revision;
    }

    private static bool Holds(Precondition condition, long present, IBufferWriter<byte> reply)
    {
        if (condition.Holds(present))
            return true;
        KeyValueCodec.WriteReply(reply, WriteStatus.ConditionFailed, present);
        return false;
    }

    /// <summary>The number that a value spells. As in Redis it must be spelt as we would: no plus sign, no leading zeros, no blanks.</summary>
    private static long Number(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Span<byte> text = stackalloc byte[MaxNumberBytes];
        if (value.Length <= MaxNumberBytes
            && long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            && value.SequenceEqual(Format(number, text)))
            return number;
        throw new CommandRejectedException($"key {KeyValueText.Describe(key)} does not hold a signed 64-bit decimal number");
    }

    private static ReadOnlySpan<byte> Format(long number, Span<byte> text)
    {
        number.TryFormat(text, out var length, default, CultureInfo.InvariantCulture);
        return text[..length];
    }

    private static void Accept(GroupReply? refusal)
    {
        if (refusal is { } refused)
            throw new CommandRejectedException(refused.Error);
    }
}
