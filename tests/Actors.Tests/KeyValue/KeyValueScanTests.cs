using Actors.Replication.KeyValue;
using CsCheck;

namespace Actors.Tests.KeyValue;

public sealed class KeyValueScanTests
{
    private readonly DirectGroup _group = new();
    private readonly KeyValueClient _client;

    public KeyValueScanTests() => _client = new KeyValueClient(_group);

    [Fact]
    public async Task A_page_holds_keys_values_and_revisions_in_order_of_the_keys()
    {
        foreach (var key in new[] { "b2", "a", "b1", "c", "b" })
            await _client.PutAsync(key, key + "!");
        var page = await _client.ScanAsync("b");
        Assert.Equal([("b", "b!", 5), ("b1", "b1!", 3), ("b2", "b2!", 1)], page.Entries.Select(e => (e.Key.ToText(), e.Value.ToText(), e.Revision)));
        Assert.Equal((false, 5L), (page.More, page.Index));
    }

    [Fact]
    public async Task Keys_only_leaves_the_values_out()
    {
        await _client.PutAsync("k", "v");
        var entry = Assert.Single((await _client.ScanAsync("", keysOnly: true)).Entries);
        Assert.Equal(("k", 1L, 0), (entry.Key.ToText(), entry.Revision, entry.Value.Length));
    }

    [Theory]
    [InlineData(2, 2, true)]
    [InlineData(3, 3, false)]
    [InlineData(4, 3, false)]
    public async Task More_is_said_only_when_another_key_follows(int limit, int entries, bool more)
    {
        foreach (var key in new[] { "k1", "k2", "k3", "l" })
            await _client.PutAsync(key, "");
        var page = await _client.ScanAsync("k", limit: limit);
        Assert.Equal((entries, more), (page.Entries.Count, page.More));
    }

    [Theory]
    [InlineData("FF", "", "FF,FF00,FFFF")]
    [InlineData("FFFF", "", "FFFF")]
    [InlineData("FE", "", "FE,FEFF")]
    [InlineData("FEFF", "FEFF", "")]
    [InlineData("FE", "FF", "")]
    [InlineData("FE", "00", "FE,FEFF")]
    [InlineData("", "FEFF", "FF,FF00,FFFF")]
    public async Task Prefix_and_cursor_mean_the_same_at_the_edges_of_the_alphabet(string prefix, string after, string keys)
    {
        foreach (var key in new[] { "00", "FE", "FEFF", "FF", "FF00", "FFFF" })
            await _client.PutAsync(Convert.FromHexString(key), default);
        var page = await _client.ScanAsync(Convert.FromHexString(prefix), Convert.FromHexString(after));
        Assert.Equal(keys, string.Join(",", page.Entries.Select(e => Convert.ToHexString(e.Key.Span))));
    }

    [Fact]
    public async Task A_page_ends_at_its_bytes_and_a_larger_entry_is_a_page_of_its_own()
    {
        // Each entry is 2 + 2 + 8 + 4 bytes and its value.
        await _client.PutAsync("k1", new byte[KeyValueLimits.MaxPageBytes / 2 - 16]);
        await _client.PutAsync("k2", new byte[KeyValueLimits.MaxPageBytes / 2 - 16]);
        await _client.PutAsync("k3", new byte[KeyValueLimits.MaxValueBytes]);
        await _client.PutAsync("k4", "");
        Assert.Equal(["k1 k2", "k3", "k4"], await Pages());
        await _client.PutAsync("k2", new byte[KeyValueLimits.MaxPageBytes / 2 - 15]);
        Assert.Equal(["k1", "k2", "k3", "k4"], await Pages());
        Assert.Equal(["k1 k2 k3 k4"], await Pages(keysOnly: true));
    }

    [Fact]
    public Task Concatenated_pages_are_the_whole_and_each_stays_within_its_limits() =>
        Gen.Select(GenKey.Array[0, 80], GenKey, Gen.Int[0, 30_000].Array[1, 10], Gen.Int[1, 9]).SampleAsync(
            async (keys, prefix, sizes, limit) =>
            {
                var group = new DirectGroup();
                var client = new KeyValueClient(group);
                for (var i = 0; i < keys.Length; i++)
                    await client.PutAsync(keys[i], new byte[sizes[i % sizes.Length]]);
                prefix = prefix[..^1];

                var read = new List<(string, int)>();
                await foreach (var page in client.ScanPagesAsync(prefix, limit: limit))
                {
                    Assert.InRange(page.Entries.Count, page.More ? 1 : 0, limit);
                    read.AddRange(page.Entries.Select(e => (Convert.ToHexString(e.Key.Span), e.Value.Length)));
                }

                var expected = group.Space.Pairs.Where(p => p.Key.AsSpan().StartsWith(prefix)).Select(p => (Convert.ToHexString(p.Key), p.Value.Length - 9));
                Assert.Equal(expected, read);
                Assert.InRange(group.LargestReply, 0, KeyValueLimits.MaxPageBytes + 3);
            },
            iter: 200);

    [Fact]
    public Task Keys_that_stay_are_read_exactly_once_while_others_come_and_go() =>
        Gen.Select(GenKey.Array[1, 40], Gen.Select(GenKey, Gen.Bool).Array[0, 60], Gen.Int[1, 5]).SampleAsync(
            async (staying, writes, limit) =>
            {
                var group = new DirectGroup();
                var client = new KeyValueClient(group);
                var stay = staying.Select(Convert.ToHexString).ToHashSet();
                foreach (var key in staying)
                    await client.PutAsync(key, default);

                // Three writes after each page, now and then to the very key on which the next page goes on.
                var read = new List<string>();
                var pending = new Queue<(byte[] Key, bool Put)>(writes);
                await foreach (var page in client.ScanPagesAsync(default, limit: limit))
                {
                    read.AddRange(page.Entries.Select(e => Convert.ToHexString(e.Key.Span)));
                    if (page.More && !stay.Contains(read[^1]))
                        await client.DeleteAsync(page.Entries[^1].Key);
                    for (var i = 0; i < 3 && pending.TryDequeue(out var write); i++)
                    {
                        if (write.Put)
                            await client.PutAsync(write.Key, default);
                        else if (!stay.Contains(Convert.ToHexString(write.Key)))
                            await client.DeleteAsync(write.Key);
                    }
                }

                Assert.Equal(read.Distinct().Order(StringComparer.Ordinal), read);
                Assert.Equal(stay.Order(StringComparer.Ordinal), read.Where(stay.Contains));
            },
            iter: 500);

    private static readonly Gen<byte[]> GenKey = Gen.OneOf<byte>(0, 1, 0x61, 0xFE, 0xFF).Array[1, 3];

    private async Task<List<string>> Pages(bool keysOnly = false)
    {
        var pages = new List<string>();
        await foreach (var page in _client.ScanPagesAsync("", keysOnly: keysOnly))
            pages.Add(string.Join(" ", page.Entries.Select(e => e.Key.ToText())));
        return pages;
    }
}
