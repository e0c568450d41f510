using Actors.Membership;

namespace Actors.Replication;

/// <summary>Groups that the project keeps for itself: they are not among those of an application, nor in its status.</summary>
internal static class ReservedGroups
{
    /// <summary>What their names begin with.</summary>
    public const string Prefix = "actors.";

    public static bool Contains(GroupId group) => group.Value.StartsWith(Prefix, StringComparison.Ordinal);
}
