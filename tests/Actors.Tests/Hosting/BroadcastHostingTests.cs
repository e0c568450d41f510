using System.Globalization;
using System.Text;
using Actors.Broadcast;
using Actors.Hosting;
using Actors.Membership;
using Actors.Tests.StorageTests;
using Akka.Cluster.Hosting;
using Akka.Configuration;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Actors.Tests.HostingTests;

/// <summary>Broadcast in an application, as its README shows it, and from HOCON.</summary>
public sealed class BroadcastHostingTests : IDisposable
{
    private const string Good = """
        actors {
          cluster = demo, node = n1, data-directory = "data/n1"
          nodes { n1 = "127.0.0.1:4051", n2 = "127.0.0.1:4052", n3 = "127.0.0.1:4053" }
          broadcast { news { SETTINGS } }
        }
        """;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_node_broadcasts_and_delivers_what_it_broadcasts()
    {
        var port = FreePorts.Take(1)[0];
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddAkka("shop", akka => akka
            .WithRemoting("127.0.0.1", port)
            .WithClustering()
            .WithReplication(options =>
            {
                options.Cluster = "shop";
                options.Node = "n1";
                options.DataDirectory = _folder.Data;
                options.Nodes["n1"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
                options.AddBroadcast("orders", group => group with
                {
                    Spec = new BroadcastSpec(Reliability.UniformReliable, Ordering.Total),
                });
            }));
        builder.Services.AddReplication();
        using var host = builder.Build();
        await host.StartAsync();
        var broadcast = host.Services.GetRequiredService<IBroadcast>();

        IBroadcastGroup orders = broadcast.Group(new GroupId("orders"));
        var (result, id) = await orders.BroadcastAsync("hello"u8.ToArray());

        Assert.Equal(BroadcastResult.Delivered, result);
        await foreach (var message in orders.ListenAsync(after: 0))
        {
            Assert.Equal((1, id, "hello"), (message.Position, message.Id, Encoding.UTF8.GetString(message.Payload.Span)));
            break;
        }

        Assert.Equal(BroadcastResult.TooLong, (await orders.BroadcastAsync(new byte[BroadcastSettings.MaxMessageBytesLimit + 1])).Result);
        Assert.Equal("no broadcast group 'news' is configured on n1; there are: orders", Assert.Throws<KeyNotFoundException>(() => broadcast.Group(new GroupId("news"))).Message);
        await Assert.ThrowsAsync<NotKeptException>(async () => await orders.ListenAsync(after: 5).GetAsyncEnumerator().MoveNextAsync());
        await host.StopAsync();
    }

    [Fact]
    public async Task A_group_that_a_log_orders_goes_on_after_a_restart_where_it_was()
    {
        var port = FreePorts.Take(1)[0];
        for (var life = 1; life <= 2; life++)
        {
            var builder = Host.CreateEmptyApplicationBuilder(null);
            builder.Services.AddAkka("shop", akka => akka
                .WithRemoting("127.0.0.1", port)
                .WithReplication(options =>
                {
                    options.Cluster = "shop";
                    options.Node = "n1";
                    options.DataDirectory = _folder.Data;
                    options.Nodes["n1"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
                    options.AddBroadcast("orders", group => group with
                    {
                        Spec = new BroadcastSpec(Reliability.UniformReliable, Ordering.Total, FaultModel.CrashRecovery, orderedBy: Orderer.Log),
                    });
                }));
            builder.Services.AddReplication();
            using var host = builder.Build();
            await host.StartAsync();
            var orders = host.Services.GetRequiredService<IBroadcast>().Group(new GroupId("orders"));

            await orders.BroadcastAsync(Encoding.UTF8.GetBytes($"of life {life}"));

            var texts = new List<string>();
            await foreach (var message in orders.ListenAsync(after: 0))
            {
                texts.Add($"{message.Position} {Encoding.UTF8.GetString(message.Payload.Span)}");
                if (texts.Count == life)
                    break;
            }

            Assert.Equal(life == 1 ? ["1 of life 1"] : ["1 of life 1", "2 of life 2"], texts);
            await host.StopAsync();
        }
    }

    [Theory]
    [InlineData("reliability = best-effort, ordering = causal", "actors.broadcast.news: causal order over best effort is refused")]
    [InlineData("reliability = best-effort, ordering = total", "actors.broadcast.news: total order over best effort is refused")]
    [InlineData("reliability = probabilistic", "actors.broadcast.news: reliability Probabilistic is not available yet")]
    [InlineData("faults = byzantine", "actors.broadcast.news: fault model Byzantine is not available yet")]
    [InlineData("faults = crash-recovery", "actors.broadcast.news: fault model CrashRecovery without a log is refused")]
    [InlineData("ordered-by = log", "actors.broadcast.news: a log gives a total order, ordering Fifo needs none")]
    [InlineData("dissemination = plumtree", "actors.broadcast.news: dissemination Plumtree is not available yet")]
    [InlineData("reliability = uniform, members = [n1, n2]", "actors: broadcast group 'news': members: a majority of 2 members is both of them")]
    [InlineData("members = [n1, n4]", "actors.broadcast.news.members = 'n4' is not one of actors.nodes; did you mean n1?")]
    [InlineData("members = [n2, n3]", "actors.broadcast.news.members leaves out this node, 'n1'")]
    [InlineData("reliability = uniform, ordering = total, views = agreed", "actors: broadcast group 'news': views = agreed is not built for a total order yet")]
    [InlineData("reliability = best-effort, views = agreed", "actors: broadcast group 'news': views = agreed needs at least reliable")]
    [InlineData("views = agred", "actors.broadcast.news.views = agred is not known; did you mean agreed?")]
    [InlineData("ordering = causel", "actors.broadcast.news.ordering = causel is not known; did you mean causal?")]
    [InlineData("windw = 64", "actors.broadcast.news.windw is not a setting; did you mean window?")]
    [InlineData("window = 100", "actors: broadcast group 'news': window must be a power of two from 64 to 65536, is 100")]
    [InlineData("digest-interval = 5", "actors.broadcast.news.digest-interval = 5 has no unit")]
    public void What_is_wrong_is_one_line_that_names_the_setting(string settings, string line)
    {
        var error = Assert.Throws<ConfigurationException>(() => ReplicationOptions.Read(ConfigurationFactory.ParseString(Good.Replace("SETTINGS", settings, StringComparison.Ordinal))));

        Assert.StartsWith(line, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void With_views_that_are_agreed_on_the_other_nodes_may_join_and_a_few_hold_the_views()
    {
        var settings = ReplicationOptions.Read(ConfigurationFactory.ParseString(Good.Replace("SETTINGS", "views = agreed, members = [n2, n3]", StringComparison.Ordinal))).Validated();

        Assert.Equal([new NodeId("n1")], settings.BroadcastGroups[0].MayJoin!);
        Assert.Equal(["actors.views"], settings.Groups.Select(group => group.Id.Value));
    }

    [Fact]
    public void The_example_says_what_it_promises()
    {
        var config = Actors.Hosting.Configuration.ConfigFile.Load(Path.Combine(AppContext.BaseDirectory, "config", "broadcast.conf"))
            .WithFallback(ConfigurationFactory.ParseString("actors { node = n1, data-directory = \"x\", http.port = 1 }"));

        var groups = ReplicationOptions.Read(config).Validated().BroadcastGroups;

        Assert.Equal(["UniformReliable Total CrashRecovery direct ordered by a log", "Reliable Causal Omission direct", "UniformReliable Total Omission direct"], groups.Select(group => group.Spec.ToString()));
    }

    public void Dispose() => _folder.Dispose();
}
