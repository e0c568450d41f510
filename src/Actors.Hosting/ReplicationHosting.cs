using Actors.Broadcast;
using Actors.Hosting.Configuration;
using Actors.Replication;
using Actors.Storage;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Hosting;
using Akka.Configuration;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Actors.Hosting;

/// <summary>Replication in an application that is assembled with Akka.Hosting.</summary>
/// <example>
/// <code>
/// services.AddAkka("shop", akka => akka
///     .WithRemoting("127.0.0.1", 4051)
///     .WithClustering()
///     .WithReplication(options =>
///     {
///         options.Cluster = "shop";
///         options.Node = "n1";
///         options.DataDirectory = "data/n1";
///         options.Nodes["n1"] = "127.0.0.1:4051";
///         options.AddGroup("stock", () => new Inventory());
///     }));
/// services.AddReplication();    // IReplication for the constructors of the application's services
/// </code>
/// </example>
public static class ReplicationHosting
{
    private static readonly string[] ReadyTags = ["replication", "ready"];
    private static readonly string[] LiveTags = ["replication", "live"];

    /// <summary>The settings of Akka.Remote that replication needs.</summary>
    internal static Config Defaults { get; } = Resource("reference.conf");

    /// <summary>The settings of Akka that make a node of <see cref="AddReplicatedNode"/>.</summary>
    internal static Config NodeDefaults { get; } = Resource("node.conf");

    /// <summary>Replicates what <paramref name="options"/> say: opens the data folder now, starts the replicas with the actor system, hands leadership over before it stops.</summary>
    /// <remarks>
    /// Adds the health checks <c>replication</c> (tag <c>ready</c>: every group has a primary and this node is a member) and <c>replication-live</c> (tag <c>live</c>).
    /// The system needs Akka.Remote on this node's address. With Akka.Cluster, membership events trigger elections at once; without it heartbeats do alone.
    /// </remarks>
    /// <exception cref="ConfigurationException">A setting is not valid or the node's port is in use; the message is one line.</exception>
    /// <exception cref="DataFolderException">The data folder is in use, or is another node's.</exception>
    /// <exception cref="StoreFailedException">The data folder is damaged.</exception>
    public static AkkaConfigurationBuilder WithReplication(this AkkaConfigurationBuilder builder, ReplicationOptions options)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        var settings = options.Validated();
        Listening.RequireHostName(builder.Configuration.GetOrElse(Config.Empty), settings.MayBeReached);
        Listening.RequireFree(settings);
        if (settings.Tls is { } tls)
            builder.AddHocon("akka.remote.dot-netty.tcp.enable-ssl = on", HoconAddMode.Prepend).AddSetup(tls.ToSetup());
        var store = RocksDbStore.Open(settings.DataDirectory, new StoreIdentity(settings.Cluster, settings.Node), Random.Shared);
        return builder
            .AddHocon(Defaults, HoconAddMode.Append)
            .AddHocon(ActorsConfig.Default, HoconAddMode.Append)
            .AddSetup(new ReplicationSetup(settings, store))
            .WithActors((system, registry) => registry.Register<IReplication>(ReplicationExtension.Of(system).Node))
            .WithHealthCheck("replication", (system, _, _) => ReplicationHealth.Ready(system), tags: ReadyTags)
            .WithHealthCheck("replication-live", (system, _, _) => ReplicationHealth.Live(system), tags: LiveTags);
    }

    /// <summary>As <see cref="WithReplication(AkkaConfigurationBuilder, ReplicationOptions)"/>, with options given in code.</summary>
    public static AkkaConfigurationBuilder WithReplication(this AkkaConfigurationBuilder builder, Action<ReplicationOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var options = new ReplicationOptions();
        configure(options);
        return builder.WithReplication(options);
    }

    /// <summary>As <see cref="WithReplication(AkkaConfigurationBuilder, ReplicationOptions)"/>, with options from the block <c>actors</c> of the HOCON added so far.</summary>
    /// <param name="builder">The builder, after <c>AddHocon</c>.</param>
    /// <param name="stateMachines">State machines by the name that <c>state-machine</c> of a group refers to, beside <c>key-value</c>.</param>
    public static AkkaConfigurationBuilder WithReplication(this AkkaConfigurationBuilder builder, IReadOnlyDictionary<string, Func<IStateMachine>>? stateMachines = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.WithReplication(ReplicationOptions.Read(builder.Configuration.GetOrElse(Config.Empty), stateMachines));
    }

    /// <summary>Registers <see cref="IReplication"/> and <see cref="IBroadcast"/> for the services of the application, beside an <c>AddAkka</c> with <c>WithReplication</c>.</summary>
    /// <remarks>A call of its own because Akka.Hosting runs its builder when the services are already fixed.</remarks>
    public static IServiceCollection AddReplication(this IServiceCollection services)
    {
        services.TryAddSingleton(provider => provider.GetRequiredService<ActorSystem>().GetReplication());
        services.TryAddSingleton(provider => provider.GetRequiredService<ActorSystem>().GetBroadcast());
        return services;
    }

    /// <summary>The replicated groups of an actor system that was started with <c>WithReplication</c>.</summary>
    /// <exception cref="ConfigurationException">It was not.</exception>
    public static IReplication GetReplication(this ActorSystem system) => ReplicationExtension.Of(system).Replication;

    /// <summary>The broadcast groups of an actor system that was started with <c>WithReplication</c>.</summary>
    /// <exception cref="ConfigurationException">It was not.</exception>
    public static IBroadcast GetBroadcast(this ActorSystem system) => ReplicationExtension.Of(system).Broadcast;

    /// <summary>A whole node from its configuration: an actor system named after the cluster, on this node's address, in a cluster with all nodes, with replication and groups that can be created while it runs (<see cref="IGroupCatalog"/>).</summary>
    /// <param name="services">The services of the host. Akka's log goes to its logging.</param>
    /// <param name="config">The node's configuration, usually from <see cref="ConfigFile.Load"/>: the block <c>actors</c> and settings of Akka.</param>
    /// <param name="stateMachines">State machines by the name that <c>state-machine</c> of a group refers to, beside <c>key-value</c>.</param>
    /// <exception cref="ConfigurationException">A setting is not valid; the message is one line. What is wrong with port and data folder shows when the host starts, by the exceptions of <c>WithReplication</c>.</exception>
    public static IServiceCollection AddReplicatedNode(this IServiceCollection services, Config config, IReadOnlyDictionary<string, Func<IStateMachine>>? stateMachines = null)
    {
        stateMachines ??= new Dictionary<string, Func<IStateMachine>>();
        var options = ReplicationOptions.Read(config, stateMachines);
        options.AddCatalog();
        var node = options.Validated();
        services.AddAkka(node.Cluster, (akka, provider) => akka
            .AddHocon(config, HoconAddMode.Append)
            .AddHocon(NodeDefaults, HoconAddMode.Append)
            .AddSetup(new HostLoggerSetup(provider.GetRequiredService<ILoggerFactory>()))
            .WithReplication(options)
            .WithRemoting(node.Address.Host, node.Address.Port)
            .WithClustering()
            .WithActors((system, _) => JoinCluster(system)));
        services.AddSingleton(provider => new GroupCatalog(
            new Lazy<ReplicationExtension>(() => ReplicationExtension.Of(provider.GetRequiredService<ActorSystem>())),
            options, stateMachines, provider.GetRequiredService<ILogger<GroupCatalog>>()));
        services.AddSingleton<IGroupCatalog>(provider => provider.GetRequiredService<GroupCatalog>());
        services.AddHostedService(provider => provider.GetRequiredService<GroupCatalog>());
        return services.AddReplication();
    }

    /// <summary>Meets the other nodes at their configured addresses, unless the configuration names seed nodes itself.</summary>
    private static void JoinCluster(ActorSystem system)
    {
        var cluster = Cluster.Get(system);
        var replication = ReplicationExtension.Of(system);
        if (cluster.Settings.SeedNodes.IsEmpty)
            cluster.JoinSeedNodes(replication.Settings.Nodes.Values.Select(replication.Peers.AddressOf));
    }

    private static Config Resource(string name) => ConfigurationFactory.FromResource($"Actors.Hosting.{name}", typeof(ReplicationHosting).Assembly);
}
