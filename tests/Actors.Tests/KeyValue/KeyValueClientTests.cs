using Actors.Replication;
using Actors.Replication.KeyValue;

namespace Actors.Tests.KeyValue;

public sealed class KeyValueClientTests
{
    private static readonly byte[] LongKey = new byte[KeyValueLimits.MaxKeyBytes + 1];
    private static readonly byte[] Large = new byte[KeyValueLimits.MaxValueBytes + 1];

    private readonly DirectGroup _group = new();
    private readonly KeyValueClient _client;

    public KeyValueClientTests() => _client = new KeyValueClient(_group);

    [Fact]
    public async Task A_request_over_a_limit_is_refused_before_anything_is_sent()
    {
        Refused(await _client.PutAsync(LongKey, default), Outcome.TooLarge, "key of 1025 bytes is over the limit of 1024 bytes");
        Refused(await _client.PutAsync("k", Large), Outcome.TooLarge, "value of 65537 bytes for key 'k' is over the limit of 65536 bytes");
        Refused(await _client.PutAsync("", "v"), Outcome.Failed, "key is empty: 1 to 1024 bytes");
        Refused(await _client.DeleteAsync(LongKey), Outcome.TooLarge, "key of 1025 bytes is over the limit of 1024 bytes");
        Refused(await _client.DeleteAsync(""), Outcome.Failed, "key is empty: 1 to 1024 bytes");
        Refused(await _client.CompareAndSetAsync(LongKey, default, default), Outcome.TooLarge, "key of 1025 bytes is over the limit of 1024 bytes");
        Refused(await _client.CompareAndSetAsync("k"u8.ToArray(), Large.AsMemory(1), "x"u8.ToArray()), Outcome.TooLarge, "expected and new value of 65537 bytes for key 'k' is over the limit of 65536 bytes");
        Refused(await _client.IncrementAsync(LongKey), Outcome.TooLarge, "key of 1025 bytes is over the limit of 1024 bytes");
        Refused(await _client.GetAsync(LongKey), Outcome.TooLarge, "key of 1025 bytes is over the limit of 1024 bytes");
        Refused(await _client.GetAsync(""), Outcome.Failed, "key is empty: 1 to 1024 bytes");
        Refused(await _client.ScanAsync(LongKey), Outcome.TooLarge, "prefix of 1025 bytes is over the limit of 1024 bytes");
        Refused(await _client.ScanAsync(default, LongKey), Outcome.TooLarge, "start key of 1025 bytes is over the limit of 1024 bytes");
        Refused(await _client.ScanAsync("", limit: 0), Outcome.Failed, "limit of 0 entries is out of range: 1 to 1000");
        Refused(await _client.ScanAsync("", limit: 1001), Outcome.Failed, "limit of 1001 entries is out of range: 1 to 1000");
        Assert.Equal(0, _group.Requests);

        static void Refused(KeyValueResult result, Outcome outcome, string error) => Assert.Equal((outcome, error, 0L), (result.Outcome, result.Error, result.Index));
    }

    [Fact]
    public async Task The_largest_key_and_value_are_taken_and_fit_a_command_and_a_reply_of_the_group()
    {
        var key = LongKey[1..];
        var value = Large[1..];
        Assert.True((await _client.PutAsync(key, value, Precondition.IfMissing)).Changed);
        Assert.True((await _client.CompareAndSetAsync(key, value, default)).Changed);
        Assert.True((await _client.CompareAndSetAsync(key, default, value)).Changed);
        Assert.Equal(value, (await _client.GetAsync(key)).Value.ToArray());
        Assert.Equal(value, Assert.Single((await _client.ScanAsync(key, limit: 1000)).Entries).Value.ToArray());
        const int maxCommandBytes = 72 << 10;
        Assert.InRange(_group.LargestRequest, 0, maxCommandBytes);
        Assert.InRange(_group.LargestReply, 0, maxCommandBytes);
    }

    [Fact]
    public async Task Token_timeout_and_read_mode_reach_the_group()
    {
        byte[] token = [1, 2, 3];
        var timeout = TimeSpan.FromSeconds(7);
        await _client.PutAsync("k", "v", token: token, timeout: timeout);
        AssertPassed();
        await _client.DeleteAsync("k", token: token, timeout: timeout);
        AssertPassed();
        await _client.CompareAndSetAsync("k", "a", "b", token, timeout);
        AssertPassed();
        await _client.IncrementAsync("k", 1, token, timeout);
        AssertPassed();
        await _client.GetAsync("k", ReadMode.Stale, timeout);
        Assert.Equal((ReadMode.Stale, timeout), (_group.Mode, _group.Timeout));
        await _client.ScanAsync("k", timeout: timeout);
        Assert.Equal((ReadMode.Linearizable, timeout), (_group.Mode, _group.Timeout));

        void AssertPassed()
        {
            Assert.Equal(token, _group.Token.ToArray());
            Assert.Equal(timeout, _group.Timeout);
            _group.SubmitAsync(default);    // forgets both
        }
    }

    [Fact]
    public async Task An_answer_that_is_not_ok_reaches_the_caller_as_it_is()
    {
        _group.Canned = new GroupReply(Outcome.Unavailable, default, 0, TimeSpan.FromSeconds(3), "no primary");
        AssertCanned(await _client.PutAsync("k", "v"));
        AssertCanned(await _client.IncrementAsync("k"));
        AssertCanned(await _client.GetAsync("k"));
        AssertCanned(await _client.ScanAsync("k"));

        static void AssertCanned(KeyValueResult result) => Assert.Equal((Outcome.Unavailable, "no primary", TimeSpan.FromSeconds(3)), (result.Outcome, result.Error, result.Age));
    }

    [Fact]
    public async Task A_reply_that_no_key_value_machine_wrote_leaves_a_write_unknown_and_a_read_failed()
    {
        _group.Canned = new GroupReply(Outcome.Ok, new byte[] { 99 }, 5, TimeSpan.Zero, "");
        var put = await _client.PutAsync("k", "v");
        Assert.Equal((Outcome.Unknown, "not a key-value reply to a write: it begins with 99", false), (put.Outcome, put.Error, put.Changed));
        Assert.Equal(Outcome.Unknown, (await _client.IncrementAsync("k")).Outcome);
        var got = await _client.GetAsync("k");
        Assert.Equal((Outcome.Failed, "not a key-value record: it begins with 99"), (got.Outcome, got.Error));
        Assert.Equal(Outcome.Failed, (await _client.ScanAsync("k")).Outcome);
    }

    [Fact]
    public async Task A_scan_over_pages_ends_with_an_exception_when_a_page_cannot_be_read()
    {
        await _client.PutAsync("a", "");
        await _client.PutAsync("b", "");
        var read = new List<string>();
        var thrown = await Assert.ThrowsAsync<ScanFailedException>(async () =>
        {
            await foreach (var page in _client.ScanPagesAsync("", limit: 1))
            {
                read.AddRange(page.Entries.Select(e => e.Key.ToText()));
                _group.Canned = new GroupReply(Outcome.Unavailable, default, 0, TimeSpan.Zero, "no primary");
            }
        });
        Assert.Equal(["a"], read);
        Assert.Equal((Outcome.Unavailable, "scan ended as Unavailable: no primary"), (thrown.Outcome, thrown.Message));
    }

    [Fact]
    public async Task A_scan_over_pages_stops_when_it_is_cancelled()
    {
        await _client.PutAsync("a", "");
        await _client.PutAsync("b", "");
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAsync<OperationCanceledException>(async () =>
        {
            await foreach (var page in _client.ScanPagesAsync("", limit: 1).WithCancellation(cancel.Token))
                await cancel.CancelAsync();
        });
        Assert.Equal(3, _group.Requests);
    }

    [Fact]
    public async Task A_watch_gives_the_changes_of_a_prefix_after_a_revision()
    {
        await _client.PutAsync("a1", "x");
        await _client.PutAsync("a2", "y");
        await _client.PutAsync("b", "z");
        await _client.DeleteAsync("a1");
        var seen = new List<string>();
        await foreach (var change in _client.WatchAsync("a", after: 1))
            seen.Add($"{change.Revision} {change.Key.ToText()} {(change.Deleted ? "deleted" : change.Value.ToText())}");
        Assert.Equal(["2 a2 y", "4 a1 deleted"], seen);
    }

    [Fact]
    public async Task A_text_that_is_not_valid_unicode_is_no_key()
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(() => _client.PutAsync("\uD800", "v"));
        await Assert.ThrowsAsync<ArgumentNullException>("key", () => _client.GetAsync((string)null!));
        Assert.Equal(0, _group.Requests);
    }

    [Fact]
    public void A_negative_revision_is_no_condition() => Assert.Throws<ArgumentOutOfRangeException>(() => Precondition.IfRevision(-1));
}
