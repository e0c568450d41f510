using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Client;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>What goes wrong in a run of the swarm: faults at any time, and situations in which replication protocols are known to break.</summary>
internal static class SwarmScenarios
{
    /// <summary>Faults begin within this time.</summary>
    public static readonly TimeSpan Duration = TimeSpan.FromSeconds(20);

    /// <summary>The node from which the end of a run is watched: the network may cut it off, but it does not crash.</summary>
    public static readonly NodeId Observer = new("observer");

    /// <summary>The faults of a seed. Some lose the disks of a majority at once: no group survives that, but neither may it serve anything afterwards.</summary>
    public static FaultPlan DrawPlan(Simulation simulation, SimGroup group)
    {
        var random = simulation.RandomFor("plan");
        IReadOnlyList<NodeId> clients = [.. simulation.Nodes.Select(n => n.Id).Except(group.Nodes)];
        var plan = new FaultMix
        {
            Nodes = group.Nodes,
            Bystanders = clients,
            Duration = Duration,
            TargetsLeader = true,
            MaxDamaged = Survivable(group.Settings),
            MinEvents = 5,
        }.Draw(random);
        var events = new List<FaultEvent>(plan.Events);
        foreach (var client in clients.Where(client => client != Observer && random.Chance(0.2)))
            events.Add(new FaultEvent(Before(random, TimeSpan.Zero), FaultKind.Crash, [client], Short(random)));
        if (group.Nodes.Count > 2)
        {
            for (var i = random.Chance(0.5) ? 1 + random.Next(3) : 0; i > 0; i--)
                events.AddRange(Comeback(group, clients, random));
        }

        if (group.Nodes.Count > 3 && random.Chance(0.4))
            events.AddRange(OneAfterTheOther(group, random));
        if (group.Nodes.Count > 2 && random.Chance(0.05))
            LoseMajority(events, group, random);
        return plan with { Events = [.. events.OrderBy(e => e.At)] };
    }

    /// <summary>Crashes, so many that a run which the rest of <paramref name="plan"/> spared has its share.</summary>
    public static FaultPlan AtLeast(long count, FaultPlan plan, SimGroup group) => plan with
    {
        Events = [.. Enumerable.Range(0, (int)Math.Max(0, count)).Select(i =>
            new FaultEvent(TimeSpan.FromSeconds(i), FaultKind.Crash, [group.Nodes[i % group.Nodes.Count]], TimeSpan.FromMilliseconds(200)))],
    };

    /// <summary>True when the group must go on and converge after <paramref name="plan"/>.</summary>
    public static bool IsSurvivable(FaultPlan plan, GroupSettings settings) =>
        plan.Events.Where(e => e.Kind is FaultKind.Wipe or FaultKind.BitRot).SelectMany(e => e.Targets).Distinct().Count() <= Survivable(settings);

    /// <summary>Sets up what no schedule can hit, because it depends on what the group does.</summary>
    public static void Arm(Simulation simulation, SimGroup group, IActorRef observer)
    {
        var random = simulation.RandomFor("scenarios");
        HandOver(simulation, group, observer, random);
        if (random.Chance(0.3))
            CrashVoters(simulation, group, random);
        if (random.Chance(0.5))
            DisturbProposals(simulation, group, random);
        for (var i = group.Nodes.Count > 2 && random.Chance(0.4) ? 1 + random.Next(8) : 0; i > 0; i--)
            simulation.After(Before(random, TimeSpan.Zero), () => Depose(simulation, group, random));
    }

    /// <summary>After all has healed, some nodes are cut off for good, one after the other, so that each can be kicked before the next one; returns them.</summary>
    public static IReadOnlyCollection<NodeId> TakeDown(Simulation simulation, SimGroup group, int count)
    {
        var nodes = group.Nodes.ToArray();
        simulation.RandomFor("down").Shuffle(nodes);
        var after = TimeSpan.FromSeconds(5);
        foreach (var node in nodes.Take(count))
        {
            simulation.After(after, () => simulation.Network.Isolate(node));
            after += 2 * group.Settings.KickAfter + TimeSpan.FromSeconds(2);
        }

        return nodes[..count];
    }

    /// <summary>How many disks may lose data; under the rule all, a view that was shrunk to two cannot lose one as well.</summary>
    private static int Survivable(GroupSettings settings) => settings.Commit is CommitRule.Majority ? (settings.InitialMembers.Count - 1) / 2 : 0;

    /// <summary>The primary is cut off, with some of the clients and at times with a node that it may not count; as it comes back with what it ordered meanwhile, its successor fails.</summary>
    private static FaultEvent[] Comeback(SimGroup group, IReadOnlyList<NodeId> clients, SeededRandom random)
    {
        var at = Before(random, TimeSpan.FromSeconds(4));
        var away = group.Settings.ElectionTimeout * (0.5 + 4 * random.NextDouble());
        var kind = random.Chance(0.5) ? FaultKind.Crash : FaultKind.Isolate;
        return
        [
            new FaultEvent(at, FaultKind.Partition, [default, .. clients.Where(_ => random.Chance(0.5))], away),
            new FaultEvent(at + away * (0.8 + 0.3 * random.NextDouble()), kind, [default], random.Between(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2))),
        ];
    }

    /// <summary>Nodes fall silent one after the other, each before the view without the one before it can be settled.</summary>
    private static IEnumerable<FaultEvent> OneAfterTheOther(SimGroup group, SeededRandom random)
    {
        var nodes = group.Nodes.ToArray();
        random.Shuffle(nodes);
        var at = Before(random, TimeSpan.FromSeconds(6));
        foreach (var node in nodes.Take(random.Next(2, nodes.Length)))
        {
            yield return new FaultEvent(at, random.Chance(0.5) ? FaultKind.Crash : FaultKind.Isolate, [node], random.Between(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(6)));
            at += group.Settings.KickAfter - group.Settings.ElectionTimeout * random.NextDouble();
        }
    }

    // All other disks are in order: were none left that knows of the group, the nodes would rightly found a new one.
    private static void LoseMajority(List<FaultEvent> events, SimGroup group, SeededRandom random)
    {
        events.RemoveAll(e => e.Kind is FaultKind.Wipe or FaultKind.BitRot or FaultKind.SyncFailure or FaultKind.DiskFull);
        var lost = group.Nodes.ToArray();
        random.Shuffle(lost);
        var at = Before(random, TimeSpan.Zero);
        events.AddRange(lost.Take(Quorum.Majority(lost.Length)).Select(node => new FaultEvent(at, FaultKind.Wipe, [node], random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(1)))));
    }

    private static TimeSpan Before(SeededRandom random, TimeSpan end) => random.Between(TimeSpan.FromSeconds(1), Duration - end);

    private static TimeSpan Short(SeededRandom random) => random.Between(TimeSpan.FromMilliseconds(1), random.Chance(0.5) ? TimeSpan.FromMilliseconds(50) : TimeSpan.FromSeconds(2));

    /// <summary>Crashes nodes for a moment just as they vote: what they promised must outlive it.</summary>
    private static void CrashVoters(Simulation simulation, SimGroup group, SeededRandom random) => group.OnVote(id =>
    {
        if (simulation.Now < Duration && random.Chance(0.2))
            simulation.After(TimeSpan.Zero, () => CrashFor(simulation, simulation.Node(id), random.Between(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(20))));
    });

    /// <summary>
    /// A primary proposes a view, and only some hear of it: it is cut off from the others, and soon from all. Or it is left alone with
    /// those that it is about to take in, while the others know at once and elect another.
    /// </summary>
    private static void DisturbProposals(Simulation simulation, SimGroup group, SeededRandom random) => group.OnProposal((primary, view) =>
    {
        if (simulation.Now > Duration)
            return;
        if (view.Learners.Count > 0 && random.Chance(0.8))
        {
            Secede(simulation, group, primary, view, random);
            return;
        }

        if (!random.Chance(0.25))
            return;
        var node = simulation.Node(primary);
        var deaf = group.Nodes.Where(other => other != primary && random.Chance(0.5)).ToList();
        var lasts = Short(random);
        simulation.After(TimeSpan.Zero, () =>
        {
            var cuts = deaf.ConvertAll(other => simulation.Network.CutOneWay(primary, other));
            simulation.After(lasts, () => cuts.ForEach(cut => cut.End()));
        });
        if (random.Chance(0.7))
            simulation.After(random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(30)), () => CrashFor(simulation, node, lasts));
    });

    /// <summary>
    /// The others elect another primary while the present one hears nothing that tells it so: it stands still and goes on for a moment
    /// without them, or what is on its way to it comes late.
    /// </summary>
    private static void Depose(Simulation simulation, SimGroup group, SeededRandom random)
    {
        var primary = group.Primary;
        if (primary.IsNone || !simulation.Node(primary).IsUp)
            return;
        var node = simulation.Node(primary);
        var faults = new List<NetworkFault>();
        var standsStill = random.Chance(0.7);
        if (standsStill)
            node.Pause(TimeSpan.FromSeconds(3));
        foreach (var other in group.Nodes.Where(other => other != primary))
        {
            faults.Add(standsStill ? simulation.Network.CutOneWay(other, primary) : simulation.Network.Clog(other, primary));
            if (!standsStill)
                faults.Add(simulation.Network.CutOneWay(primary, other));
            if (simulation.Node(other).IsUp)
                simulation.GiveHint(other, new MembershipHint(primary, Suspected: true));
        }

        // The others get time for some writes; then it goes on, and a moment later hears of them.
        var writes = random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(400));
        When(simulation, () => group.Primary != primary, atMost: TimeSpan.FromSeconds(2), () => simulation.After(writes, () =>
        {
            if (standsStill && node.IsUp)
                node.Resume();
            simulation.After(group.Settings.HeartbeatInterval * random.NextDouble(), () => faults.ForEach(fault => fault.End()));
        }));
    }

    /// <summary>Runs <paramref name="action"/> soon after <paramref name="condition"/> holds, or when it did not for so long.</summary>
    private static void When(Simulation simulation, Func<bool> condition, TimeSpan atMost, Action action)
    {
        var interval = TimeSpan.FromMilliseconds(5);
        simulation.After(interval, () =>
        {
            if (atMost <= interval || condition())
                action();
            else
                When(simulation, condition, atMost - interval, action);
        });
    }

    private static void Secede(Simulation simulation, SimGroup group, NodeId primary, View view, SeededRandom random)
    {
        // So many that they are a majority if learners count, and none if not.
        var members = view.Members.Select(m => m.Node).Where(m => m != primary).ToArray();
        random.Shuffle(members);
        var learners = view.Learners.Select(l => l.Node).ToList();
        var clients = simulation.Nodes.Select(n => n.Id).Except(group.Nodes).Where(_ => random.Chance(0.5));
        List<NodeId> side = [primary, .. members.Take(Quorum.Majority(view.Members.Count) - 1 - learners.Count), .. learners, .. clients];
        simulation.After(random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(20)), () =>
        {
            var cut = simulation.Network.Partition(side.Distinct().ToList());
            foreach (var other in group.Nodes.Except(side).Where(other => simulation.Node(other).IsUp))
                simulation.GiveHint(other, new MembershipHint(primary, Suspected: true));
            simulation.After(random.Between(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(2)), cut.End);
        });
    }

    /// <summary>Now and then the primary is asked to hand over.</summary>
    private static void HandOver(Simulation simulation, SimGroup group, IActorRef observer, SeededRandom random)
    {
        for (var i = random.Next(4); i > 0; i--)
        {
            var target = random.Chance(0.5) ? default : group.Nodes[random.Next(group.Nodes.Count)];
            simulation.After(random.Between(TimeSpan.Zero, Duration), () =>
            {
                if (!group.Primary.IsNone)
                    observer.Tell(new Transfer(group.Primary, target, _ => { }), ActorRefs.NoSender);
            });
        }
    }

    private static void CrashFor(Simulation simulation, SimNode node, TimeSpan duration)
    {
        if (!node.IsUp)
            return;
        node.Crash();
        simulation.After(duration, () =>
        {
            if (!node.IsUp)
                node.Restart();
        });
    }
}
