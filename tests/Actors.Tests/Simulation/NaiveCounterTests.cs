using Actors.Membership;
using Actors.Storage;
using Actors.TestKit;
using Akka.Actor;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.SimulationTests;

/// <summary>How to test an actor of your own: a counter on three nodes, first naive, then mended. The README of Actors.TestKit walks through this file.</summary>
public class NaiveCounterTests
{
    private static readonly string[] Nodes = ["n1", "n2", "n3"];

    [Fact]
    public void A_seed_finds_the_bug_of_the_naive_counter_and_its_plan_shrinks_to_what_matters()
    {
        var failure = Enumerable.Range(1, 20).Select(seed => Failure(seed, PlanOf(seed), Naive)).First(found => found is not null);

        Assert.Equal("all counters agree", failure!.Property);
        var smaller = PlanOf(failure.Seed).Shrink(plan => Failure(failure.Seed, plan, Naive) is not null);
        Assert.True(smaller.Events.Count <= 1, smaller.ToString());
    }

    [Theory, Seeds(20)]
    public void The_mended_counter_keeps_every_acknowledged_increment(int seed) => Run(seed, PlanOf(seed), Mended);

    /// <summary>What goes wrong with a seed: crashes, pauses, cuts and stalls at random times, on links that lose and delay but, like Akka.Remote, never double.</summary>
    private static FaultPlan PlanOf(long seed)
    {
        var plan = new FaultMix
        {
            Nodes = [.. Nodes.Select(name => new NodeId(name))],
            Kinds = [FaultKind.Crash, FaultKind.Pause, FaultKind.Isolate, FaultKind.CutOneWay, FaultKind.Clog, FaultKind.DiskStall],
            Duration = Seconds(10),
        }.Draw(SeededRandom.For(seed, "plan"));
        return plan with { Link = plan.Link with { Duplicate = 0 } };
    }

    /// <summary>Two hundred increments under faults; then the faults end, and the counters must agree on a sum that holds every acknowledged one.</summary>
    private static void Run(long seed, FaultPlan plan, Func<SimNodeContext, IActorRef[], Props> counter)
    {
        using var sim = new Simulation(seed, new SimulationOptions { TraceFile = Environment.GetEnvironmentVariable("TRACE") });
        foreach (var name in Nodes)
            sim.AddNode(name, node => node.ActorOf(counter(node, CountersFrom(node, Nodes.Where(other => other != name))), "counter"));
        var tally = new Tally();
        var client = sim.AddNode("client", node =>
        {
            var counters = CountersFrom(node, Nodes);
            node.ActorOf(Props.Create(() => new Client(counters, node.Random, tally)), "client");
        });

        sim.Execute(plan);
        sim.RunUntil(() => tally.Sent == 200, atMost: Seconds(60));
        sim.Heal();
        sim.RunFor(Seconds(5));
        client.Actor("client").Tell(new Read());
        sim.RunUntil(() => tally.Values.Count == Nodes.Length, atMost: Seconds(10));

        if (tally.Values.Distinct().Count() > 1)
            sim.Fail("all counters agree", string.Join(", ", tally.Values));
        if (tally.Values[0] < tally.Acknowledged || tally.Values[0] > tally.Sent)
            sim.Fail("the sum holds every acknowledged increment", $"{tally.Values[0]} of {tally.Acknowledged} to {tally.Sent}");
    }

    private static IActorRef[] CountersFrom(SimNodeContext node, IEnumerable<string> names) => [.. names.Select(name => node.Remote($"{name}/counter"))];

    private static SimulationFailedException? Failure(long seed, FaultPlan plan, Func<SimNodeContext, IActorRef[], Props> counter) =>
        Record.Exception(() => Run(seed, plan, counter)) as SimulationFailedException;

    private static Props Naive(SimNodeContext node, IActorRef[] others) => Props.Create(() => new NaiveCounter(others));

    private static Props Mended(SimNodeContext node, IActorRef[] others) => Props.Create(() => new MendedCounter(node.Id.Value, others, node.OpenStore()));

    private sealed record Increment;

    private sealed record Done;

    private sealed record Read;

    private sealed record Value(int Sum);

    private sealed record Add(int Amount);

    private sealed record Counts(IReadOnlyDictionary<string, int> ByNode)
    {
        public override string ToString() => $"Counts {string.Join(' ', ByNode)}";      // as it stands in a trace
    }

    /// <summary>Tells the others what to add. It is wrong: a lost message is never made up for, and a crash forgets everything.</summary>
    private sealed class NaiveCounter(IActorRef[] others) : UntypedActor
    {
        private int _sum;

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case Increment:
                    _sum++;
                    foreach (var other in others)
                        other.Tell(new Add(1));
                    Sender.Tell(new Done());
                    break;
                case Add add:
                    _sum += add.Amount;
                    break;
                case Read:
                    Sender.Tell(new Value(_sum));
                    break;
            }
        }
    }

    /// <summary>Each node counts its own increments, durably before it answers, and tells the others all it knows again and again; the larger count wins.</summary>
    private sealed class MendedCounter(string self, IActorRef[] others, IStore store) : UntypedActor, IWithTimers
    {
        private static readonly byte[] Key = "count"u8.ToArray();

        private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

        public ITimerScheduler Timers { get; set; } = null!;

        protected override void PreStart()
        {
            _counts[self] = store.Get(Table.Meta, Key) is { } kept ? BitConverter.ToInt32(kept) : 0;
            Timers.StartPeriodicTimer("gossip", "gossip", TimeSpan.FromMilliseconds(200));
        }

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case Increment:
                    var writes = new WriteSet();
                    writes.Put(Table.Meta, Key, BitConverter.GetBytes(++_counts[self]));
                    store.Write(writes, sync: true);
                    Sender.Tell(new Done());
                    break;
                case "gossip":
                    var known = new Counts(new SortedDictionary<string, int>(_counts, StringComparer.Ordinal));
                    foreach (var other in others)
                        other.Tell(known);
                    break;
                case Counts theirs:
                    foreach (var (node, count) in theirs.ByNode)
                        _counts[node] = Math.Max(count, _counts.GetValueOrDefault(node));
                    break;
                case Read:
                    Sender.Tell(new Value(_counts.Values.Sum()));
                    break;
            }
        }
    }

    private sealed class Tally
    {
        public int Sent { get; set; }

        public int Acknowledged { get; set; }

        public List<int> Values { get; } = [];
    }

    /// <summary>Sends an increment to a random counter every 50 ms.</summary>
    private sealed class Client(IActorRef[] counters, Random random, Tally tally) : UntypedActor, IWithTimers
    {
        public ITimerScheduler Timers { get; set; } = null!;

        protected override void PreStart() => Timers.StartPeriodicTimer("next", "next", TimeSpan.FromMilliseconds(50));

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case "next" when tally.Sent < 200:
                    tally.Sent++;
                    counters[random.Next(counters.Length)].Tell(new Increment());
                    break;
                case Done:
                    tally.Acknowledged++;
                    break;
                case Read:
                    foreach (var counter in counters)
                        counter.Tell(message);
                    break;
                case Value value:
                    tally.Values.Add(value.Sum);
                    break;
            }
        }
    }
}
