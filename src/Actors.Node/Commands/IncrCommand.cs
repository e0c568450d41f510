using System.CommandLine;
using System.Globalization;

namespace Actors.Node.Commands;

/// <summary><c>actors incr KEY [--by N]</c>: prints the new number.</summary>
internal static class IncrCommand
{
    public static Command Create(Terminal terminal)
    {
        var key = new Argument<string>("KEY") { Description = "The key; a missing one counts as 0" };
        var by = NumberOption.Create("--by", "What to add; may be negative", otherwise: 1L, long.MinValue, long.MaxValue);
        return ClientCommand.Create(terminal, "incr", "Adds to the number under a key and prints the sum", [key, by], async context =>
        {
            var path = context.KeyPath(context.Parsed.GetValue(key)!) + string.Create(CultureInfo.InvariantCulture, $"?op=incr&by={context.Parsed.GetValue(by)}");
            var answer = await context.WriteAsync(HttpMethod.Post, path);
            await terminal.Output.WriteAsync(answer.Body);
            await terminal.Text.WriteLineAsync();
            return ExitCode.Ok;
        });
    }
}
