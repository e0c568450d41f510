using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Actors.Node.Http;

namespace Actors.Node.Commands;

/// <summary><c>actors join NODE</c> and <c>actors remove NODE</c>: who belongs to the group, a replicated one or with <c>--broadcast</c> a broadcast group.</summary>
internal static class MembersCommand
{
    public static Command Join(Terminal terminal) => Create(
        terminal, "join", "Takes a node into the group: it catches up while writes go on, then it is a member", HttpMethod.Put, async (context, node) =>
        {
            for (var clock = Stopwatch.StartNew(); !IsMember(await FullMembership.StatusAsync(context.Client), context.Group, node); await Task.Delay(100))
            {
                if (clock.Elapsed > FullMembership.Patience)
                    throw new CommandException(ExitCode.Unavailable, $"{node} belongs to the group now, but is no member {FullMembership.Patience.TotalSeconds} s later; it becomes one when it runs and has caught up");
            }

            return $"{node} is a member of the group now";
        });

    public static Command Remove(Terminal terminal) => Create(
        terminal, "remove", "Removes a node from the group, until it is asked to join again; its data stays where it is", HttpMethod.Delete, (_, node) => Task.FromResult($"{node} does not belong to the group any more"));

    private static Command Create(Terminal terminal, string name, string description, HttpMethod method, Func<ClientContext, string, Task<string>> finish)
    {
        var node = new Argument<string>("NODE") { Description = "A node of actors.nodes, such as n3" };
        var broadcast = new Option<string?>("--broadcast") { Description = "A broadcast group with views = agreed, in place of a replicated group", HelpName = "NAME" };
        return ClientCommand.Create(terminal, name, description, [node, broadcast], async context =>
        {
            var (who, group) = (context.Parsed.GetValue(node)!, context.Parsed.GetValue(broadcast));
            var groups = group is null ? $"/v1/groups/{context.Group}" : $"/v1/broadcast/{Uri.EscapeDataString(group)}";
            var answer = await context.Client.SendAsync($"{groups}/members/{Uri.EscapeDataString(who)}", uri => new HttpRequestMessage(method, uri));
            if (!answer.IsOk)
                throw answer.ToException();
            await terminal.Error.WriteLineAsync(group is null ? await finish(context, who) : await MembersAsync(context, groups));
            return ExitCode.Ok;
        });
    }

    private static async Task<string> MembersAsync(ClientContext context, string group)
    {
        using var members = JsonDocument.Parse((await context.ReadAsync($"{group}/members")).Body);
        return $"the members are {string.Join(", ", members.RootElement.GetProperty("members").EnumerateArray().Select(member => member.GetProperty("node").GetString()))}";
    }

    private static bool IsMember(StatusDocument status, string group, string node) => status.Groups.FirstOrDefault(g => g.Name == group)?.Members
        .Any(member => member.Node == node && Roles.IsMember(member.Role)) == true;
}
