using System.CommandLine;
using System.Diagnostics;
using Actors.Node.Up;

namespace Actors.Node.Commands;

/// <summary><c>actors kill NODE</c>: what a crash would do.</summary>
internal static class KillCommand
{
    public static Command Create(Terminal terminal) => RunCommand.Create(terminal, "kill", "Kills the process of a node (kill -9), to see what happens", async (file, node) =>
    {
        if (node.Pid == 0)
            throw new CommandException(ExitCode.Negative, $"{node.Name} does not run ({node.Ended})");
        try
        {
            using var process = Process.GetProcessById(node.Pid);
            process.Kill();
        }
        catch (ArgumentException)
        {
            throw new CommandException(ExitCode.Negative, $"{node.Name} does not run any more");
        }

        await RunCommand.WaitAsync(file, node.Name, now => Task.FromResult(now.Pid != node.Pid), $"'actors up' did not see the end of {node.Name} (pid {node.Pid})");
        return $"{node.Name} (pid {node.Pid}) is killed; start it again with: {Self.Invocation} start {node.Name}";
    });
}
