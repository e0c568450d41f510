using Actors.Membership;

namespace Actors.TestKit;

/// <summary>What a swarm may do to a run: each seed chooses some of the kinds, their rates, and a schedule.</summary>
public sealed record FaultMix
{
    private readonly int _minEvents = 3;
    private readonly int _maxEvents = 15;

    /// <summary>The nodes it may hit.</summary>
    public required IReadOnlyList<NodeId> Nodes { get; init; }

    /// <summary>Nodes that come to no harm themselves, such as those of clients, but are on one side or the other of a partition. Default none: all on the side of those that are not its targets.</summary>
    public IReadOnlyList<NodeId> Bystanders { get; init; } = [];

    /// <summary>Faults begin within this time; default 30 s.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The kinds it may use; unless set, all that need nothing of the run: not <see cref="FaultKind.HandOver"/> and what follows it.</summary>
    public IReadOnlyList<FaultKind> Kinds { get; init; } = [.. Enum.GetValues<FaultKind>().Where(kind => kind < FaultKind.HandOver)];

    /// <summary>The fewest events of a plan: at least 0, default 3.</summary>
    public int MinEvents
    {
        get => _minEvents;
        init => _minEvents = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(MinEvents), $"MinEvents is {value}; it must be at least 0");
    }

    /// <summary>The most events of a plan: at least <see cref="MinEvents"/>, default 15.</summary>
    public int MaxEvents
    {
        get => _maxEvents;
        init => _maxEvents = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(MaxEvents), $"MaxEvents is {value}; it must be at least 0");
    }

    /// <summary>The longest fault; default 5 s.</summary>
    public TimeSpan LongestFault { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>On how many nodes of a plan data may be damaged (<see cref="FaultKind.BitRot"/>, <see cref="FaultKind.Wipe"/>); a minority unless set: more than that no replication survives.</summary>
    public int? MaxDamaged { get; init; }

    /// <summary>By how much a clock may drift at most: 0 to 0.5, default 0.01.</summary>
    public double MaxDrift { get; init; } = 0.01;

    /// <summary>True when some events shall hit whoever leads; the run then needs to know who that is. Default false.</summary>
    public bool TargetsLeader { get; init; }

    /// <summary>Draws a plan.</summary>
    /// <exception cref="ArgumentException">The mix leaves nothing to choose from.</exception>
    public FaultPlan Draw(SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        if (Nodes.Count == 0 || MaxEvents < MinEvents)
            throw new ArgumentException($"a fault mix needs nodes and MinEvents ({MinEvents}) no greater than MaxEvents ({MaxEvents})");
        var kinds = Usable(random);
        var damaged = new HashSet<NodeId>();
        var events = new List<FaultEvent>();
        for (var i = random.Next(MinEvents, MaxEvents + 1); i > 0 && kinds.Count > 0; i--)
            events.Add(DrawEvent(random, kinds, damaged));
        return new FaultPlan
        {
            Link = DrawLink(random),
            Disk = DrawDisk(random),
            Hints = DrawHints(random),
            Events = [.. events.OrderBy(e => e.At)],
        };
    }

    /// <summary>Some of the kinds, so that each seed stresses something else; none that needs more nodes than there are.</summary>
    private List<FaultKind> Usable(SeededRandom random)
    {
        var possible = Kinds.Where(kind => Nodes.Count > 1 || !NeedsTwo(kind)).ToList();
        var chosen = possible.FindAll(_ => random.Chance(0.5));
        return chosen.Count > 0 || possible.Count == 0 ? chosen : [possible[random.Next(possible.Count)]];
    }

    private FaultEvent DrawEvent(SeededRandom random, List<FaultKind> kinds, HashSet<NodeId> damaged)
    {
        var at = random.Between(TimeSpan.Zero, Duration);
        var lasts = random.Between(TimeSpan.FromMilliseconds(1), random.Chance(0.5) ? LongestFault : LongestFault / 10);
        var kind = kinds[random.Next(kinds.Count)];
        var shuffled = Nodes.ToArray();
        random.Shuffle(shuffled);
        if (IsDamage(kind) && damaged.Add(shuffled[0]) && damaged.Count > (MaxDamaged ?? ((Nodes.Count - 1) / 2)))
        {
            damaged.Remove(shuffled[0]);
            kind = FaultKind.Crash;
        }

        NodeId[] targets = kind switch
        {
            FaultKind.Partition => [.. shuffled[..random.Next(1, shuffled.Length)], .. Bystanders.Where(_ => random.Chance(0.5))],
            FaultKind.Ring => shuffled,
            _ when NeedsTwo(kind) => shuffled[..2],
            _ => shuffled[..1],
        };
        if (TargetsLeader && !IsDamage(kind) && kind != FaultKind.Ring && random.Chance(0.5))
            targets[0] = default;
        var amount = kind switch
        {
            FaultKind.ClockDrift => 1 + ((random.NextDouble() * 2) - 1) * MaxDrift,
            FaultKind.SlowDisk => 0.05 + random.NextDouble() / 2,
            FaultKind.ClockJump => (random.NextDouble() * 20) - 10,
            _ => 0,
        };
        return new FaultEvent(at, kind, targets, lasts, amount);
    }

    private static LinkFaults DrawLink(SeededRandom random) => new()
    {
        MaxDelay = TimeSpan.FromMilliseconds(random.Chance(0.5) ? 2 : 1 + random.Next(50)),
        Slow = Maybe(random, 0.1),
        SlowDelay = TimeSpan.FromMilliseconds(random.Chance(0.7) ? 100 : 200 + random.Next(3000)),
        Loss = Maybe(random, 0.1),
        Duplicate = Maybe(random, 0.1),
        Reorder = Maybe(random, 0.3),
    };

    private static DiskFaults DrawDisk(SeededRandom random) => new()
    {
        MaxSync = TimeSpan.FromMilliseconds(random.Chance(0.5) ? 0.5 : 1 + random.Next(20)),
        Slow = Maybe(random, 0.05),
    };

    // Often faster than the group's own time-outs, so that a successor is elected while the deposed one still believes in itself.
    private static HintFaults DrawHints(SeededRandom random)
    {
        var missing = random.Chance(0.2) ? 1 : Maybe(random, 0.5);
        return random.Chance(0.4)
            ? new HintFaults { MinDelay = TimeSpan.FromMilliseconds(1), MaxDelay = TimeSpan.FromMilliseconds(100), Missing = missing }
            : new HintFaults { MaxDelay = TimeSpan.FromSeconds(random.Chance(0.5) ? 3 : 20), Missing = missing };
    }

    private static double Maybe(SeededRandom random, double most) => random.Chance(0.5) ? 0 : random.NextDouble() * most;

    private static bool NeedsTwo(FaultKind kind) =>
        kind is FaultKind.Partition or FaultKind.CutOneWay or FaultKind.Ring or FaultKind.Clog or FaultKind.FalseSuspicion;

    private static bool IsDamage(FaultKind kind) => kind is FaultKind.BitRot or FaultKind.Wipe;
}
