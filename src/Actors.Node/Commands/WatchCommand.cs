using System.CommandLine;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Actors.Node.Commands;

/// <summary><c>actors watch [PREFIX]</c>: one line for each change, until it is interrupted.</summary>
internal static class WatchCommand
{
    public static Command Create(Terminal terminal)
    {
        var prefix = new Argument<string>("PREFIX") { Description = "What the keys begin with; all keys if left out", DefaultValueFactory = _ => "" };
        var after = NumberOption.Create("--after", "Begins with the changes after this revision; from now on if left out", otherwise: null, min: 0, max: long.MaxValue);
        var count = NumberOption.Create("--count", "Ends after this many changes; never if left out", otherwise: null, min: 1, max: long.MaxValue);
        var json = new Option<bool>("--json") { Description = "Prints each change as a JSON object" };
        var description = "Prints changes as they happen: revision, put or delete, key, value, tabs between them, a line each";
        return ClientCommand.Create(terminal, "watch", description, [prefix, after, count, json], async context =>
        {
            var path = $"/v1/groups/{context.Group}/watch?prefix={Uri.EscapeDataString(context.Parsed.GetValue(prefix)!)}";
            var lastId = context.Parsed.GetValue(after)?.ToString(CultureInfo.InvariantCulture);
            for (var left = context.Parsed.GetValue(count) ?? long.MaxValue; left > 0;)
            {
                using var answer = await OpenAsync(context.Client, path, lastId);
                var events = SseParser.Create(await answer.Content.ReadAsStreamAsync());
                try
                {
                    await foreach (var change in events.EnumerateAsync())
                    {
                        if (change.EventType == "compacted")
                            throw new CommandException(ExitCode.Negative, change.Data);
                        await terminal.Text.WriteLineAsync(context.Parsed.GetValue(json) ? change.Data : Line(change));
                        if (--left == 0)
                            return ExitCode.Ok;
                    }
                }
                catch (Exception e) when (e is IOException or HttpRequestException)
                {
                    await terminal.Error.WriteLineAsync("the connection broke; the watch goes on");
                }

                lastId = events.LastEventId is { Length: > 0 } seen ? seen : lastId;
            }

            return ExitCode.Ok;
        });
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

    private static string Line(SseItem<string> change)
    {
        using var json = JsonDocument.Parse(change.Data);
        var line = $"{change.EventId}\t{change.EventType}\t{Entry.Text(json.RootElement, "key")}";
        return change.EventType == "put" ? $"{line}\t{Entry.Text(json.RootElement, "value")}" : line;
    }
}
