using System.Globalization;

namespace Actors.Broadcast;

/// <summary>Who delivers what a correct process delivers.</summary>
public enum Reliability
{
    /// <summary>If the sender stays up, every correct member delivers; if it crashes, some may and others not.</summary>
    BestEffort,

    /// <summary>What one correct member delivers every correct member delivers, also when the sender crashes.</summary>
    Reliable,

    /// <summary>What any member delivers, even one that crashes right after it, every correct member delivers.</summary>
    UniformReliable,

    /// <summary>With a high probability every member delivers. Not available yet.</summary>
    Probabilistic,

    /// <summary>No two correct members deliver different messages of a lying sender. Not available yet.</summary>
    ByzantineConsistent,

    /// <summary>As consistent, and all or none deliver. Not available yet.</summary>
    ByzantineReliable,
}

/// <summary>In which order members deliver. Total may be combined with Fifo and Causal.</summary>
[Flags]
public enum Ordering
{
    /// <summary>In any order.</summary>
    None = 0,

    /// <summary>The messages of one sender in the order in which it sent them.</summary>
    Fifo = 1,

    /// <summary>No message before one that its sender had delivered or sent earlier.</summary>
    Causal = 2,

    /// <summary>All members deliver in one order.</summary>
    Total = 4,
}

/// <summary>What may go wrong, and no more than that.</summary>
public enum FaultModel
{
    /// <summary>Members crash for good and it is noticed rightly; links lose nothing.</summary>
    CrashStop,

    /// <summary>As omission, and crashed members come back with what they have on disk, also all of them at once. For a total order that a log keeps.</summary>
    CrashRecovery,

    /// <summary>Members crash for good or stand still, links lose, duplicate, delay and reorder messages and are cut; suspicions may be wrong.</summary>
    Omission,

    /// <summary>Members lie. Not available yet.</summary>
    Byzantine,
}

/// <summary>Who must have a message before a uniform broadcast delivers it.</summary>
public enum Acknowledgement
{
    /// <summary>More than half of the members: a minority may crash, suspicions may be wrong.</summary>
    Majority,

    /// <summary>All members that have not crashed: any number may crash, but crashes must be noticed rightly.</summary>
    All,
}

/// <summary>Who gives the places of a total order.</summary>
public enum Orderer
{
    /// <summary>A member, in memory, fenced by epochs; when it crashes, another one.</summary>
    Sequencer,

    /// <summary>A replicated log of the members of its own, on their disks.</summary>
    Log,
}

/// <summary>How a message gets to the members.</summary>
/// <param name="Kind">The way.</param>
/// <param name="Degree">Children of an inner node of a tree, or the fan-out of gossip; otherwise 0.</param>
public readonly record struct Dissemination(DisseminationKind Kind, int Degree = 0)
{
    /// <summary>From the sender to everybody; what a digest shows to be missing is fetched from whoever has it.</summary>
    public static Dissemination Direct => new(DisseminationKind.Direct);

    /// <summary>Every recipient sends it on to all others once (Hadzilacos and Toueg's classic algorithm; "eager reliable broadcast").</summary>
    public static Dissemination Eager => new(DisseminationKind.Eager);

    /// <summary>Down a tree with the sender at its root; an inner node has <paramref name="children"/> children: at least 1.</summary>
    public static Dissemination Tree(int children) => new(DisseminationKind.Tree, children);

    /// <inheritdoc/>
    public override string ToString() => Kind is DisseminationKind.Tree or DisseminationKind.Gossip
        ? string.Create(CultureInfo.InvariantCulture, $"{Kind.ToString().ToLowerInvariant()}({Degree})")
        : Kind.ToString().ToLowerInvariant();
}

/// <summary>The ways of <see cref="Dissemination"/>.</summary>
public enum DisseminationKind
{
    /// <summary>See <see cref="Dissemination.Direct"/>.</summary>
    Direct,

    /// <summary>See <see cref="Dissemination.Eager"/>.</summary>
    Eager,

    /// <summary>See <see cref="Dissemination.Tree"/>.</summary>
    Tree,

    /// <summary>Epidemic broadcast trees (Leitão, Pereira and Rodrigues, SRDS 2007). Not available yet.</summary>
    Plumtree,

    /// <summary>To some members drawn at random. Not available yet.</summary>
    Gossip,
}

/// <summary>A property by its textbook name (Cachin, Guerraoui and Rodrigues, Introduction to Reliable and Secure Distributed Programming).</summary>
/// <param name="Name">Such as <c>RB4</c>.</param>
/// <param name="Meaning">Such as <c>agreement</c>.</param>
public sealed record Guarantee(string Name, string Meaning)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Meaning}";
}

/// <summary>What one broadcast costs in a group in which nothing fails, digests and heartbeats left aside.</summary>
/// <param name="Messages">Messages between members, its acknowledgements included.</param>
/// <param name="Steps">Messages one after the other until the last member delivers.</param>
/// <param name="Bytes">Bytes that identify and order it in one message, at most, names of nodes left aside.</param>
public sealed record BroadcastCost(long Messages, int Steps, int Bytes);

/// <summary>What a broadcast group promises, under which faults, and how: independent choices, checked when they are put together.</summary>
public sealed record BroadcastSpec
{
    private const int IdBytes = 16;     // incarnation and sequence number
    private const int OrderBytes = 16;  // epoch and index
    private const int LogBytes = 98;    // what heads an entry of the log, the place, and how many are kept

    /// <summary>Puts the choices together.</summary>
    /// <exception cref="ArgumentException">They contradict each other or one is not available yet; the message is one line that says why.</exception>
    public BroadcastSpec(
        Reliability reliability = Reliability.Reliable,
        Ordering ordering = Ordering.Fifo,
        FaultModel faults = FaultModel.Omission,
        Dissemination dissemination = default,
        Acknowledgement acknowledgement = Acknowledgement.Majority,
        Orderer orderedBy = Orderer.Sequencer)
    {
        (Reliability, Ordering, Faults, Dissemination, Acknowledgement, OrderedBy) = (reliability, ordering, faults, dissemination, acknowledgement, orderedBy);
        if (Refusal() is not { } reason)
            return;
        BroadcastMetrics.Refused(default, "a specification that cannot be kept");
        throw new ArgumentException(reason);
    }

    /// <summary>Default <see cref="Reliability.Reliable"/>.</summary>
    public Reliability Reliability { get; }

    /// <summary>Default <see cref="Ordering.Fifo"/>.</summary>
    public Ordering Ordering { get; }

    /// <summary>Default <see cref="FaultModel.Omission"/>.</summary>
    public FaultModel Faults { get; }

    /// <summary>Default <see cref="Dissemination.Direct"/>.</summary>
    public Dissemination Dissemination { get; }

    /// <summary>For uniform reliability: default <see cref="Acknowledgement.Majority"/>.</summary>
    public Acknowledgement Acknowledgement { get; }

    /// <summary>For total order: default <see cref="Orderer.Sequencer"/>.</summary>
    public Orderer OrderedBy { get; }

    /// <summary>The properties that hold, by their textbook names.</summary>
    public IReadOnlyList<Guarantee> Guarantees => [.. Named()];

    internal bool IsTotal => Ordering.HasFlag(Ordering.Total);

    internal bool IsUniform => Reliability is Reliability.UniformReliable;

    /// <summary>What one broadcast costs among <paramref name="members"/> members when nothing fails; with a sequencer, of a sender that is not it; with a log, of one that is not its primary.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than 1.</exception>
    public BroadcastCost Cost(int members)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(members, 1);
        if (members == 1)
            return new BroadcastCost(0, 0, 0);
        long n = members;
        if (OrderedBy is Orderer.Log)
            return new BroadcastCost(2 * n, 4, IdBytes + LogBytes);     // that it is final goes with the next entry or heartbeat
        if (IsTotal)
            return IsUniform ? new BroadcastCost(3 * n - 2, 4, IdBytes + OrderBytes) : new BroadcastCost(n, 2, IdBytes + OrderBytes);
        var bytes = IdBytes + (Ordering.HasFlag(Ordering.Causal) ? IdBytes * (members - 1) : 0);
        var depth = Dissemination.Kind is DisseminationKind.Tree ? TreeDepth(members) : 1;
        if (IsUniform)
            return new BroadcastCost(n * (n - 1), depth + 1, bytes);
        if (Reliability is Reliability.BestEffort)
            return new BroadcastCost(Faults is FaultModel.CrashStop ? n - 1 : 2 * (n - 1), 1, bytes);
        return new BroadcastCost(Dissemination.Kind is DisseminationKind.Eager ? (n - 1) * (n - 1) : n - 1, depth, bytes);
    }

    /// <summary>Checks that a group of <paramref name="members"/> members can keep the promise.</summary>
    /// <exception cref="ArgumentException">It cannot; one line says why.</exception>
    internal void RequireMembers(int members)
    {
        if (NeedsMajority && members == 2)
            throw new ArgumentException("a majority of 2 members is both of them, so the group would stop with the first that crashes: name at least 3 members, or only 1");
    }

    /// <summary>True when a minority must not deliver or order by itself.</summary>
    internal bool NeedsMajority => IsUniform && (IsTotal || Acknowledgement is Acknowledgement.Majority);

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Reliability} {Ordering} {Faults} {Dissemination}" + (IsUniform && !IsTotal ? $" acknowledged by {(Acknowledgement is Acknowledgement.All ? "all" : "a majority")}" : "") + (OrderedBy is Orderer.Log ? " ordered by a log" : "");

    /// <summary>All combinations that can be put together, with trees of <paramref name="treeDegree"/> children.</summary>
    internal static IEnumerable<BroadcastSpec> Legal(int treeDegree = 2)
    {
        Ordering[] orderings = [Ordering.None, Ordering.Fifo, Ordering.Causal, Ordering.Total, Ordering.Total | Ordering.Fifo, Ordering.Total | Ordering.Causal];
        return from reliability in Enum.GetValues<Reliability>()
               from ordering in orderings
               from faults in Enum.GetValues<FaultModel>()
               from dissemination in new[] { Dissemination.Direct, Dissemination.Eager, Dissemination.Tree(treeDegree) }
               from acknowledgement in Enum.GetValues<Acknowledgement>()
               where reliability is Reliability.UniformReliable || acknowledgement is Acknowledgement.Majority
               from orderedBy in Enum.GetValues<Orderer>()
               let spec = TryCreate(reliability, ordering, faults, dissemination, acknowledgement, orderedBy)
               where spec is not null
               select spec;
    }

    private static BroadcastSpec? TryCreate(Reliability reliability, Ordering ordering, FaultModel faults, Dissemination dissemination, Acknowledgement acknowledgement, Orderer orderedBy)
    {
        try
        {
            return new BroadcastSpec(reliability, ordering, faults, dissemination, acknowledgement, orderedBy);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Why the choices cannot be put together; null when they can.</summary>
    private string? Refusal()
    {
        if (Reliability is Reliability.Probabilistic or Reliability.ByzantineConsistent or Reliability.ByzantineReliable)
            return $"reliability {Reliability} is not available yet: there are BestEffort, Reliable and UniformReliable";
        if (Faults is FaultModel.Byzantine)
            return $"fault model {Faults} is not available yet: there are CrashStop, Omission and CrashRecovery";
        if (Dissemination.Kind is DisseminationKind.Plumtree or DisseminationKind.Gossip)
            return $"dissemination {Dissemination.Kind} is not available yet: there are Direct, Eager and Tree";
        if (!Enum.IsDefined(Reliability) || !Enum.IsDefined(Faults) || !Enum.IsDefined(Dissemination.Kind) || !Enum.IsDefined(Acknowledgement) || !Enum.IsDefined(OrderedBy) || ((int)Ordering & ~7) != 0)
            return "a choice is none of the known ones";
        if (Dissemination.Kind is DisseminationKind.Tree && Dissemination.Degree < 1)
            return $"a tree with {Dissemination.Degree} children cannot reach anybody: it must have at least 1";
        if (Reliability is Reliability.BestEffort && Ordering.HasFlag(Ordering.Causal))
            return "causal order over best effort is refused: what an unlucky member misses would hold back all that follows from it for ever; take Reliable";
        if (Reliability is Reliability.BestEffort && IsTotal)
            return "total order over best effort is refused: a member that misses a message could deliver nothing after it; take UniformReliable";
        if (Reliability is Reliability.BestEffort && Dissemination.Kind is not DisseminationKind.Direct)
            return $"dissemination {Dissemination} of best effort is refused: {(Dissemination.Kind is DisseminationKind.Eager ? "re-broadcasting makes it reliable" : "an inner member that crashes takes the messages of those below it along")}; take Reliable";
        if (IsTotal && Dissemination.Kind is not DisseminationKind.Direct)
            return $"dissemination {Dissemination} of total order is refused: the sequencer sends to everybody itself; take Direct";
        if (OrderedBy is Orderer.Log && !IsTotal)
            return $"a log gives a total order, ordering {Ordering} needs none: take Total, or no log";
        if (OrderedBy is Orderer.Log && !IsUniform)
            return $"{Reliability} total order by a log is refused: what is in the log no crash takes away, so it is uniform at the same cost; take UniformReliable";
        if (Faults is FaultModel.CrashRecovery && OrderedBy is not Orderer.Log)
            return $"fault model CrashRecovery without a log is refused: {(IsTotal ? "a sequencer and its order are" : "what members have is")} in memory alone; take UniformReliable and Total, ordered by a Log";
        if (IsTotal && Reliability is Reliability.Reliable && Faults is not FaultModel.CrashStop)
            return $"total order that is not uniform is refused under {Faults}: a sequencer that is cut off would go on ordering for those on its side; take UniformReliable";
        if (IsUniform && Acknowledgement is Acknowledgement.All && Faults is not FaultModel.CrashStop)
            return $"acknowledgement by all is refused under {Faults}: it leaves out who is suspected, and a suspicion may be wrong; take Majority";
        if (IsUniform && Acknowledgement is Acknowledgement.All && IsTotal)
            return "acknowledgement by all of total order is refused: a new sequencer is chosen by a majority, so a majority must know the order; take Majority";
        return null;
    }

    private IEnumerable<Guarantee> Named()
    {
        var level = (Reliability, IsTotal) switch
        {
            (_, true) => IsUniform ? "UTOB" : "TOB",
            (Reliability.BestEffort, _) => "BEB",
            (Reliability.Reliable, _) => "RB",
            _ => "URB",
        };
        yield return new Guarantee(level + "1", "validity");
        yield return new Guarantee(level + "2", "no duplication");
        yield return new Guarantee(level + "3", "no creation");
        if (Reliability is not Reliability.BestEffort)
            yield return new Guarantee(level + "4", IsUniform ? "uniform agreement" : "agreement");
        if (IsTotal)
            yield return new Guarantee(level + "5", IsUniform ? "uniform total order" : "total order");
        // The sequencer takes each sender's messages in their order and nothing that follows from what it has not ordered yet.
        if (IsTotal || Ordering.HasFlag(Ordering.Fifo) || Ordering.HasFlag(Ordering.Causal))
            yield return new Guarantee("FRB5", "FIFO delivery");
        if (IsTotal || Ordering.HasFlag(Ordering.Causal))
            yield return new Guarantee("CRB5", "causal delivery");
    }

    private int TreeDepth(int members)
    {
        var depth = 0;
        for (var last = members - 1; last > 0; last = (last - 1) / Dissemination.Degree)
            depth++;
        return depth;
    }
}
