using Actors.Replication;

namespace Actors.Tests.NodeTests;

public sealed class ScanApiTests : IAsyncLifetime
{
    private const string Keys = "/v1/groups/default/keys";
    private NodeServer _node = null!;

    public async Task InitializeAsync() => _node = await NodeServer.StartAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task A_page_has_keys_values_and_revisions_in_order_and_the_index_it_stands_at()
    {
        await _node.PutAsync("b", "2");
        await _node.PutAsync("a", "1 \"quoted\" ü");
        var answer = await _node.GetAsync(Keys);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.ToString());
        Assert.Equal("2", answer.Header("Actors-Index"));
        Assert.Equal("""{"index":2,"entries":[{"key":"a","revision":2,"value":"1 \"quoted\" ü"},{"key":"b","revision":1,"value":"2"}],"next":null}""", await answer.TextAsync());
    }

    [Fact]
    public async Task Next_leads_through_all_pages_whatever_the_keys_are()
    {
        string[] keys = ["a", "a%26b%3D", "a%2Fb", "a+b", "%C3%BC", "%FE", "%FF", "%FF%FF"];
        foreach (var key in keys.Reverse())
            await _node.PutAsync(key, "v");
        var seen = new List<string>();
        for (var next = Keys + "?limit=1&values=false"; next is not null;)
        {
            var page = await (await _node.GetAsync(next)).JsonAsync();
            var entry = Assert.Single(page.GetProperty("entries").EnumerateArray());
            Assert.False(entry.TryGetProperty("value", out _));
            seen.Add(entry.TryGetProperty("key", out var text) ? text.GetString()! : Convert.ToHexString(entry.GetProperty("keyBase64").GetBytesFromBase64()));
            next = page.GetProperty("next").GetString();
        }

        Assert.Equal(["a", "a&b=", "a+b", "a/b", "ü", "FE", "FF", "FFFF"], seen);
    }

    [Fact]
    public async Task Prefix_after_and_limit_choose_the_entries()
    {
        foreach (var key in (string[])["a", "b1", "b2", "b3", "c"])
            await _node.PutAsync(key, key);
        Assert.Equal(["b1", "b2", "b3"], await KeysOfAsync("?prefix=b"));
        Assert.Equal(["b2", "b3"], await KeysOfAsync("?prefix=b&after=b1"));
        Assert.Equal(["b2"], await KeysOfAsync("?prefix=b&after=b1&limit=1"));
        Assert.Equal(["b3", "c"], await KeysOfAsync("?after=b2%FF"));
        Assert.Empty(await KeysOfAsync("?prefix=x"));
    }

    [Fact]
    public async Task A_value_that_is_not_text_comes_in_base64()
    {
        await _node.SendAsync(HttpMethod.Put, Keys + "/a", [0xFF, 0x00]);
        var entry = (await (await _node.GetAsync(Keys)).JsonAsync()).GetProperty("entries")[0];
        Assert.Equal([0xFF, 0x00], entry.GetProperty("valueBase64").GetBytesFromBase64());
    }

    [Fact]
    public async Task A_stale_page_says_how_old_it_may_be()
    {
        await _node.PutAsync("a", "1");
        Assert.Equal("12", (await _node.GetAsync(Keys + "?read=stale")).Header("Actors-Age-Ms"));
        Assert.Equal(ReadMode.Stale, _node.Group.LastMode);
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("limit=ten", "limit")]
    [InlineData("limit=%FF", "limit")]
    [InlineData("values=yes", "values")]
    [InlineData("read=fresh", "read")]
    [InlineData("prefx=a", "prefx")]
    [InlineData("prefix=%G0", "prefix")]
    [InlineData("prefix=a&prefix=b", "prefix")]
    public async Task A_parameter_that_is_wrong_is_400_and_named(string query, string parameter) =>
        Assert.Equal(parameter, (await (await _node.GetAsync($"{Keys}?{query}")).ProblemAsync(400, "bad-parameter")).GetProperty("parameter").GetString());

    [Fact]
    public async Task A_prefix_over_the_limit_is_413() =>
        await (await _node.GetAsync($"{Keys}?prefix={new string('p', 1025)}")).ProblemAsync(413, "too-large");

    [Fact]
    public async Task A_page_that_cannot_be_read_is_503()
    {
        _node.Group.Canned.Enqueue(new GroupReply(Outcome.Unavailable, default, 0, TimeSpan.Zero, "no primary"));
        await (await _node.GetAsync(Keys)).ProblemAsync(503, "unavailable");
    }

    private async Task<string[]> KeysOfAsync(string query) =>
        [.. (await (await _node.GetAsync(Keys + query)).JsonAsync()).GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("key").GetString()!)];
}
