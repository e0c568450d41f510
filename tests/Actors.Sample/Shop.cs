using Actors.Hosting;
using Actors.Replication;
using Akka.Actor;
using Akka.Cluster.Hosting;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Actors.Sample;

/// <summary>One node of the shop: a host with an actor system, a replica of the inventory, and the application's own services.</summary>
public sealed class Shop : IAsyncDisposable
{
    private const string AkkaSettings = """
        akka.stdout-loglevel = OFF                        # the story says what matters
        akka.cluster.downing-provider-class = ""          # nobody ends a node because another one is away
        akka.coordinated-shutdown.phases {                # a node that stops says goodbye and does not wait for long to be heard: the others may stop as well
          cluster-leave.timeout = 1 s
          cluster-exiting.timeout = 1 s
        }
        """;

    private readonly IHost _host;

    private Shop(string node, IHost host)
    {
        Node = node;
        _host = host;
    }

    /// <summary>This node's name.</summary>
    public string Node { get; }

    /// <summary>The application's view of the inventory from this node.</summary>
    public Warehouse Warehouse => _host.Services.GetRequiredService<Warehouse>();

    private IReplication Replication => _host.Services.GetRequiredService<IReplication>();

    /// <summary>Starts a node.</summary>
    /// <param name="node">Its name.</param>
    /// <param name="ports">The Akka.Remote ports of all nodes, by name.</param>
    /// <param name="folder">Where the nodes keep their data, each in a folder of its own.</param>
    public static async Task<Shop> StartAsync(string node, IReadOnlyDictionary<string, int> ports, string folder)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddAkka("shop", akka => akka
            .ConfigureLoggers(loggers => loggers.ClearLoggers().AddLoggerFactory())
            .WithRemoting("127.0.0.1", ports[node])
            .AddHocon(AkkaSettings, HoconAddMode.Prepend)
            .WithClustering(new ClusterOptions { SeedNodes = [$"akka.tcp://shop@127.0.0.1:{ports.Values.Min()}"] })
            .WithReplication(options =>
            {
                options.Cluster = "shop";
                options.Node = node;
                options.DataDirectory = Path.Combine(folder, node);
                foreach (var (name, port) in ports)
                    options.Nodes[name] = $"127.0.0.1:{port}";
                options.AddGroup(Warehouse.Group, () => new Inventory());
            }));
        builder.Services.AddReplication();
        builder.Services.AddHealthChecks();
        builder.Services.AddSingleton<Warehouse>();
        var host = builder.Build();
        await host.StartAsync();
        return new Shop(node, host);
    }

    /// <summary>Waits until this node's replica is a member and knows its primary.</summary>
    public async Task ReadyAsync()
    {
        var health = _host.Services.GetRequiredService<HealthCheckService>();
        while ((await health.CheckHealthAsync(check => check.Tags.Contains("ready"))).Status != HealthStatus.Healthy)
            await Task.Delay(50);
    }

    /// <summary>The node whose replica is the primary of the inventory, as the replicas themselves say.</summary>
    public async Task<string> PrimaryAsync()
    {
        var statuses = await Replication.StatusAsync(TimeSpan.FromMilliseconds(500));
        return statuses.Where(s => s.Role is ReplicaRole.Primary).MaxBy(s => s.Epoch)?.Node.Value ?? throw new InvalidOperationException("there is no primary");
    }

    /// <summary>Ends the actor system on the spot: nothing is handed over, no goodbye is said. The data stays.</summary>
    public async Task KillAsync()
    {
        var system = (ExtendedActorSystem)_host.Services.GetRequiredService<ActorSystem>();
        system.Abort();
        await system.WhenTerminated;
        await DisposeAsync();
    }

    /// <summary>Stops the node in good order: it hands over what it leads and leaves the cluster.</summary>
    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }
}
