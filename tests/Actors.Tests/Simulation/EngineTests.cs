using Actors.TestKit;
using Akka.Actor;
using Akka.Configuration;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.SimulationTests;

public class EngineTests
{
    [Fact]
    public void One_step_handles_one_message()
    {
        var handled = 0;
        using var sim = new Simulation(1);
        var actor = sim.AddNode("n1", node => node.Act("a", (_, _) => handled++)).Actor("a");
        for (var i = 0; i < 10; i++)
            actor.Tell(i);

        var most = 0;
        for (var before = 0; sim.Step(); before = handled)
            most = Math.Max(most, handled - before);

        Assert.Equal(10, handled);
        Assert.Equal(1, most);
    }

    /// <summary>Found by seed 16656 of chains: a replica answered as a head before its node had handled that it was one.</summary>
    [Fact]
    public void What_an_actor_tells_is_seen_as_it_is_told_and_from_a_blocked_step_when_that_ends()
    {
        var seen = new List<(object, string, TimeSpan)>();
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node =>
        {
            var other = node.Act("b", (_, _) => sim.World.Block(Seconds(1).Ticks));
            node.Act("a", (_, message) =>
            {
                if (message is "at the end")
                    sim.World.Block(Ms(5).Ticks);
                other.Tell(message);
            });
        });
        sim.World.OnTold = (life, message) => seen.Add((message, life.Node.Id.Value, sim.Now));
        foreach (var message in new[] { "at once", "again", "at the end" })
            node.Actor("a").Tell(message);

        sim.RunFor(Ms(10));

        Assert.Equal([("at once", "n1", TimeSpan.Zero), ("again", "n1", TimeSpan.Zero), ("at the end", "n1", Ms(5))], seen);
    }

    [Fact]
    public void The_seed_chooses_among_actors_that_have_messages()
    {
        var orders = Enumerable.Range(1, 50).Select(seed =>
        {
            var order = "";
            using var sim = new Simulation(seed);
            var node = sim.AddNode("n1", node =>
            {
                foreach (var name in "abc")
                    node.Act(name.ToString(), (_, _) => order += name);
            });
            foreach (var name in "abc")
                node.Actor(name.ToString()).Tell("go");
            sim.RunFor(Seconds(1));
            return order;
        }).Distinct();

        Assert.Equal(6, orders.Count());
    }

    [Fact]
    public void Hours_of_timers_take_no_waiting()
    {
        var ticks = 0;
        using var sim = new Simulation(1);
        sim.AddNode("n1", node => node.Tick("a", TimeSpan.FromMinutes(1), () => ticks++));

        sim.RunFor(TimeSpan.FromHours(10.5));

        Assert.Equal(TimeSpan.FromHours(10.5), sim.Now);
        Assert.Equal(10 * 60 + 30, ticks);
    }

    [Fact]
    public void A_dispatcher_of_any_name_is_the_simulations()
    {
        var config = ConfigurationFactory.ParseString("""
            actors.store-dispatcher { type = PinnedDispatcher }
            other { nested-dispatcher { type = ForkJoinDispatcher, throughput = 50 } }
            """);
        var handled = new List<string>();
        using var sim = new Simulation(1, new SimulationOptions { Config = config });
        foreach (var dispatcher in (string[])["actors.store-dispatcher", "other.nested-dispatcher", "akka.actor.default-blocking-io-dispatcher", "akka.io.pinned-dispatcher"])
        {
            Action<IUntypedActorContext, object> handle = (_, _) => handled.Add(dispatcher);
            sim.AddNode(dispatcher, node => node.ActorOf(Props.Create(() => new Acting(handle)).WithDispatcher(dispatcher), "a").Tell("go"));
        }

        sim.RunFor(Seconds(1));     // work on another thread would be a determinism leak

        Assert.Equal(4, handled.Count);
    }

    [Fact]
    public void Work_from_another_thread_fails_the_run_and_names_the_actor()
    {
        using var sim = new Simulation(1);
        sim.AddNode("n1", node => node.Act("leaky", (context, message) =>
        {
            var self = context.Self;
            if (message is "go")
                OnAnotherThread(() => self.Tell("from outside"));
        })).Actor("leaky").Tell("go");

        var failure = Assert.Throws<SimulationFailedException>(() => sim.RunFor(Seconds(1)));

        Assert.Equal("no determinism leak", failure.Property);
        Assert.Contains("String for n1/leaky", failure.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void An_async_handler_stays_in_the_simulation()
    {
        var threads = new List<int>();
        using var sim = new Simulation(1);
        sim.AddNode("n1", node => node.ActorOf(Props.Create(() => new Awaiting(threads)), "a")).Actor("a").Tell("go");

        sim.RunFor(Seconds(1));

        Assert.Equal([Environment.CurrentManagedThreadId, Environment.CurrentManagedThreadId], threads);
    }

    [Fact]
    public void Stashed_messages_come_back_in_order()
    {
        var handled = new List<object>();
        using var sim = new Simulation(1);
        var actor = sim.AddNode("n1", node => node.ActorOf(Props.Create(() => new Stashing(handled)), "a")).Actor("a");
        foreach (var message in (object[])[1, 2, "open", 3])
            actor.Tell(message);

        sim.RunFor(Seconds(1));

        Assert.Equal([1, 2, 3], handled);
    }

    [Fact]
    public void Two_simulations_in_turn_do_not_disturb_each_other()
    {
        using var alone = Scenario.Start(5);
        alone.RunFor(Seconds(5));

        using var one = Scenario.Start(5);
        using var other = Scenario.Start(6);
        for (var i = 0; i < 50; i++)
        {
            one.RunFor(Ms(100));
            other.RunFor(Ms(100));
        }

        Assert.Equal(alone.TraceHash, one.TraceHash);
        Assert.NotEqual(alone.TraceHash, other.TraceHash);
    }

    [Fact]
    public void A_property_that_does_not_hold_is_reported_with_seed_time_and_trace()
    {
        var ticks = 0;
        using var sim = new Simulation(77);
        sim.AddNode("n1", node => node.Tick("a", Seconds(1), () => ticks++));
        sim.Always("fewer than three ticks", () => ticks < 3 ? null : $"{ticks} ticks");

        var failure = Assert.Throws<SimulationFailedException>(() => sim.RunFor(TimeSpan.FromHours(1)));

        Assert.Equal((77, "fewer than three ticks", "3 ticks", Seconds(3)), (failure.Seed, failure.Property, failure.Detail, failure.At));
        Assert.StartsWith("seed 77: 'fewer than three ticks' does not hold at 3.000000 s", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith("3.000000   n1/a: tick", failure.LastLines[^1], StringComparison.Ordinal);
        Assert.Throws<SimulationFailedException>(() => sim.Step());
    }

    [Fact]
    public void What_sometimes_happens_is_counted_each_time_it_begins()
    {
        var ticks = 0;
        using var sim = new Simulation(1);
        sim.AddNode("n1", node => node.Tick("a", Seconds(1), () => ticks++));
        sim.Sometimes("even", () => ticks % 2 == 0);
        sim.Sometimes("never", () => ticks < 0);
        sim.Sometimes("nowhere");
        sim.After(Seconds(2), () => sim.Reached("two seconds"));

        sim.RunFor(Seconds(10.5));

        var coverage = new Coverage();
        coverage.Add(sim);
        Assert.Equal(6, coverage.Counts["even"]);   // 0, 2, ... 10
        Assert.Equal(1, coverage.Counts["two seconds"]);
        Assert.Equal(["never", "nowhere"], coverage.Missing);
    }

    [Fact]
    public void An_exception_of_an_actor_is_counted_and_supervised_as_in_production()
    {
        var lives = 0;
        Func<int> born = () => lives++;
        using var sim = new Simulation(1);
        var actor = sim.AddNode("n1", node => node.ActorOf(Props.Create(() => new Throwing(born)), "a")).Actor("a");
        actor.Tell(new InvalidOperationException("broken"));
        actor.Tell(new InvalidOperationException("broken again"));

        sim.RunFor(Seconds(1));

        Assert.Equal(3, lives);
        Assert.Equal(["broken", "broken again"], sim.Failures.Select(failure => failure.Exception.Message));
        Assert.All(sim.Failures, failure => Assert.Equal("n1/a", failure.Actor));
    }

    [Fact]
    public void A_registered_exception_ends_the_run()
    {
        using var sim = new Simulation(1, new SimulationOptions { FailOn = [typeof(InvalidOperationException)] });
        var actor = sim.AddNode("n1", node => node.ActorOf(Props.Create(() => new Throwing(() => 0)), "a")).Actor("a");
        actor.Tell(new TimeoutException("harmless"));
        actor.Tell(new InvalidOperationException("two primaries"));

        var failure = Assert.Throws<SimulationFailedException>(() => sim.RunFor(Seconds(1)));

        Assert.Equal((nameof(InvalidOperationException), "n1/a: two primaries"), (failure.Property, failure.Detail));
    }

    [Fact]
    public void What_a_check_or_an_event_throws_is_reported_with_the_seed()
    {
        using var sim = new Simulation(78);
        sim.After(Seconds(1), () => throw new InvalidOperationException("broken plan"));

        var failure = Assert.Throws<SimulationFailedException>(() => sim.RunFor(Seconds(2)));

        Assert.Equal((78, "broken plan"), (failure.Seed, failure.Detail));
        Assert.IsType<InvalidOperationException>(failure.InnerException);
    }

    [Fact]
    public void Waiting_for_what_never_happens_fails()
    {
        using var sim = new Simulation(1);
        sim.AddNode("n1", node => node.Tick("a", Seconds(1), () => { }));

        var failure = Assert.Throws<SimulationFailedException>(() => sim.RunUntil(() => false, atMost: TimeSpan.FromMinutes(1)));

        Assert.Contains("did not happen within 60 s", failure.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Actors_that_keep_each_other_busy_without_time_advancing_are_a_livelock()
    {
        using var sim = new Simulation(1);
        sim.AddNode("n1", node => node.Act("a", (context, message) => context.Self.Tell(message))).Actor("a").Tell("again");

        var failure = Assert.Throws<SimulationFailedException>(() => sim.RunFor(Seconds(1)));

        Assert.Equal("no livelock", failure.Property);
        Assert.Contains("n1/a", failure.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void The_whole_trace_goes_to_a_file_when_asked_for()
    {
        var file = Path.GetTempFileName();
        try
        {
            using (var sim = Scenario.Start(3, new SimulationOptions { TraceFile = file }))
                sim.RunFor(Seconds(2));

            var lines = File.ReadAllLines(file);
            Assert.Contains(lines, line => line.Contains("n1/talker <- n2/talker: Hello", StringComparison.Ordinal));
            Assert.True(lines.Length > 100, $"{lines.Length} lines");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Only_the_thread_that_made_a_simulation_runs_it()
    {
        using var sim = new Simulation(1);

        Exception? error = null;
        OnAnotherThread(() => error = Record.Exception(() => sim.RunFor(Seconds(1))));

        Assert.IsType<InvalidOperationException>(error);
    }

    private static void OnAnotherThread(Action action)
    {
        var thread = new Thread(() => action());
        thread.Start();
        thread.Join();
    }

    private sealed class Awaiting : ReceiveActor
    {
        public Awaiting(List<int> threads) => ReceiveAnyAsync(async _ =>
        {
            threads.Add(Environment.CurrentManagedThreadId);
            await Task.Yield();
            threads.Add(Environment.CurrentManagedThreadId);
        });
    }

    private sealed class Stashing(List<object> handled) : UntypedActor, IWithStash
    {
        public IStash Stash { get; set; } = null!;

        protected override void OnReceive(object message)
        {
            if (message is "open")
            {
                Become(handled.Add);
                Stash.UnstashAll();
            }
            else
            {
                Stash.Stash();
            }
        }
    }

    private sealed class Throwing : UntypedActor
    {
        public Throwing(Func<int> born) => born();

        protected override void OnReceive(object message) => throw (Exception)message;
    }
}
