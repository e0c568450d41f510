using System.CommandLine;
using System.Diagnostics;
using System.Text;
using Actors.Node.Http;
using Actors.Replication;

namespace Actors.Node.Commands;

/// <summary><c>actors accept-loss</c>: a group that has lost its quorum for good goes on from the most up-to-date replica that is left.</summary>
internal static class AcceptLossCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static Command Create(Terminal terminal)
    {
        var yes = new Option<bool>("--yes") { Description = "Does not ask: for scripts" };
        var description = "Restarts a group that has lost its quorum for good from the most up-to-date replica that can be reached; says what is given up and asks first";
        return ClientCommand.Create(terminal, "accept-loss", description, [yes], async context =>
        {
            var status = await FullMembership.StatusAsync(context.Client, context.Group);       // a group of the project's own too, such as the directory
            var group = status.Groups.Single();
            var chosen = Choose(group);
            await terminal.Error.WriteLineAsync(GivenUp(group, chosen));
            if (!context.Parsed.GetValue(yes))
                await ConfirmAsync(terminal, group.Name);
            await AcceptAsync(context, status.Nodes.Single(node => node.Name == chosen.Node), chosen);
            await terminal.Error.WriteLineAsync($"group '{group.Name}' goes on from {chosen.Node}; the loss is on record in 'actors status'");
            return ExitCode.Ok;
        });
    }

    /// <summary>The replica whose log ends last: epoch before index, as voters compare.</summary>
    private static MemberEntry Choose(GroupEntry group)
    {
        if (group.Members.FirstOrDefault(member => Roles.Leads(member.Role)) is { } leader)
            throw new CommandException(ExitCode.Negative, $"group '{group.Name}' has a {leader.Role}, {leader.Node}: nothing has to be given up");
        if (group.Members.FirstOrDefault(member => member.Role is "middle" or "tail") is { } link)
        {
            throw new CommandException(
                ExitCode.Negative,
                $"{link.Node} is still {link.Role} of group '{group.Name}': nothing of it has to be given up, it goes on when its directory does; if most of that one's nodes are lost for good: actors accept-loss --group {GroupSettings.Directory}");
        }

        var isDirected = group.Authority == "directory";      // where a replica without a membership may go on, too: its log is what matters
        return group.Members.Where(member => member.LastIndex > 0 && (member.Role is "backup" or "candidate" or "learner" or "sealed" || (isDirected && member.Role is "joining"))).OrderByDescending(member => member.LastEpoch).ThenByDescending(member => member.LastIndex).FirstOrDefault()
            ?? throw new CommandException(ExitCode.Negative, $"no replica of group '{group.Name}' that can be reached holds anything to go on from");
    }

    private static string GivenUp(GroupEntry group, MemberEntry chosen)
    {
        var lost = group.Members.Where(member => member.Role is "unreachable" or "out-of-service" or "joining").Select(member => $"{member.Node} ({member.Role})").ToArray();
        return $"Group '{group.Name}' would go on from {chosen.Node} alone, whose log ends at {chosen.LastEpoch}/{chosen.LastIndex}. Given up for ever: every write, acknowledged or not, that {chosen.Node} does not hold, "
            + $"and the memberships of {(lost.Length > 0 ? string.Join(", ", lost) : "all others")}. If one of them still serves on the other side of a partition, its writes are lost too: make sure that they are dead. "
            + "Their nodes may come back: they join anew, and one whose log went another way is out of service until it is repaired.";
    }

    private static async Task ConfirmAsync(Terminal terminal, string group)
    {
        if (!terminal.IsInteractive)
            throw new CommandException(ExitCode.Usage, "nothing was done: add --yes to accept this without a question");
        await terminal.Error.WriteLineAsync($"Type the name of the group, {group}, to accept this:");
        using var input = new StreamReader(terminal.Input, Encoding.UTF8);
        if (await input.ReadLineAsync() != group)
            throw new CommandException(ExitCode.Negative, "not accepted: nothing was done");
    }

    private static async Task AcceptAsync(ClientContext context, NodeEntry node, MemberEntry chosen)
    {
        using var client = context.Client.At(new Uri(node.Http));
        var answer = await client.SendAsync($"/v1/groups/{context.Group}/accept-loss?epoch={chosen.LastEpoch}&index={chosen.LastIndex}", target => new HttpRequestMessage(HttpMethod.Post, target));
        if (!answer.IsOk)
            throw answer.ToException();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Patience; await Task.Delay(100))
        {
            if ((await FullMembership.StatusAsync(client, context.Group)).Groups.Single().Members.Any(member => Roles.Leads(member.Role)))
                return;
        }

        throw new CommandException(ExitCode.Unavailable, $"{chosen.Node} accepted, but does not lead after {Patience.TotalSeconds} s: see its log");
    }
}
