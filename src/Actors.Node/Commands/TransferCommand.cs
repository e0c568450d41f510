using System.CommandLine;

namespace Actors.Node.Commands;

/// <summary><c>actors transfer NODE</c>: makes a node the primary.</summary>
internal static class TransferCommand
{
    public static Command Create(Terminal terminal)
    {
        var node = new Argument<string>("NODE") { Description = "The node that should become primary, such as n2" };
        return ClientCommand.Create(terminal, "transfer", "Makes a node the primary", [node], async context =>
        {
            var target = context.Parsed.GetValue(node)!;
            var answer = await context.Client.SendAsync(
                $"/v1/groups/{context.Group}/transfer?to={Uri.EscapeDataString(target)}", uri => new HttpRequestMessage(HttpMethod.Post, uri));
            if (!answer.IsOk)
                throw answer.ToException();
            await terminal.Error.WriteLineAsync($"{target} is the primary now");
            return ExitCode.Ok;
        });
    }
}
