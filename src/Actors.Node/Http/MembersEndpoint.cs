using Actors.Membership;
using Actors.Replication;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary><c>PUT</c> and <c>DELETE /v1/groups/{group}/members/{node}</c>: an operator takes a node into the group, or removes it from it.</summary>
internal sealed class MembersEndpoint(IReplication replication)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public Task PutAsync(HttpContext context, GroupId group) => AnswerAsync(context, group, "not-joined", replication.JoinAsync);

    public Task DeleteAsync(HttpContext context, GroupId group) => AnswerAsync(context, group, "not-removed", replication.RemoveAsync);

    private static async Task AnswerAsync(HttpContext context, GroupId group, string kind, Func<GroupId, NodeId, TimeSpan, Task<string>> change)
    {
        _ = new Query(context);
        var node = Query.NodeNamed("node", (string)context.Request.RouteValues["node"]!);
        var reason = await change(group, node, Patience);
        if (reason.Length > 0)
            throw new ProblemException(new Problem(409, kind, reason));
        await context.Response.WriteAsJsonAsync(new { group = group.Value, node = node.Value }, context.RequestAborted);
    }
}
