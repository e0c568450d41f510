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
}

/// <summary>One planned fault.</summary>
/// <param name="At">When it begins, counted from the start of the plan.</param>
/// <param name="Kind">What happens.</param>
/// <param name="Targets">To whom; see <see cref="FaultKind"/>. The default <see cref="NodeId"/> stands for whoever leads at that moment.</param>
/// <param name="Duration">How long it lasts.</param>
/// <param name="Amount">How much, where the kind says so; otherwise 0.</param>
public sealed record FaultEvent(TimeSpan At, FaultKind Kind, IReadOnlyList<NodeId> Targets, TimeSpan Duration, double Amount = 0)
{
    /// <summary>One line for a person.</summary>
    public override string ToString()
    {
        var targets = string.Join(',', Targets.Select(target => target.IsNone ? "the leader" : target.Value));
        var amount = Amount == 0 ? "" : $" by {Amount.ToString("G4", CultureInfo.InvariantCulture)}";
        return string.Create(CultureInfo.InvariantCulture, $"{At.TotalSeconds,9:F3} s  {Kind} {targets}{amount} for {Duration.TotalSeconds:F3} s");
    }
}
