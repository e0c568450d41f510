using Actors.Membership;
using Actors.Storage;

namespace Actors.TestKit;

/// <summary>Carries out a fault plan on a simulation.</summary>
/// <param name="simulation">The run.</param>
/// <param name="leader">Who leads; none when nobody does.</param>
/// <param name="operate">Does what only the run knows how to do; null in a run where there is no such thing.</param>
internal sealed class Nemesis(Simulation simulation, Func<NodeId> leader, Func<FaultKind, IReadOnlyList<NodeId>, Action?>? operate)
{
    private readonly SortedDictionary<FaultKind, long> _counts = [];
    private readonly List<FaultEvent> _waiting = [];                                // for the moment upon which they begin
    private readonly List<(FaultMoment Until, NodeId Hit, Action End)> _ending = [];    // when the moment comes to another node than the one that was hit
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
        {
            simulation.After(item.At, () =>
            {
                if (item.Upon is null)
                    Begin(item, leader());
                else
                    _waiting.Add(item);
            });
        }
    }

    /// <summary>Something happened on <paramref name="node"/> that faults may wait for.</summary>
    public void OnMoment(string name, NodeId node)
    {
        for (var i = 0; i < _waiting.Count; i++)
        {
            if (_waiting[i] is not { Upon: { } upon } item || upon.Name != name)
                continue;
            _waiting.RemoveAt(i--);
            simulation.After(upon.Later, () => Begin(item, node));
        }

        for (var i = 0; i < _ending.Count; i++)
        {
            var (until, hit, end) = _ending[i];
            if (until.Name != name || hit == node)
                continue;
            _ending.RemoveAt(i--);
            simulation.After(until.Later, end);
        }
    }

    /// <summary>No event begins any more.</summary>
    public void Stop() => _over = true;

    /// <param name="item">What begins.</param>
    /// <param name="who">For whom the default target stands.</param>
    private void Begin(FaultEvent item, NodeId who)
    {
        if (_over || Resolve(item, who) is not { } targets)
            return;
        var node = simulation.Node(targets[0]);
        if (!node.IsUp && item.Kind is FaultKind.Crash or FaultKind.Pause or FaultKind.Suspend or FaultKind.Wipe)
            return;     // it is down already
        _counts[item.Kind] = _counts.GetValueOrDefault(item.Kind) + 1;
        simulation.Note((item with { Targets = targets }).ToString().Trim());
        if (Begin(item, node, targets) is not { } end)
            return;
        var ended = false;
        if (item.Until is not null)
            _ending.Add((item.Until, who, End));
        if (item.Kind is not (FaultKind.Pause or FaultKind.Suspend))     // which end by themselves, together with those that overlap them
            simulation.After(item.Duration, End);

        // Unless all faults were ended meanwhile.
        void End()
        {
            if (!_over && !ended)
                end();
            ended = true;
        }
    }

    /// <summary>Begins it; returns what ends it, where that is not the fault itself.</summary>
    private Action? Begin(FaultEvent item, SimNode node, IReadOnlyList<NodeId> targets)
    {
        switch (item.Kind)
        {
            case FaultKind.Crash:
                node.Crash();
                return () => RestartIfDown(node);
            case FaultKind.Wipe:
                node.Crash();
                node.Disk.Wipe();
                return () => RestartIfDown(node);
            case FaultKind.Pause or FaultKind.Suspend:
                node.Pause(item.Duration, clockStops: item.Kind is FaultKind.Suspend);
                return node.Resume;
            case FaultKind.Isolate:
                return simulation.Network.Isolate(targets[0]).End;
            case FaultKind.Partition:
                return simulation.Network.Partition(targets).End;
            case FaultKind.CutOneWay:
                return simulation.Network.CutOneWay(targets[0], targets[1]).End;
            case FaultKind.Ring:
                return simulation.Network.Ring(targets).End;
            case FaultKind.Clog:
                return simulation.Network.Clog(targets[0], targets[1]).End;
            case FaultKind.DiskStall:
                node.Disk.Stall(item.Duration);
                break;
            case FaultKind.SlowDisk:
                node.Disk.SyncsTake = TimeSpan.FromSeconds(item.Amount);
                return () => node.Disk.SyncsTake = TimeSpan.Zero;
            case FaultKind.SyncFailure:
                node.Disk.FailNextSync();
                break;
            case FaultKind.DiskFull:
                node.Disk.IsFull = true;
                return () => node.Disk.IsFull = false;
            case FaultKind.BitRot:
                node.Disk.Rot(Table.Log);
                break;
            case FaultKind.ClockDrift:
                node.Clock.Rate = item.Amount;
                return () => node.Clock.Rate = 1;
            case FaultKind.ClockJump:
                node.Clock.WallOffset = TimeSpan.FromSeconds(item.Amount);
                return () => node.Clock.WallOffset = TimeSpan.Zero;
            case FaultKind.FalseSuspicion:
                simulation.GiveHint(targets[0], new MembershipHint(targets[1], Suspected: true));
                break;
            case >= FaultKind.HandOver:
                return operate!(item.Kind, targets);
        }

        return null;
    }

    private static void RestartIfDown(SimNode node)
    {
        if (!node.IsUp)
            node.Restart();
    }

    /// <summary>The targets with <paramref name="who"/> in the place of the default; null when that is nobody, when it would be two targets of a fault between two, or when this run cannot do it.</summary>
    private IReadOnlyList<NodeId>? Resolve(FaultEvent item, NodeId who)
    {
        if (item.Kind >= FaultKind.HandOver && operate is null)
            return null;
        if (!item.Targets.Any(target => target.IsNone))
            return item.Targets;
        if (who.IsNone || (item.Targets.Contains(who) && item.Kind is not FaultKind.Partition))
            return null;
        return [.. item.Targets.Select(target => target.IsNone ? who : target).Distinct()];
    }
}
