using System.CommandLine;
using System.Diagnostics;
using Actors.Node.Up;
using Akka.Configuration;
using Spectre.Console;

namespace Actors.Node.Commands;

/// <summary><c>actors up</c>: a cluster of processes on this machine, until it is interrupted.</summary>
internal static class UpCommand
{
    private const string DefaultConfig = "config/primary-backup.conf";
    private static readonly TimeSpan StartingInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RunningInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = NodeHost.StopLimit + TimeSpan.FromSeconds(4);    // the node's own limit, and the end of its actor system

    public static Command Create(Terminal terminal)
    {
        var config = new Option<string?>("--config") { Description = $"What the nodes have in common, in HOCON [default: {DefaultConfig}]", HelpName = "FILE" };
        var nodes = NumberOption.Create("--nodes", "How many nodes; as many as the configuration names if left out", otherwise: null, min: 1, max: 32);
        var data = new Option<string?>("--data") { Description = "Where the nodes keep their data, to be found again by the next 'up'; a temporary folder if left out", HelpName = "DIR" };
        var httpPort = NumberOption.Create("--http-port", "The HTTP port of the first node; the others follow", otherwise: 8081, min: 1, max: 65_535, helpName: "PORT");
        var port = NumberOption.Create("--port", "The port of the first node for messages between nodes; the others follow", otherwise: 4051, min: 1, max: 65_535, helpName: "PORT");
        var host = new Option<string>("--host") { Description = "The address of this machine that the nodes listen on", DefaultValueFactory = _ => ClusterPlan.Loopback, HelpName = "ADDRESS" };
        var insecure = new Option<bool>("--insecure") { Description = "Lets --host be an address that others can reach, although nothing is encrypted and nobody asked who he is" };
        var command = new Command("up", "Starts a cluster of processes on this machine and shows it until Ctrl-C") { config, nodes, data, httpPort, port, host, insecure };
        command.SetAction(async parsed =>
        {
            using var stop = new StopSignals();
            using var folder = UpFolder.Open(parsed.GetValue(data));
            var plan = Prepare(terminal, () => ClusterPlan.Create(
                ConfigOf(parsed.GetValue(config)), parsed.GetValue(nodes), parsed.GetValue(port)!.Value, parsed.GetValue(httpPort)!.Value, folder.Path,
                parsed.GetValue(host)!, parsed.GetValue(insecure)));
            folder.IsWanted = true;
            await RunAsync(terminal, plan, stop);
            folder.IsWanted = false;
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task RunAsync(Terminal terminal, ClusterPlan plan, StopSignals stop)
    {
        await using var cluster = new Cluster(plan, terminal.RunFolder);
        stop.OnSecond = cluster.Kill;
        cluster.Start();
        try
        {
            var view = new ClusterView(terminal.Text, primary => Hints(plan, primary));
            if (terminal.IsInteractive)
                await AnsiConsole.Live(new Text("starting")).StartAsync(live => FollowAsync(cluster, (rows, isReady) => live.UpdateTarget(view.ToTable(rows, isReady)), stop.First));
            else
                await FollowAsync(cluster, view.Print, stop.First);
        }
        finally
        {
            terminal.Text.WriteLine("stopping all nodes");
            await cluster.StopAsync(StopLimit);
        }
    }

    /// <summary>Looks at the cluster at intervals and shows it, until <paramref name="stop"/>; stops and starts nodes when asked to.</summary>
    /// <exception cref="CommandException">It did not get ready.</exception>
    private static async Task FollowAsync(Cluster cluster, Action<IReadOnlyList<string[]>, bool> show, CancellationToken stop)
    {
        var started = Stopwatch.StartNew();
        for (var isReady = false; !stop.IsCancellationRequested;)
        {
            await cluster.ActAsRequestedAsync(StopLimit);
            var status = await cluster.StatusAsync();
            isReady |= ClusterView.IsReady(status);
            if (!isReady)
                RequireProgress(cluster, started.Elapsed);
            show(ClusterView.RowsOf(status, [.. cluster.Processes.Select(process => process.State)]), isReady);
            await Task.Delay(isReady ? RunningInterval : StartingInterval, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static void RequireProgress(Cluster cluster, TimeSpan elapsed)
    {
        if (cluster.Processes.FirstOrDefault(process => process.State.Pid == 0) is { } ended)
            throw new CommandException(ended.ExitCode == ExitCode.Usage ? ExitCode.Usage : ExitCode.Unavailable, $"{ended.Node.Name} did not start: {ended.LastError} (log: {ended.Node.LogFile})");
        if (elapsed > StartLimit)
            throw new CommandException(ExitCode.Unavailable, $"no primary within {StartLimit.TotalSeconds} s; see the logs, such as {cluster.Processes[0].Node.LogFile}");
    }

    private static ClusterPlan Prepare(Terminal terminal, Func<ClusterPlan> create)
    {
        try
        {
            var plan = create();
            if (plan.WriteConfigs() is { } warning)
                terminal.Error.WriteLine($"warning: {warning}");
            if (plan.CannotListen() is { } refusal)
                throw new CommandException(ExitCode.Usage, refusal);
            return plan;
        }
        catch (Exception e) when (e is ConfigurationException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, e.Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>The file that was named, or, where there is none, the example of that name that comes with the program, for those who installed it as a tool.</summary>
    private static string ConfigOf(string? given)
    {
        var file = given ?? DefaultConfig;
        var example = Path.Combine(AppContext.BaseDirectory, file);
        return !File.Exists(file) && File.Exists(example) ? example : file;
    }

    private static string[] Hints(ClusterPlan plan, string primary)
    {
        // Without --at the others are asked when one is down; with it, one that stays up must be named.
        var other = plan.Nodes.FirstOrDefault(node => node.Name != primary) ?? plan.Nodes[0];
        var at = plan.Nodes[0].Url == ClientCommand.DefaultNode ? "" : $" --at {other.Url}";
        return [$"{Self.Invocation} put greeting hello{at}", $"{Self.Invocation} kill {primary}{at}", $"{Self.Invocation} get greeting{at}"];
    }
}
