using Actors.Replication;

namespace Actors.Node.Http;

/// <summary>The roles of replicas, as the status names them.</summary>
internal static class Roles
{
    /// <summary>Of a replica that believes itself a member while the newest view was made without it: it has not heard of that view yet, and will join anew.</summary>
    public const string LeftOut = "left-out";

    public static string NameOf(ReplicaRole role) => role switch
    {
        ReplicaRole.OutOfService => "out-of-service",
        _ => role.ToString().ToLowerInvariant(),
    };

    /// <summary>True for whoever orders what a group does: the primary, or the head of a chain.</summary>
    public static bool Leads(string role) => role is "primary" or "head";

    /// <summary>True for a member that serves.</summary>
    public static bool IsMember(string role) => Leads(role) || role is "backup" or "middle" or "tail";
}
