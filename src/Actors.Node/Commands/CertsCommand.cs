using System.CommandLine;
using Actors.Membership;

namespace Actors.Node.Commands;

/// <summary><c>actors certs new DIR NODE=HOST...</c>: certificates and a token for development.</summary>
internal static class CertsCommand
{
    private static readonly string[] ExampleNodes = ["n1=127.0.0.1", "n2=127.0.0.1", "n3=127.0.0.1"];

    public static Command Create(Terminal terminal)
    {
        var folder = new Argument<string>("DIR") { Description = "The folder, which 'actors.tls.folder' names; made when it is not there" };
        var nodes = new Argument<string[]>("NODE=HOST") { Description = $"A node, or another user of Akka.Remote, and the addresses or names that it is reached by, with commas between them [default: {string.Join(' ', ExampleNodes)}]", Arity = ArgumentArity.ZeroOrMore };
        var days = NumberOption.Create("--days", "How long the certificates are valid, in days", otherwise: 365, min: 1, max: 3650, helpName: "DAYS");
        var make = new Command("new", "Makes a certificate for each node, the list of all that trust each other, and a token for HTTP; adds to a set that is there") { folder, nodes, days };
        make.SetAction(async parsed =>
        {
            var given = parsed.GetValue(nodes) is { Length: > 0 } some ? some : ExampleNodes;
            var set = new DevelopmentCertificates(parsed.GetValue(folder)!);
            try
            {
                set.Create([.. given.Select(Parse)], TimeSpan.FromDays(parsed.GetValue(days)!.Value));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CommandException(ExitCode.Usage, e.Message.ReplaceLineEndings(" "));
            }

            await terminal.Error.WriteLineAsync($"{set.Folder} has certificates for {string.Join(", ", given.Select(node => node.Split('=')[0]))}; each node needs its own .pem and .key, trusted.pem and token; clients take --certs {set.Folder}");
            return ExitCode.Ok;
        });
        return new Command("certs", "Certificates for nodes that listen beyond loopback") { make };
    }

    private static (string Name, string[] Hosts) Parse(string text)
    {
        var parts = text.Split('=');
        var hosts = parts.Length == 2 ? parts[1].Split(',', StringSplitOptions.TrimEntries) : [];
        if (!IsName(parts[0]) || hosts.Length == 0 || hosts.Any(host => Uri.CheckHostName(host) is UriHostNameType.Unknown))
            throw new CommandException(ExitCode.Usage, $"'{text}' is not a node and its addresses: write such as n1=10.0.0.1 or n1=10.0.0.1,node1.example");
        return (parts[0], hosts);
    }

    private static bool IsName(string text)
    {
        try
        {
            _ = new NodeId(text);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
