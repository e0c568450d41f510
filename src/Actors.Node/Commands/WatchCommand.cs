using System.CommandLine;
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
            await Events.FollowAsync(context, path, context.Parsed.GetValue(after), context.Parsed.GetValue(count), change => context.Parsed.GetValue(json) ? change.Data : Line(change));
            return ExitCode.Ok;
        });
    }

    private static string Line(SseItem<string> change)
    {
        using var json = JsonDocument.Parse(change.Data);
        var line = $"{change.EventId}\t{change.EventType}\t{Entry.Text(json.RootElement, "key")}";
        return change.EventType == "put" ? $"{line}\t{Entry.Text(json.RootElement, "value")}" : line;
    }
}
