using Actors.Broadcast;
using Actors.Membership;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>Broadcast under everything that its fault model allows: seeds go through all legal specifications in turn, and choose size, timings, faults and workload.</summary>
public static class BroadcastSwarm
{
    private static readonly TimeSpan Begin = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LivenessLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(500);
    private static readonly BroadcastSpec[] Specs = [.. BroadcastSpec.Legal()];

    /// <summary>The specification of a seed.</summary>
    public static BroadcastSpec SpecOf(long seed) => Specs[(int)(seed % Specs.Length)];

    /// <summary>Runs one seed.</summary>
    /// <param name="seed">Any number of at least 0.</param>
    /// <param name="options">What the seed shall not choose; loss and duplicates only where the fault model has them.</param>
    /// <param name="plan">Faults in place of those that the seed chooses.</param>
    /// <param name="simulation">Trace settings.</param>
    public static SwarmRun Run(long seed, SwarmOptions? options = null, FaultPlan? plan = null, SimulationOptions? simulation = null)
    {
        options ??= new SwarmOptions();
        options.Check();
        var wiring = new SimBroadcastOptions();
        using var run = new Simulation(seed, wiring.Apply(simulation));
        return Run(run, wiring, options, plan);
    }

    private static SwarmRun Run(Simulation simulation, SimBroadcastOptions wiring, SwarmOptions options, FaultPlan? plan)
    {
        var random = simulation.RandomFor("swarm");
        var settings = WithViews(WithState(DrawSettings(SpecOf(simulation.Seed), options, random), simulation), simulation);
        var load = new BroadcastLoad(simulation, random);
        simulation.Network.Faults = new LinkFaults { MaxDelay = TimeSpan.FromMilliseconds(2) };
        var group = new SimBroadcast(simulation, settings, wiring, load.Start);
        plan ??= DrawPlan(simulation, settings, options);
        group.Checker.MayMiss = settings.Spec.OrderedBy is Orderer.Log ? settings.DeliveredKept < 10_000 : settings.StabilityTimeout < TimeSpan.FromMinutes(1);
        Watch(simulation, group);
        var views = settings.MayJoin is null ? null : new BroadcastViews(simulation, group, MayRemove(simulation, plan));
        var nemesis = new Nemesis(simulation, () => default, null);
        try
        {
            simulation.RunFor(Begin);
            nemesis.Begin(plan);
            if (plan.Events.Any(e => e.Kind is FaultKind.Crash))
                CrashSenders(simulation, group, plan, simulation.RandomFor("crash"));
            views?.Begin(simulation.Now + Duration);
            simulation.RunFor(Duration);
            nemesis.Stop();
            if (settings.Spec.IsTotal)
                group.Checker.CheckOrderOfThoseThere();
            var dead = simulation.Nodes.Where(node => !node.IsUp).Select(node => node.Id).ToList();
            simulation.Heal();
            foreach (var node in dead.Take(options.Down))
                simulation.Node(node).Crash();
            views?.Converge(simulation.Now + LivenessLimit);
            Converge(simulation, group);
            if (MayRoll(simulation, settings))
                Roll(simulation, group);
            group.Checker.CheckOrderOfThoseThere();
            if (simulation.World.LongestMailbox > 20_000)
                simulation.Fail("Memory Is Bounded", $"{simulation.World.LongestMailbox} messages waited for one actor");
            return Result(null);
        }
        catch (SimulationFailedException failure)
        {
            return Result(failure);
        }

        SwarmRun Result(SimulationFailedException? failure) => new(
            simulation.Seed, simulation.Steps, simulation.Now, group.Checker.Deliveries, nemesis.Counts, simulation.SometimesCounts, simulation.TraceHash, failure, plan);
    }

    private static BroadcastSettings DrawSettings(BroadcastSpec spec, SwarmOptions options, SeededRandom random)
    {
        int[] sizes = [1, 3, 3, 3, 4, 5, 5, 6, 7];
        var drawn = sizes[random.Next(sizes.Length)];
        var size = options.Nodes ?? drawn;
        if (spec.NeedsMajority && size == 2)
            size = 3;
        var heartbeat = TimeSpan.FromMilliseconds(20 + random.Next(80));
        return new BroadcastSettings
        {
            Id = new GroupId("swarm"),
            Members = [.. Enumerable.Range(1, size).Select(i => new NodeId($"n{i}"))],
            Spec = spec,
            Window = random.Chance(0.3) ? 64 : 4096,
            DigestInterval = TimeSpan.FromMilliseconds(100 + random.Next(1500)),
            StabilityTimeout = random.Chance(0.2) ? TimeSpan.FromSeconds(2 + random.Next(8)) : TimeSpan.FromHours(1),
            BatchDelay = TimeSpan.FromMilliseconds(random.Chance(0.7) ? 0 : 1 + random.Next(100)),
            HeartbeatInterval = heartbeat,
            ElectionTimeout = heartbeat * (3 + random.Next(10)),
            MinRetransmit = TimeSpan.FromMilliseconds(10 + random.Next(90)),
            DeliveredKept = spec.OrderedBy is Orderer.Sequencer || random.Chance(0.3) ? 1 + random.Next(100) : 10_000,
        };
    }

    /// <summary>Every second group that may keeps a state.</summary>
    private static BroadcastSettings WithState(BroadcastSettings settings, Simulation simulation)
    {
        var spec = settings.Spec;
        return spec.Ordering is Ordering.None || spec.Reliability is Reliability.BestEffort || spec.OrderedBy is Orderer.Log || simulation.RandomFor("state").Chance(0.5)
            ? settings
            : settings with { State = () => new ListState(simulation) };
    }

    /// <summary>Of the groups whose members may change every third lets them.</summary>
    private static BroadcastSettings WithViews(BroadcastSettings settings, Simulation simulation)
    {
        var random = simulation.RandomFor("views at all");
        if (settings.Spec.Reliability is Reliability.BestEffort || settings.Spec.IsTotal || settings.Members.Count == 1 || !random.Chance(0.33))
            return settings;
        return settings with { MayJoin = [.. Enumerable.Range(settings.Members.Count + 1, random.Next(3)).Select(i => new NodeId($"n{i}"))] };
    }

    /// <summary>As many may crash as the group survives; then only these are removed, as each that is gone counts.</summary>
    private static Func<NodeId, bool> MayRemove(Simulation simulation, FaultPlan plan)
    {
        var crashes = plan.Events.Any(e => e.Kind is FaultKind.Crash);
        return node => !crashes || !simulation.Node(node).IsUp;
    }

    /// <summary>What the fault model allows, and of crashes as many as the specification survives.</summary>
    private static FaultPlan DrawPlan(Simulation simulation, BroadcastSettings settings, SwarmOptions options)
    {
        var random = simulation.RandomFor("plan");
        var members = settings.Members.Count;
        var recovers = settings.Spec.Faults is FaultModel.CrashRecovery;
        var most = recovers ? members : settings.Spec.NeedsMajority ? members - Quorum.Majority(members) : members - 1;
        var victims = settings.Members.ToArray();
        random.Shuffle(victims);
        var crashes = victims.Take(random.Next(most + 1)).Select(node =>
            new FaultEvent(random.Between(TimeSpan.Zero, Duration), FaultKind.Crash, [node], recovers ? random.Between(TimeSpan.Zero, Duration / 2) : TimeSpan.FromHours(1))).ToList();
        if (settings.Spec.Faults is FaultModel.CrashStop)
        {
            return new FaultPlan
            {
                Link = new LinkFaults { MaxDelay = TimeSpan.FromMilliseconds(1 + random.Next(40)), Slow = random.Chance(0.5) ? 0 : 0.1, SlowDelay = TimeSpan.FromMilliseconds(300), Reorder = random.Chance(0.5) ? 0 : 0.2 },
                Hints = new HintFaults { MinDelay = TimeSpan.FromMilliseconds(1), MaxDelay = TimeSpan.FromMilliseconds(1 + random.Next(1000)) },
                Events = [.. crashes.OrderBy(e => e.At)],
            };
        }

        var drawn = new FaultMix
        {
            Nodes = settings.Members,
            Duration = Duration - TimeSpan.FromSeconds(5),
            MaxEvents = 10,
            Kinds = [FaultKind.Pause, FaultKind.Suspend, FaultKind.Isolate, FaultKind.Partition, FaultKind.CutOneWay, FaultKind.Ring, FaultKind.Clog, FaultKind.FalseSuspicion, FaultKind.ClockDrift],
        }.Draw(random);
        return options.Change(drawn with { Events = [.. drawn.Events.Concat(crashes).OrderBy(e => e.At)] });
    }

    /// <summary>A planned crash comes in the middle of a message to several members, when one leaves soon enough.</summary>
    private static void CrashSenders(Simulation simulation, SimBroadcast group, FaultPlan plan, SeededRandom random)
    {
        var end = simulation.Now + Duration;
        var victims = plan.Events.Where(e => e.Kind is FaultKind.Crash).ToDictionary(e => e.Targets[0], e => simulation.Now + e.At - random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(1)));
        var inner = group.Sent;
        group.Sent = m =>
        {
            inner?.Invoke(m);
            if (m is Data { Again: false } or Ordered { Places.Count: > 0 } or Received)
                OnSend(m.From.Node);
        };
        group.SentByLog += m =>
        {
            if (m is Append { Entries.Count: > 0 } append)
                OnSend(append.From.Node);
        };

        void OnSend(NodeId node)
        {
            if (!victims.TryGetValue(node, out var from) || simulation.Now < from || simulation.Now > end || !random.Chance(0.3))
                return;
            victims.Remove(node);
            if (!simulation.Node(node).IsUp)
                return;
            simulation.Reached("a member crashed between the sends of one message");
            simulation.Node(node).Crash();
            if (group.Settings.Spec.Faults is FaultModel.CrashRecovery)
                simulation.After(random.Between(TimeSpan.Zero, Duration / 4), () => RestartIfDown(simulation.Node(node)));
        }
    }

    private static void RestartIfDown(SimNode node)
    {
        if (!node.IsUp)
            node.Restart();
    }

    private static void Watch(Simulation simulation, SimBroadcast group)
    {
        foreach (var name in Sometimes)
            simulation.Sometimes(name);
        group.Sent = m =>
        {
            switch (m)
            {
                case Pull: simulation.Reached("a missing message was asked for"); break;
                case Data { Again: true }: simulation.Reached("a message was sent again"); break;
                case Cut or Resume: simulation.Reached("a member was told to go on after what is forgotten"); break;
                case Digest { Asks: true }: simulation.Reached("a member asked what another one has"); break;
                case Ordered { Epoch.Value: > 1, Places.Count: > 0 }: simulation.Reached("another sequencer went on"); break;
                case OrderAck { Matches: false }: simulation.Reached("an order had a gap"); break;
                case Data data when data.Items.Any(item => item.After.Count > 0): simulation.Reached("a message followed from another one's"); break;
            }
        };
        group.SentByLog = m =>
        {
            if (m is Append { Epoch.Value: > 2, Entries.Count: > 0 })
                simulation.Reached("another primary of the log went on");
        };
    }

    private static readonly string[] Sometimes =
    [
        "a missing message was asked for", "a message was sent again", "a member was told to go on after what is forgotten", "a member asked what another one has",
        "another sequencer went on", "another primary of the log went on", "an order had a gap", "a message followed from another one's", "a member missed what was cut", "a member crashed between the sends of one message",
        "a member took the state of another one", "a group was founded anew", .. BroadcastViews.Sometimes,
    ];

    /// <summary>After healing everything that must be delivered is, and stays the only thing.</summary>
    private static void Converge(Simulation simulation, SimBroadcast group)
    {
        var until = simulation.Now + LivenessLimit;
        (string Property, string Detail)? lacking;
        while ((lacking = group.Checker.Lacking()) is not null && simulation.Now < until)
            simulation.RunFor(LookInterval);
        if (lacking is { } what)
            simulation.Fail(what.Property, what.Detail);
        if (group.KeepsState)
            CheckStates(simulation, group, until);
    }

    /// <summary>Of the groups that are founded by those who are there, and need them to be, every third has all its members started again in the end.</summary>
    private static bool MayRoll(Simulation simulation, BroadcastSettings settings) =>
        settings is { MayJoin: null, Spec: { IsUniform: true, OrderedBy: Orderer.Sequencer }, Members.Count: > 1 } && simulation.RandomFor("roll").Chance(0.33);

    /// <summary>One after the other is started again, when what it has is with the others; afterwards the group is founded anew and delivers what was broadcast meanwhile.</summary>
    /// <remarks>Those that have come back before are last: they keep the order for the others, which may find no sequencer to fetch it from.</remarks>
    private static void Roll(Simulation simulation, SimBroadcast group)
    {
        var random = simulation.RandomFor("rolling");
        var members = group.Settings.Members.ToArray();
        random.Shuffle(members);
        foreach (var member in members.OrderBy(member => simulation.Node(member).CurrentLife?.Number > 1).ToList())
        {
            if (simulation.Node(member).IsUp)
                simulation.Node(member).Crash();
            simulation.RunFor(random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(2)));
            simulation.Node(member).Restart();
            if (random.Chance(0.5))
                group.Broadcast(member);
            simulation.RunFor(TimeSpan.FromSeconds(5) + 5 * group.Settings.DigestInterval);
        }

        foreach (var member in members)
            group.Broadcast(member);
        Converge(simulation, group);
        var views = members.Select(group.MembersAt).Select(view => $"{view.Number} of {string.Join(", ", view.Members)}").Distinct().ToList();
        if (views is not [['2' or '3', ' ', ..]])
            simulation.Fail("Founders Are Agreed On", $"members know view {string.Join(" and ", views)}");
        simulation.Reached("a group was founded anew");
    }

    /// <summary>In the end all who are there have one state: every message in it once, each sender's in order, of total order all in the one order.</summary>
    private static void CheckStates(Simulation simulation, SimBroadcast group, TimeSpan until)
    {
        // Members that left each other out for good may both have what the other one lacks; there only uniform broadcast excludes that.
        if (group.Checker.MayMiss && !group.Settings.Spec.IsUniform)
            return;
        string? differs;
        while ((differs = group.DifferenceOfStates()) is not null && simulation.Now < until)
            simulation.RunFor(LookInterval);
        if (differs is not null)
            simulation.Fail("All Have One State", differs);
    }
}

/// <summary>Members that broadcast now and then, and sometimes because of what they deliver.</summary>
internal sealed class BroadcastLoad
{
    private static readonly TimeSpan End = TimeSpan.FromSeconds(20);

    private readonly Simulation _simulation;
    private readonly TimeSpan _pause;
    private readonly int _bytes;
    private readonly double _answers;

    public BroadcastLoad(Simulation simulation, SeededRandom random)
    {
        _simulation = simulation;
        _pause = TimeSpan.FromMilliseconds(random.Chance(0.2) ? 20 : 100 + random.Next(1500));
        _bytes = random.Chance(0.8) ? 0 : random.Next(5_000);
        _answers = random.Chance(0.5) ? 0 : 0.1;
    }

    public void Start(SimBroadcast group, SimNodeContext context)
    {
        context.After(TimeSpan.FromSeconds(1), () => Next(group, context));
        var inner = group.Checker.Delivered;
        if (_answers == 0 || context.Life > 1)
            return;
        group.Checker.Delivered = (node, text) =>
        {
            inner?.Invoke(node, text);
            if (node == context.Id && _simulation.Now < End && _simulation.Node(node).IsUp && context.Random.NextDouble() < _answers)
                group.Broadcast(node, _bytes);
        };
    }

    private void Next(SimBroadcast group, SimNodeContext context)
    {
        if (_simulation.Now > End + TimeSpan.FromSeconds(5))
            return;
        group.Broadcast(context.Id, _bytes);
        context.After(_pause * (context.Random.NextDouble() * 2), () => Next(group, context));
    }
}
