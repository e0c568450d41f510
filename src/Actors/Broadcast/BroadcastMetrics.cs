using System.Diagnostics.Metrics;
using Actors.Membership;

namespace Actors.Broadcast;

/// <summary>What the broadcast groups of this process do, as <c>System.Diagnostics.Metrics</c>.</summary>
internal static class BroadcastMetrics
{
    private static readonly Meter Meter = new("Actors");

    public static readonly Counter<long> Delivered = Meter.CreateCounter<long>("actors.broadcast.delivered", "{message}", "Messages that this member delivered");
    public static readonly Counter<long> Duplicates = Meter.CreateCounter<long>("actors.broadcast.duplicates", "{message}", "Copies of messages that were there already");
    public static readonly Counter<long> Missed = Meter.CreateCounter<long>("actors.broadcast.missed", "{message}", "Messages that were cut before this member had them");
    private static readonly Counter<long> RefusedCount = Meter.CreateCounter<long>("actors.broadcast.refused", "{message}", "What was refused, by reason");

    /// <param name="group">Of this node's configuration; default when there is none: a name that comes from outside is no tag.</param>
    /// <param name="reason">One of a few.</param>
    public static void Refused(GroupId group, string reason) => RefusedCount.Add(1, new("group", group.Value), new("reason", reason));
}
