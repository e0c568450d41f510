using System.Net;
using System.Net.Sockets;
using System.Text;
using Actors.Hosting;
using Actors.Hosting.Configuration;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Actors.Storage;
using Actors.Tests.StorageTests;
using Akka;
using Akka.Actor;
using Akka.Cluster;
using Akka.Configuration;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Actors.Tests.HostingTests;

public sealed class ReplicatedNodeTests : IDisposable
{
    private static readonly byte[] Key = Encoding.UTF8.GetBytes("key");
    private static readonly byte[] Value = Encoding.UTF8.GetBytes("value");

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_node_of_its_own_serves_stops_and_finds_its_data_again()
    {
        var config = Config(FreePorts.Take(1));
        using (var host = await StartedAsync(config))
        {
            await ReadyAsync(host);
            await KeyValue(host).PutAsync(Key, Value);
            await host.StopAsync();
        }

        using (var host = await StartedAsync(config))
        {
            Assert.Equal(Value, (await KeyValue(host).GetAsync(Key)).Value!.ToArray());
            await host.StopAsync();
        }
    }

    [Fact]
    public async Task A_node_joins_a_cluster_without_a_downing_provider()
    {
        using var host = await StartedAsync(Config(FreePorts.Take(1)));
        var cluster = Cluster.Get(host.Services.GetRequiredService<ActorSystem>());

        Assert.IsType<NoDowning>(cluster.DowningProvider);
        Assert.Equal("demo", cluster.System.Name);
        await UntilAsync(() => Task.FromResult(cluster.IsUp));
        await host.StopAsync();
    }

    [Fact]
    public async Task A_node_says_its_process_and_its_HTTP_address_in_its_status()
    {
        using var host = await StartedAsync(Config(FreePorts.Take(1), "actors.http.port = 8085"));

        var status = Assert.Single(await host.Services.GetRequiredService<IReplication>().StatusAsync(TimeSpan.FromSeconds(5)));

        Assert.Equal(Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture), status.Labels["pid"]);
        Assert.Equal("http://127.0.0.1:8085", status.Labels["http"]);
        await host.StopAsync();
    }

    [Fact]
    public async Task A_node_without_a_quorum_is_live_but_not_ready()
    {
        using var host = await StartedAsync(Config(FreePorts.Take(3)));

        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();

        Assert.Equal(HealthStatus.Healthy, report.Entries["replication-live"].Status);
        Assert.Equal(HealthStatus.Unhealthy, report.Entries["replication"].Status);
        Assert.Equal("default: no primary is known", report.Entries["replication"].Description);
        await host.StopAsync();
    }

    [Fact]
    public async Task A_primary_hands_over_before_anything_of_it_stops()
    {
        var ports = FreePorts.Take(3);
        var hosts = new List<IHost>();
        try
        {
            for (var i = 1; i <= 3; i++)
                hosts.Add(await StartedAsync(Config(ports, node: i)));
            await Task.WhenAll(hosts.Select(ReadyAsync));
            var first = await PrimaryAsync(hosts[0]);
            var host = hosts.Single(h => h.Services.GetRequiredService<IReplication>().Node == first.Node);
            hosts.Remove(host);
            ReplicaStatus? second = null;
            CoordinatedShutdown.Get(host.Services.GetRequiredService<ActorSystem>()).AddTask(CoordinatedShutdown.PhaseServiceUnbind, "look", async () =>
            {
                second = await PrimaryAsync(host);
                return Done.Instance;
            });

            await host.StopAsync();

            Assert.NotEqual(first.Node, second!.Node);
            Assert.True(second.Epoch > first.Epoch);
            host.Dispose();
        }
        finally
        {
            await Task.WhenAll(hosts.Select(h => h.StopAsync()));
            hosts.ForEach(h => h.Dispose());
        }
    }

    [Fact]
    public async Task A_port_in_use_is_named_and_the_data_folder_is_left_alone()
    {
        var ports = FreePorts.Take(1);
        using var listener = new TcpListener(IPAddress.Loopback, ports[0]);
        listener.Start();

        var e = await Assert.ThrowsAsync<ConfigurationException>(() => StartedAsync(Config(ports)));

        Assert.Equal($"actors.nodes.n1 = 127.0.0.1:{ports[0]}: cannot listen there: Address already in use", e.Message);
        Assert.False(Directory.Exists(DataOf(1)));
    }

    [Fact]
    public async Task A_data_folder_in_use_is_named()
    {
        using var holder = RocksDbStore.Open(DataOf(1), new StoreIdentity("demo", new NodeId("n1")), new Random(1));

        var e = await Assert.ThrowsAsync<DataFolderException>(() => StartedAsync(Config(FreePorts.Take(1))));

        Assert.Contains(DataOf(1), e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("example.com")]
    public async Task Remoting_that_others_could_reach_is_refused(string hostName)
    {
        var config = Config(FreePorts.Take(1), $"akka.remote.dot-netty.tcp.hostname = \"{hostName}\"");

        var e = await Assert.ThrowsAsync<ConfigurationException>(() => StartedAsync(config));

        Assert.Equal(
            $"akka.remote.dot-netty.tcp.hostname = {hostName} is refused: beyond loopback (127.0.0.1) nodes need TLS and a token (actors.tls.folder, which 'actors certs new' makes), or actors.insecure = on in a network that nobody else can reach",
            e.Message);
    }

    [Fact]
    public async Task An_application_with_a_group_of_its_own_is_assembled_in_code()
    {
        var port = FreePorts.Take(1)[0];
        using var host = await StartedAsync(akka => akka.WithRemoting("127.0.0.1", port).WithReplication(InCode(port)));

        await ReadyAsync(host);

        Assert.Equal([new GroupId("own")], host.Services.GetRequiredService<IReplication>().Groups);
        Assert.NotNull(await host.Services.GetRequiredService<IRequiredActor<IReplication>>().GetAsync());
        await host.StopAsync();
    }

    [Fact]
    public async Task HOCON_that_an_application_has_added_is_read_with_its_own_state_machines()
    {
        var config = Config(FreePorts.Take(1), "actors.groups.default.state-machine = mine");
        var node = ReplicationOptions.Read(config, Mine).Validated();
        using var host = await StartedAsync(akka => akka.AddHocon(config, HoconAddMode.Append).WithRemoting("127.0.0.1", node.Address.Port).WithReplication(Mine));

        await ReadyAsync(host);

        await host.StopAsync();
    }

    [Fact]
    public async Task Replication_without_remoting_says_what_is_missing()
    {
        var port = FreePorts.Take(1)[0];

        var e = await Assert.ThrowsAsync<ConfigurationException>(() => StartedAsync(akka => akka.WithReplication(InCode(port))));

        Assert.Equal($"replication needs Akka.Remote: call WithRemoting(\"127.0.0.1\", {port})", e.Message);
    }

    [Fact]
    public async Task Remoting_at_another_address_than_the_nodes_is_refused()
    {
        var ports = FreePorts.Take(2);

        var e = await Assert.ThrowsAsync<ConfigurationException>(() => StartedAsync(akka => akka.WithRemoting("127.0.0.1", ports[1]).WithReplication(InCode(ports[0]))));

        Assert.Equal($"actors.nodes.n1 = 127.0.0.1:{ports[0]}, but this system listens on 127.0.0.1:{ports[1]}: give Akka.Remote the same address", e.Message);
    }

    [Fact]
    public void A_system_without_replication_says_how_to_get_it()
    {
        using var system = ActorSystem.Create("plain");

        var e = Assert.Throws<ConfigurationException>(() => system.GetReplication());

        Assert.Equal("actor system 'plain' replicates nothing: call WithReplication(...) in AddAkka(...)", e.Message);
    }

    public void Dispose() => _folder.Dispose();

    private static Dictionary<string, Func<IStateMachine>> Mine => new() { ["mine"] = () => new KeyValueMachine() };

    private string DataOf(int node) => Path.Combine(_folder.Root, $"n{node}");

    /// <summary>The configuration of a node as it stands in config/, with as many nodes as there are ports, and data in the test's folder.</summary>
    private Config Config(int[] ports, string more = "", int node = 1)
    {
        var names = ports.Select((_, i) => $"n{i + 1}");
        var nodes = ports.Select((port, i) => $"n{i + 1} = \"127.0.0.1:{port}\"\n");
        var text = $$"""
            actors {
              cluster = demo
              node = n{{node}}
              data-directory = "{{DataOf(node)}}"
              nodes { {{string.Concat(nodes)}} }
              groups.default { members = [{{string.Join(", ", names)}}] }
            }
            {{more}}
            """;
        var akka = ConfigFile.Load(Path.Combine(AppContext.BaseDirectory, "config", "base.conf")).GetConfig("akka");
        return ConfigurationFactory.ParseString(text).WithFallback(akka.Root.AtKey("akka"));
    }

    private Action<ReplicationOptions> InCode(int port) => options =>
    {
        options.Cluster = "demo";
        options.Node = "n1";
        options.DataDirectory = DataOf(1);
        options.Nodes["n1"] = $"127.0.0.1:{port}";
        options.AddGroup("own", () => new KeyValueMachine());
    };

    private static Task<IHost> StartedAsync(Config config) => StartedAsync(services => services.AddReplicatedNode(config));

    private static Task<IHost> StartedAsync(Action<AkkaConfigurationBuilder> akka) => StartedAsync(services => services.AddAkka("demo", akka).AddReplication());

    private static async Task<IHost> StartedAsync(Func<IServiceCollection, IServiceCollection> node)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.ClearProviders();
        node(builder.Services);
        builder.Services.AddHealthChecks();
        var host = builder.Build();
        try
        {
            await host.StartAsync();
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    private static KeyValueClient KeyValue(IHost host) => new(host.Services.GetRequiredService<IReplication>().Group(new GroupId("default")));

    private static Task ReadyAsync(IHost host)
    {
        var health = host.Services.GetRequiredService<HealthCheckService>();
        return UntilAsync(async () => (await health.CheckHealthAsync(check => check.Tags.Contains("ready"))).Status == HealthStatus.Healthy);
    }

    private static async Task<ReplicaStatus> PrimaryAsync(IHost host)
    {
        ReplicaStatus? primary = null;
        await UntilAsync(async () =>
        {
            var statuses = await host.Services.GetRequiredService<IReplication>().StatusAsync(TimeSpan.FromMilliseconds(200));
            primary = statuses.Where(s => s.Role is ReplicaRole.Primary).MaxBy(s => s.Epoch);
            return primary is not null;
        });
        return primary!;
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await condition())
            await Task.Delay(20, limit.Token);
    }
}
