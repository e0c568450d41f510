using System.CommandLine;
using Actors.Node.Up;

namespace Actors.Node.Commands;

/// <summary><c>actors stop NODE</c>: asks the <c>up</c> that started a node to stop it in order; what it leads is handed over first.</summary>
internal static class StopCommand
{
    public static Command Create(Terminal terminal) => RunCommand.Create(terminal, "stop", "Stops a node in order: it hands over what it leads first", async (file, node) =>
    {
        if (node.Pid == 0)
            throw new CommandException(ExitCode.Negative, $"{node.Name} does not run ({node.Ended})");
        await StopAsync(file, node.Name);
        return $"{node.Name} is stopped; start it again with: {Self.Invocation} start {node.Name}";
    });

    /// <summary>Stops a node and waits for its end.</summary>
    public static async Task StopAsync(string file, string node)
    {
        await File.WriteAllBytesAsync(ClusterRun.StopRequest(file, node), []);
        await RunCommand.WaitAsync(file, node, now => Task.FromResult(now.Pid == 0), $"'actors up' has not stopped {node} yet");
    }
}
