using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Actors.Hosting;
using Actors.Hosting.Configuration;
using Actors.Node.Http;
using Actors.Node.Up;
using Actors.Storage;
using Akka.Configuration;

namespace Actors.Node.Commands;

/// <summary><c>actors repair NODE</c>: a node that was taken out of service comes back as an empty machine and is sent the state; its data is set aside, never deleted.</summary>
internal static class RepairCommand
{
    private static readonly TimeSpan ViewPatience = TimeSpan.FromSeconds(10);       // a node that has just died may have led: the others are about to go on without it

    public static Command Create(Terminal terminal)
    {
        var node = new Argument<string?>("NODE") { Description = "A node that 'actors up' started, such as n2", Arity = ArgumentArity.ZeroOrOne };
        var config = new Option<string?>("--config") { Description = "In place of NODE: the HOCON file of a node on this machine, which must be stopped", HelpName = "FILE" };
        var at = RunCommand.AtOption();
        var command = new Command("repair", "Brings back a node that is out of service: sets its data aside, so that it joins empty and is sent the state") { node, config, at };
        command.SetAction(async parsed =>
        {
            var (name, file) = (parsed.GetValue(node), parsed.GetValue(config));
            if (name is not null == file is not null)
                throw new CommandException(ExitCode.Usage, "repair takes either the name of a node that 'actors up' started or --config FILE of a node that is stopped");
            if (file is not null)
            {
                var (folder, aside) = Quarantine(() => ReplicationOptions.Read(ConfigFile.Load(file)).DataDirectory);
                await terminal.Error.WriteLineAsync($"the data of {folder} is set aside in {aside}; start the node now: it joins as an empty machine");
                return ExitCode.Ok;
            }

            var (run, runFile) = RunCommand.Find(terminal, parsed.GetValue(at));
            await RepairAsync(terminal, runFile, run, RunCommand.Find(run, name!));
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task RepairAsync(Terminal terminal, string file, ClusterRun run, RunNode node)
    {
        var others = run.Nodes.Where(other => other.Name != node.Name && other.Pid > 0).Select(other => new Uri(other.Http)).ToArray();
        if (others.Length == 0)
            throw new CommandException(ExitCode.Negative, $"no other node runs: the data of {node.Name} may be the only copy, and stays where it is");
        using var client = new NodeClient(others, TimeSpan.FromSeconds(5), ClientIdentity.Load(run.Certs, ""));
        await RequireRepairableAsync(client, node);

        var clock = Stopwatch.StartNew();
        if (node.Pid > 0)
            await StopCommand.StopAsync(file, node.Name);
        var (_, aside) = Quarantine(() => node.Folder);
        await terminal.Error.WriteLineAsync($"the data of {node.Name} is set aside in {aside}");
        var now = await StartCommand.StartAsync(file, node.Name);
        if (await FullMembership.UntilWholeAsync(client, node.Name) is { } trouble)
            throw new CommandException(ExitCode.Unavailable, $"{trouble}, {FullMembership.Patience.TotalSeconds} s after {node.Name} started empty; it goes on by itself");
        await terminal.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{node.Name} (pid {now.Pid}) has the state and is a member again after {clock.Elapsed.TotalSeconds:F1} s"));
    }

    // What is set aside must not be the last copy, nor that of a member in service.
    private static async Task RequireRepairableAsync(NodeClient client, RunNode node)
    {
        var status = await FullMembership.StatusAsync(client);
        for (var clock = Stopwatch.StartNew(); Headless(status, node.Name) is { } headless; status = await FullMembership.StatusAsync(client))
        {
            if (clock.Elapsed > ViewPatience)
                throw new CommandException(ExitCode.Negative, $"group '{headless.Name}' has had no other primary or head for {ViewPatience.TotalSeconds} s: what {node.Name} holds may be needed; see 'actors accept-loss --help'");
            await Task.Delay(100);
        }

        if (node.Pid > 0 && !status.Groups.Any(group => group.Members.Any(member => member.Node == node.Name && member.Role == "out-of-service")))
            throw new CommandException(ExitCode.Negative, $"{node.Name} is not out of service: there is nothing to repair");
    }

    private static GroupEntry? Headless(StatusDocument status, string without) =>
        status.Groups.FirstOrDefault(group => !group.Members.Any(member => Roles.Leads(member.Role) && member.Node != without));

    private static (string Folder, string Aside) Quarantine(Func<string> folder)
    {
        try
        {
            var path = folder();
            return (path, RocksDbStore.Quarantine(path));
        }
        catch (Exception e) when (e is DataFolderException or ConfigurationException)
        {
            throw new CommandException(ExitCode.Usage, e.Message.ReplaceLineEndings(" "));
        }
    }
}
