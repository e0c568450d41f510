using Actors.Broadcast;
using Actors.Membership;
using Actors.Replication;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary>A member of a broadcast group, and which of its lives counts.</summary>
internal sealed record BroadcastMember(string Node, long Incarnation);

/// <summary>The members of a broadcast group as one node knows them.</summary>
/// <param name="View">Each change makes it one higher.</param>
/// <param name="IsComplete">True when a node may join: each member has what the others had at the last change.</param>
internal sealed record BroadcastMembers(string Group, long View, bool IsComplete, IReadOnlyList<BroadcastMember> Members);

/// <summary>
/// <c>PUT</c> and <c>DELETE /v1/groups/{group}/members/{node}</c> and <c>/v1/broadcast/{group}/members/{node}</c>: an operator takes a node into the group, or removes it from it.
/// <c>GET /v1/broadcast/{group}/members</c>: who they are.
/// </summary>
internal sealed class MembersEndpoint(IReplication replication)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public Task PutAsync(HttpContext context, GroupId group) => AnswerAsync(context, group, "not-joined", node => replication.JoinAsync(group, node, Patience));

    public Task DeleteAsync(HttpContext context, GroupId group) => AnswerAsync(context, group, "not-removed", node => replication.RemoveAsync(group, node, Patience));

    public static Task PutAsync(HttpContext context, IBroadcastGroup group) => AnswerAsync(context, group.Settings.Id, "not-joined", node => SoonAsync(group.JoinAsync(node)));

    public static Task DeleteAsync(HttpContext context, IBroadcastGroup group) => AnswerAsync(context, group.Settings.Id, "not-removed", node => SoonAsync(group.RemoveAsync(node)));

    public static async Task GetAsync(HttpContext context, IBroadcastGroup group)
    {
        _ = new Query(context);
        var view = await group.MembersAsync().WaitAsync(Patience, context.RequestAborted);
        var members = view.Members.Select(member => new BroadcastMember(member.Node.Value, member.Incarnation)).ToList();
        await context.Response.WriteAsJsonAsync(new BroadcastMembers(group.Settings.Id.Value, view.Number, view.IsWhole, members), context.RequestAborted);
    }

    private static async Task<string> SoonAsync(Task<string> change)
    {
        try
        {
            return await change.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            return $"no answer within {Patience.TotalSeconds} s: it may happen yet; look at the members";
        }
    }

    private static async Task AnswerAsync(HttpContext context, GroupId group, string kind, Func<NodeId, Task<string>> change)
    {
        _ = new Query(context);
        var node = Query.NodeNamed("node", (string)context.Request.RouteValues["node"]!);
        var reason = await change(node);
        if (reason.Length > 0)
            throw new ProblemException(new Problem(409, kind, reason));
        await context.Response.WriteAsJsonAsync(new { group = group.Value, node = node.Value }, context.RequestAborted);
    }
}
