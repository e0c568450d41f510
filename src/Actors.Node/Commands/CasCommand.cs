using System.CommandLine;
using System.Text.Json;

namespace Actors.Node.Commands;

/// <summary><c>actors cas KEY EXPECTED VALUE</c>: compare-and-set by value; by revision it is <c>put --if-revision</c>.</summary>
internal static class CasCommand
{
    public static Command Create(Terminal terminal)
    {
        var key = new Argument<string>("KEY") { Description = "The key" };
        var expected = new Argument<string>("EXPECTED") { Description = "The value that it must have" };
        var value = new Argument<string>("VALUE") { Description = "The value to set" };
        return ClientCommand.Create(terminal, "cas", "Sets a key if it has the expected value, and prints its new revision", [key, expected, value], async context =>
        {
            var (path, parsed) = (context.KeyPath(context.Parsed.GetValue(key)!), context.Parsed);
            var answer = await context.WriteAsync(HttpMethod.Post, path + "?op=cas", JsonSerializer.SerializeToUtf8Bytes(new { expected = parsed.GetValue(expected), value = parsed.GetValue(value) }));
            await terminal.Text.WriteLineAsync(answer.Revision);
            return ExitCode.Ok;
        });
    }
}
