using System.Globalization;
using System.Net.ServerSentEvents;

namespace Actors.Node.Commands;

/// <summary>Follows server-sent events of a node, a line for each, across broken connections.</summary>
internal static class Events
{
    /// <summary>Prints what <paramref name="line"/> makes of each event, until there were <paramref name="count"/>, or for ever.</summary>
    /// <exception cref="CommandException">The events are not held any more, or the request is refused.</exception>
    public static async Task FollowAsync(ClientContext context, string path, long? after, long? count, Func<SseItem<string>, string> line)
    {
        var terminal = context.Terminal;
        var lastId = after?.ToString(CultureInfo.InvariantCulture);
        for (var left = count ?? long.MaxValue; left > 0;)
        {
            using var answer = await OpenAsync(context.Client, path, lastId);
            var events = SseParser.Create(await answer.Content.ReadAsStreamAsync());
            try
            {
                await foreach (var item in events.EnumerateAsync())
                {
                    if (item.EventType == "compacted")
                        throw new CommandException(ExitCode.Negative, item.Data);
                    await terminal.Text.WriteLineAsync(line(item));
                    if (--left == 0)
                        return;
                }
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                await terminal.Error.WriteLineAsync("the connection broke; the watch goes on");
            }

            lastId = events.LastEventId is { Length: > 0 } seen ? seen : lastId;
        }
    }

    private static async Task<HttpResponseMessage> OpenAsync(NodeClient client, string path, string? lastId)
    {
        var answer = await client.OpenAsync(path, target =>
        {
            var request = new HttpRequestMessage(HttpMethod.Get, target);
            if (lastId is not null)
                request.Headers.Add("Last-Event-ID", lastId);
            return request;
        });
        if (answer.IsSuccessStatusCode)
            return answer;
        using (answer)
            throw new Answer(answer.StatusCode, answer.Headers, await answer.Content.ReadAsByteArrayAsync()).ToException();
    }
}
