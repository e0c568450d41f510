using Akka.Configuration;

namespace Actors;

/// <summary>The library's HOCON defaults.</summary>
public static class ActorsConfig
{
    /// <summary>Serializer bindings and dispatchers; an application puts it behind its own configuration with <c>WithFallback</c>.</summary>
    public static Config Default { get; } = ConfigurationFactory.FromResource("Actors.reference.conf", typeof(ActorsConfig).Assembly);

    /// <summary>The dispatcher of the actor that waits for the disk.</summary>
    internal const string StoreDispatcher = "actors.store-dispatcher";

    /// <summary>The dispatcher of replicas and participants, which run state machines of the application.</summary>
    internal const string ReplicaDispatcher = "actors.replica-dispatcher";

    /// <summary>The dispatcher of actors that pass messages on.</summary>
    internal const string RelayDispatcher = "actors.relay-dispatcher";
}
