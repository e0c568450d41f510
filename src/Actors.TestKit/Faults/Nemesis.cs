using Actors.Membership;
using Actors.Storage;

namespace Actors.TestKit;

/// <summary>Carries out a fault plan on a simulation.</summary>
internal sealed class Nemesis(Simulation simulation, Func<NodeId> leader)
{
    private readonly SortedDictionary<FaultKind, long> _counts = [];
    private bool _over;

    /// <summary>Events that took effect, by kind.</summary>
    public IReadOnlyDictionary<FaultKind, long> Counts => _counts;

    public void Begin(FaultPlan plan)
    {
        simulation.Network.Faults = plan.Link;
        simulation.HintFaults = plan.Hints;
        foreach (var node in simulation.Nodes)
            node.Disk.Faults = plan.Disk;
        foreach (var item in plan.Events)
            simulation.After(item.At, () => Begin(item));
    }

    /// <summary>No event begins any more.</summary>
    public void Stop() => _over = true;

    private void Begin(FaultEvent item)
    {
        if (_over || Resolve(item.Targets) is not { } targets)
            return;
        var node = simulation.Node(targets[0]);
        if (!node.IsUp && item.Kind is FaultKind.Crash or FaultKind.Pause or FaultKind.Suspend or FaultKind.Wipe)
            return;     // it is down already
        _counts[item.Kind] = _counts.GetValueOrDefault(item.Kind) + 1;
        simulation.Note((item with { Targets = targets }).ToString().Trim());
        switch (item.Kind)
        {
            case FaultKind.Crash:
                node.Crash();
                AtEndOf(item, () => RestartIfDown(node));
                break;
            case FaultKind.Wipe:
                node.Crash();
                node.Disk.Wipe();
                AtEndOf(item, () => RestartIfDown(node));
                break;
            case FaultKind.Pause:
                node.Pause(item.Duration);
                break;
            case FaultKind.Suspend:
                node.Pause(item.Duration, clockStops: true);
                break;
            case FaultKind.Isolate:
                AtEndOf(item, simulation.Network.Isolate(targets[0]).End);
                break;
            case FaultKind.Partition:
                AtEndOf(item, simulation.Network.Partition(targets).End);
                break;
            case FaultKind.CutOneWay:
                AtEndOf(item, simulation.Network.CutOneWay(targets[0], targets[1]).End);
                break;
            case FaultKind.Ring:
                AtEndOf(item, simulation.Network.Ring(targets).End);
                break;
            case FaultKind.Clog:
                AtEndOf(item, simulation.Network.Clog(targets[0], targets[1]).End);
                break;
            case FaultKind.DiskStall:
                node.Disk.Stall(item.Duration);
                break;
            case FaultKind.SyncFailure:
                node.Disk.FailNextSync();
                break;
            case FaultKind.DiskFull:
                node.Disk.IsFull = true;
                AtEndOf(item, () => node.Disk.IsFull = false);
                break;
            case FaultKind.BitRot:
                node.Disk.Rot(Table.Log);
                break;
            case FaultKind.ClockDrift:
                node.Clock.Rate = item.Amount;
                AtEndOf(item, () => node.Clock.Rate = 1);
                break;
            case FaultKind.ClockJump:
                node.Clock.WallOffset = TimeSpan.FromSeconds(item.Amount);
                AtEndOf(item, () => node.Clock.WallOffset = TimeSpan.Zero);
                break;
            case FaultKind.FalseSuspicion:
                simulation.GiveHint(targets[0], new MembershipHint(targets[1], Suspected: true));
                break;
        }
    }

    /// <summary>Ends what <paramref name="item"/> began, unless all faults were ended meanwhile.</summary>
    private void AtEndOf(FaultEvent item, Action end) => simulation.After(item.Duration, () =>
    {
        if (!_over)
            end();
    });

    private static void RestartIfDown(SimNode node)
    {
        if (!node.IsUp)
            node.Restart();
    }

    /// <summary>The targets with the leader in its place; null when nobody leads, or when leader and other target are the same.</summary>
    private IReadOnlyList<NodeId>? Resolve(IReadOnlyList<NodeId> targets)
    {
        if (!targets.Any(target => target.IsNone))
            return targets;
        var leading = leader();
        return leading.IsNone || targets.Contains(leading) ? null : [.. targets.Select(target => target.IsNone ? leading : target)];
    }
}
