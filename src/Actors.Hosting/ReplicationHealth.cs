using Actors.Replication;
using Akka.Actor;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Actors.Hosting;

/// <summary>The health of this node's replicas, as they say themselves.</summary>
internal static class ReplicationHealth
{
    /// <summary>How long the replicas have to answer.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(500);

    /// <summary>Ready when this node's replica of every group knows its primary, and is a member if its node belongs to the group: requests sent here are answered.</summary>
    public static async Task<HealthCheckResult> Ready(ActorSystem system)
    {
        var replication = ReplicationExtension.Of(system).Replication;
        var own = await Own(replication).ConfigureAwait(false);
        var troubles = replication.Groups
            .Select(group => own.FirstOrDefault(s => s.Group == group) is { } status ? Trouble(status) : $"{group}: the replica does not answer")
            .OfType<string>()
            .ToList();
        return troubles.Count == 0 ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy(string.Join("; ", troubles));
    }

    /// <summary>Live while the replicas answer at all; one that is out of service does, and a restart would not help it.</summary>
    public static async Task<HealthCheckResult> Live(ActorSystem system)
    {
        var replication = ReplicationExtension.Of(system).Replication;
        var own = await Own(replication).ConfigureAwait(false);
        return own.Count > 0 || replication.Groups.Count == 0 ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy($"no replica of {replication.Node} answered within {Limit.TotalMilliseconds} ms");
    }

    private static async Task<List<ReplicaStatus>> Own(IReplication replication)
    {
        var statuses = await replication.StatusAsync(Limit).ConfigureAwait(false);
        return [.. statuses.Where(s => s.Node == replication.Node)];
    }

    private static string? Trouble(ReplicaStatus status)
    {
        if (status.Role is ReplicaRole.OutOfService)
            return $"{status.Group}: out of service: {status.Fault}";
        if (status.Condition.Length > 0)
            return $"{status.Group}: {status.Condition}";
        if (status.Primary.IsNone)
            return $"{status.Group}: no primary is known";
        return status.Role is ReplicaRole.Outside || status.Members.Contains(status.Node) ? null : $"{status.Group}: not a member";
    }
}
