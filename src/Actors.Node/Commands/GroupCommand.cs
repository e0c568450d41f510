using System.CommandLine;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Actors.Node.Http;

namespace Actors.Node.Commands;

/// <summary><c>actors group create|list|show</c>.</summary>
internal static class GroupCommand
{
    public static Command Create(Terminal terminal) => new("group", "The groups of the cluster: create, list, show") { CreateGroup(terminal), List(terminal), Show(terminal) };

    private static Command CreateGroup(Terminal terminal)
    {
        var name = NameArgument();
        var settings = new Argument<string[]>("SETTING=VALUE") { Description = "As under actors.groups in HOCON, such as commit=majority or members=n1,n2,n3; what is left out has its default", Arity = ArgumentArity.ZeroOrMore };
        return ClientCommand.Create(terminal, "create", "Creates a group on all nodes, with a key-value machine unless told otherwise", [name, settings], async context =>
        {
            var given = (context.Parsed.GetValue(settings) ?? []).Select(Setting).ToList();
            if (given.GroupBy(s => s.Key).FirstOrDefault(same => same.Count() > 1) is { } twice)
                throw new CommandException(ExitCode.Usage, $"{twice.Key} is given twice");
            var group = new NewGroup(context.Parsed.GetValue(name), new Dictionary<string, string>(given));
            var answer = await context.Client.SendAsync("/v1/groups", target => new HttpRequestMessage(HttpMethod.Post, target) { Content = JsonContent.Create(group) });
            if (!answer.IsOk)
                throw answer.ToException();
            await terminal.Error.WriteLineAsync(answer.Status is HttpStatusCode.Accepted ? answer.Member("detail") : $"group {group.Name} is there: use it with --group {group.Name}");
            return ExitCode.Ok;
        }, hasGroup: false);
    }

    private static Command List(Terminal terminal) => ClientCommand.Create(terminal, "list", "Prints the names of all groups, with protocol and where each comes from", [], async context =>
    {
        var answer = await context.ReadAsync("/v1/groups");
        foreach (var group in Parse<Dictionary<string, List<CatalogEntry>>>(answer.Body)["groups"])
            await terminal.Text.WriteLineAsync($"{group.Name}\t{group.Protocol}\t{(group.Created ? "created" : "configured")}");
        return ExitCode.Ok;
    }, hasGroup: false);

    private static Command Show(Terminal terminal)
    {
        var name = NameArgument();
        (name.Arity, name.DefaultValueFactory) = (ArgumentArity.ZeroOrOne, _ => "default");
        return ClientCommand.Create(terminal, "show", "Prints the settings of a group beside the defaults, and its replicas", [name], async context =>
        {
            var wanted = context.Parsed.GetValue(name)!;
            var group = Parse<CatalogEntry>((await context.ReadAsync($"/v1/groups/{Uri.EscapeDataString(wanted)}")).Body);
            await terminal.Text.WriteLineAsync($"{group.Name}: {group.Protocol}, {(group.Created ? "created" : "configured")}");
            foreach (var (key, value) in group.Settings)
                await terminal.Text.WriteLineAsync($"{key} = {value}");
            var status = StatusTable.Parse((await context.ReadAsync("/v1/status")).Body);
            if (status.Groups.FirstOrDefault(g => g.Name == wanted) is { } chain && StatusTable.IsChain(chain))
                await terminal.Text.WriteLineAsync(Drawing(chain));
            foreach (var line in StatusTable.Lines(status with { Groups = [.. status.Groups.Where(g => g.Name == wanted)] }))
                await terminal.Text.WriteLineAsync(line);
            return ExitCode.Ok;
        }, hasGroup: false);
    }

    /// <summary>A chain as it runs: <c>writes -> n1 head -> n2 middle -> n3 tail -> answers</c>; who is not a member yet stands behind it.</summary>
    internal static string Drawing(GroupEntry chain)
    {
        var outside = chain.Members.Where(member => member.Role is "learner" or "joining").ToList();
        var links = chain.Members.Except(outside).Select(member => $"{member.Node} {member.Role} -> ");
        return $"writes -> {string.Concat(links)}answers{string.Concat(outside.Select(member => $"; {member.Node} {member.Role}"))}";
    }

    private static Argument<string> NameArgument() => new("NAME") { Description = "The name of the group" };

    private static KeyValuePair<string, string> Setting(string text) => text.IndexOf('=') is > 0 and var at
        ? new KeyValuePair<string, string>(text[..at].Trim(), text[(at + 1)..].Trim())
        : throw new CommandException(ExitCode.Usage, $"'{text}' is not a setting: write such as commit=majority");

    private static T Parse<T>(byte[] body)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(body, JsonSerializerOptions.Web)!;
        }
        catch (JsonException)
        {
            throw new CommandException(ExitCode.Unavailable, "the answer is not that of a node");
        }
    }
}
