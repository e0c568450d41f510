namespace Actors.Node.Commands;

/// <summary>What one protocol is expected to cost and to survive with a number of replicas on a network of one latency.</summary>
/// <remarks>
/// In one-way latencies L, disks and queues left aside: primary-backup writes 4L (client, primary, backup and back), reads 2L; a chain with N hops from head to
/// tail writes (N+2)L, reads 2L at its tail. A barrier read costs what a write does, without the disks: it asks the others whether the epoch still holds.
/// </remarks>
/// <param name="Protocol">As HOCON names it.</param>
/// <param name="WriteHops">One-way latencies of a write.</param>
/// <param name="LeaseReadHops">Of a read under a lease.</param>
/// <param name="BarrierReadHops">Of a read that is confirmed.</param>
/// <param name="Load">Messages of a write at each replica, sent and received, when nothing else shares them.</param>
/// <param name="Bytes">How often each replica sends a write to others.</param>
/// <param name="Survives">Failures.</param>
/// <param name="Locality">Where clients are best.</param>
internal sealed record ReplicationPlan(string Protocol, int WriteHops, int LeaseReadHops, int BarrierReadHops, string Load, string Bytes, string Survives, string Locality)
{
    /// <summary>Both protocols, for at least two replicas.</summary>
    public static IReadOnlyList<ReplicationPlan> Both(int replicas) =>
    [
        new("primary-backup", 4, 2, 4,
            $"{2 * replicas} at the primary, 2 at a backup",
            $"the primary sends each write {(replicas == 2 ? "once" : $"{replicas - 1} times")}, a backup never",
            $"{Failures(replicas - 2)} one after the other (commit = all, down to two members), {(replicas - 1) / 2} at once (commit = majority)", "reads and writes at the primary"),
        new("chain", replicas + 1, 2, replicas + 1,
            replicas == 2 ? "3 at each link" : $"4 at the head, {(replicas == 3 ? "5" : "at most 6")} at a middle, 3 at the tail",
            "each link sends each write once, the tail never",
            $"{Failures(replicas - 2)} one after the other (down to min-in-view = 2), while most of the directory lives", "writes at the head, reads at the tail: a client near one is far from the other"),
    ];

    /// <summary>The mean latency in milliseconds of operations of which a share of <paramref name="writes"/> are writes, the others barrier reads.</summary>
    public double Mean(double oneWay, double writes) => oneWay * (WriteHops * writes + BarrierReadHops * (1 - writes));

    /// <summary>The one to take, with its reason.</summary>
    public static (ReplicationPlan Plan, string Reason) Recommended(int replicas, double writes)
    {
        var both = Both(replicas);
        if (replicas >= 4 && writes >= 0.5)
            return (both[1], $"most operations are writes, and the head sends each once where a primary sends it {replicas - 1} times; if latency counts more than throughput, take primary-backup");
        return replicas <= 3
            ? (both[0], "a chain is hardly faster at this length, and needs a directory; the replicas of primary-backup write to their disks at the same time")
            : (both[0], $"its latency does not grow with the replicas: 4 one-way latencies against {replicas + 1} of a chain");
    }

    private static string Failures(int count) => count <= 0 ? "no failure" : count == 1 ? "1 failure" : $"{count} failures";
}
