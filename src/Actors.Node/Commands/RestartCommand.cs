using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Actors.Node.Up;

namespace Actors.Node.Commands;

/// <summary><c>actors restart NODE</c> and <c>actors restart --rolling</c>: nodes of an <c>up</c> stop in order and start again, one after the other, while the cluster goes on.</summary>
/// <remarks>The next node is touched only when the last one is a full member of all its groups again and holds what was committed meanwhile: two nodes are never missing at a time.</remarks>
internal static class RestartCommand
{
    public static Command Create(Terminal terminal)
    {
        var node = new Argument<string?>("NODE") { Description = "The name of the node, such as n2", Arity = ArgumentArity.ZeroOrOne };
        var rolling = new Option<bool>("--rolling") { Description = "All nodes, one after the other, those that lead last" };
        var at = RunCommand.AtOption();
        var command = new Command("restart", "Restarts nodes in order while the cluster goes on: they hand over first, and must be members again before it is done") { node, rolling, at };
        command.SetAction(async parsed =>
        {
            var name = parsed.GetValue(node);
            if (name is not null == parsed.GetValue(rolling))
                throw new CommandException(ExitCode.Usage, "restart takes either the name of a node or --rolling, which restarts all of them one after the other");
            var (run, file) = RunCommand.Find(terminal, parsed.GetValue(at));
            using var client = new NodeClient([.. run.Nodes.Select(n => new Uri(n.Http))], TimeSpan.FromSeconds(5), ClientIdentity.Load(run.Certs, ""));
            await RestartAsync(terminal, client, file, run, name is null ? run.Nodes : [RunCommand.Find(run, name)]);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task RestartAsync(Terminal terminal, NodeClient client, string file, ClusterRun run, IReadOnlyList<RunNode> nodes)
    {
        if (run.Nodes.FirstOrDefault(node => node.Pid == 0) is { } down)
            throw new CommandException(ExitCode.Negative, $"{down.Name} does not run ({down.Ended}); start it first: without it and the node that restarts too few may be left");
        var before = await FullMembership.StatusAsync(client);
        if (FullMembership.Missing(before, except: nodes.Count == 1 ? nodes[0].Name : null) is { } missing)
            throw new CommandException(ExitCode.Negative, $"{missing}; restart when all are members: without it and the node that restarts too few may be left");

        // Those that lead come last, so that leadership moves once.
        var left = new Queue<RunNode>(nodes.OrderBy(node => before.Groups.Any(group => group.Primary == node.Name)));
        while (left.TryDequeue(out var node))
        {
            var clock = Stopwatch.StartNew();
            await StopCommand.StopAsync(file, node.Name);
            var now = await StartCommand.StartAsync(file, node.Name);
            if (await FullMembership.UntilWholeAsync(client, node.Name) is { } trouble)
            {
                var rest = left.Count == 0 ? "" : $"; not restarted: {string.Join(", ", left.Select(n => n.Name))}";
                throw new CommandException(ExitCode.Unavailable, $"{trouble}, {FullMembership.Patience.TotalSeconds} s after {node.Name} restarted{rest}");
            }

            await terminal.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{node.Name} restarted (pid {now.Pid}), a member again after {clock.Elapsed.TotalSeconds:F1} s"));
        }
    }
}
