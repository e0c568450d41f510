using Actors.Membership;
using Actors.Replication;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary><c>POST /v1/groups/{group}/transfer?to=NODE</c>: the primary hands over to a node of the operator's choice.</summary>
internal sealed class TransferEndpoint(IReplication replication)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public async Task PostAsync(HttpContext context, GroupId group)
    {
        var target = new Query(context, "to").Node("to", "the node that should become primary");
        var reason = await replication.TransferAsync(group, target, Patience);
        if (reason.Length > 0)
            throw new ProblemException(new Problem(409, "not-transferred", reason));
        await context.Response.WriteAsJsonAsync(new { group = group.Value, primary = target.Value }, context.RequestAborted);
    }
}
