using System.CommandLine;

namespace Actors.Node.Commands;

/// <summary><c>actors delete KEY</c>.</summary>
internal static class DeleteCommand
{
    public static Command Create(Terminal terminal)
    {
        var key = new Argument<string>("KEY") { Description = "The key" };
        return ClientCommand.Create(terminal, "delete", "Removes a key", [key], async context =>
        {
            await context.WriteAsync(HttpMethod.Delete, context.KeyPath(context.Parsed.GetValue(key)!));
            return ExitCode.Ok;
        });
    }
}
