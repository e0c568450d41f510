using Akka.Actor;
using Akka.Event;

namespace Actors.TestKit;

/// <summary>An exception that an actor threw, as its supervisor logged it.</summary>
/// <param name="At">When, in virtual time.</param>
/// <param name="Actor">The path of the actor, or another source of the log line.</param>
/// <param name="Exception">What it threw.</param>
public sealed record ActorFailure(TimeSpan At, string Actor, Exception Exception);

/// <summary>Takes Akka's log events as they are published: into the trace, and exceptions into a list. No actor, so no step and no race at start-up.</summary>
internal sealed class TraceLogger : MinimalActorRef
{
    private readonly World _world;
    private readonly IReadOnlyCollection<Type> _failOn;

    private TraceLogger(IActorRefProvider provider, World world, IReadOnlyCollection<Type> failOn)
    {
        Provider = provider;
        Path = provider.RootPath / "trace-logger";
        _world = world;
        _failOn = failOn;
    }

    public List<ActorFailure> Failures { get; } = [];

    public override ActorPath Path { get; }

    public override IActorRefProvider Provider { get; }

    public static TraceLogger Attach(ActorSystem system, World world, IReadOnlyCollection<Type> failOn)
    {
        var logger = new TraceLogger(((ExtendedActorSystem)system).Provider, world, failOn);
        system.EventStream.Subscribe(logger, typeof(LogEvent));
        return logger;
    }

    protected override void TellInternal(object message, IActorRef sender)
    {
        if (message is not LogEvent log || !_world.IsOwnThread)
            return;
        var source = SimNode.AddressOf(log.LogSource) ?? log.LogSource;
        _world.Trace.Note(_world.LocalNow, "!", source, log.Cause is null ? $"{log.LogLevel()} {log.Message}" : $"{log.LogLevel()} {log.Message} ({log.Cause.GetType().Name})");
        if (log.Cause is null)
            return;
        Failures.Add(new ActorFailure(new TimeSpan(_world.LocalNow), source, log.Cause));
        for (var cause = log.Cause; cause is not null; cause = cause.InnerException)
        {
            if (_failOn.Any(type => type.IsInstanceOfType(cause)))
                _world.Fail(cause.GetType().Name, $"{source}: {cause.Message}");
        }
    }
}
