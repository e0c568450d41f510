using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace Actors.Node.Commands;

/// <summary>The command line: all commands, and how each of them ends.</summary>
internal static class Cli
{
    private const string Examples = """
        Examples:
          actors up                         starts a cluster of three nodes; leave it running
          actors put greeting hello         prints the revision
          actors get greeting               prints hello
          actors kill n1                    kill -9; the others go on
          actors status                     who is primary now?
          actors start n1                   and back again

        Exit codes: 0 done; 1 answered with no (no such key, another value); 2 asked wrongly; 3 not available, or not known whether it was done.
        """;

    /// <summary>Runs one command line and returns its exit code.</summary>
    public static async Task<int> RunAsync(Terminal terminal, params string[] arguments)
    {
        var root = Root(terminal);
        if (arguments.Length == 0)
            arguments = ["--help"];
        // No @file arguments: a value may begin with @.
        var parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            var what = parsed.UnmatchedTokens.Count > 0 ? $"'{parsed.UnmatchedTokens[0]}' is not a command, argument or option here." : parsed.Errors[0].Message;
            await terminal.Error.WriteLineAsync($"{what} See: {Usage(parsed)} --help");
            return ExitCode.Usage;
        }

        try
        {
            var exitCode = await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = terminal.Text,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,    // 'up' and 'node' end in their own way, the others at once
            });
            if (arguments is ["--help" or "-h" or "-?"])
                await terminal.Text.WriteLineAsync(Examples);
            return exitCode;
        }
        catch (CommandException e)
        {
            await terminal.Error.WriteLineAsync(e.Message);
            return e.ExitCode;
        }
    }

    private static Command Root(Terminal terminal) => new("actors", "Replication for Akka.NET: a key-value cluster of real processes, and the commands to use it.")
    {
        new HelpOption(),
        new VersionOption(),
        UpCommand.Create(terminal),
        NodeCommand.Create(terminal),
        CertsCommand.Create(terminal),
        PutCommand.Create(terminal),
        GetCommand.Create(terminal),
        DeleteCommand.Create(terminal),
        CasCommand.Create(terminal),
        IncrCommand.Create(terminal),
        ScanCommand.Create(terminal),
        WatchCommand.Create(terminal),
        BroadcastCommand.Create(terminal),
        ListenCommand.Create(terminal),
        LoadCommand.Create(terminal),
        StatusCommand.Create(terminal),
        KillCommand.Create(terminal),
        StopCommand.Create(terminal),
        StartCommand.Create(terminal),
        RestartCommand.Create(terminal),
        TransferCommand.Create(terminal),
        MembersCommand.Join(terminal),
        MembersCommand.Remove(terminal),
        GroupCommand.Create(terminal),
        BackupCommand.Create(terminal),
        RestoreCommand.Create(terminal),
        VerifyCommand.Create(terminal),
        RepairCommand.Create(terminal),
        AcceptLossCommand.Create(terminal),
        SimulateCommand.Create(terminal),
        PlanCommand.Create(terminal),
    };

    private static string Usage(ParseResult parsed)
    {
        var names = new List<string>();
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult command; at = at.Parent)
            names.Insert(0, command.Command.Name);
        return string.Join(' ', names);
    }
}
