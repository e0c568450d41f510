using System.Globalization;
using Actors.TestKit;
using Akka.Actor;

namespace Actors.Tests.SimulationTests;

/// <summary>A run with a little of everything, for tests of determinism: timers, children, faults, crashes, pauses, disks.</summary>
internal static class Scenario
{
    public sealed record Hello(int Number);

    public static Simulation Start(long seed, SimulationOptions? options = null)
    {
        var sim = new Simulation(seed, options);
        sim.Network.Faults = new LinkFaults { Loss = 0.05, Duplicate = 0.05, Reorder = 0.1, Slow = 0.05 };
        string[] names = ["n1", "n2", "n3", "n4"];
        foreach (var name in names)
        {
            sim.AddNode(name, node =>
            {
                var others = names.Where(other => other != name).Select(other => node.Remote($"{other}/talker")).ToArray();
                node.ActorOf(Props.Create(() => new Talker(others, node)), "talker");
            });
        }

        var chaos = sim.RandomFor("chaos");
        sim.After(TimeSpan.FromSeconds(1), Crash);
        sim.After(TimeSpan.FromSeconds(2), () => sim.Node(new("n2")).Pause(TimeSpan.FromSeconds(1)));
        sim.After(TimeSpan.FromSeconds(3), () => sim.Network.Isolate(new("n3")));
        return sim;

        void Crash()
        {
            var victim = sim.Nodes[chaos.Next(sim.Nodes.Count)];
            victim.Crash();
            sim.After(TimeSpan.FromMilliseconds(300), victim.Restart);
        }
    }

    /// <summary>Runs five seconds of <paramref name="seed"/> and returns what identifies the run.</summary>
    public static string Run(long seed)
    {
        using var sim = Start(seed);
        sim.RunFor(TimeSpan.FromSeconds(5));
        return string.Create(CultureInfo.InvariantCulture, $"{seed} {sim.Steps} {sim.TraceHash:x16}");
    }

    /// <summary>Greets the others, writes to its disk, and now and then fails or replaces all its children at once.</summary>
    private sealed class Talker : UntypedActor, IWithTimers
    {
        private readonly IActorRef[] _others;
        private readonly SimNodeContext _node;
        private readonly Storage.IStore _store;
        private int _number;

        public Talker(IActorRef[] others, SimNodeContext node)
        {
            (_others, _node) = (others, node);
            _store = node.OpenStore();
        }

        public ITimerScheduler Timers { get; set; } = null!;

        protected override void PreStart() => Timers.StartSingleTimer("tick", "tick", TimeSpan.FromMilliseconds(1 + _node.Random.Next(20)));

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case "tick":
                    OnTick();
                    break;
                case Hello hello when hello.Number % 50 == 0:
                    throw new InvalidOperationException("unlucky number");
                case Hello hello when hello.Number % 7 == 0:
                    Sender.Tell(hello with { Number = hello.Number + 1 });
                    break;
            }
        }

        private void OnTick()
        {
            Timers.StartSingleTimer("tick", "tick", TimeSpan.FromMilliseconds(1 + _node.Random.Next(20)));
            var writes = new Storage.WriteSet();
            writes.Put(Storage.Table.Log, BitConverter.GetBytes(++_number), new byte[10]);
            _store.Write(writes, sync: _number % 3 == 0);
            foreach (var other in _others)
                other.Tell(new Hello(_number));
            if (_number % 20 == 0)
            {
                foreach (var child in Context.GetChildren())
                    Context.Stop(child);
                for (var i = 0; i < 5; i++)
                    Context.ActorOf(Props.Create<Idle>());
            }
        }
    }

    private sealed class Idle : UntypedActor
    {
        protected override void OnReceive(object message) => Unhandled(message);
    }
}
