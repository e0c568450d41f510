using Actors.Membership;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>What goes wrong in a run of the swarm: faults at any time, and situations in which replication protocols are known to break.</summary>
internal static class SwarmScenarios
{
    /// <summary>Faults begin within this time.</summary>
    public static readonly TimeSpan Duration = TimeSpan.FromSeconds(20);

    /// <summary>By how much a clock may gain or lose.</summary>
    public const double ClockDrift = 0.01;

    /// <summary>The node from which the end of a run is watched: the network may cut it off, but it does not crash.</summary>
    public static readonly NodeId Observer = new("observer");

    /// <summary>The faults of a seed. Some lose the disks of a majority at once: no group survives that, but neither may it serve anything afterwards.</summary>
    public static FaultPlan DrawPlan(Simulation simulation, SimGroup group)
    {
        var random = simulation.RandomFor("plan");
        IReadOnlyList<NodeId> clients = [.. simulation.Nodes.Select(n => n.Id).Except(group.Nodes)];
        var mix = new FaultMix
        {
            Nodes = group.Nodes,
            Bystanders = clients,
            Duration = Duration,
            TargetsLeader = true,
            MaxDamaged = Survivable(group.Settings),
            MinEvents = 5,
            MaxDrift = ClockDrift,
        };
        mix = mix with { Kinds = [.. mix.Kinds.Where(Befits)] };
        var plan = mix.Draw(random);
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
        events.AddRange(HandOvers(group, random));
        if (!events.Exists(e => e.Kind is FaultKind.Wipe or FaultKind.BitRot))     // of a group that is smaller for a while, fewer disks may be lost
            events.AddRange(Removals(group, random));
        events.AddRange(Operations(group, simulation.RandomFor("operations")));
        if (random.Chance(0.3))
            events.AddRange(CrashedVoters(random));
        if (random.Chance(0.5))
            events.AddRange(DisturbedProposals(group, clients, random));
        for (var i = group.Nodes.Count > 2 && random.Chance(0.4) ? 1 + random.Next(8) : 0; i > 0; i--)
            events.AddRange(Deposition(group, clients, random.Chance(0.7) ? At(GroupMoment.Message) : null, random));
        for (var i = group.Nodes.Count > 2 && !TrustsNoClock(group) ? random.Next(4) : 0; i > 0; i--)
        {
            events.AddRange(Defection(group, clients, random));
            if (group.Settings.Protocol is not Protocol.PrimaryBackup)
                continue;
            events.AddRange(LateAnswers(group, random));
            events.AddRange(DeafHandOver(group, random));
        }

        if (group.Settings.Protocol is Protocol.Chain)
        {
            events.AddRange(CutOffEnds(group, clients, simulation.RandomFor("cut-off ends")));
            events.AddRange(UnheardJoins(group, simulation.RandomFor("unheard joins")));
            events.AddRange(LateCopies(clients.Except(group.DirectoryNodes), simulation.RandomFor("late copies")));
        }

        if (group.Settings is { Protocol: Protocol.Chain, Reads: ReadGuard.Lease })
            events.AddRange(CutOffReaders(group, simulation.RandomFor("cut-off readers")));
        if (group.DirectoryNodes.Count > 3)
            events.AddRange(SplitDirectory(group, simulation.RandomFor("directory plan")));
        if (group.Nodes.Count > 2 && random.Chance(0.05))
            LoseMajority(events, group, random);
        var last = simulation.RandomFor("last link");
        if (group.Settings.Authority is ViewAuthority.Directory && group.Settings.InitialMembers.Count > 1 && last.Chance(0.05))
            LoseLast(events, group, last);
        return plan with { Events = [.. events.Where(e => Befits(e.Kind)).OrderBy(e => e.At)] };

        // What a lossy group has on disk are promises alone, without which no epoch is safe; and it may forget that a node was removed, or what a backup was checked against.
        bool Befits(FaultKind kind) => kind switch
        {
            FaultKind.Suspend => TrustsNoClock(group),
            FaultKind.Wipe or FaultKind.BitRot or FaultKind.Removal or FaultKind.Backup => !group.Settings.IsLossy,
            _ => true,
        };
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

    /// <summary>The link that faults aim at, which is the tail in most of these runs, is cut off from the others, but not from the directory nor from clients: it goes on reading by its lease while it is left out. At times the tail of the view without it is started again at once.</summary>
    private static IEnumerable<FaultEvent> CutOffReaders(SimGroup group, SeededRandom random)
    {
        for (var i = 1 + random.Next(4); i > 0; i--)
        {
            var (at, lasts) = (WhileClientsWork(random), group.Settings.ElectionTimeout * (1.2 + 2 * random.NextDouble()));
            foreach (var other in group.Nodes)
            {
                yield return new FaultEvent(at, FaultKind.CutOneWay, [default, other], lasts);
                yield return new FaultEvent(at, FaultKind.CutOneWay, [other, default], lasts);
                yield return new FaultEvent(at + UpTo(random, 60), FaultKind.FalseSuspicion, [other, default], TimeSpan.Zero);
            }

            if (random.Chance(0.5))
                yield return new FaultEvent(at, FaultKind.Crash, [default], TimeSpan.FromMilliseconds(1)) { Upon = At(GroupMoment.Tail, UpTo(random, 50)) };
        }
    }

    /// <summary>Head and tail are cut off together, with some of the clients, and the links between them go on without both: neither of the two has joined the view that the others are in.</summary>
    private static IEnumerable<FaultEvent> CutOffEnds(SimGroup group, IReadOnlyList<NodeId> clients, SeededRandom random)
    {
        if (group.Settings.InitialMembers.Count < 3 || !random.Chance(0.3))
            yield break;
        NodeId[] ends = [group.Settings.InitialMembers[0], group.Settings.InitialMembers[^1]];
        var (at, lasts) = (random.Between(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3)), group.Settings.ElectionTimeout * (1 + random.NextDouble()) + group.Settings.KickAfter * (1 + 2 * random.NextDouble()));
        yield return new FaultEvent(at, FaultKind.Partition, [.. ends, .. clients.Where(_ => random.Chance(0.5))], lasts);
        foreach (var other in group.Nodes.Except(ends))
        {
            foreach (var end in ends)
                yield return new FaultEvent(at + UpTo(random, 60), FaultKind.FalseSuspicion, [other, end], TimeSpan.Zero);
        }
    }

    /// <summary>A new tail joins its view, and the others, who have as well, do not reach the directory to say so: the new tail would go on without them.</summary>
    private static IEnumerable<FaultEvent> UnheardJoins(SimGroup group, SeededRandom random)
    {
        for (var i = random.Chance(0.5) ? 1 + random.Next(3) : 0; i > 0; i--)
        {
            var (at, heard) = (Before(random, TimeSpan.Zero), group.Nodes[random.Next(group.Nodes.Count)]);
            var lasts = group.Settings.KickAfter + group.Settings.ElectionTimeout * (1 + 2 * random.NextDouble());
            foreach (var other in group.Nodes.Where(node => node != heard))
            {
                foreach (var directory in group.DirectoryNodes)
                    yield return new FaultEvent(at, FaultKind.CutOneWay, [other, directory], lasts) { Upon = At(GroupMoment.Promotion) };
            }
        }
    }

    /// <summary>A head refuses commands, as too few members are left, and is started again at once; what clients have sent it, copies of what it has refused among that, comes when it may order again.</summary>
    private static IEnumerable<FaultEvent> LateCopies(IEnumerable<NodeId> clients, SeededRandom random)
    {
        for (var i = random.Chance(0.4) ? 1 + random.Next(4) : 0; i > 0; i--)
        {
            var (at, lasts) = (WhileClientsWork(random), random.Between(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(3)));
            foreach (var client in clients)
                yield return new FaultEvent(at, FaultKind.Clog, [client, default], lasts) { Upon = At(GroupMoment.Refusal) };
            yield return new FaultEvent(at, FaultKind.Crash, [default], TimeSpan.FromMilliseconds(1)) { Upon = At(GroupMoment.Refusal, UpTo(random, 20)) };
        }
    }

    /// <summary>Two of the directory's nodes are cut off, with some of the group's, for long enough to be kicked; then two of the others are.</summary>
    private static IEnumerable<FaultEvent> SplitDirectory(SimGroup group, SeededRandom random)
    {
        var nodes = group.DirectoryNodes.ToArray();
        random.Shuffle(nodes);
        var (at, lasts) = (Before(random, TimeSpan.FromSeconds(10)), random.Between(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4)));
        foreach (var two in (NodeId[][])[nodes[..2], nodes[2..4]])
        {
            yield return new FaultEvent(at, FaultKind.Partition, [.. two, .. group.Nodes.Where(_ => random.Chance(0.5))], lasts);
            at += lasts;
        }
    }

    // All other disks are in order: were none left that knows of the group, the nodes would rightly found a new one, and the run would end there.
    private static void LoseMajority(List<FaultEvent> events, SimGroup group, SeededRandom random)
    {
        events.RemoveAll(e => e.Kind is FaultKind.Wipe or FaultKind.BitRot or FaultKind.SyncFailure or FaultKind.DiskFull);
        var lost = group.Nodes.ToArray();
        random.Shuffle(lost);
        var at = Before(random, TimeSpan.Zero);
        events.AddRange(lost.Take(Quorum.Majority(lost.Length)).Select(node => new FaultEvent(at, FaultKind.Wipe, [node], random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(1)))));
    }

    // The members go one after the other, and the last one, without which nobody serves, loses its disk. Until an operator accepts that loss, the one before it has all for nothing.
    private static void LoseLast(List<FaultEvent> events, SimGroup group, SeededRandom random)
    {
        var nodes = group.Nodes.ToArray();
        random.Shuffle(nodes);
        if (random.Chance(0.8))
            Array.Sort(nodes, 0, 2);        // the last one took its entries from the one before it: it has no more than that
        var (before, last, others) = (nodes[0], nodes[1], nodes[2..]);
        var (without, at) = (3 * group.Settings.KickAfter + TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        events.RemoveAll(e => e.Upon is not null || e.At + e.Duration > at);
        events.AddRange(others.Select(node => new FaultEvent(at, FaultKind.Crash, [node], Duration)));
        at += others.Length > 0 ? without : TimeSpan.Zero;
        events.Add(new FaultEvent(at, FaultKind.Crash, [before], Duration));
        events.Add(new FaultEvent(at + without, FaultKind.Wipe, [last], random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(1))));
    }

    private static TimeSpan Before(SeededRandom random, TimeSpan end) => random.Between(TimeSpan.FromSeconds(1), Duration - end);

    // Most of them have done what they have to before a run ends.
    private static TimeSpan WhileClientsWork(SeededRandom random) => random.Between(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(8));

    private static TimeSpan Short(SeededRandom random) => random.Between(TimeSpan.FromMilliseconds(1), random.Chance(0.5) ? TimeSpan.FromMilliseconds(50) : TimeSpan.FromSeconds(2));

    private static FaultMoment At(string name, TimeSpan later = default) => new(name, later);

    private static TimeSpan UpTo(SeededRandom random, int ms) => random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(ms));

    /// <summary>Now and then the primary is asked to hand over.</summary>
    private static IEnumerable<FaultEvent> HandOvers(SimGroup group, SeededRandom random)
    {
        for (var i = random.Next(4); i > 0; i--)
        {
            NodeId[] targets = random.Chance(0.5) ? [default] : [default, group.Nodes[random.Next(group.Nodes.Count)]];
            yield return new FaultEvent(random.Between(TimeSpan.Zero, Duration), FaultKind.HandOver, targets, TimeSpan.Zero);
        }
    }

    /// <summary>Now and then an operator removes a node, and asks it back a while later.</summary>
    private static IEnumerable<FaultEvent> Removals(SimGroup group, SeededRandom random)
    {
        for (var i = random.Chance(0.3) ? 1 + random.Next(3) : 0; i > 0; i--)
        {
            NodeId[] target = random.Chance(0.3) ? [default] : [group.Nodes[random.Next(group.Nodes.Count)]];
            yield return new FaultEvent(Before(random, TimeSpan.Zero), FaultKind.Removal, target, random.Between(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(6)));
        }
    }

    /// <summary>Now and then an operator restarts all nodes, or has a backup made.</summary>
    private static IEnumerable<FaultEvent> Operations(SimGroup group, SeededRandom random)
    {
        if (random.Chance(0.15))
            yield return new FaultEvent(Before(random, TimeSpan.FromSeconds(10)), FaultKind.RollingRestart, [group.Nodes[0]], TimeSpan.Zero);
        for (var i = random.Next(3); i > 0; i--)
            yield return new FaultEvent(Before(random, TimeSpan.Zero), FaultKind.Backup, [group.Nodes[random.Next(group.Nodes.Count)]], TimeSpan.Zero);
    }

    /// <summary>Nodes crash for a moment just as they vote: what they promised must outlive it.</summary>
    private static IEnumerable<FaultEvent> CrashedVoters(SeededRandom random)
    {
        for (var i = 1 + random.Next(8); i > 0; i--)
            yield return new FaultEvent(Before(random, TimeSpan.Zero), FaultKind.Crash, [default], TimeSpan.FromMilliseconds(1) + UpTo(random, 20)) { Upon = At(GroupMoment.Vote) };
    }

    /// <summary>
    /// A primary proposes a view, and only some hear of it: it is cut off from the others, and soon from all. Or it is left alone with
    /// those that it is about to take in, while the others know at once and elect another.
    /// </summary>
    private static IEnumerable<FaultEvent> DisturbedProposals(SimGroup group, IReadOnlyList<NodeId> clients, SeededRandom random)
    {
        for (var i = 1 + random.Next(5); i > 0; i--)
        {
            var (at, lasts) = (Before(random, TimeSpan.Zero), Short(random));
            foreach (var deaf in group.Nodes.Where(_ => random.Chance(0.5)))
                yield return new FaultEvent(at, FaultKind.CutOneWay, [default, deaf], lasts) { Upon = At(GroupMoment.Proposal) };
            if (random.Chance(0.7))
                yield return new FaultEvent(at, FaultKind.Crash, [default], lasts) { Upon = At(GroupMoment.Proposal, UpTo(random, 30)) };
        }

        for (var i = group.Nodes.Count > 2 ? 1 + random.Next(4) : 0; i > 0; i--)
        {
            foreach (var item in Deposition(group, clients, At(GroupMoment.TakingIn, UpTo(random, 20)), random))
                yield return item;
        }
    }

    /// <summary>
    /// The others elect another primary while the present one hears nothing that tells it so: it stands still and goes on for a moment
    /// without them, beside some that must not count, or what is on its way to it comes late.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="clients">Some of which go on believing in the deposed one.</param>
    /// <param name="upon">When it begins, if not just at some time.</param>
    /// <param name="random">Draws the rest.</param>
    private static IEnumerable<FaultEvent> Deposition(SimGroup group, IReadOnlyList<NodeId> clients, FaultMoment? upon, SeededRandom random)
    {
        var nodes = group.Nodes.ToArray();
        random.Shuffle(nodes);
        var at = Before(random, TimeSpan.Zero);
        var longest = TimeSpan.FromSeconds(3);
        var takesIn = upon is { Name: GroupMoment.TakingIn };
        var shape = takesIn ? Shape.Beside : (Shape)random.Next(3);
        var standsStill = shape is Shape.Beside || random.Chance(0.7);

        // The others get time for some writes; then it goes on, and a moment later hears of them.
        var goesOn = At(GroupMoment.Answer, UpTo(random, random.Chance(0.5) ? 20 : 400));
        var hears = goesOn with { Later = goesOn.Later + group.Settings.HeartbeatInterval * random.NextDouble() };
        FaultMoment Hears() => TrustsNoClock(group) ? hears : goesOn with { Later = goesOn.Later + group.Settings.HeartbeatInterval * random.NextDouble() };     // not of all at once
        var most = nodes.Length / 2 - 1;        // too few to be a majority with it
        var beside = shape is Shape.Beside ? nodes[..(takesIn ? most : random.Next(most + 1))] : [];
        if (standsStill)
            yield return Event(!TrustsNoClock(group) || random.Chance(0.3) ? FaultKind.Pause : FaultKind.Suspend, longest, goesOn, [default]);
        if (shape is Shape.Beside)
            yield return Event(FaultKind.Partition, longest, goesOn with { Later = goesOn.Later + UpTo(random, 2000) }, [default, .. beside, .. clients.Where(_ => random.Chance(0.5))]);
        var noticed = UpTo(random, 60);     // by then what it has sent is there: to hear it ends a suspicion
        foreach (var other in nodes[beside.Length..])
        {
            if (shape is not Shape.Beside)
                yield return Event(standsStill && shape is Shape.Unheard ? FaultKind.CutOneWay : FaultKind.Clog, longest, Hears(), [other, default]);
            if (!standsStill)
                yield return Event(FaultKind.CutOneWay, longest, Hears(), [default, other]);
            var suspicion = Event(FaultKind.FalseSuspicion, TimeSpan.Zero, null, [other, default]);
            yield return upon is null ? suspicion with { At = at + noticed } : suspicion with { Upon = upon with { Later = upon.Later + noticed } };
        }

        FaultEvent Event(FaultKind kind, TimeSpan lasts, FaultMoment? until, IReadOnlyList<NodeId> targets) => new(at, kind, targets, lasts) { Upon = upon, Until = until };
    }

    /// <summary>What a deposed primary gets of the others.</summary>
    private enum Shape
    {
        /// <summary>Nothing; some stay beside it.</summary>
        Beside,

        /// <summary>Nothing that they sent until it hears them again.</summary>
        Unheard,

        /// <summary>Everything, late.</summary>
        Late,
    }

    /// <summary>No lease outlives a clock that stands still.</summary>
    private static bool TrustsNoClock(SimGroup group) => group.Settings.Reads is not ReadGuard.Lease;

    /// <summary>
    /// Some hear nothing of the primary for a while and would like another one; then others are restarted, so that they may forget what they have promised it, just as it
    /// is cut off: together they are enough to elect another one.
    /// </summary>
    private static IEnumerable<FaultEvent> Defection(SimGroup group, IReadOnlyList<NodeId> clients, SeededRandom random)
    {
        var nodes = group.Nodes.ToArray();
        random.Shuffle(nodes);
        var voters = nodes[..Quorum.Majority(nodes.Length)];        // with luck without the primary
        var half = 1 + random.Next(voters.Length - 1);
        var at = Before(random, TimeSpan.FromSeconds(4));
        var deaf = group.Settings.ElectionTimeout * (2 + random.NextDouble());
        foreach (var other in voters[..half])
        {
            yield return new FaultEvent(at, FaultKind.CutOneWay, [default, other], deaf);
            yield return new FaultEvent(at + deaf / 2, FaultKind.FalseSuspicion, [other, default], TimeSpan.Zero);
        }

        foreach (var other in voters[half..])
            yield return new FaultEvent(at + deaf, FaultKind.Crash, [other], TimeSpan.FromMilliseconds(1));
        yield return new FaultEvent(at + deaf, FaultKind.Partition, [default, Observer, .. clients.Where(client => client != Observer && random.Chance(0.5))], group.Settings.ElectionTimeout * 3 * random.NextDouble());
    }

    /// <summary>What the others last answered comes late to the primary, which reaches them no more, nor they it: by then their promises are nearly over.</summary>
    private static IEnumerable<FaultEvent> LateAnswers(SimGroup group, SeededRandom random)
    {
        var (at, late, away) = (Before(random, TimeSpan.FromSeconds(4)), group.Settings.LeaseDuration * (0.4 + 0.5 * random.NextDouble()), group.Settings.ElectionTimeout * 3);
        foreach (var other in group.Nodes)
        {
            yield return new FaultEvent(at, FaultKind.Clog, [other, default], late);
            yield return new FaultEvent(at + TimeSpan.FromMilliseconds(30), FaultKind.CutOneWay, [default, other], away);
            yield return new FaultEvent(at + late + TimeSpan.FromMilliseconds(2), FaultKind.CutOneWay, [other, default], away);
            yield return new FaultEvent(at + late + TimeSpan.FromMilliseconds(2), FaultKind.FalseSuspicion, [other, default], TimeSpan.Zero);
        }
    }

    /// <summary>The primary is asked to hand over, and hears nothing of what comes of it.</summary>
    private static IEnumerable<FaultEvent> DeafHandOver(SimGroup group, SeededRandom random)
    {
        var at = Before(random, TimeSpan.FromSeconds(2));
        yield return new FaultEvent(at, FaultKind.HandOver, [default], TimeSpan.Zero);
        foreach (var other in group.Nodes)
            yield return new FaultEvent(at + UpTo(random, 10), random.Chance(0.5) ? FaultKind.Clog : FaultKind.CutOneWay, [other, default], group.Settings.LeaseDuration);
    }
}
