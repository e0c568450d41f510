using System.Diagnostics;
using Actors.Node.Http;

namespace Actors.Node.Commands;

/// <summary>Who is a full member, as the nodes say: what <c>restart</c> and <c>repair</c> wait for.</summary>
internal static class FullMembership
{
    /// <summary>How long a node may take to become a member again.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Waits until every group is whole and <paramref name="node"/> holds what is committed by now; what is still missing when the patience ends, null when nothing is.</summary>
    /// <remarks>
    /// A view without the node may be on its way when the node is back and still counts itself a member. A node that holds all that was committed by then has
    /// seen that view too.
    /// </remarks>
    public static async Task<string?> UntilWholeAsync(NodeClient client, string node)
    {
        var committed = (await StatusAsync(client)).Groups.ToDictionary(group => group.Name, group => group.Members.Max(member => member.CommitIndex));
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(100))
        {
            var status = await StatusAsync(client);
            var behind = status.Groups.FirstOrDefault(group => group.Members.Any(member => member.Node == node && member.CommitIndex < committed.GetValueOrDefault(group.Name)));
            var trouble = Missing(status) ?? (behind is null ? null : $"{node} has not caught up in group '{behind.Name}'");
            if (trouble is null || clock.Elapsed > Patience)
                return trouble;
        }
    }

    /// <summary>Who is not a full member of a group, <paramref name="except"/> left aside, or which group has no primary; null when all is well.</summary>
    public static string? Missing(StatusDocument status, string? except = null) => status.Groups
        .Select(group => group.Members.FirstOrDefault(member => member.Node != except && !Roles.IsMember(member.Role)) is { } member
            ? $"{member.Node} is {member.Role} in group '{group.Name}'"
            : group.Members.Any(m => Roles.Leads(m.Role)) ? null : $"group '{group.Name}' has no primary or head")
        .FirstOrDefault(trouble => trouble is not null);

    /// <summary>What the first node that answers says; of one <paramref name="group"/> alone, if there is one.</summary>
    public static async Task<StatusDocument> StatusAsync(NodeClient client, string? group = null)
    {
        var answer = await client.SendAsync(group is null ? "/v1/status" : $"/v1/status?group={group}", target => new HttpRequestMessage(HttpMethod.Get, target));
        return answer.IsOk ? StatusTable.Parse(answer.Body) : throw answer.ToException();
    }
}
