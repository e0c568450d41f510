using System.Buffers;
using Actors.Replication;
using Actors.Replication.KeyValue;
using CsCheck;

namespace Actors.Tests.KeyValue;

public sealed class KeyValueCodecTests
{
    private static readonly Gen<byte[]> GenBytes = Gen.Byte.Array[0, 40];
    private static readonly Gen<Precondition> GenCondition = Gen.OneOf(Gen.Const(Precondition.None), Gen.Const(Precondition.IfPresent), Gen.Long[0, long.MaxValue].Select(Precondition.IfRevision));
    private static readonly Gen<KeyValueOp> GenCommandOp = Gen.OneOf(KeyValueOp.Put, KeyValueOp.Delete, KeyValueOp.CompareAndSet, KeyValueOp.Increment);

    // A valid command or query, or any bytes behind a valid leading byte.
    private static readonly Gen<byte[]> GenCommand = Gen.OneOf(
        Gen.Select(GenCommandOp, GenBytes, GenBytes, GenBytes, GenCondition, (op, key, expected, value, condition) => Command(op, key, expected, value, condition, 1)),
        Gen.Select(GenCommandOp, GenBytes, (op, rest) => (byte[])[(byte)op, .. rest]));

    private static readonly Gen<byte[]> GenQuery = Gen.OneOf(
        Gen.Select(GenBytes, GenBytes, Gen.Int[0, 2000], Gen.Bool, (prefix, after, limit, keysOnly) =>
            KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Scan, Prefix = prefix, After = after, Limit = limit, KeysOnly = keysOnly })),
        Gen.Select(Gen.OneOf(KeyValueOp.Get, KeyValueOp.Scan), GenBytes, (op, rest) => (byte[])[(byte)op, .. rest]));

    // Replies begin with a small number; the codec must live with anything after it.
    private static readonly Gen<byte[]> GenReply = Gen.Select(Gen.Byte[0, 4], Gen.Byte[0, 4].Array[0, 60], (first, rest) => (byte[])[first, .. rest]);

    [Fact]
    public void A_command_is_read_as_it_was_written() =>
        Gen.Select(GenCommandOp, GenBytes, GenBytes, GenBytes, GenCondition, Gen.Long).Sample((op, key, expected, value, condition, delta) =>
        {
            var read = KeyValueCodec.ReadCommand(Command(op, key, expected, value, condition, delta));
            Assert.Equal(op, read.Op);
            Assert.Equal(key, read.Key.ToArray());
            Assert.Equal(op is KeyValueOp.Put or KeyValueOp.Delete ? condition : default, read.Condition);
            Assert.Equal(op is KeyValueOp.CompareAndSet ? expected : [], read.Expected.ToArray());
            Assert.Equal(op is KeyValueOp.Put or KeyValueOp.CompareAndSet ? value : [], read.Value.ToArray());
            Assert.Equal(op is KeyValueOp.Increment ? delta : 0, read.Delta);
        });

    [Fact]
    public void A_query_is_read_as_it_was_written() =>
        Gen.Select(GenBytes, GenBytes, Gen.Int[0, ushort.MaxValue], Gen.Bool).Sample((prefix, after, limit, keysOnly) =>
        {
            var scan = KeyValueCodec.ReadQuery(KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Scan, Prefix = prefix, After = after, Limit = limit, KeysOnly = keysOnly }));
            Assert.Equal((KeyValueOp.Scan, limit, keysOnly), (scan.Op, scan.Limit, scan.KeysOnly));
            Assert.Equal(prefix, scan.Prefix.ToArray());
            Assert.Equal(after, scan.After.ToArray());
            var get = KeyValueCodec.ReadQuery(KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Get, Key = prefix }));
            Assert.Equal(KeyValueOp.Get, get.Op);
            Assert.Equal(prefix, get.Key.ToArray());
        });

    [Fact]
    public void A_page_is_read_as_it_was_written() =>
        Gen.Select(Gen.Select(GenBytes, Gen.Long[0, long.MaxValue], GenBytes).Array[1, 20], Gen.Bool, Gen.Bool).Sample((entries, more, keysOnly) =>
        {
            var writer = new ArrayBufferWriter<byte>();
            KeyValueCodec.WritePage(writer, [.. entries.Select(e => KeyValuePair.Create(e.Item1, KeyValueCodec.WriteRecord(e.Item2, e.Item3)))], more, keysOnly);
            var page = KeyValueCodec.ReadPage(Reply(writer.WrittenSpan.ToArray()));
            Assert.Equal(more, page.More);
            Assert.Equal(
                entries.Select(e => (Convert.ToHexString(e.Item1), e.Item2, keysOnly ? "" : Convert.ToHexString(e.Item3))),
                page.Entries.Select(e => (Convert.ToHexString(e.Key.Span), e.Revision, Convert.ToHexString(e.Value.Span))));
        });

    [Fact]
    public void The_layouts_are_those_of_the_readme()
    {
        Assert.Equal("01" + "0200" + "6B31" + "00" + "76", Hex(Command(KeyValueOp.Put, "k1"u8, default, "v"u8, default, 0)));
        Assert.Equal("01" + "0100" + "6B" + "01" + "0700000000000000", Hex(Command(KeyValueOp.Put, "k"u8, default, default, Precondition.IfRevision(7), 0)));
        Assert.Equal("01" + "0100" + "6B" + "02" + "76", Hex(Command(KeyValueOp.Put, "k"u8, default, "v"u8, Precondition.IfPresent, 0)));
        Assert.Equal("02" + "0100" + "6B" + "01" + "0000000000000000", Hex(Command(KeyValueOp.Delete, "k"u8, default, default, Precondition.IfMissing, 0)));
        Assert.Equal("03" + "0100" + "6B" + "01000000" + "61" + "62", Hex(Command(KeyValueOp.CompareAndSet, "k"u8, "a"u8, "b"u8, default, 0)));
        Assert.Equal("04" + "0100" + "6B" + "FEFFFFFFFFFFFFFF", Hex(Command(KeyValueOp.Increment, "k"u8, default, default, default, -2)));
        Assert.Equal("10" + "0100" + "6B", Hex(KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Get, Key = "k"u8 })));
        Assert.Equal("11" + "01" + "E803" + "0100" + "70" + "0200" + "7061", Hex(KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Scan, KeysOnly = true, Limit = 1000, Prefix = "p"u8, After = "pa"u8 })));
        Assert.Equal("01" + "0900000000000000" + "76", Hex(KeyValueCodec.WriteRecord(9, "v"u8)));
        Assert.Equal("02" + "0900000000000000", Hex(KeyValueCodec.WriteTombstone(9)));
        Assert.Equal("00", Hex(Written(KeyValueCodec.WriteAbsent)));
        Assert.Equal("01" + "0900000000000000", Hex(Written(w => KeyValueCodec.WriteReply(w, WriteStatus.Changed, 9))));
        Assert.Equal("03" + "0900000000000000" + "76", Hex(Written(w => KeyValueCodec.WriteReply(w, WriteStatus.ConditionFailedWithValue, 9, "v"u8))));
        Assert.Equal("01" + "0900000000000000" + "FFFFFFFFFFFFFFFF", Hex(Written(w => KeyValueCodec.WriteIncrementReply(w, 9, -1))));
        List<KeyValuePair<byte[], byte[]>> records = [KeyValuePair.Create("k"u8.ToArray(), KeyValueCodec.WriteRecord(9, "v"u8))];
        Assert.Equal("01" + "0100" + "0100" + "6B" + "0900000000000000" + "01000000" + "76", Hex(Written(w => KeyValueCodec.WritePage(w, records, more: true, keysOnly: false))));
        Assert.Equal("02" + "0100" + "0100" + "6B" + "0900000000000000", Hex(Written(w => KeyValueCodec.WritePage(w, records, more: false, keysOnly: true))));
    }

    [Fact]
    public void Garbage_is_rejected_by_the_machine_and_never_breaks_it()
    {
        var seen = new OutcomeCount();
        Damaged(GenCommand).Sample(bytes => seen.Count(() => new KeyValueMachine().Apply(bytes, new TestContext(new MemorySpace(), 1), new ArrayBufferWriter<byte>())), iter: 20_000);
        Damaged(GenQuery).Sample(bytes => seen.Count(() => new KeyValueMachine().Query(bytes, new MemorySpace(), new ArrayBufferWriter<byte>())), iter: 20_000);
        seen.ShouldHoldBoth();
    }

    [Fact]
    public void Garbage_is_rejected_by_the_readers_of_replies_and_events_and_never_breaks_them()
    {
        var seen = new OutcomeCount();
        Damaged(GenReply).Sample(
            bytes =>
            {
                seen.Count(() => KeyValueCodec.ReadGetReply(Reply(bytes)));
                seen.Count(() => KeyValueCodec.ReadWriteReply(Reply(bytes)));
                seen.Count(() => KeyValueCodec.ReadIncrementReply(Reply(bytes)));
                seen.Count(() => KeyValueCodec.ReadPage(Reply(bytes)));
                seen.Count(() => KeyValueCodec.ReadChange(new GroupEvent(1, "k"u8.ToArray(), bytes)));
            },
            iter: 20_000);
        seen.ShouldHoldBoth();
    }

    [Theory]
    [InlineData("", "not a key-value command: it is cut short at 0 bytes")]
    [InlineData("63", "not a key-value command: it begins with 99")]
    [InlineData("10" + "0100" + "6B", "not a key-value command: it begins with 16")]
    [InlineData("01" + "FFFF" + "6B", "not a key-value command: it is cut short at 4 bytes")]
    [InlineData("01" + "0100" + "6B" + "03", "not a key-value command: it holds 3 where a condition must stand")]
    [InlineData("01" + "0100" + "6B" + "01" + "FFFFFFFFFFFFFFFF", "not a key-value command: its revision is -1")]
    [InlineData("02" + "0100" + "6B" + "00" + "76", "not a key-value command: 1 bytes are left over")]
    public void A_command_that_is_none_is_rejected_with_the_reason(string hex, string error)
    {
        var thrown = Assert.Throws<CommandRejectedException>(() => { KeyValueCodec.ReadCommand(Convert.FromHexString(hex)); });
        Assert.Equal(error, thrown.Message);
    }

    [Theory]
    [InlineData("01" + "0000", "it announces 0 entries and more")]
    [InlineData("00" + "E903", "it announces 1001 entries")]
    [InlineData("04" + "0000", "it begins with 4")]
    [InlineData("00" + "0100" + "0100" + "6B" + "0900000000000000" + "FFFFFFFF", "it is cut short at 18 bytes")]
    public void A_page_that_is_none_is_rejected_with_the_reason(string hex, string reason)
    {
        var thrown = Assert.Throws<CommandRejectedException>(() => KeyValueCodec.ReadPage(Reply(Convert.FromHexString(hex))));
        Assert.Equal($"not a key-value page: {reason}", thrown.Message);
    }

    /// <summary>The bytes as they are, or cut short, or with one of them changed.</summary>
    private static Gen<byte[]> Damaged(Gen<byte[]> gen) => Gen.Select(gen, Gen.Int[0, 2], Gen.Int[0, 200], Gen.Byte, (bytes, damage, at, other) =>
    {
        var damaged = bytes.ToArray();
        if (damage == 1)
            return damaged[..(at % (damaged.Length + 1))];
        if (damage == 2 && damaged.Length > 0)
            damaged[at % damaged.Length] = other;
        return damaged;
    });

    /// <summary>Counts what was read and what was rejected; another exception goes on and fails the test.</summary>
    private sealed class OutcomeCount
    {
        private int _read;
        private int _rejected;

        public void Count(Action read)
        {
            try
            {
                read();
                Interlocked.Increment(ref _read);
            }
            catch (CommandRejectedException)
            {
                Interlocked.Increment(ref _rejected);
            }
        }

        public void ShouldHoldBoth() => Assert.True(_read > 1000 && _rejected > 1000, $"the garbage is one-sided: {_read} read, {_rejected} rejected");
    }

    private static byte[] Command(KeyValueOp op, ReadOnlySpan<byte> key, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> value, Precondition condition, long delta) =>
        KeyValueCodec.WriteCommand(new KeyValueCommand
        {
            Op = op,
            Key = key,
            Condition = condition,
            Expected = op is KeyValueOp.CompareAndSet ? expected : default,
            Value = op is KeyValueOp.Put or KeyValueOp.CompareAndSet ? value : default,
            Delta = delta,
        });

    private static byte[] Written(Action<IBufferWriter<byte>> write)
    {
        var writer = new ArrayBufferWriter<byte>();
        write(writer);
        return writer.WrittenSpan.ToArray();
    }

    private static string Hex(byte[] bytes) => Convert.ToHexString(bytes);

    private static GroupReply Reply(byte[] payload) => new(Outcome.Ok, payload, 1, TimeSpan.Zero, "");
}
