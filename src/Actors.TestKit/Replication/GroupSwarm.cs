using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Client;
using Actors.Replication.KeyValue;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>What one seed did.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Steps">Messages handled.</param>
/// <param name="VirtualTime">Simulated time.</param>
/// <param name="Operations">Operations whose outcome clients know, checked for linearizability.</param>
/// <param name="Faults">Fault events by kind.</param>
/// <param name="Sometimes">How often each property that a good sweep sees was seen.</param>
/// <param name="TraceHash">Equal for equal runs.</param>
/// <param name="Failure">What went wrong; null when nothing did.</param>
/// <param name="Plan">The faults.</param>
public sealed record SwarmRun(
    long Seed, long Steps, TimeSpan VirtualTime, int Operations, IReadOnlyDictionary<FaultKind, long> Faults,
    IReadOnlyDictionary<string, long> Sometimes, ulong TraceHash, SimulationFailedException? Failure, FaultPlan Plan);

/// <summary>A replicated group of either protocol under everything at once: each seed chooses size, commit rule, read mode, timings, limits, faults and workload; first safety, then, healed, liveness.</summary>
public static class GroupSwarm
{
    /// <summary>Where many outcomes are unknown a history cannot be decided in reasonable time; the other invariants were checked all the same.</summary>
    private const int MaxStates = 200_000;

    /// <summary>How often states may differ although all replicas said that they have the same: a late hint can make a primary kick once more.</summary>
    private const int MaxTries = 5;

    /// <summary>What hits a node that is down, or a leader that there is not, is no fault: so many take effect in every run.</summary>
    private const int MinFaults = 3;

    private static readonly TimeSpan LostPhase = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LivenessLimit = TimeSpan.FromMinutes(2);

    /// <summary>Runs one seed.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="options">What the seed shall not choose.</param>
    /// <param name="plan">Faults in place of those that the seed chooses; used to find a smaller plan that fails too.</param>
    /// <param name="simulation">Trace settings.</param>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public static SwarmRun Run(long seed, SwarmOptions? options = null, FaultPlan? plan = null, SimulationOptions? simulation = null)
    {
        options ??= new SwarmOptions();
        options.Check();
        var wiring = new SimGroupOptions();
        using var run = new Simulation(seed, wiring.Apply(simulation));
        return Run(run, wiring, options, plan);
    }

    private static SwarmRun Run(Simulation simulation, SimGroupOptions wiring, SwarmOptions options, FaultPlan? plan)
    {
        var random = simulation.RandomFor("swarm");
        var load = new KeyValueLoad(simulation, simulation.RandomFor("load"));
        var group = AddGroup(simulation, wiring, load, options, random);
        var observer = AddClients(simulation, group, load, random);
        var operators = new SwarmOperator(simulation, group, observer);
        plan ??= options.Change(SwarmScenarios.DrawPlan(simulation, group));
        Watch(simulation, group, load);
        try
        {
            // What will be lost for good must be worth something first.
            if (!SwarmScenarios.IsSurvivable(plan, group.Settings))
                simulation.RunUntil(() => load.Known >= KeyValueLoad.MinOperations, LivenessLimit);
            Execute(plan);
            RunFor(SwarmScenarios.Duration);
            Execute(SwarmScenarios.AtLeast(MinFaults - simulation.FaultCounts.Values.Sum(), plan, group));
            RunFor(TimeSpan.FromSeconds(5));
            simulation.Heal();
            operators.Stop();
            if (SwarmScenarios.IsSurvivable(plan, group.Settings) || LossAccepted())
                Converge(simulation, group, load, observer, operators, SwarmScenarios.TakeDown(simulation, group, options.Down));
            if (options.IsLossy)
                return Result(null);        // nothing is promised of its history
            var check = Linearizability.Check(new KeyValueModel(), load.History, MaxStates);
            if (check.Verdict is LinearizabilityVerdict.NotLinearizable)
                simulation.Fail("Linearizability", check.Explanation);
            return Result(null);
        }
        catch (SimulationFailedException failure)
        {
            return Result(failure);
        }

        // Where no disk knows of the group any more, another one may begin: what was true of this one says nothing about that.
        void RunFor(TimeSpan duration)
        {
            var until = simulation.Now + duration;
            if (!group.IsForgotten)
                simulation.RunUntil(() => group.IsForgotten || simulation.Now >= until, 2 * duration);
        }

        // Whoever is left holds all that was answered, or nobody knows better: then the run ends.
        bool LossAccepted()
        {
            RunFor(LostPhase);
            if (group.IsForgotten || !operators.AcceptLoss())
                return false;
            simulation.RunUntil(() => operators.LossEnded, LivenessLimit);
            return operators.LossAccepted;
        }

        void Execute(FaultPlan plan) => simulation.Execute(plan, () => group.Target, operators.Begin);

        SwarmRun Result(SimulationFailedException? failure) => new(
            simulation.Seed, simulation.Steps, simulation.Now, load.Known, simulation.FaultCounts, simulation.SometimesCounts, simulation.TraceHash, failure, plan);
    }

    private static GroupSettings DrawSettings(SwarmOptions options, SeededRandom random)
    {
        int[] sizes = [1, 2, 3, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 7];
        var drawn = sizes[random.Next(sizes.Length)];
        var size = options.Nodes ?? drawn;
        var election = TimeSpan.FromMilliseconds(200 + random.Next(400));
        return new GroupSettings
        {
            Id = new GroupId("swarm"),
            InitialMembers = [.. Enumerable.Range(1, size).Select(i => new NodeId($"n{i}"))],
            Protocol = options.Protocol,
            Commit = random.Chance(0.5) || options.Protocol is Protocol.Chain ? CommitRule.All : CommitRule.Majority,
            Reads = random.Chance(0.4) ? ReadGuard.Lease : ReadGuard.Barrier,
            MaxClockDrift = 3 * SwarmScenarios.ClockDrift,      // one clock gains, another one loses
            LeaseDuration = election / (1 + 3 * SwarmScenarios.ClockDrift) * (0.55 + 0.45 * random.NextDouble()),
            MinInView = Math.Min(size, 2),
            ElectionTimeout = election,
            HeartbeatInterval = election / (4 + random.Next(6)),
            KickAfter = election * (1 + random.Next(4)),
            MaxLagTime = random.Chance(0.5) ? election * (0.5 + random.NextDouble()) : TimeSpan.FromSeconds(1 + random.Next(4)),
            MaxLagEntries = random.Chance(0.3) ? 1 + random.Next(10) : 5_000,
            MaxLagBytes = random.Chance(0.2) ? 200 + random.Next(2_000) : 8 << 20,
            StateFlushInterval = TimeSpan.FromMilliseconds(1 + random.Next(500)),
            MaxSessions = random.Chance(0.3) ? 1 + random.Next(4) : 10_000,
            SessionTimeout = random.Chance(0.3) ? TimeSpan.FromMilliseconds(200 + random.Next(5_000)) : TimeSpan.FromHours(1),
            MaxTokens = random.Chance(0.2) ? 1 + random.Next(20) : 100_000,
            MaxPendingEntries = random.Chance(0.2) ? 1 + random.Next(random.Chance(0.5) ? 5 : 500) : 10_000,
            EventsKept = random.Chance(0.3) ? 1 + random.Next(10) : 10_000,
            LogCacheBytes = random.Chance(0.3) ? 2_000 : 16 << 20,
            LogLimitBytes = random.Chance(0.5) ? 1_000 + random.Next(20_000) : 256 << 20,
            TransferChunkBytes = random.Chance(0.5) ? 64 + random.Next(500) : 64 << 10,
            WindowBytes = random.Chance(0.3) ? GroupSettings.MaxCommandBytesLimit : 4 << 20,
            StateMachine = () => new KeyValueMachine(),
        };
    }

    /// <summary>The group; on some or all of its nodes live clients, as those of an embedding application or of a gateway do, and in half of the runs watchers.</summary>
    private static SimGroup AddGroup(Simulation simulation, SimGroupOptions wiring, KeyValueLoad load, SwarmOptions options, SeededRandom random)
    {
        var rest = simulation.RandomFor("rest");
        var settings = DrawSettings(options, random) with { QuietHeartbeats = 1 + rest.Next(10) };     // few: it rests between any two operations
        var authority = simulation.RandomFor("authority");
        if (options is { Protocol: Protocol.PrimaryBackup, IsLossy: false } && (options.Authority ?? (authority.Chance(0.2) ? ViewAuthority.Directory : ViewAuthority.Self)) is ViewAuthority.Directory)
            settings = settings with { Authority = ViewAuthority.Directory, Commit = CommitRule.All, Reads = ReadGuard.Barrier, MinInView = authority.Chance(0.5) ? 1 : settings.MinInView };
        if (settings.Protocol is Protocol.Chain && simulation.RandomFor("min in view").Chance(0.3))
            settings = settings with { MinInView = 1 };
        if (options.IsLossy)
            settings = settings with { Commit = CommitRule.One, Durability = Durability.Memory, Reads = ReadGuard.Stale };
        double[] shares = [0, 0.4, 1];
        var share = shares[random.Next(shares.Length)];
        var users = 1 + random.Next(3);
        var hosts = settings.InitialMembers.Where(_ => random.Chance(share)).ToList();
        var watched = random.Chance(0.5);
        var spares = options.Nodes is null && !options.IsLossy && simulation.RandomFor("spares").Chance(0.2) ? 1 : 0;
        return new SimGroup(simulation, settings, wiring, OnStart, spares, simulation.RandomFor("directory").Chance(0.3) ? 5 : 3) { Hesitations = settings.Protocol is Protocol.Chain ? 0.01 : 0.003 };

        void OnStart(SimGroup group, SimNodeContext context)
        {
            load.Group = group;
            for (var user = hosts.Contains(context.Id) ? users : 0; user > 0; user--)
                KeyValueWorkload.Start(context, load, client: 10_000 + 10 * hosts.IndexOf(context.Id) + user, group.ClientOn(context.Id));
            if (watched && !settings.IsLossy)
                context.After(TimeSpan.FromMilliseconds(context.Random.Next(1000)), () => group.Watch(context));
        }
    }

    /// <summary>Clients outside the group, each with one to three users at a time, the first at times with a crowd; returns the client actor that watches the end.</summary>
    private static IActorRef AddClients(Simulation simulation, SimGroup group, KeyValueLoad load, SeededRandom random)
    {
        var limits = new ClientSettings
        {
            Window = random.Chance(0.2) ? 1 + random.Next(64) : new ClientSettings().Window,
            MaxQueued = random.Chance(0.2) ? 1 + random.Next(500) : new ClientSettings().MaxQueued,
        };
        IActorRef observer = ActorRefs.Nobody;
        simulation.AddNode(SwarmScenarios.Observer.Value, context =>
        {
            observer = context.ActorOf(ClientProps(context), "client");
            if (group.Settings is { Reads: ReadGuard.Lease, Protocol: Protocol.PrimaryBackup })
                context.ActorOf(Props.Create(() => new LeaseProbe(group, context.Peers)), "probe");
        });
        var users = 0;
        for (var i = 1 + random.Next(4); i > 0; i--)
        {
            var (first, count) = (users, (random.Chance(0.7) ? 1 : 2 + random.Next(2)) + (users == 0 ? load.Crowd : 0));
            users += count;
            simulation.AddNode($"c{i}", context =>
            {
                var client = context.ActorOf(ClientProps(context), "client");
                for (var user = first; user < first + count; user++)
                    KeyValueWorkload.Start(context, load, user, message => client.Tell(message, ActorRefs.NoSender));
            });
        }

        if (group.Settings is { Protocol: Protocol.Chain, Reads: ReadGuard.Lease })
        {
            load.Onlooker = users;      // at a tail that is left out the others wait for their writes, and read nothing
            simulation.AddNode("onlooker", context =>
            {
                var client = context.ActorOf(ClientProps(context), "client");
                KeyValueWorkload.Start(context, load, users, message => client.Tell(message, ActorRefs.NoSender));
            });
        }

        return observer;

        Props ClientProps(SimNodeContext context) => GroupClient.Props(group.Settings.Id, group.Nodes, default, context.Peers, context.Clock, limits);
    }

    /// <summary>After healing everything pending ends, every node is a member again, and all states are the same; those that stay <paramref name="down"/> left aside.</summary>
    private static void Converge(Simulation simulation, SimGroup group, KeyValueLoad load, IActorRef observer, SwarmOperator operators, IReadOnlyCollection<NodeId> down)
    {
        var up = group.Nodes.Except(down).ToList();
        IReadOnlyList<ReplicaStatus> statuses = [];
        var asking = false;
        for (var tries = 1; ; tries++)
        {
            simulation.RunUntil(Converged, LivenessLimit);
            simulation.RunFor(group.Settings.StateFlushInterval * 2 + TimeSpan.FromSeconds(1));
            if (group.StatesDiffer(up) is not { } difference)
                return;
            if (tries == MaxTries)
                simulation.Fail("Convergence", difference);
        }

        bool Converged()
        {
            if (!asking)
            {
                asking = true;
                simulation.After(TimeSpan.FromMilliseconds(500), () => observer.Tell(
                    new CollectStatus(TimeSpan.FromMilliseconds(300), s => (statuses, asking) = (s, false)), ActorRefs.NoSender));
                if (Healthy())
                    return true;
                foreach (var retired in statuses.Where(s => s.Role is ReplicaRole.OutOfService))
                    operators.Repair(retired.Node);
                var leader = statuses.FirstOrDefault(s => s.Role is ReplicaRole.Primary or ReplicaRole.Head);
                foreach (var absent in up.Except(leader?.Members ?? up))
                    operators.Change(leader!.Node, absent, join: true);        // it may have been removed, or never have been one
                statuses = [];
            }

            return false;
        }

        bool Healthy() => load.IsDone
            && statuses.Count == up.Count
            && statuses.Where(s => s.Role is ReplicaRole.Primary or ReplicaRole.Head).ToList() is [var leader]
            && statuses.All(s => up.All(s.Members.Contains) && s.CommitIndex == leader.LastIndex && EndsWith(leader, s) && s.Epoch == leader.Epoch);

        // Where the directory keeps the views no view entry is written, so what a backup holds of a primary before stays behind the log's end until the next command.
        bool EndsWith(ReplicaStatus leader, ReplicaStatus other) =>
            other.LastIndex == leader.LastIndex || (group.Settings.Authority is ViewAuthority.Directory && other.LastIndex > leader.LastIndex);
    }

    private static void Watch(Simulation simulation, SimGroup group, KeyValueLoad load)
    {
        simulation.Sometimes("a second primary took over", () => group.Epoch.Value > 2);
        foreach (var outcome in new[] { Outcome.Unknown, Outcome.Unavailable, Outcome.Overloaded, Outcome.Failed })
            simulation.Sometimes($"a client was told {outcome}", () => load.Outcomes.ContainsKey(outcome));
    }
}
