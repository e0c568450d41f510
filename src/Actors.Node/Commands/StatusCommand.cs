using System.CommandLine;

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
            foreach (var (group, loss) in status.Groups.SelectMany(group => group.DataLoss.Select(loss => (group, loss))))
                await terminal.Text.WriteLineAsync($"group {group.Name} lost data: an operator accepted at {loss.Epoch}/{loss.Index} that it went on from one replica");
            return ExitCode.Ok;
        });
    }
}
