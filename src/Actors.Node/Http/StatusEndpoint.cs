using System.Collections.Concurrent;
using System.Globalization;
using Actors.Hosting;
using Actors.Membership;
using Actors.Replication;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary>One process of the cluster; while it does not answer, pid and http are those it had last, as far as this node knows them (0 and empty otherwise).</summary>
internal sealed record NodeEntry(string Name, int Pid, string Http, bool Reachable);

/// <summary>One replica of a group: a member of its view, or one that says so itself while it waits to be taken in.</summary>
internal sealed record MemberEntry(string Node, string Role, long Epoch, long CommitIndex, long AppliedIndex, long LastIndex, string Fault)
{
    /// <summary>The epoch of the last log entry: whose log is ahead is told by epoch first.</summary>
    public long LastEpoch { get; init; }
}

/// <summary>Where the group went on without what was lost: because an operator said so, or, when it is lossy, by a failover. <c>atLeast</c> counts the entries that are known to be lost.</summary>
internal sealed record LossEntry(long Epoch, long Index, long AtLeast);

/// <summary>One group as its most recent replica knows it; <c>primary</c> is empty while none is known.</summary>
internal sealed record GroupEntry(string Name, string Protocol, long Epoch, string Primary, IReadOnlyList<MemberEntry> Members)
{
    /// <summary>Oldest first.</summary>
    public IReadOnlyList<LossEntry> DataLoss { get; init; } = [];

    /// <summary>True when answered writes may be lost (durability = memory).</summary>
    public bool Lossy { get; init; }

    /// <summary>Who decides on its views: self or directory.</summary>
    public string Authority { get; init; } = "";
}

/// <summary>What <c>GET /v1/status</c> says of the cluster.</summary>
internal sealed record StatusDocument(IReadOnlyList<NodeEntry> Nodes, IReadOnlyList<GroupEntry> Groups);

/// <summary><c>GET /v1/status</c>: processes and groups, as far as this node can see.</summary>
internal sealed class StatusEndpoint(IReplication replication, IGroupCatalog catalog, NodeInfo self)
{
    /// <summary>How long others may take to answer: an answer about a dead node should not itself look dead.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<NodeId, NodeEntry> _lastSeen = [];

    public async Task GetAsync(HttpContext context)
    {
        var one = new Query(context, "group").Group("group");
        var replicas = one is { } id ? await StatusAsync(id) : await replication.StatusAsync(Patience);
        var nodes = self.Nodes.Select(node => Node(node, replicas.FirstOrDefault(replica => replica.Node == node)));
        var groups = (one is { } only ? [only] : replication.Groups).Order().Select(group => Describe(group, [.. replicas.Where(replica => replica.Group == group)]));
        await context.Response.WriteAsJsonAsync(new StatusDocument([.. nodes], [.. groups]), context.RequestAborted);
    }

    private async Task<IReadOnlyList<ReplicaStatus>> StatusAsync(GroupId group)
    {
        try
        {
            return await replication.StatusAsync(group, Patience);
        }
        catch (KeyNotFoundException e)
        {
            throw new ProblemException(Problem.NoSuchGroup(e.Message));
        }
    }

    /// <summary>A node says in the labels of its replicas which process it is.</summary>
    private NodeEntry Node(NodeId name, ReplicaStatus? replica)
    {
        if (name == self.Name)
            return new NodeEntry(name.Value, Environment.ProcessId, self.Http, true);
        if (replica is null)
            return _lastSeen.GetValueOrDefault(name, new NodeEntry(name.Value, 0, "", false)) with { Reachable = false };
        _ = int.TryParse(replica.Labels.GetValueOrDefault("pid"), NumberStyles.None, CultureInfo.InvariantCulture, out var pid);
        return _lastSeen[name] = new NodeEntry(name.Value, pid, replica.Labels.GetValueOrDefault("http", ""), true);
    }

    private GroupEntry Describe(GroupId group, IReadOnlyList<ReplicaStatus> replicas)
    {
        // The newest view is that of the highest epoch; within it the primary's, which made it.
        var newest = replicas.OrderByDescending(replica => replica.Epoch).ThenByDescending(replica => replica.Role is ReplicaRole.Primary or ReplicaRole.Head).FirstOrDefault();
        var answered = replicas.ToDictionary(replica => replica.Node);
        var names = (newest?.Members ?? []).Concat(newest?.Learners ?? []).Concat(replicas.Where(r => r.Role is not ReplicaRole.Outside).Select(r => r.Node).Order()).Distinct();
        return new GroupEntry(
            group.Value,
            catalog.Groups.FirstOrDefault(known => known.Id == group)?.Protocol ?? "",
            newest?.Epoch.Value ?? 0,
            newest?.Primary.Value ?? "",
            [.. names.Select(name => answered.TryGetValue(name, out var replica) ? Describe(replica, newest) : Unreachable(name))])
        {
            DataLoss = [.. (newest?.Losses ?? []).Select(loss => new LossEntry(loss.At.Epoch.Value, loss.At.Index, loss.AtLeast))],
            Lossy = newest?.IsLossy ?? false,
            Authority = (catalog.Groups.FirstOrDefault(known => known.Id == group)?.Authority ?? ViewAuthority.Self).ToString().ToLowerInvariant(),
        };
    }

    private static MemberEntry Describe(ReplicaStatus r, ReplicaStatus? newest) =>
        new(r.Node.Value, RoleOf(r, newest), r.Epoch.Value, r.CommitIndex, r.AppliedIndex, r.LastIndex, r.Fault.Length > 0 ? r.Fault : r.Condition) { LastEpoch = r.LastEpoch.Value };

    /// <summary>Its own word, unless it takes itself for a member of a view that is over: a node that restarts does so until it hears that it was left out.</summary>
    private static string RoleOf(ReplicaStatus r, ReplicaStatus? newest) =>
        Roles.NameOf(r.Role) is var role && Roles.IsMember(role) && newest?.Members.Contains(r.Node) == false ? Roles.LeftOut : role;

    private static MemberEntry Unreachable(NodeId name) => new(name.Value, "unreachable", 0, 0, 0, 0, "");
}
