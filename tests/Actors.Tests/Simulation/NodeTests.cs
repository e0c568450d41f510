using Actors.TestKit;
using Akka.Actor;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.SimulationTests;

public class NodeTests
{
    [Fact]
    public void A_crashed_node_processes_no_message_that_was_waiting()
    {
        var handled = new List<object>();
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node => node.Record("a", handled));
        var actor = node.Actor("a");
        actor.Tell(1);
        actor.Tell(2);
        sim.RunUntil(() => handled.Count == 1, atMost: Seconds(1));

        node.Crash();
        actor.Tell(3);
        sim.RunFor(Seconds(1));

        Assert.Equal([1], handled);
        Assert.False(node.IsUp);
    }

    [Fact]
    public void Timers_of_a_crashed_node_die_and_those_of_others_go_on()
    {
        var ticks = new int[2];
        using var sim = new Simulation(1);
        var first = sim.AddNode("n1", node => node.Tick("a", Seconds(1), () => ticks[0]++));
        sim.AddNode("n2", node => node.Tick("a", Seconds(1), () => ticks[1]++));
        sim.RunFor(Seconds(5.5));

        first.Crash();
        sim.RunFor(Seconds(5));

        Assert.Equal([5, 10], ticks);
    }

    [Fact]
    public void A_crash_in_the_middle_of_a_step_lets_nothing_out_that_is_told_afterwards()
    {
        var received = new List<object>();
        using var sim = new Simulation(1);
        sim.AddNode("n2", node => node.Record("sink", received));
        var node = sim.AddNode("n1", node => node.Act("a", (_, _) =>
        {
            var sink = node.Remote("n2/sink");
            sink.Tell("before");
            node.Node.Crash();
            sink.Tell("after");
        }));
        node.Actor("a").Tell("go");

        sim.RunFor(Seconds(1));

        Assert.Equal(["before"], received);
    }

    [Fact]
    public void A_node_that_is_crashed_and_restarted_within_a_step_runs_on_in_its_next_life()
    {
        var handled = new List<(int, object)>();
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node => node.Act("a", (_, message) =>
        {
            handled.Add((node.Life, message));
            if (message is "crash")
            {
                node.Node.Crash();
                node.Node.Restart();
            }
        }));
        node.Actor("a").Tell("crash");
        sim.RunFor(Seconds(1));
        node.Actor("a").Tell("hello");
        sim.RunFor(Seconds(1));

        Assert.Equal([(1, "crash"), (2, "hello")], handled);
    }

    [Fact]
    public void A_restarted_node_is_made_anew_by_its_factory()
    {
        var lives = new List<int>();
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node =>
        {
            var state = 0;
            node.Act("counter", (_, _) => lives.Add(node.Life * 100 + ++state));
        });
        node.Actor("counter").Tell("increment");
        node.Actor("counter").Tell("increment");
        sim.RunFor(Seconds(1));
        node.Crash();
        node.Restart();
        node.Actor("counter").Tell("increment");
        sim.RunFor(Seconds(1));

        Assert.Equal([101, 102, 201], lives);
    }

    [Fact]
    public void A_ref_to_another_node_stays_usable_when_that_node_restarts()
    {
        var received = new List<object>();
        using var sim = new Simulation(1);
        var sink = sim.AddNode("n2", node => node.Act("sink", (_, message) => received.Add((node.Life, message))));
        IActorRef? link = null;
        sim.AddNode("n1", node => link = node.Remote("n2/sink"));

        link!.Tell("to the first life");
        sim.RunFor(Seconds(1));
        sink.Crash();
        link.Tell("to nobody");
        sim.RunFor(Seconds(1));
        sink.Restart();
        link.Tell("to the second life");
        sim.RunFor(Seconds(1));

        Assert.Equal([(1, "to the first life"), (2, "to the second life")], received.Cast<(int, object)>());
        Assert.Equal(1, sim.Network.Counts.Undeliverable);
    }

    [Fact]
    public void Crashing_or_restarting_twice_says_so()
    {
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", _ => { });

        Assert.Contains("n1 is up", Assert.Throws<InvalidOperationException>(node.Restart).Message, StringComparison.Ordinal);
        node.Crash();
        Assert.Contains("n1 is down", Assert.Throws<InvalidOperationException>(node.Crash).Message, StringComparison.Ordinal);
        Assert.Contains("n1 is down", Assert.Throws<InvalidOperationException>(() => node.Actor("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_paused_node_handles_nothing_and_catches_up_afterwards()
    {
        var handled = new List<(object, TimeSpan)>();
        IActorRef? link = null;
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node => node.Act("a", (_, message) => handled.Add((message, sim.Now))));
        sim.AddNode("n2", node => link = node.Remote("n1/a"));

        node.Actor("a").Tell("before the pause");
        node.Pause(Seconds(10));
        node.Actor("a").Tell("local");
        link!.Tell("from another node");
        sim.RunFor(Seconds(9.9));
        Assert.Empty(handled);
        sim.RunFor(Seconds(1));

        Assert.Equal(["before the pause", "local", "from another node"], handled.Select(h => h.Item1));
        Assert.All(handled, h => Assert.Equal(Seconds(10), h.Item2));
    }

    [Fact]
    public void A_timer_that_comes_due_in_a_pause_fires_once_at_its_end()
    {
        var ticks = new List<TimeSpan>();
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node => node.Tick("a", Seconds(1), () => ticks.Add(sim.Now)));
        sim.RunFor(Seconds(1.5));

        node.Pause(Seconds(5));
        sim.RunFor(Seconds(7));

        Assert.Equal([Seconds(1), Seconds(6.5), Seconds(7.5), Seconds(8.5)], ticks);
    }

    [Fact]
    public void After_a_pause_timers_may_be_served_before_or_after_the_network()
    {
        var orders = Enumerable.Range(1, 30).Select(seed =>
        {
            var order = "";
            IActorRef? link = null;
            using var sim = new Simulation(seed);
            Action<object> record = message => order += message;
            var node = sim.AddNode("n1", node => node.ActorOf(Props.Create(() => new TimedRecorder(Seconds(1), record)), "a"));
            sim.AddNode("n2", node => link = node.Remote("n1/a"));
            sim.RunFor(Ms(1));
            node.Pause(Seconds(5));
            link!.Tell("m");
            sim.RunFor(Seconds(6));
            return order;
        }).Distinct().Order();

        Assert.Equal(["mt", "tm"], orders);
    }

    [Fact]
    public void The_clock_of_a_stopped_process_goes_on_and_that_of_a_suspended_machine_stands_still()
    {
        using var sim = new Simulation(1);
        var stopped = sim.AddNode("n1", _ => { });
        var suspended = sim.AddNode("n2", _ => { });
        var before = (stopped.Clock.Elapsed, suspended.Clock.Elapsed);

        stopped.Pause(Seconds(10));
        suspended.Pause(Seconds(10), clockStops: true);
        sim.RunFor(Seconds(15));

        Assert.Equal(Seconds(15), stopped.Clock.Elapsed - before.Item1);
        Assert.Equal(Seconds(5), suspended.Clock.Elapsed - before.Item2);
    }

    [Theory]
    [InlineData(0.5, 3.5)]  // due in the pause
    [InlineData(5, 8)]      // due after it
    public void Timers_of_a_suspended_machine_are_late_by_the_whole_suspension(double delay, double fired)
    {
        var at = new List<TimeSpan>();
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node => node.ActorOf(Props.Create(() => new TimedRecorder(Seconds(delay), _ => at.Add(sim.Now))), "a"));
        sim.RunFor(Seconds(0.25));

        node.Pause(Seconds(3), clockStops: true);
        sim.RunFor(Seconds(20));

        Assert.Equal([Seconds(fired)], at);
    }

    [Fact]
    public void Overlapping_pauses_last_as_long_as_the_longest()
    {
        var handled = new List<TimeSpan>();
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node => node.Act("a", (_, _) => handled.Add(sim.Now)));
        node.Pause(Seconds(5));
        sim.RunFor(Seconds(1));
        node.Pause(Seconds(1));
        node.Actor("a").Tell("go");

        sim.RunFor(Seconds(10));

        Assert.Equal([Seconds(5)], handled);
    }

    [Fact]
    public void A_node_that_crashes_in_a_pause_is_not_paused_when_it_restarts()
    {
        var handled = new List<object>();
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node => node.Record("a", handled));
        node.Pause(TimeSpan.FromHours(1));
        node.Crash();
        node.Restart();
        node.Actor("a").Tell("hello");

        sim.RunFor(Seconds(1));

        Assert.Equal(["hello"], handled);
    }

    [Fact]
    public void A_drifting_clock_drives_the_timers_of_its_node()
    {
        var ticks = new int[2];
        using var sim = new Simulation(1);
        var fast = sim.AddNode("n1", node => node.Tick("a", Seconds(1), () => ticks[0]++));
        sim.AddNode("n2", node => node.Tick("a", Seconds(1), () => ticks[1]++));
        fast.Clock.Rate = 1.25;
        var began = fast.Clock.Elapsed;

        sim.RunFor(Seconds(100.1));

        Assert.Equal(125, (fast.Clock.Elapsed - began).TotalSeconds, tolerance: 0.2);
        Assert.Equal([125, 100], ticks);
    }

    [Fact]
    public void A_change_of_rate_does_not_make_the_clock_jump()
    {
        using var sim = new Simulation(1);
        var clock = sim.AddNode("n1", _ => { }).Clock;
        sim.RunFor(Seconds(100));
        var (elapsed, utc) = (clock.Elapsed, clock.UtcNow);

        clock.Rate = 0.5;

        Assert.Equal(elapsed, clock.Elapsed);
        Assert.Equal(utc, clock.UtcNow);
        sim.RunFor(Seconds(10));
        Assert.Equal(elapsed + Seconds(5), clock.Elapsed);
        Assert.Throws<ArgumentOutOfRangeException>(() => clock.Rate = 3);
    }

    [Fact]
    public void The_wall_clock_may_jump_and_the_elapsed_time_does_not()
    {
        using var sim = new Simulation(1);
        var clock = sim.AddNode("n1", _ => { }).Clock;
        var (elapsed, utc) = (clock.Elapsed, clock.UtcNow);

        clock.WallOffset = -TimeSpan.FromHours(1);

        Assert.Equal(elapsed, clock.Elapsed);
        Assert.Equal(utc - TimeSpan.FromHours(1), clock.UtcNow);
    }

    [Fact]
    public void After_a_restart_the_elapsed_time_begins_elsewhere()
    {
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", _ => { });
        var before = node.Clock.Elapsed;

        node.Crash();
        node.Restart();

        Assert.NotEqual(before, node.Clock.Elapsed);
    }

    [Fact]
    public void Healing_starts_crashed_nodes_ends_pauses_and_sets_clocks_right()
    {
        using var sim = new Simulation(1);
        var (crashed, paused) = (sim.AddNode("n1", _ => { }), sim.AddNode("n2", _ => { }));
        crashed.Crash();
        paused.Pause(TimeSpan.FromHours(1));
        paused.Clock.Rate = 1.1;

        sim.Heal();

        Assert.True(crashed.IsUp);
        Assert.False(paused.IsPaused);
        Assert.Equal(1, paused.Clock.Rate);
    }

    [Fact]
    public void Every_life_draws_its_own_random_numbers()
    {
        var drawn = new List<int>();
        using var sim = new Simulation(1);
        var node = sim.AddNode("n1", node => drawn.Add(node.Random.Next()));
        node.Crash();
        node.Restart();
        sim.AddNode("n2", node => drawn.Add(node.Random.Next()));

        Assert.Equal(3, drawn.Distinct().Count());
    }

    /// <summary>Records a "t" when its one timer fires, and every message.</summary>
    private sealed class TimedRecorder(TimeSpan delay, Action<object> record) : UntypedActor, IWithTimers
    {
        public ITimerScheduler Timers { get; set; } = null!;

        protected override void PreStart() => Timers.StartSingleTimer("t", "t", delay);

        protected override void OnReceive(object message) => record(message);
    }
}
