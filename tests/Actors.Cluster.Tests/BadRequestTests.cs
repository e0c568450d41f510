using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using Akka.Configuration;

namespace Actors.Cluster.Tests;

/// <summary>What clients and strangers send that they should not: refused in the way that was promised, and the cluster goes on.</summary>
public sealed class BadRequestTests(BadRequestTests.SharedCluster shared, ITestOutputHelper output) : IClassFixture<BadRequestTests.SharedCluster>
{
    private const int MaxKeyBytes = 1024;
    private const int MaxValueBytes = 65_536;

    private RealCluster Cluster => shared.Cluster;

    private HttpNode Node => Cluster.Nodes[1].Http;

    [Fact]
    public Task A_reused_token_with_another_body_is_422_at_any_node_and_the_same_request_is_answered_again() => RunAsync(async () =>
    {
        var first = await Cluster.Nodes[0].Http.IncrAsync("tokens", 5, ("Idempotency-Key", "t-1"));
        Assert.Equal((200, "5"), (first.Status, first.Body));
        var again = await Cluster.Nodes[1].Http.IncrAsync("tokens", 5, ("Idempotency-Key", "t-1"));
        Assert.Equal((200, "5"), (again.Status, again.Body));
        var other = await Cluster.Nodes[2].Http.IncrAsync("tokens", 6, ("Idempotency-Key", "t-1"));
        Assert.Equal((422, "token-reused", "not-applied"), (other.Status, other.Code, other.Member("write")));
        Assert.Equal("5", (await Node.GetAsync("tokens")).Body);
    });

    [Fact]
    public Task Keys_and_values_over_their_limits_are_413() => RunAsync(async () =>
    {
        var value = await Node.PutAsync("large", new string('v', MaxValueBytes + 1));
        Assert.Equal((413, "too-large", "not-applied"), (value.Status, value.Code, value.Member("write")));
        var key = await Node.PutAsync(new string('k', MaxKeyBytes + 1), "");
        Assert.Equal((413, "too-large", "not-applied"), (key.Status, key.Code, key.Member("write")));
        Assert.Equal(204, (await Node.PutAsync(new string('k', MaxKeyBytes), new string('v', MaxValueBytes))).Status);
    });

    [Fact]
    public Task An_unknown_group_or_key_is_404() => RunAsync(async () =>
    {
        Assert.Equal((404, "key-not-found"), Brief(await Node.GetAsync("no-such-key")));
        Assert.Equal((404, "group-not-found"), Brief(await Node.SendAsync(HttpMethod.Put, "/v1/groups/no-such-group/keys/a", "1")));
    });

    [Fact]
    public Task A_failed_If_Match_is_412_and_changes_nothing() => RunAsync(async () =>
    {
        var first = await Node.PutAsync("match", "1");
        Assert.Equal(204, (await Node.PutAsync("match", "2", ("If-Match", first.ETag))).Status);
        Assert.Equal((412, "condition-failed"), Brief(await Node.PutAsync("match", "3", ("If-Match", first.ETag))));
        Assert.Equal((412, "condition-failed"), Brief(await Node.PutAsync("match", "4", ("If-None-Match", "*"))));
        Assert.Equal("2", (await Node.GetAsync("match")).Body);
    });

    [Fact]
    public Task Garbage_on_the_remoting_port_changes_nothing() => RunAsync(async () =>
    {
        var random = new Random(1);
        var noise = new byte[200_000];
        random.NextBytes(noise);
        var hugeLength = new byte[64];
        BinaryPrimitives.WriteInt32LittleEndian(hugeLength, int.MaxValue);
        var negativeLength = new byte[64];
        BinaryPrimitives.WriteInt32LittleEndian(negativeLength, -1);
        var cutShort = new byte[16];
        BinaryPrimitives.WriteInt32LittleEndian(cutShort, 1000);
        var noProtocol = new byte[104];
        random.NextBytes(noProtocol);
        BinaryPrimitives.WriteInt32LittleEndian(noProtocol, 100);

        foreach (var bytes in new[] { noise, hugeLength, negativeLength, cutShort, noProtocol })
        {
            foreach (var node in Cluster.Nodes)
                await ThrowAtAsync(RemotingOf(node), bytes);
        }

        await RequireUnharmedAsync();
    });

    [Fact]
    public Task JSON_with_type_names_is_refused_from_a_peer_that_speaks_Akka_Remote() => RunAsync(async () =>
    {
        var target = Cluster.Nodes[0];
        // An honest Akka.NET with its default serializer, which names the type that the receiver shall create.
        using var stranger = ActorSystem.Create("demo", ConfigurationFactory.ParseString("""
            akka.loglevel = OFF
            akka.stdout-loglevel = OFF
            akka.actor.provider = remote
            akka.remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0 }
            """));
        var replica = stranger.ActorSelection($"akka.tcp://demo@{RemotingOf(target)}/user/replication/g-default");
        await RealCluster.UntilAsync("the refusal in the node's log", () =>
        {
            replica.Tell(new Stranger("hello"));
            return Task.FromResult(target.Log.Contains("JSON with type names (serializer 1) is refused", StringComparison.Ordinal) ? target : null);
        });
        await stranger.Terminate();
        await RequireUnharmedAsync();
    });

    private Task RunAsync(Func<Task> test) => Cluster.PrintingLogsAsync(output, test);

    private async Task RequireUnharmedAsync()
    {
        var primary = await Cluster.WholeAsync();
        Assert.Equal(shared.Pids, Cluster.Nodes.Select(node => node.IsRunning ? node.Pid : 0));
        foreach (var node in Cluster.Nodes)
        {
            Assert.Equal(204, (await node.Http.PutAsync("unharmed", node.Name)).Status);
            Assert.Equal(node.Name, (await primary.Http.GetAsync("unharmed")).Body);
        }
    }

    private static (int, string) Brief(Answer answer) => (answer.Status, answer.Code);

    private static string RemotingOf(RealNode node) =>
        File.ReadLines(node.ConfigFile).Single(line => line.StartsWith($"actors.nodes.{node.Name} ", StringComparison.Ordinal)).Split('"')[1];

    private static async Task ThrowAtAsync(string address, byte[] bytes)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(address));
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(bytes);
            client.Client.Shutdown(SocketShutdown.Send);
            while (await stream.ReadAsync(new byte[1024]) > 0)
            {
            }
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // Closed by the node before it had read all of it.
        }
    }

    /// <summary>A message that no codec of the nodes knows.</summary>
    public sealed record Stranger(string Text);

    /// <summary>One cluster for all tests here: none of them may harm it.</summary>
    public sealed class SharedCluster : IAsyncLifetime
    {
        private RealCluster? _cluster;

        internal RealCluster Cluster => _cluster!;

        public IReadOnlyList<int> Pids { get; private set; } = [];

        public async Task InitializeAsync()
        {
            _cluster = await RealCluster.StartAsync();
            Pids = [.. _cluster.Nodes.Select(node => node.Pid)];
        }

        public Task DisposeAsync()
        {
            _cluster?.Dispose();
            return Task.CompletedTask;
        }
    }
}
