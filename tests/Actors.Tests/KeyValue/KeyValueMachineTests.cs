using System.Buffers;
using System.Text;
using Actors.Replication;
using Actors.Replication.KeyValue;

namespace Actors.Tests.KeyValue;

/// <summary>Commands one by one, through the client, on a group that applies at once.</summary>
public sealed class KeyValueMachineTests
{
    private readonly DirectGroup _group = new();
    private readonly KeyValueClient _client;

    public KeyValueMachineTests() => _client = new KeyValueClient(_group);

    [Fact]
    public async Task A_put_gives_the_key_the_index_of_its_command_as_revision()
    {
        await _client.PutAsync("other", "x");
        var put = await _client.PutAsync("k", "v");
        Assert.Equal((true, false, 2L, 2L), (put.Changed, put.ConditionFailed, put.Revision, put.Index));
        var got = await _client.GetAsync("k");
        Assert.Equal((true, "v", 2L), (got.Found, got.Value.ToText(), got.Revision));
    }

    [Fact]
    public async Task A_missing_key_is_not_found_and_an_empty_value_is_a_value()
    {
        var missing = await _client.GetAsync("k");
        Assert.Equal((Outcome.Ok, false, 0L), (missing.Outcome, missing.Found, missing.Revision));
        await _client.PutAsync("k", "");
        var empty = await _client.GetAsync("k");
        Assert.Equal((true, 0, 1L), (empty.Found, empty.Value.Length, empty.Revision));
    }

    [Fact]
    public async Task A_put_by_revision_takes_effect_at_that_revision_only()
    {
        await _client.PutAsync("k", "old");
        var wrong = await _client.PutAsync("k", "wrong", Precondition.IfRevision(7));
        Assert.Equal((Outcome.Ok, false, true, 1L), (wrong.Outcome, wrong.Changed, wrong.ConditionFailed, wrong.Revision));
        Assert.Null(wrong.PresentValue);
        var right = await _client.PutAsync("k", "new", Precondition.IfRevision(wrong.Revision));
        Assert.Equal((true, false, 3L), (right.Changed, right.ConditionFailed, right.Revision));
        Assert.Equal("new", (await _client.GetAsync("k")).Value.ToText());
    }

    [Fact]
    public async Task A_put_if_missing_takes_effect_once()
    {
        var first = await _client.PutAsync("k", "first", Precondition.IfMissing);
        var second = await _client.PutAsync("k", "second", Precondition.IfMissing);
        Assert.Equal((true, false, 1L), (first.Changed, first.ConditionFailed, first.Revision));
        Assert.Equal((false, true, 1L), (second.Changed, second.ConditionFailed, second.Revision));
        Assert.Equal("first", (await _client.GetAsync("k")).Value.ToText());
    }

    [Fact]
    public async Task A_put_by_revision_fails_on_a_missing_key_with_revision_zero()
    {
        var put = await _client.PutAsync("k", "v", Precondition.IfRevision(1));
        Assert.Equal((true, 0L), (put.ConditionFailed, put.Revision));
        Assert.Empty(_group.Space.Pairs);
    }

    [Fact]
    public async Task A_put_or_delete_if_present_takes_effect_on_a_key_that_exists_only()
    {
        var missing = await _client.PutAsync("k", "v", Precondition.IfPresent);
        Assert.Equal((false, true, 0L), (missing.Changed, missing.ConditionFailed, missing.Revision));
        Assert.True((await _client.DeleteAsync("k", Precondition.IfPresent)).ConditionFailed);
        await _client.PutAsync("k", "v");
        Assert.True((await _client.PutAsync("k", "w", Precondition.IfPresent)).Changed);
        Assert.True((await _client.DeleteAsync("k", Precondition.IfPresent)).Changed);
        Assert.Empty(_group.Space.Pairs);
    }

    [Fact]
    public async Task A_delete_by_revision_takes_effect_at_that_revision_only()
    {
        await _client.PutAsync("k", "v");
        var wrong = await _client.DeleteAsync("k", Precondition.IfRevision(2));
        Assert.Equal((false, true, 1L), (wrong.Changed, wrong.ConditionFailed, wrong.Revision));
        var right = await _client.DeleteAsync("k", Precondition.IfRevision(1));
        Assert.Equal((true, false, 0L), (right.Changed, right.ConditionFailed, right.Revision));
        Assert.Empty(_group.Space.Pairs);
    }

    [Fact]
    public async Task A_delete_of_a_missing_key_changes_nothing_and_announces_nothing()
    {
        var delete = await _client.DeleteAsync("k");
        Assert.Equal((Outcome.Ok, false, false), (delete.Outcome, delete.Changed, delete.ConditionFailed));
        Assert.False((await _client.DeleteAsync("k", Precondition.IfMissing)).ConditionFailed);
        Assert.Empty(_group.Events);
    }

    [Fact]
    public async Task A_key_that_was_deleted_and_put_again_has_a_higher_revision()
    {
        var before = await _client.PutAsync("k", "v");
        await _client.DeleteAsync("k");
        await _client.PutAsync("k", "v");
        Assert.True((await _client.PutAsync("k", "late", Precondition.IfRevision(before.Revision))).ConditionFailed);
    }

    [Fact]
    public async Task A_compare_and_set_by_value_takes_effect_at_that_value_only()
    {
        Assert.Equal((true, 0L), ((await _client.CompareAndSetAsync("k", "", "v")).ConditionFailed, (await _client.CompareAndSetAsync("k", "", "v")).Revision));
        var put = await _client.PutAsync("k", "a");
        var wrong = await _client.CompareAndSetAsync("k", "b", "c");
        Assert.Equal((true, put.Revision, "a"), (wrong.ConditionFailed, wrong.Revision, wrong.PresentValue?.ToText()));
        var right = await _client.CompareAndSetAsync("k", "a", "c");
        Assert.Equal((true, right.Index), (right.Changed, right.Revision));
        Assert.Equal("c", (await _client.GetAsync("k")).Value.ToText());
    }

    [Theory]
    [InlineData(KeyValueLimits.MaxReturnedValueBytes, true)]
    [InlineData(KeyValueLimits.MaxReturnedValueBytes + 1, false)]
    public async Task A_failed_compare_and_set_carries_a_small_present_value_but_not_a_large_one(int bytes, bool carried)
    {
        await _client.PutAsync("k", new byte[bytes]);
        var failed = await _client.CompareAndSetAsync("k", "x", "y");
        Assert.True(failed.ConditionFailed);
        Assert.Equal(carried ? bytes : null, failed.PresentValue?.Length);
    }

    [Fact]
    public async Task An_increment_counts_from_zero_and_leaves_decimal_text()
    {
        Assert.Equal(1, (await _client.IncrementAsync("n")).Number);
        var sum = await _client.IncrementAsync("n", -43);
        Assert.Equal((-42L, 2L), (sum.Number, sum.Revision));
        Assert.Equal("-42", (await _client.GetAsync("n")).Value.ToText());
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("1.5")]
    [InlineData(" 1")]
    [InlineData("1\n")]
    [InlineData("1\0")]
    [InlineData("+1")]
    [InlineData("01")]
    [InlineData("-0")]
    [InlineData("9223372036854775808")]
    [InlineData("00000000000000000000000000000000001")]
    public async Task An_increment_of_what_is_not_a_number_is_rejected(string value)
    {
        await _client.PutAsync("n", value);
        var sum = await _client.IncrementAsync("n");
        Assert.Equal((Outcome.Failed, "key 'n' does not hold a signed 64-bit decimal number"), (sum.Outcome, sum.Error));
        Assert.Equal((value, 1L), ((await _client.GetAsync("n")).Value.ToText(), (await _client.GetAsync("n")).Revision));
    }

    [Theory]
    [InlineData(long.MaxValue, 1)]
    [InlineData(long.MinValue, -1)]
    [InlineData(-1, long.MinValue)]
    public async Task An_increment_beyond_64_bits_is_rejected(long present, long delta)
    {
        await _client.IncrementAsync("n", present);
        var sum = await _client.IncrementAsync("n", delta);
        Assert.Equal((Outcome.Failed, $"key 'n' holds {present}: adding {delta} leaves the range of a signed 64-bit number"), (sum.Outcome, sum.Error));
        Assert.Equal(present, (await _client.IncrementAsync("n", 0)).Number);
    }

    [Fact]
    public async Task Each_change_is_announced_once_and_nothing_else_is()
    {
        await _client.PutAsync("a", "1");
        await _client.PutAsync("a", "no", Precondition.IfMissing);
        await _client.IncrementAsync("a", 2);
        await _client.CompareAndSetAsync("a", "no", "no");
        await _client.CompareAndSetAsync("a", "3", "x");
        await _client.IncrementAsync("a");
        await _client.PutAsync("b", "y");
        await _client.DeleteAsync("a");
        await _client.GetAsync("a");

        var changes = new List<(string, bool, long, string)>();
        await foreach (var change in _client.WatchAsync("", after: 0))
            changes.Add((change.Key.ToText(), change.Deleted, change.Revision, change.Value.ToText()));
        Assert.Equal([("a", false, 1, "1"), ("a", false, 3, "3"), ("a", false, 5, "x"), ("b", false, 7, "y"), ("a", true, 8, "")], changes);
    }

    [Theory]
    [InlineData("grün", "'grün'")]
    [InlineData("it's", "'it's'")]
    [InlineData("a\nb", "0x610A62")]
    [InlineData("a\u2028b", "0x61E280A862")]
    public void An_error_names_a_key_in_one_line(string key, string described) => Assert.Equal(described, KeyValueText.Describe(Encoding.UTF8.GetBytes(key)));

    [Fact]
    public void An_error_cuts_a_long_key_between_characters()
    {
        Assert.Equal($"'a{new string('ü', 31)}…'", KeyValueText.Describe(Encoding.UTF8.GetBytes("a" + new string('ü', 40))));
        Assert.Equal($"0x{new string('8', 128)}…", KeyValueText.Describe(Enumerable.Repeat((byte)0x88, 65).ToArray()));
        Assert.Equal("0xFF", KeyValueText.Describe([0xFF]));
    }

    [Fact]
    public void The_machine_refuses_what_is_over_a_limit_also_when_no_client_did()
    {
        var large = new byte[KeyValueLimits.MaxValueBytes + 1];
        var longKey = new byte[KeyValueLimits.MaxKeyBytes + 1];
        Assert.Equal("value of 65537 bytes for key 'k' is over the limit of 65536 bytes", Refusal(new KeyValueCommand { Op = KeyValueOp.Put, Key = "k"u8, Value = large }));
        Assert.Equal("key of 1025 bytes is over the limit of 1024 bytes", Refusal(new KeyValueCommand { Op = KeyValueOp.Delete, Key = longKey }));
        Assert.Equal("key is empty: 1 to 1024 bytes", Refusal(new KeyValueCommand { Op = KeyValueOp.Increment, Key = default }));
        Assert.Equal("expected and new value of 65537 bytes for key 'k' is over the limit of 65536 bytes", Refusal(new KeyValueCommand { Op = KeyValueOp.CompareAndSet, Key = "k"u8, Expected = "x"u8, Value = large.AsSpan(1) }));
        Assert.Equal("limit of 0 entries is out of range: 1 to 1000", Refusal(new KeyValueQuery { Op = KeyValueOp.Scan }));
        Assert.Equal("prefix of 1025 bytes is over the limit of 1024 bytes", Refusal(new KeyValueQuery { Op = KeyValueOp.Scan, Limit = 1, Prefix = longKey }));
    }

    [Fact]
    public void A_put_without_condition_reads_nothing_and_allocates_only_its_key_and_its_record()
    {
        var machine = new KeyValueMachine();
        var command = KeyValueCodec.WriteCommand(new KeyValueCommand { Op = KeyValueOp.Put, Key = "12345678"u8, Value = new byte[100] });
        var context = new BlindContext();
        var reply = new ArrayBufferWriter<byte>(64);
        machine.Apply(command, context, reply);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            reply.ResetWrittenCount();
            machine.Apply(command, context, reply);
        }

        // An array has 16 bytes of header and length behind an 8-byte object header and is rounded up to 8.
        Assert.Equal(1000 * ((24 + 8) + (24 + 112)), GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static string Refusal(in KeyValueCommand command)
    {
        try
        {
            new KeyValueMachine().Apply(KeyValueCodec.WriteCommand(command), new TestContext(new MemorySpace(), 1), new ArrayBufferWriter<byte>());
            return "accepted";
        }
        catch (CommandRejectedException e)
        {
            return e.Message;
        }
    }

    private static string Refusal(in KeyValueQuery query)
    {
        try
        {
            new KeyValueMachine().Query(KeyValueCodec.WriteQuery(query), new MemorySpace(), new ArrayBufferWriter<byte>());
            return "accepted";
        }
        catch (CommandRejectedException e)
        {
            return e.Message;
        }
    }

    /// <summary>Takes writes and forgets them; a read fails the test.</summary>
    private sealed class BlindContext : ApplyContext, IStateSpace
    {
        public override IStateSpace State => this;
        public override long Index => 1;
        public override DateTimeOffset Timestamp => DateTimeOffset.UnixEpoch;
        public override void Publish(byte[] key, byte[] payload)
        {
        }

        public void Put(byte[] key, byte[] value)
        {
        }

        public void Delete(byte[] key) => throw new NotSupportedException();
        public byte[]? Get(ReadOnlySpan<byte> key) => throw new NotSupportedException("a blind write reads nothing");
        public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(byte[] from, byte[]? to) => throw new NotSupportedException("a blind write reads nothing");
    }
}
