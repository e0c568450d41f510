using System.CommandLine;
using Actors.Storage;
using Akka.Configuration;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Hosting;

namespace Actors.Node.Commands;

/// <summary><c>actors node --config FILE</c>: one node, as it is run in production.</summary>
internal static class NodeCommand
{
    public static Command Create(Terminal terminal)
    {
        var config = new Option<string>("--config") { Description = "Its HOCON file, such as config/n1.conf", Required = true, HelpName = "FILE" };
        var supervised = new Option<bool>("--supervised") { Description = "Stops when standard input ends", Hidden = true };
        var command = new Command("node", "Runs one node until SIGTERM or Ctrl-C, which hand its leadership over first") { config, supervised };
        command.SetAction(async parsed =>
        {
            // What has arrived is handed on by the thread that waits for the sockets, instead of waking one of the pool for it. Read once, by the first socket.
            Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
            try
            {
                await using var node = NodeHost.Build(parsed.GetValue(config)!, parsed.GetValue(supervised));
                await node.StartAsync();
                await terminal.Text.WriteLineAsync($"serving {parsed.GetValue(config)}");
                await node.WaitForShutdownAsync();
                return ExitCode.Ok;
            }
            catch (Exception e) when (OneLine(e) is { } line)
            {
                throw new CommandException(e is StoreFailedException ? ExitCode.Unavailable : ExitCode.Usage, line);
            }
        });
        return command;
    }

    /// <summary>What a user can do something about, in one line; null for what is an error of ours.</summary>
    private static string? OneLine(Exception e) => e switch
    {
        ConfigurationException or DataFolderException or StoreFailedException => e.Message.ReplaceLineEndings(" "),
        IOException { InnerException: AddressInUseException } => e.Message.ReplaceLineEndings(" "),
        { InnerException: { } inner } => OneLine(inner),
        // Akka reads its own settings when its parts start, and this is what they throw. Ours have been checked by then.
        ArgumentException or FormatException => $"a setting of Akka is refused: {e.Message.ReplaceLineEndings(" ")}",
        _ => null,
    };
}
