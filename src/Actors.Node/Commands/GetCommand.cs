using System.CommandLine;

namespace Actors.Node.Commands;

/// <summary><c>actors get KEY</c>: the value's bytes on standard output; on a terminal with the end of line that it may lack.</summary>
internal static class GetCommand
{
    public static Command Create(Terminal terminal)
    {
        var key = new Argument<string>("KEY") { Description = "The key" };
        var stale = new Option<bool>("--stale") { Description = "From the node asked, as it stands; its index and age go to standard error" };
        return ClientCommand.Create(terminal, "get", "Prints the value of a key", [key, stale], async context =>
        {
            var isStale = context.Parsed.GetValue(stale);
            var answer = await context.ReadAsync(context.KeyPath(context.Parsed.GetValue(key)!) + (isStale ? "?read=stale" : ""));
            if (isStale)
                await terminal.Error.WriteLineAsync($"index {Header(answer, "Actors-Index")}, {Header(answer, "Actors-Age-Ms")} ms since the primary was heard");
            await terminal.Output.WriteAsync(answer.Body);
            if (terminal.IsInteractive && !answer.Body.AsSpan().EndsWith("\n"u8))
                await terminal.Text.WriteLineAsync();
            return ExitCode.Ok;
        });
    }

    private static string Header(Answer answer, string name) => answer.Headers.TryGetValues(name, out var values) ? string.Concat(values) : "?";
}
