using System.CommandLine;
using System.Text;

namespace Actors.Node.Commands;

/// <summary><c>actors broadcast GROUP TEXT</c>: prints the message's name once the node that took it has delivered it.</summary>
internal static class BroadcastCommand
{
    public static Command Create(Terminal terminal)
    {
        var group = new Argument<string>("GROUP") { Description = "The broadcast group" };
        var text = new Argument<string>("TEXT") { Description = "The message" };
        var description = "Broadcasts a message and prints its name, origin/incarnation/sequence, once the node has delivered it itself";
        return ClientCommand.Create(terminal, "broadcast", description, [group, text], async context =>
        {
            var body = Encoding.UTF8.GetBytes(context.Parsed.GetValue(text)!);
            var answer = await context.Client.SendAsync(
                $"/v1/broadcast/{Uri.EscapeDataString(context.Parsed.GetValue(group)!)}",
                target => new HttpRequestMessage(HttpMethod.Post, target) { Content = new ByteArrayContent(body) });
            if (!answer.IsOk)
                throw answer.ToException();
            await terminal.Text.WriteLineAsync($"{answer.Member("origin")}/{answer.Member("incarnation")}/{answer.Member("sequence")}");
            return ExitCode.Ok;
        }, hasGroup: false);
    }
}
