using System.CommandLine;
using Actors.Node.Up;

namespace Actors.Node.Commands;

/// <summary>What <c>kill</c> and <c>start</c> share: a node of an <c>actors up</c> of this user.</summary>
internal static class RunCommand
{
    /// <summary>How long <c>up</c> may take to see what was asked or done.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static Command Create(Terminal terminal, string name, string description, Func<string, RunNode, Task<string>> run)
    {
        var node = new Argument<string>("NODE") { Description = "The name of the node, such as n2" };
        var at = ClientCommand.AtOption("Any node of the cluster that 'actors up' started");
        var command = new Command(name, description) { node, at };
        command.SetAction(async parsed =>
        {
            var urls = ClientCommand.Nodes(terminal, parsed.GetValue(at));
            var (cluster, file) = urls.Select(url => ClusterRun.Find(terminal.RunFolder, url)).FirstOrDefault(found => found is not null)
                ?? throw new CommandException(ExitCode.Unavailable, $"no 'actors up' of yours serves {string.Join(" or ", urls.Select(url => url.OriginalString))}");
            var found = Find(cluster, parsed.GetValue(node)!);
            await terminal.Error.WriteLineAsync(await run(file, found));
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>Waits until the run says of a node what is wanted, and returns what it says.</summary>
    public static async Task<RunNode> WaitAsync(string file, string name, Func<RunNode, Task<bool>> isDone, string otherwise)
    {
        for (var start = Environment.TickCount64; Environment.TickCount64 - start < Patience.TotalMilliseconds; await Task.Delay(50))
        {
            if (ClusterRun.Read(file)?.Nodes.FirstOrDefault(node => node.Name == name) is { } node && await isDone(node))
                return node;
        }

        throw new CommandException(ExitCode.Unavailable, otherwise);
    }

    private static RunNode Find(ClusterRun cluster, string name) => cluster.Nodes.FirstOrDefault(node => node.Name == name)
        ?? throw new CommandException(ExitCode.Usage, $"there is no node '{name}': there are {string.Join(", ", cluster.Nodes.Select(node => node.Name))}");
}
