using Akka.Configuration;

namespace Actors.TestKit;

/// <summary>How a simulation is set up; everything has a default.</summary>
public sealed record SimulationOptions
{
    /// <summary>Configuration of the actor system, as HOCON: settings that the actors read and dispatchers that their Props name. Every dispatcher in it becomes the simulation's.</summary>
    public Config Config { get; init; } = ConfigurationFactory.Empty;

    /// <summary>Exception types that end the run when an actor throws them; others are supervised as in production, and counted.</summary>
    public IReadOnlyCollection<Type> FailOn { get; init; } = [];

    /// <summary>Every message between nodes passes through this: set it to the wire codec, encoding and decoding again.</summary>
    public Func<object, object>? Codec { get; init; }

    /// <summary>The lowest level of Akka's log that goes into the trace: <c>DEBUG</c>, <c>INFO</c>, <c>WARNING</c> (default) or <c>ERROR</c>.</summary>
    public string LogLevel { get; init; } = "WARNING";

    /// <summary>How many lines of the trace a failure shows: default 50.</summary>
    public int TraceLines { get; init; } = 50;

    /// <summary>Where the whole trace is written as it happens, or null (default): it makes a run many times slower.</summary>
    public string? TraceFile { get; init; }
}
