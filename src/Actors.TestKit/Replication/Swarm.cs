namespace Actors.TestKit;

/// <summary>A protocol under everything at once: a seed chooses sizes, settings, faults and workload, and is one run.</summary>
/// <param name="Protocol">Its name on the command line, such as <c>primary-backup</c>.</param>
/// <param name="Run">Runs a seed with what it shall not choose, a plan of faults in place of its own (null for its own), and trace settings.</param>
public sealed record Swarm(string Protocol, Func<long, SwarmOptions, FaultPlan?, SimulationOptions, SwarmRun> Run)
{
    /// <summary>Primary-backup; see <see cref="GroupSwarm"/>.</summary>
    public static readonly Swarm PrimaryBackup = new("primary-backup", GroupSwarm.Run);

    /// <summary>Primary-backup with <c>durability = memory</c> and <c>commit = one</c>: what it loses it must own up to; see <see cref="GroupSwarm"/>.</summary>
    public static readonly Swarm Lossy = new("lossy", (seed, options, plan, simulation) => GroupSwarm.Run(seed, options with { IsLossy = true }, plan, simulation));

    /// <summary>A chain whose views come from a directory, with the same faults and workload; see <see cref="GroupSwarm"/>.</summary>
    public static readonly Swarm Chain = new(
        "chain", (seed, options, plan, simulation) => GroupSwarm.Run(seed, options with { Protocol = Replication.Protocol.Chain }, plan, simulation));

    /// <summary>Reliable links between two actors; see <see cref="DeliverySwarm"/>.</summary>
    public static readonly Swarm Delivery = new("delivery", DeliverySwarm.Run) { HasMembers = false };

    /// <summary>Broadcast in a group; see <see cref="BroadcastSwarm"/>.</summary>
    public static readonly Swarm Broadcast = new("broadcast", BroadcastSwarm.Run);

    /// <summary>All protocols, the default one first.</summary>
    public static readonly IReadOnlyList<Swarm> All = [PrimaryBackup, Chain, Lossy, Delivery, Broadcast];

    /// <summary>False where <see cref="SwarmOptions.Nodes"/> and <see cref="SwarmOptions.Down"/> mean nothing.</summary>
    public bool HasMembers { get; init; } = true;

    /// <summary>The protocol of that name; null when there is none.</summary>
    public static Swarm? Find(string protocol) => All.FirstOrDefault(swarm => swarm.Protocol == protocol);
}
