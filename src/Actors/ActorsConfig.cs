using Akka.Configuration;

namespace Actors;

/// <summary>The library's HOCON defaults.</summary>
public static class ActorsConfig
{
    /// <summary>Serializer bindings and dispatchers; an application puts it behind its own configuration with <c>WithFallback</c>.</summary>
    public static Config Default { get; } = ConfigurationFactory.FromResource("Actors.reference.conf", typeof(ActorsConfig).Assembly);
}
