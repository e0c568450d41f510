using Actors.TestKit;
using Akka.Actor;

namespace Actors.Tests.SimulationTests;

/// <summary>An actor that hands every message to a function.</summary>
internal sealed class Acting(Action<IUntypedActorContext, object> handle) : UntypedActor
{
    protected override void OnReceive(object message) => handle(Context, message);
}

/// <summary>An actor that counts what its timer tells it.</summary>
internal sealed class Ticking(TimeSpan interval, Action tick) : UntypedActor, IWithTimers
{
    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer("tick", "tick", interval);

    protected override void OnReceive(object message) => tick();
}

internal static class TestActors
{
    /// <summary>Starts an actor that hands every message to <paramref name="handle"/>.</summary>
    public static IActorRef Act(this SimNodeContext node, string name, Action<IUntypedActorContext, object> handle) =>
        node.ActorOf(Props.Create(() => new Acting(handle)), name);

    /// <summary>Starts an actor that puts every message into <paramref name="received"/>.</summary>
    public static IActorRef Record(this SimNodeContext node, string name, List<object> received) =>
        node.Act(name, (_, message) => received.Add(message));

    /// <summary>Starts an actor that calls <paramref name="tick"/> every <paramref name="interval"/>.</summary>
    public static IActorRef Tick(this SimNodeContext node, string name, TimeSpan interval, Action tick) =>
        node.ActorOf(Props.Create(() => new Ticking(interval, tick)), name);

    public static TimeSpan Ms(double value) => TimeSpan.FromMilliseconds(value);

    public static TimeSpan Seconds(double value) => TimeSpan.FromSeconds(value);
}
