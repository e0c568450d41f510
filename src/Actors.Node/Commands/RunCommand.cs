using System.CommandLine;
using Actors.Node.Up;

namespace Actors.Node.Commands;

/// <summary>What <c>kill</c>, <c>stop</c>, <c>start</c> and <c>restart</c> share: a node of an <c>actors up</c> of this user.</summary>
internal static class RunCommand
{
    /// <summary>How long <c>up</c> may take to see what was asked or done.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static Command Create(Terminal terminal, string name, string description, Func<string, RunNode, Task<string>> run)
    {
        var node = new Argument<string>("NODE") { Description = "The name of the node, such as n2" };
        var at = AtOption();
        var command = new Command(name, description) { node, at };
        command.SetAction(async parsed =>
        {
            var (cluster, file) = Find(terminal, parsed.GetValue(at));
            var found = Find(cluster, parsed.GetValue(node)!);
            await terminal.Error.WriteLineAsync(await run(file, found));
            return ExitCode.Ok;
        });
        return command;
    }

    public static Option<string> AtOption() => ClientCommand.AtOption("Any node of the cluster that 'actors up' started");

    /// <summary>The run that serves at one of the URLs <paramref name="at"/>, and its file.</summary>
    /// <exception cref="CommandException">There is none.</exception>
    public static (ClusterRun Run, string File) Find(Terminal terminal, string? at)
    {
        var urls = ClientCommand.Nodes(terminal, at);
        return urls.Select(url => ClusterRun.Find(terminal.RunFolder, url)).FirstOrDefault(found => found is not null)
            ?? throw new CommandException(ExitCode.Unavailable, $"no 'actors up' of yours serves {string.Join(" or ", urls.Select(url => url.OriginalString))}");
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

    /// <summary>A node of a run by its name.</summary>
    public static RunNode Find(ClusterRun cluster, string name) => cluster.Nodes.FirstOrDefault(node => node.Name == name)
        ?? throw new CommandException(ExitCode.Usage, $"there is no node '{name}': there are {string.Join(", ", cluster.Nodes.Select(node => node.Name))}");
}
