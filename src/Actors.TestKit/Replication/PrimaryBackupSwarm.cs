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

/// <summary>Primary-backup under everything at once: each seed chooses size, commit rule, timings, faults and workload; first safety, then, healed, liveness.</summary>
public static class PrimaryBackupSwarm
{
    private static readonly TimeSpan SafetyPhase = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LostPhase = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LivenessLimit = TimeSpan.FromMinutes(2);

    /// <summary>Runs one seed.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="plan">Faults in place of those that the seed chooses; used to find a smaller plan that fails too.</param>
    /// <param name="options">Trace settings.</param>
    /// <param name="change">Changes the plan that the seed chose, such as a rate.</param>
    public static SwarmRun Run(long seed, FaultPlan? plan = null, SimulationOptions? options = null, Func<FaultPlan, FaultPlan>? change = null)
    {
        var wiring = new SimGroupOptions();
        using var simulation = new Simulation(seed, wiring.Apply(options));
        var random = simulation.RandomFor("swarm");
        var settings = DrawSettings(random);
        var group = new SimGroup(simulation, settings, wiring);
        var load = new KeyValueLoad(simulation, group, operations: 220 + random.Next(200), keys: 1 + random.Next(8), think: TimeSpan.FromMilliseconds(1 + random.Next(600)));
        var observer = AddClients(simulation, group, load, clients: 1 + random.Next(5));
        plan ??= (change ?? (drawn => drawn))(DrawPlan(simulation, group));
        Watch(simulation, group, load);
        var nemesis = new Nemesis(simulation, () => group.Primary);
        try
        {
            nemesis.Begin(plan);
            HandOver(simulation, group, observer, random);
            if (random.Chance(0.3))
                CrashVoters(simulation, group, random);
            simulation.RunFor(SafetyPhase + TimeSpan.FromSeconds(5));
            nemesis.Stop();
            simulation.Heal();
            if (Damaged(plan) <= Survivable(group.Settings))
                Converge(simulation, group, load, observer);
            else
                simulation.RunFor(LostPhase);
            var check = Linearizability.Check(new KeyValueModel(), load.History);
            if (check.Verdict is LinearizabilityVerdict.NotLinearizable)
                simulation.Fail("Linearizability", check.Explanation);
            return Result(null);
        }
        catch (SimulationFailedException failure)
        {
            return Result(failure);
        }

        SwarmRun Result(SimulationFailedException? failure) => new(
            seed, simulation.Steps, simulation.Now, load.History.Entries.Count(e => e.Outcome != OperationOutcome.Unknown),
            nemesis.Counts, simulation.SometimesCounts, simulation.TraceHash, failure, plan);
    }

    private static GroupSettings DrawSettings(SeededRandom random)
    {
        var size = 1 + random.Next(7);
        var election = TimeSpan.FromMilliseconds(200 + random.Next(400));
        return new GroupSettings
        {
            Id = new GroupId("swarm"),
            InitialMembers = [.. Enumerable.Range(1, size).Select(i => new NodeId($"n{i}"))],
            Commit = random.Chance(0.5) ? CommitRule.All : CommitRule.Majority,
            MinInView = Math.Min(size, 2),
            ElectionTimeout = election,
            HeartbeatInterval = election / (4 + random.Next(6)),
            KickAfter = election * (1 + random.Next(4)),
            StateFlushInterval = TimeSpan.FromMilliseconds(1 + random.Next(500)),
            MaxSessions = random.Chance(0.3) ? 1 + random.Next(4) : 10_000,
            SessionTimeout = random.Chance(0.3) ? TimeSpan.FromMilliseconds(200 + random.Next(5_000)) : TimeSpan.FromHours(1),
            LogCacheBytes = random.Chance(0.3) ? 2_000 : 16 << 20,
            WindowBytes = random.Chance(0.3) ? GroupSettings.MaxCommandBytesLimit : 4 << 20,
            StateMachine = () => new KeyValueMachine(),
        };
    }

    /// <summary>The faults of a seed. Some lose the disks of a majority at once: no group survives that, but neither may it serve anything afterwards.</summary>
    private static FaultPlan DrawPlan(Simulation simulation, SimGroup group)
    {
        var random = simulation.RandomFor("plan");
        IReadOnlyList<NodeId> clients = [.. simulation.Nodes.Select(n => n.Id).Except(group.Nodes)];
        var plan = new FaultMix
        {
            Nodes = group.Nodes,
            Bystanders = clients,
            Duration = SafetyPhase,
            TargetsLeader = true,
            MaxDamaged = Survivable(group.Settings),
            MinEvents = 3,
        }.Draw(random);
        if (group.Nodes.Count < 3)
            return plan;
        for (var i = random.Chance(0.5) ? 1 + random.Next(3) : 0; i > 0; i--)
            plan = plan with { Events = [.. plan.Events.Concat(Comeback(group, clients, random)).OrderBy(e => e.At)] };
        if (!random.Chance(0.05))
            return plan;
        var lost = group.Nodes.ToArray();
        random.Shuffle(lost);
        var at = random.Between(TimeSpan.FromSeconds(2), SafetyPhase);
        var wipes = lost.Take(Quorum.Majority(lost.Length)).Select(node => new FaultEvent(at, FaultKind.Wipe, [node], random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(1))));
        return plan with { Events = [.. plan.Events.Where(e => e.At < at), .. wipes, .. plan.Events.Where(e => e.At >= at)] };
    }

    /// <summary>The primary is cut off, with some of the clients; as it comes back with what it ordered meanwhile, its successor fails.</summary>
    private static FaultEvent[] Comeback(SimGroup group, IReadOnlyList<NodeId> clients, SeededRandom random)
    {
        var at = random.Between(TimeSpan.FromSeconds(1), SafetyPhase - TimeSpan.FromSeconds(4));
        var away = group.Settings.ElectionTimeout * (0.5 + 4 * random.NextDouble());
        var kind = random.Chance(0.5) ? FaultKind.Crash : FaultKind.Isolate;
        return
        [
            new FaultEvent(at, FaultKind.Partition, [default, .. clients.Where(_ => random.Chance(0.5))], away),
            new FaultEvent(at + away * (0.8 + 0.3 * random.NextDouble()), kind, [default], random.Between(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2))),
        ];
    }

    /// <summary>How many disks may lose data; under the rule all, a view that was shrunk to two cannot lose one as well.</summary>
    private static int Survivable(GroupSettings settings) => settings.Commit is CommitRule.Majority ? (settings.InitialMembers.Count - 1) / 2 : 0;

    private static int Damaged(FaultPlan plan) => plan.Events.Where(e => e.Kind is FaultKind.Wipe or FaultKind.BitRot).SelectMany(e => e.Targets).Distinct().Count();

    /// <summary>Crashes nodes for a moment just as they vote: what they promised must outlive it.</summary>
    private static void CrashVoters(Simulation simulation, SimGroup group, SeededRandom random) => group.OnVote(id =>
    {
        var node = simulation.Node(id);
        if (simulation.Now > SafetyPhase || !random.Chance(0.2))
            return;
        simulation.After(TimeSpan.Zero, () =>
        {
            if (!node.IsUp)
                return;
            node.Crash();
            simulation.After(random.Between(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(20)), () =>
            {
                if (!node.IsUp)
                    node.Restart();
            });
        });
    });

    /// <summary>Now and then the primary is asked to hand over.</summary>
    private static void HandOver(Simulation simulation, SimGroup group, IActorRef observer, SeededRandom random)
    {
        for (var i = random.Next(4); i > 0; i--)
        {
            var target = random.Chance(0.5) ? default : group.Nodes[random.Next(group.Nodes.Count)];
            simulation.After(random.Between(TimeSpan.Zero, SafetyPhase), () =>
            {
                if (!group.Primary.IsNone)
                    observer.Tell(new Transfer(group.Primary, target, _ => { }), ActorRefs.NoSender);
            });
        }
    }

    /// <summary>Clients outside the group and on its nodes; returns the client actor that watches the end.</summary>
    private static IActorRef AddClients(Simulation simulation, SimGroup group, KeyValueLoad load, int clients)
    {
        IActorRef observer = ActorRefs.Nobody;
        simulation.AddNode("observer", context => observer = context.ActorOf(ClientProps(context), "client"));
        for (var i = 0; i < clients; i++)
        {
            var client = i;
            simulation.AddNode($"c{i}", context =>
            {
                var actor = context.ActorOf(ClientProps(context), "client");
                StartWorkload(context, client, message => actor.Tell(message, ActorRefs.NoSender));
            });
        }

        return observer;

        Props ClientProps(SimNodeContext context) => GroupClient.Props(group.Settings.Id, group.Nodes, default, context.Peers, context.Clock, new ClientSettings());

        void StartWorkload(SimNodeContext context, int client, Action<object> tell) =>
            context.ActorOf(Props.Create(() => new KeyValueWorkload(load, client, tell, context.Random)), "workload");
    }

    /// <summary>After healing everything pending ends, every node is a member again, and all states are the same.</summary>
    private static void Converge(Simulation simulation, SimGroup group, KeyValueLoad load, IActorRef observer)
    {
        IReadOnlyList<ReplicaStatus> statuses = [];
        var repairs = new Dictionary<NodeId, int>();
        var asking = false;
        simulation.RunUntil(Converged, LivenessLimit);
        simulation.RunFor(group.Settings.StateFlushInterval * 2 + TimeSpan.FromSeconds(1));
        if (group.StatesDiffer() is { } difference)
            simulation.Fail("Convergence", difference);

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
                    Repair(simulation.Node(retired.Node), repairs);
                statuses = [];
            }

            return false;
        }

        bool Healthy() => load.AllTaken && load.Pending == 0
            && statuses.Count == group.Nodes.Count
            && statuses.All(s => s.Members.Count == group.Nodes.Count && s.CommitIndex == statuses[0].LastIndex && s.LastIndex == statuses[0].LastIndex && s.Epoch == statuses[0].Epoch)
            && statuses.Count(s => s.Role is ReplicaRole.Primary) == 1;
    }

    /// <summary>What an operator does: start it again; when it still says that it is damaged, start it with an empty disk.</summary>
    private static void Repair(SimNode node, Dictionary<NodeId, int> repairs)
    {
        repairs[node.Id] = repairs.GetValueOrDefault(node.Id) + 1;
        node.Crash();
        if (repairs[node.Id] > 1)
            node.Disk.Wipe();
        node.Restart();
    }

    private static void Watch(Simulation simulation, SimGroup group, KeyValueLoad load)
    {
        simulation.Sometimes("a second primary took over", () => group.Epoch.Value > 2);
        simulation.Sometimes("a client's fate was unknown", () => load.Outcomes.ContainsKey(Outcome.Unknown));
        simulation.Sometimes("a client was refused", () => load.Outcomes.ContainsKey(Outcome.Unavailable));
    }
}
