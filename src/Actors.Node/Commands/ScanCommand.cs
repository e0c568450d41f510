using System.CommandLine;
using System.Text.Json;

namespace Actors.Node.Commands;

/// <summary><c>actors scan [PREFIX]</c>: one line for each key, page after page.</summary>
internal static class ScanCommand
{
    private const long PageSize = 1000;

    public static Command Create(Terminal terminal)
    {
        var prefix = new Argument<string>("PREFIX") { Description = "What the keys begin with; all keys if left out", DefaultValueFactory = _ => "" };
        var after = new Option<string>("--after") { Description = "Begins behind this key", HelpName = "KEY" };
        var limit = NumberOption.Create("--limit", "The most keys to print; all if left out", otherwise: null, min: 1, max: long.MaxValue);
        var keysOnly = new Option<bool>("--keys") { Description = "Prints the keys alone" };
        var json = new Option<bool>("--json") { Description = "Prints each entry as a JSON object" };
        var stale = new Option<bool>("--stale") { Description = "From the node asked, as it stands" };
        var description = "Prints keys and values in the order of the keys, a tab between them, a line each";
        return ClientCommand.Create(terminal, "scan", description, [prefix, after, limit, keysOnly, json, stale], async context =>
        {
            var (parsed, asJson, left) = (context.Parsed, context.Parsed.GetValue(json), context.Parsed.GetValue(limit) ?? long.MaxValue);
            var next = $"/v1/groups/{context.Group}/keys?prefix={Uri.EscapeDataString(parsed.GetValue(prefix)!)}&after={Uri.EscapeDataString(parsed.GetValue(after) ?? "")}"
                + $"&limit={Math.Min(left, PageSize)}&values={(parsed.GetValue(keysOnly) ? "false" : "true")}&read={(parsed.GetValue(stale) ? "stale" : "barrier")}";
            while (next is not null && left > 0)
            {
                using var page = JsonDocument.Parse((await context.ReadAsync(next)).Body);
                var entries = page.RootElement.GetProperty("entries").EnumerateArray().Take((int)Math.Min(left, PageSize)).ToArray();
                // One write for each page: a line each would be a system call each.
                await terminal.Text.WriteAsync(string.Concat(entries.Select(entry => (asJson ? entry.GetRawText() : Line(entry, parsed.GetValue(keysOnly))) + '\n')));
                left -= entries.Length;
                next = page.RootElement.GetProperty("next").GetString();
            }

            return ExitCode.Ok;
        });
    }

    private static string Line(JsonElement entry, bool keyOnly) => keyOnly ? Entry.Text(entry, "key") : $"{Entry.Text(entry, "key")}\t{Entry.Text(entry, "value")}";
}
