using System.CommandLine;
using Actors.Node.Http;

namespace Actors.Node.Commands;

/// <summary><c>actors status [--json]</c>.</summary>
internal static class StatusCommand
{
    public static Command Create(Terminal terminal)
    {
        var json = new Option<bool>("--json") { Description = "Prints the answer of /v1/status as it is" };
        return ClientCommand.Create(terminal, "status", "Prints the nodes and groups of the cluster", [json], async context =>
        {
            var answer = await context.ReadAsync("/v1/status");
            if (context.Parsed.GetValue(json))
            {
                await terminal.Output.WriteAsync(answer.Body);
                await terminal.Text.WriteLineAsync();
                return ExitCode.Ok;
            }

            var status = StatusTable.Parse(answer.Body);
            foreach (var line in StatusTable.Lines(status))
                await terminal.Text.WriteLineAsync(line);
            foreach (var line in status.Groups.SelectMany(Losses))
                await terminal.Text.WriteLineAsync(line);
            return ExitCode.Ok;
        });
    }

    private static IEnumerable<string> Losses(GroupEntry group)
    {
        if (group.Lossy)
            yield return $"group {group.Name} is lossy (durability = memory): it is not consistent, and what was answered may be lost";
        foreach (var loss in group.DataLoss)
        {
            yield return $"group {group.Name} lost data: " + (group.Lossy
                ? $"it went on at {loss.Epoch}/{loss.Index} without what only others held, at least {loss.AtLeast} entries"
                : $"an operator accepted at {loss.Epoch}/{loss.Index} that it went on from one replica");
        }
    }
}
