using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Actors.Replication;

namespace Actors.Tests.NodeTests;

public sealed class WatchApiTests : IAsyncLifetime
{
    private const string Watch = "/v1/groups/default/watch";
    private NodeServer _node = null!;

    public async Task InitializeAsync() => _node = await NodeServer.StartAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task A_watch_shows_what_is_written_after_its_answer_began()
    {
        await _node.PutAsync("before", "x");
        await using var watch = await OpenAsync(Watch);
        await _node.PutAsync("a", "1");
        await _node.SendAsync(HttpMethod.Delete, "/v1/groups/default/keys/a");
        await _node.SendAsync(HttpMethod.Put, "/v1/groups/default/keys/%FF", [0xFE]);
        Assert.Equal(("2", "put", """{"key":"a","revision":2,"value":"1"}"""), await watch.NextAsync());
        Assert.Equal(("3", "delete", """{"key":"a","revision":3}"""), await watch.NextAsync());
        Assert.Equal(("4", "put", """{"keyBase64":"/w==","revision":4,"valueBase64":"/g=="}"""), await watch.NextAsync());
        Assert.Equal("text/event-stream", watch.ContentType);
    }

    [Fact]
    public async Task The_first_id_is_where_the_watch_began_so_that_it_can_resume_though_it_saw_nothing()
    {
        await _node.PutAsync("a", "1");
        await using var watch = await OpenAsync(Watch);
        await _node.PutAsync("b", "2");
        await watch.NextAsync();
        using var answer = await _node.GetAsync(Watch);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        Assert.Equal("id: 2", await reader.ReadLineAsync());
        Assert.Equal("", await reader.ReadLineAsync());
    }

    [Fact]
    public async Task Last_event_id_resumes_where_another_watch_ended()
    {
        foreach (var value in (string[])["1", "2", "3"])
            await _node.PutAsync("a", value);
        await using var watch = await OpenAsync(Watch, ("Last-Event-ID", "1"));
        Assert.Equal("2", (await watch.NextAsync()).Id);
        Assert.Equal("3", (await watch.NextAsync()).Id);
        await _node.PutAsync("a", "4");
        Assert.Equal("4", (await watch.NextAsync()).Id);
    }

    [Fact]
    public async Task Last_event_id_of_a_reconnecting_client_goes_before_the_after_of_its_address()
    {
        foreach (var value in (string[])["1", "2", "3"])
            await _node.PutAsync("a", value);
        await using var first = await OpenAsync(Watch + "?after=0");
        Assert.Equal("1", (await first.NextAsync()).Id);
        await using var again = await OpenAsync(Watch + "?after=0", ("Last-Event-ID", "2"));
        Assert.Equal("3", (await again.NextAsync()).Id);
    }

    [Fact]
    public async Task Only_keys_with_the_prefix_are_shown()
    {
        await _node.PutAsync("b%2F1", "no");
        await _node.PutAsync("a%2F1", "yes");
        await using var watch = await OpenAsync(Watch + "?prefix=a%2F&after=0");
        Assert.Equal("2", (await watch.NextAsync()).Id);
    }

    [Fact]
    public async Task A_watch_from_before_what_is_held_is_410()
    {
        await _node.PutAsync("a", "1");
        _node.Group.Compacted = 1;
        using var answer = await _node.SendAsync(HttpMethod.Get, Watch, (string?)null, ("Last-Event-ID", "0"));
        await answer.ProblemAsync(410, "compacted");
        await using var watch = await OpenAsync(Watch, ("Last-Event-ID", "1"));
    }

    [Fact]
    public async Task A_watcher_that_falls_behind_is_told_so_and_cut_off()
    {
        await using var watch = await OpenAsync(Watch);
        await _node.PutAsync("a", "1");
        await watch.NextAsync();
        _node.Group.EndWatches(new CompactedException(7));
        Assert.Equal("compacted", (await watch.NextAsync()).Type);
        await watch.EndAsync();
    }

    [Fact]
    public async Task A_watch_ends_with_its_replica_so_that_the_client_comes_back()
    {
        await using var watch = await OpenAsync(Watch);
        await _node.PutAsync("a", "1");
        await watch.NextAsync();
        _node.Group.EndWatches();
        await watch.EndAsync();
    }

    [Fact]
    public async Task A_watch_does_not_keep_the_node_from_stopping()
    {
        var node = await NodeServer.StartAsync();
        using var answer = await node.GetAsync(Watch);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await node.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(4));
    }

    [Fact]
    public async Task A_watcher_that_leaves_is_forgotten()
    {
        using (await _node.GetAsync(Watch))
            await WatchersAsync(1);
        await WatchersAsync(0);

        async Task WatchersAsync(int count)
        {
            for (var i = 0; i < 500 && _node.Group.Watchers != count; i++)
                await Task.Delay(10);
            Assert.Equal(count, _node.Group.Watchers);
        }
    }

    [Fact]
    public async Task Many_changes_arrive_complete_and_in_order()
    {
        await using var watch = await OpenAsync(Watch);
        var value = new string('v', 10_000);
        for (var i = 0; i < 50; i++)
            await _node.PutAsync($"key{i}", value);
        for (var i = 0; i < 50; i++)
        {
            var (_, _, data) = await watch.NextAsync();
            var json = JsonSerializer.Deserialize<JsonElement>(data);
            Assert.Equal(($"key{i}", value), (json.GetProperty("key").GetString(), json.GetProperty("value").GetString()));
        }
    }

    [Theory]
    [InlineData("?after=x", "after", null)]
    [InlineData("?after=-1", "after", null)]
    [InlineData("?from=1", "from", null)]
    [InlineData("", "Last-Event-ID", "x")]
    [InlineData("", "Last-Event-ID", "-1")]
    [InlineData("", "Last-Event-ID", "99999999999999999999")]
    public async Task A_parameter_that_is_wrong_is_400_and_named(string query, string parameter, string? lastEventId)
    {
        using var answer = await _node.SendAsync(HttpMethod.Get, Watch + query, (string?)null, lastEventId is null ? [] : [("Last-Event-ID", lastEventId)]);
        Assert.Equal(parameter, (await answer.ProblemAsync(400, "bad-parameter")).GetProperty("parameter").GetString());
    }

    [Fact]
    public async Task A_watch_from_now_needs_a_replica_that_answers()
    {
        _node.Group.Canned.Enqueue(new GroupReply(Outcome.Unavailable, default, 0, TimeSpan.Zero, "no replica"));
        using var answer = await _node.GetAsync(Watch);
        await answer.ProblemAsync(503, "unavailable");
    }

    private async Task<Watcher> OpenAsync(string path, params (string, string)[] headers)
    {
        var answer = await _node.SendAsync(HttpMethod.Get, path, (string?)null, headers);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return new Watcher(answer, SseParser.Create(await answer.Content.ReadAsStreamAsync()).EnumerateAsync().GetAsyncEnumerator());
    }

    private sealed class Watcher(HttpResponseMessage answer, IAsyncEnumerator<SseItem<string>> events) : IAsyncDisposable
    {
        private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

        public string? ContentType => answer.Content.Headers.ContentType?.ToString();

        public async Task<(string? Id, string Type, string Data)> NextAsync()
        {
            Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(Limit), "the watch ended");
            return (events.Current.EventId, events.Current.EventType, events.Current.Data);
        }

        public async Task EndAsync() => Assert.False(await events.MoveNextAsync().AsTask().WaitAsync(Limit));

        public ValueTask DisposeAsync()
        {
            answer.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
