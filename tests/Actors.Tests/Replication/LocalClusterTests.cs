using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Xunit.Abstractions;

namespace Actors.Tests.ReplicationTests;

public sealed class LocalClusterTests(ITestOutputHelper output) : Akka.TestKit.Xunit2.TestKit(ActorsConfig.Default, output: output)
{
    [Fact]
    public async Task Three_nodes_found_a_group_and_answer_writes_and_reads()
    {
        var cluster = new LocalCluster(Sys, 3);
        var client = new KeyValueClient(cluster.Client(new NodeId("n2")));
        for (var i = 0; i < 100; i++)
        {
            var put = await client.PutAsync($"k{i}", $"v{i}");
            Assert.Equal(Outcome.Ok, put.Outcome);
        }

        var get = await client.GetAsync("k7");
        Assert.Equal("v7", System.Text.Encoding.UTF8.GetString(get.Value.Span));
        var statuses = await cluster.Client(new NodeId("n1")).StatusAsync(TimeSpan.FromSeconds(1));
        output.WriteLine(string.Join("\n", statuses));
        Assert.Equal(3, statuses.Count);
    }

    [Fact]
    public async Task A_killed_primary_is_replaced_and_comes_back_as_a_member()
    {
        var cluster = new LocalCluster(Sys, 3);
        var client = new KeyValueClient(cluster.Client(new NodeId("n3")));
        Assert.Equal(Outcome.Ok, (await client.PutAsync("k", "1")).Outcome);
        var statuses = await cluster.Client(new NodeId("n3")).StatusAsync(TimeSpan.FromSeconds(1));
        var primary = statuses.Single(s => s.Role is ReplicaRole.Primary).Node;
        var survivor = new[] { "n1", "n2", "n3" }.Select(n => new NodeId(n)).First(n => n != primary);
        await cluster.Kill(primary);
        client = new KeyValueClient(cluster.Client(survivor));
        Assert.Equal(Outcome.Ok, (await client.PutAsync("k", "2")).Outcome);
        Assert.Equal("2", System.Text.Encoding.UTF8.GetString((await client.GetAsync("k")).Value.Span));
        cluster.Start(primary);
        for (var i = 0; i < 100; i++)
        {
            statuses = await cluster.Client(survivor).StatusAsync(TimeSpan.FromSeconds(1));
            if (statuses.Count == 3 && statuses.All(s => s.Members.Count == 3 && s.Role is ReplicaRole.Primary or ReplicaRole.Backup))
                return;
            await Task.Delay(100);
        }

        Assert.Fail(string.Join("\n", statuses));
    }
}
