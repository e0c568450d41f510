using System.CommandLine;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Actors.Node.Commands;

/// <summary><c>actors listen GROUP</c>: one line for each message that the node delivers, in order, until it is interrupted.</summary>
internal static class ListenCommand
{
    public static Command Create(Terminal terminal)
    {
        var group = new Argument<string>("GROUP") { Description = "The broadcast group" };
        var after = NumberOption.Create("--after", "Begins after this position of the node's deliveries, 0 for all that it keeps; from now on if left out", otherwise: null, min: 0, max: long.MaxValue);
        var count = NumberOption.Create("--count", "Ends after so many messages; never if left out", otherwise: null, min: 1, max: long.MaxValue);
        var json = new Option<bool>("--json") { Description = "Prints each message as a JSON object" };
        var description = "Prints what the node delivers, in order: position, message or missed, origin, sequence, text, tabs between them, a line each";
        return ClientCommand.Create(terminal, "listen", description, [group, after, count, json], async context =>
        {
            var path = $"/v1/broadcast/{Uri.EscapeDataString(context.Parsed.GetValue(group)!)}";
            await Events.FollowAsync(context, path, context.Parsed.GetValue(after), context.Parsed.GetValue(count), item => context.Parsed.GetValue(json) ? item.Data : Line(item));
            return ExitCode.Ok;
        }, hasGroup: false);
    }

    private static string Line(SseItem<string> item)
    {
        using var json = JsonDocument.Parse(item.Data);
        var message = json.RootElement;
        var what = item.EventType == "missed" ? $"{message.GetProperty("missed")} before this are missing here" : Entry.Text(message, "text");
        return $"{item.EventId}\t{item.EventType}\t{message.GetProperty("origin").GetString()}\t{message.GetProperty("sequence")}\t{what}";
    }
}
