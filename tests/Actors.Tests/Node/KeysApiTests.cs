using System.Net;
using System.Text;
using Actors.Replication;

namespace Actors.Tests.NodeTests;

public sealed class KeysApiTests : IAsyncLifetime
{
    private const string Keys = "/v1/groups/default/keys/";
    private static readonly HttpMethod[] Writes = [HttpMethod.Put, HttpMethod.Delete, HttpMethod.Post];
    private NodeServer _node = null!;

    public async Task InitializeAsync() => _node = await NodeServer.StartAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task A_value_comes_back_byte_for_byte_with_its_revision_as_the_entity_tag()
    {
        var value = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
        var put = await _node.SendAsync(HttpMethod.Put, Keys + "a", value);
        Assert.Equal(HttpStatusCode.NoContent, put.StatusCode);
        Assert.Equal("\"1\"", put.Headers.ETag?.Tag);
        Assert.Equal("1", put.Header("Actors-Index"));

        var get = await _node.GetAsync(Keys + "a");
        Assert.Equal(value, await get.Content.ReadAsByteArrayAsync());
        Assert.Equal("application/octet-stream", get.Content.Headers.ContentType?.ToString());
        Assert.Equal("\"1\"", get.Headers.ETag?.Tag);
        Assert.Equal("1", get.Header("Actors-Index"));
        Assert.Null(get.Header("Actors-Age-Ms"));
        Assert.Null(get.Header("Server"));
    }

    [Fact]
    public async Task An_empty_value_is_a_value()
    {
        await _node.SendAsync(HttpMethod.Put, Keys + "a", "");
        var get = await _node.GetAsync(Keys + "a");
        Assert.Equal(HttpStatusCode.OK, get.StatusCode);
        Assert.Equal("", await get.TextAsync());
    }

    [Fact]
    public async Task A_missing_key_is_404_with_the_index_at_which_it_was_missing()
    {
        await _node.PutAsync("other", "x");
        var get = await _node.GetAsync(Keys + "a");
        await get.ProblemAsync(404, "key-not-found");
        Assert.Equal("1", get.Header("Actors-Index"));
        await (await _node.SendAsync(HttpMethod.Delete, Keys + "a")).ProblemAsync(404, "key-not-found", "not-applied");
    }

    [Fact]
    public async Task A_deleted_key_is_gone()
    {
        await _node.PutAsync("a", "x");
        Assert.Equal(HttpStatusCode.NoContent, (await _node.SendAsync(HttpMethod.Delete, Keys + "a")).StatusCode);
        await (await _node.GetAsync(Keys + "a")).ProblemAsync(404, "key-not-found");
    }

    [Fact]
    public async Task Head_answers_as_get_without_the_body_and_a_known_tag_with_304()
    {
        await _node.PutAsync("a", "hello");
        var head = await _node.SendAsync(HttpMethod.Head, Keys + "a");
        Assert.Equal((HttpStatusCode.OK, 5L, "\"1\""), (head.StatusCode, head.Content.Headers.ContentLength, head.Headers.ETag?.Tag));
        Assert.Equal(HttpStatusCode.NotModified, (await _node.SendAsync(HttpMethod.Get, Keys + "a", (string?)null, ("If-None-Match", "\"1\""))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await _node.SendAsync(HttpMethod.Get, Keys + "a", (string?)null, ("If-None-Match", "\"2\""))).StatusCode);
    }

    [Theory]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("a/b", "a/b")]
    [InlineData("a%252Fb", "a%2Fb")]
    [InlineData("..", "..")]
    [InlineData("a/../b", "a/../b")]
    [InlineData("%2e%2E", "..")]
    [InlineData("/", "/")]
    [InlineData("//a//", "//a//")]
    [InlineData("a+b", "a+b")]
    [InlineData("a%20b%3Fc%23d", "a b?c#d")]
    [InlineData("gr%C3%BC%C3%9Fe", "grüße")]
    [InlineData("%01%7F", "\u0001\u007f")]
    public async Task The_key_is_what_the_client_encoded_and_nothing_else(string encoded, string key)
    {
        Assert.Equal(HttpStatusCode.NoContent, (await _node.SendAsync(HttpMethod.Put, Keys + encoded, "here")).StatusCode);
        Assert.Equal("here", await (await _node.GetAsync(Keys + encoded)).TextAsync());
        var entries = (await (await _node.GetAsync("/v1/groups/default/keys")).JsonAsync()).GetProperty("entries");
        Assert.Equal([key], entries.EnumerateArray().Select(entry => entry.GetProperty("key").GetString()));
    }

    [Fact]
    public async Task A_target_with_scheme_and_host_names_the_same_key()
    {
        await _node.PutAsync("a%2Fb", "here");
        var answer = await _node.SendRawAsync("GET http://localhost/v1/groups/default/keys/a%2Fb HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.EndsWith("here", answer);
    }

    [Fact]
    public async Task A_key_that_is_not_text_is_a_key()
    {
        await _node.SendAsync(HttpMethod.Put, Keys + "%FF%FE", "x");
        Assert.Equal("x", await (await _node.GetAsync(Keys + "%ff%fe")).TextAsync());
        await (await _node.GetAsync(Keys + "%FF%FD")).ProblemAsync(404, "key-not-found");
    }

    [Theory]
    [InlineData("%")]
    [InlineData("a%4")]
    [InlineData("%zz")]
    [InlineData("%+1")]
    [InlineData("% 1")]
    [InlineData("")]
    public async Task A_malformed_key_is_400_and_says_so(string encoded)
    {
        var answer = await _node.SendRawAsync($"PUT {Keys}{encoded.Replace(" ", "%20")} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 400 ", answer);
        if (encoded != "% 1")
            Assert.Contains("\"parameter\":\"key\"", answer);
        Assert.Equal(0, _node.Group.Submitted);
    }

    [Fact]
    public async Task A_key_or_value_over_its_limit_is_413_and_nothing_is_submitted()
    {
        await (await _node.SendAsync(HttpMethod.Put, Keys + new string('k', 1025), "v")).ProblemAsync(413, "too-large", "not-applied");
        var largest = Keys + string.Concat(Enumerable.Repeat("%FF", 1024));
        Assert.Equal(HttpStatusCode.NoContent, (await _node.SendAsync(HttpMethod.Put, largest, new byte[65_536])).StatusCode);
        await (await _node.SendAsync(HttpMethod.Put, Keys + "a", new byte[65_537])).ProblemAsync(413, "too-large", "not-applied");
        await (await _node.GetAsync(Keys + new string('k', 1025))).ProblemAsync(413, "too-large");
        Assert.Equal(1, _node.Group.Submitted);
    }

    [Fact]
    public async Task A_body_of_unknown_length_is_refused_once_it_is_over_the_limit_though_it_goes_on()
    {
        var chunk = $"8000\r\n{new string('x', 0x8000)}\r\n";
        var answer = await _node.SendRawAsync($"PUT {Keys}a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunk}{chunk}{chunk}", until: "\"write\"");
        Assert.StartsWith("HTTP/1.1 413 ", answer);
        Assert.Contains("\"write\":\"not-applied\"", answer);
        Assert.Equal(0, _node.Group.Submitted);
    }

    [Fact]
    public async Task A_chunked_body_at_the_limit_is_taken()
    {
        var chunk = $"8000\r\n{new string('x', 0x8000)}\r\n";
        var answer = await _node.SendRawAsync($"PUT {Keys}a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 204 ", answer);
        Assert.Equal(65_536, (await (await _node.GetAsync(Keys + "a")).TextAsync()).Length);
    }

    [Fact]
    public async Task A_body_that_breaks_off_is_not_written()
    {
        await _node.SendRawAsync($"PUT {Keys}a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf", breakOff: true);
        Assert.Equal(0, _node.Group.Submitted);
    }

    [Fact]
    public async Task If_match_writes_only_over_that_revision()
    {
        await _node.PutAsync("a", "one");
        var stale = await _node.SendAsync(HttpMethod.Put, Keys + "a", "two", ("If-Match", "\"7\""));
        await stale.ProblemAsync(412, "condition-failed", "not-applied");
        Assert.Equal("\"1\"", stale.Headers.ETag?.Tag);
        Assert.Equal(HttpStatusCode.NoContent, (await _node.SendAsync(HttpMethod.Put, Keys + "a", "two", ("If-Match", "\"1\""))).StatusCode);
        await (await _node.SendAsync(HttpMethod.Delete, Keys + "a", (string?)null, ("If-Match", "\"1\""))).ProblemAsync(412, "condition-failed", "not-applied");
        Assert.Equal("two", await (await _node.GetAsync(Keys + "a")).TextAsync());
    }

    [Fact]
    public async Task If_match_any_writes_and_deletes_only_a_key_that_is_there()
    {
        await (await _node.SendAsync(HttpMethod.Put, Keys + "a", "one", ("If-Match", "*"))).ProblemAsync(412, "condition-failed", "not-applied");
        await (await _node.SendAsync(HttpMethod.Delete, Keys + "a", (string?)null, ("If-Match", "*"))).ProblemAsync(412, "condition-failed", "not-applied");
        await _node.PutAsync("a", "one");
        Assert.Equal(HttpStatusCode.NoContent, (await _node.SendAsync(HttpMethod.Put, Keys + "a", "two", ("If-Match", "*"))).StatusCode);
        Assert.Equal("two", await (await _node.GetAsync(Keys + "a")).TextAsync());
        Assert.Equal(HttpStatusCode.NoContent, (await _node.SendAsync(HttpMethod.Delete, Keys + "a", (string?)null, ("If-Match", "*"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _node.GetAsync(Keys + "a")).StatusCode);
    }

    [Fact]
    public async Task If_none_match_writes_only_a_key_that_is_not_there()
    {
        Assert.Equal(HttpStatusCode.NoContent, (await _node.SendAsync(HttpMethod.Put, Keys + "a", "one", ("If-None-Match", "*"))).StatusCode);
        await (await _node.SendAsync(HttpMethod.Put, Keys + "a", "two", ("If-None-Match", "*"))).ProblemAsync(412, "condition-failed", "not-applied");
        Assert.Equal("one", await (await _node.GetAsync(Keys + "a")).TextAsync());
    }

    [Theory]
    [InlineData("If-Match", "1")]
    [InlineData("If-Match", "\"\"")]
    [InlineData("If-Match", "\"0\"")]
    [InlineData("If-Match", "\"-1\"")]
    [InlineData("If-Match", "\"01\"")]
    [InlineData("If-Match", "W/\"1\"")]
    [InlineData("If-Match", "\"1\", \"2\"")]
    [InlineData("If-Match", "\"99999999999999999999\"")]
    [InlineData("If-None-Match", "\"1\"")]
    [InlineData("If-None-Match", "garbage")]
    [InlineData("Idempotency-Key", "")]
    public async Task A_header_that_cannot_be_understood_is_400_and_named(string name, string value)
    {
        var problem = await (await _node.SendAsync(HttpMethod.Put, Keys + "a", "x", (name, value))).ProblemAsync(400, "bad-parameter", "not-applied");
        Assert.Equal(name, problem.GetProperty("parameter").GetString());
        Assert.Equal(0, _node.Group.Submitted);
    }

    [Fact]
    public async Task Both_conditions_at_once_are_400() =>
        await (await _node.SendAsync(HttpMethod.Put, Keys + "a", "x", ("If-Match", "\"1\""), ("If-None-Match", "*"))).ProblemAsync(400, "bad-parameter", "not-applied");

    [Fact]
    public async Task A_repeated_token_is_answered_as_the_first_time_and_another_body_under_it_is_422()
    {
        var first = await _node.SendAsync(HttpMethod.Post, Keys + "n?op=incr", (string?)null, ("Idempotency-Key", "t1"));
        var again = await _node.SendAsync(HttpMethod.Post, Keys + "n?op=incr", (string?)null, ("Idempotency-Key", "t1"));
        Assert.Equal(("1", "1"), (await first.TextAsync(), await again.TextAsync()));
        var problem = await (await _node.SendAsync(HttpMethod.Put, Keys + "n", "x", ("Idempotency-Key", "t1"))).ProblemAsync(422, "token-reused", "not-applied");
        Assert.Equal("Idempotency-Key", problem.GetProperty("parameter").GetString());
    }

    [Fact]
    public async Task A_token_has_at_most_128_bytes()
    {
        Assert.Equal(HttpStatusCode.NoContent, (await _node.SendAsync(HttpMethod.Put, Keys + "a", "x", ("Idempotency-Key", new string('t', 128)))).StatusCode);
        await (await _node.SendAsync(HttpMethod.Put, Keys + "a", "x", ("Idempotency-Key", new string('t', 129)))).ProblemAsync(413, "too-large", "not-applied");
    }

    [Fact]
    public async Task Incr_answers_with_the_number_and_refuses_what_is_none()
    {
        Assert.Equal("1", await (await _node.SendAsync(HttpMethod.Post, Keys + "n?op=incr")).TextAsync());
        var answer = await _node.SendAsync(HttpMethod.Post, Keys + "n?op=incr&by=-43");
        Assert.Equal(("-42", "\"2\""), (await answer.TextAsync(), answer.Headers.ETag?.Tag));
        await _node.PutAsync("text", "x");
        await (await _node.SendAsync(HttpMethod.Post, Keys + "text?op=incr")).ProblemAsync(409, "refused", "not-applied");
    }

    [Fact]
    public async Task Cas_by_value_answers_412_with_the_value_that_is_there()
    {
        await _node.PutAsync("a", "one");
        var other = await _node.SendAsync(HttpMethod.Post, Keys + "a?op=cas", """{"expected": "two", "value": "three"}""");
        var problem = await other.ProblemAsync(412, "condition-failed", "not-applied");
        Assert.Equal("one", problem.GetProperty("presentValue").GetString());
        var done = await _node.SendAsync(HttpMethod.Post, Keys + "a?op=cas", """{"expected": "one", "valueBase64": "/w=="}""");
        Assert.Equal((HttpStatusCode.NoContent, "\"3\""), (done.StatusCode, done.Headers.ETag?.Tag));
        Assert.Equal([0xFF], await (await _node.GetAsync(Keys + "a")).Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"expected": "x"}""")]
    [InlineData("""{"expected": 1, "value": "x"}""")]
    [InlineData("""{"expected": null, "value": "x"}""")]
    [InlineData("""{"expected": "x", "expectedBase64": "eA==", "value": "x"}""")]
    [InlineData("""{"expectedBase64": "?", "value": "x"}""")]
    [InlineData("""{"expected": "\ud800", "value": "x"}""")]
    public async Task A_cas_without_its_two_values_is_400(string body)
    {
        await (await _node.SendAsync(HttpMethod.Post, Keys + "a?op=cas", body)).ProblemAsync(400, "bad-parameter", "not-applied");
        Assert.Equal(0, _node.Group.Submitted);
    }

    [Theory]
    [InlineData("?op=incr&by=x", "by")]
    [InlineData("?op=incr&by=", "by")]
    [InlineData("?op=incr&by=1.5", "by")]
    [InlineData("?op=incr&by=9223372036854775808", "by")]
    [InlineData("?op=incr&op=incr", "op")]
    [InlineData("?op=drop", "op")]
    [InlineData("", "op")]
    [InlineData("?op=", "op")]
    [InlineData("?op=incr&bye=1", "bye")]
    [InlineData("?op=%", "op")]
    [InlineData("?%6Fp=incr", "%6Fp")]
    [InlineData("?=1", "")]
    public async Task A_parameter_that_is_wrong_is_400_and_named(string query, string parameter)
    {
        var problem = await (await _node.SendAsync(HttpMethod.Post, Keys + "n" + query)).ProblemAsync(400, "bad-parameter", "not-applied");
        Assert.Equal(parameter, problem.GetProperty("parameter").GetString());
        Assert.Equal(0, _node.Group.Submitted);
    }

    [Fact]
    public async Task Conditions_are_refused_where_they_would_be_ignored()
    {
        await (await _node.SendAsync(HttpMethod.Post, Keys + "n?op=incr", (string?)null, ("If-Match", "\"1\""))).ProblemAsync(400, "bad-parameter", "not-applied");
        await (await _node.SendAsync(HttpMethod.Put, Keys + "n?read=stale", "x")).ProblemAsync(400, "bad-parameter", "not-applied");
    }

    [Fact]
    public async Task A_stale_read_says_how_old_it_may_be()
    {
        await _node.PutAsync("a", "x");
        var answer = await _node.GetAsync(Keys + "a?read=stale");
        Assert.Equal(("x", "1", "12"), (await answer.TextAsync(), answer.Header("Actors-Index"), answer.Header("Actors-Age-Ms")));
        Assert.Equal(ReadMode.Stale, _node.Group.LastMode);
        await _node.GetAsync(Keys + "a?read=barrier");
        Assert.Equal(ReadMode.Barrier, _node.Group.LastMode);
        await (await _node.GetAsync(Keys + "a?read=lease")).ProblemAsync(400, "bad-parameter");
    }

    [Theory]
    [InlineData(Outcome.Failed, 409, "refused", null, "not-applied")]
    [InlineData(Outcome.Overloaded, 429, "overloaded", "1", "not-applied")]
    [InlineData(Outcome.Unavailable, 503, "unavailable", "1", "not-applied")]
    [InlineData(Outcome.Unknown, 504, "no-answer", null, "unknown")]
    [InlineData(Outcome.Expired, 503, "session-expired", "0", "not-applied")]
    [InlineData(Outcome.TokenReused, 422, "token-reused", null, "not-applied")]
    [InlineData(Outcome.TooLarge, 413, "too-large", null, "not-applied")]
    public async Task Every_outcome_has_its_status_and_says_what_became_of_the_write(Outcome outcome, int status, string code, string? retryAfter, string write)
    {
        var reply = new GroupReply(outcome, default, 0, TimeSpan.Zero, "the reason");
        foreach (var method in Writes)
        {
            _node.Group.Canned.Enqueue(reply);
            var answer = await _node.SendAsync(method, Keys + (method == HttpMethod.Post ? "a?op=incr" : "a"), method == HttpMethod.Put ? "x" : null);
            Assert.Equal("the reason", (await answer.ProblemAsync(status, code, write)).GetProperty("detail").GetString());
            Assert.Equal(retryAfter, answer.Header("Retry-After"));
            Assert.Null(answer.Header("Actors-Index"));
        }

        _node.Group.Canned.Enqueue(reply);
        await (await _node.GetAsync(Keys + "a")).ProblemAsync(status, code, write: null);
    }

    [Fact]
    public async Task An_error_of_the_node_itself_leaves_the_fate_of_a_write_open_and_its_text_at_home()
    {
        _node.Group.Failure = new InvalidOperationException("inner secret");
        var problem = await (await _node.SendAsync(HttpMethod.Put, Keys + "a", "x")).ProblemAsync(500, "internal-error", "unknown");
        Assert.DoesNotContain("secret", problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task An_unknown_group_is_404_and_the_known_ones_are_named()
    {
        foreach (var path in (string[])["/v1/groups/other/keys/a", "/v1/groups/..%2F/keys/a", "/v1/groups/DEFAULT/keys/a", "/v1/groups/other/keys", "/v1/groups/other/watch"])
            Assert.Contains("default", (await (await _node.GetAsync(path)).ProblemAsync(404, "group-not-found")).GetProperty("detail").GetString());
        await (await _node.SendAsync(HttpMethod.Put, "/v1/groups/other/keys/a", "x")).ProblemAsync(404, "group-not-found", "not-applied");
    }

    [Fact]
    public async Task Unknown_paths_and_methods_are_problems_too()
    {
        await (await _node.GetAsync("/v2/what")).ProblemAsync(404, "no-such-path");
        await (await _node.GetAsync("/v1/groups/default/what")).ProblemAsync(404, "no-such-path");
        await (await _node.SendAsync(HttpMethod.Patch, Keys + "a", "x")).ProblemAsync(405, "method-not-allowed", "not-applied");
        await (await _node.SendAsync(HttpMethod.Delete, "/v1/status")).ProblemAsync(405, "method-not-allowed");
    }

    [Theory]
    [InlineData("evil.example")]
    [InlineData("127.0.0.1.evil.example")]
    [InlineData("192.168.1.7:8081")]
    public async Task A_host_name_that_only_resolves_to_this_machine_is_refused(string host)
    {
        var answer = await _node.SendRawAsync($"GET /v1/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 421 ", answer);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("LOCALHOST:80")]
    [InlineData("127.0.0.1:8081")]
    [InlineData("[::1]:8081")]
    public async Task Every_name_of_the_loopback_address_is_served(string host) =>
        Assert.StartsWith("HTTP/1.1 200 ", await _node.SendRawAsync($"GET /v1/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));

    [Fact]
    public async Task A_page_of_another_site_cannot_write()
    {
        await (await _node.SendAsync(HttpMethod.Post, Keys + "n?op=incr", (string?)null, ("Origin", "https://evil.example"))).ProblemAsync(403, "foreign-origin", "not-applied");
        await (await _node.SendAsync(HttpMethod.Post, Keys + "n?op=incr", (string?)null, ("Origin", "null"))).ProblemAsync(403, "foreign-origin", "not-applied");
        Assert.Equal(0, _node.Group.Submitted);
        Assert.Equal(HttpStatusCode.OK, (await _node.SendAsync(HttpMethod.Post, Keys + "n?op=incr", (string?)null, ("Origin", "http://localhost:3000"))).StatusCode);
    }

    [Fact]
    public async Task Random_requests_are_answered_below_500_and_the_node_goes_on()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var i = 0; i < 300; i++)
        {
            var target = new StringBuilder("/v1/groups/default/").Append((string)random.GetItems<string>(["keys/", "keys", "watch", "transfer", ""], 1)[0]);
            for (var length = random.Next(12); length > 0; length--)
                target.Append((char)random.Next('!', '\u007f'));
            var method = random.GetItems<string>(["GET", "PUT", "POST", "DELETE", "HEAD"], 1)[0];
            var header = $"{random.GetItems<string>(["If-Match", "If-None-Match", "Idempotency-Key", "Last-Event-ID", "Content-Length"], 1)[0]}: {(char)random.Next('!', '\u007f')}{random.Next()}";
            var answer = await _node.SendRawAsync($"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{header}\r\nConnection: close\r\n\r\n", breakOff: true);
            Assert.True(answer.Length == 0 || answer[9] is '2' or '3' or '4', $"seed {seed}, request {i}: {method} {target}, {header}: {answer}");
        }

        await _node.PutAsync("still", "here");
    }
}
