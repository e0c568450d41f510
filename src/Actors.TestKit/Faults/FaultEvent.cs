using System.Globalization;
using Actors.Membership;

namespace Actors.TestKit;

/// <summary>What can happen to nodes at an instant. Each ends by itself after its duration.</summary>
public enum FaultKind
{
    /// <summary>The node crashes, and starts again at the end.</summary>
    Crash,

    /// <summary>The process stops; its clock goes on.</summary>
    Pause,

    /// <summary>The machine is suspended; its clock stands still.</summary>
    Suspend,

    /// <summary>The node hears nobody and nobody hears it.</summary>
    Isolate,

    /// <summary>The targets are split from all others.</summary>
    Partition,

    /// <summary>Messages from the first target to the second are lost.</summary>
    CutOneWay,

    /// <summary>Each target hears only its neighbours in the list.</summary>
    Ring,

    /// <summary>Messages from the first target to the second wait until the end.</summary>
    Clog,

    /// <summary>Syncs of the node end no earlier than this does.</summary>
    DiskStall,

    /// <summary>Each sync of the node takes <see cref="FaultEvent.Amount"/> seconds.</summary>
    SlowDisk,

    /// <summary>The node's next sync fails.</summary>
    SyncFailure,

    /// <summary>The node's writes fail.</summary>
    DiskFull,

    /// <summary>A bit of the node's log flips.</summary>
    BitRot,

    /// <summary>The node crashes, and starts again with an empty disk at the end.</summary>
    Wipe,

    /// <summary>The node's clock runs at the rate that <see cref="FaultEvent.Amount"/> says.</summary>
    ClockDrift,

    /// <summary>The node's wall clock is wrong by <see cref="FaultEvent.Amount"/> seconds.</summary>
    ClockJump,

    /// <summary>The first target is told that the second is suspected, whatever the truth.</summary>
    FalseSuspicion,

    /// <summary>The first target, which leads, is asked to hand over to the second one, or to whomever it likes; only in runs that know how to ask, as all that follows.</summary>
    HandOver,

    /// <summary>The target is removed from its group by an operator, and asked back at the end.</summary>
    Removal,

    /// <summary>An operator restarts all nodes of the group, one after the other; the target means nothing.</summary>
    RollingRestart,

    /// <summary>An operator has the target write a backup.</summary>
    Backup,
}

/// <summary>Something that a run does and a fault waits for; the run says so by <see cref="Simulation.Moment"/>.</summary>
/// <param name="Name">What it is, such as "vote".</param>
/// <param name="Later">The fault begins or ends so long after it.</param>
public sealed record FaultMoment(string Name, TimeSpan Later)
{
    /// <summary>A part of a line for a person.</summary>
    public override string ToString() => Later == TimeSpan.Zero ? Name : string.Create(CultureInfo.InvariantCulture, $"{Name} + {Later.TotalSeconds:F3} s");
}

/// <summary>One planned fault.</summary>
/// <param name="At">When it begins, counted from the start of the plan; see <see cref="Upon"/>.</param>
/// <param name="Kind">What happens.</param>
/// <param name="Targets">To whom; see <see cref="FaultKind"/>. The default <see cref="NodeId"/> stands for whoever leads at that moment, or whose <see cref="Upon"/> it is.</param>
/// <param name="Duration">How long it lasts, unless <see cref="Until"/> ends it.</param>
/// <param name="Amount">How much, where the kind says so; otherwise 0.</param>
public sealed record FaultEvent(TimeSpan At, FaultKind Kind, IReadOnlyList<NodeId> Targets, TimeSpan Duration, double Amount = 0)
{
    /// <summary>It begins when this comes for the first time after <see cref="At"/>. Null (default): it waits for nothing.</summary>
    public FaultMoment? Upon { get; init; }

    /// <summary>It ends when this comes to another node than the one that the default target stands for. Null (default): it lasts for its duration.</summary>
    public FaultMoment? Until { get; init; }

    /// <summary>One line for a person.</summary>
    public override string ToString()
    {
        var targets = string.Join(',', Targets.Select(target => !target.IsNone ? target.Value : Upon is null ? "the leader" : "that node"));
        var upon = Upon is null ? "" : $"upon a {Upon}: ";
        var amount = Amount == 0 ? "" : $" by {Amount.ToString("G4", CultureInfo.InvariantCulture)}";
        var until = Until is null ? "" : $" or until another's {Until}";
        return string.Create(CultureInfo.InvariantCulture, $"{At.TotalSeconds,9:F3} s  {upon}{Kind} {targets}{amount} for {Duration.TotalSeconds:F3} s{until}");
    }
}
