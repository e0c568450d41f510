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

            foreach (var line in StatusTable.Lines(StatusTable.Parse(answer.Body)))
                await terminal.Text.WriteLineAsync(line);
            return ExitCode.Ok;
        });
    }
}
