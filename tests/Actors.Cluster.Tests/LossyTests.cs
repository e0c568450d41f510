namespace Actors.Cluster.Tests;

/// <summary>A group with durability = memory and commit = one: it serves on, and says what it lost.</summary>
public class LossyTests(ITestOutputHelper output)
{
    private const int Writes = 20;

    // The primary steps down when it has heard nobody for an election time-out: until then it answers alone.
    private const string Settings = """
        actors.groups.default { durability = memory, commit = one, reads = stale, election-timeout = 3 s, kick-after = 3 s }
        """;

    [Fact]
    public Task Kill_9_of_a_primary_that_answered_alone_leaves_a_group_that_serves_on_and_names_at_least_what_was_lost() => RealCluster.WithAsync(output, async cluster =>
    {
        var primary = await cluster.WholeAsync();
        RealNode[] others = [.. cluster.Nodes.Where(node => node != primary)];
        Assert.Equal(204, (await primary.Http.PutAsync("before", "1")).Status);
        await Task.WhenAll(others.Select(other => RealCluster.UntilAsync("it is there", async () => (await other.Http.GetAsync("before")).Status == 200 ? other : null)));

        // They get the first of it, and how far the primary has answered, but acknowledge nothing.
        foreach (var other in others)
            other.Pause();
        for (var i = 0; i < Writes; i++)
            Assert.Equal(204, (await primary.Http.PutAsync($"k{i}", "1")).Status);
        await Task.Delay(200);
        primary.Kill();
        foreach (var other in others)
            other.Resume();

        var next = await RealCluster.UntilAsync("another primary", async () =>
            await others[0].Http.StatusAsync() is { } status && others.FirstOrDefault(other => other.Name == status.Default.Primary) is { } found ? found : null);
        Assert.Equal(204, (await RealCluster.UntilAsync("a write", async () => await next.Http.PutAsync("after", "1") is { Status: 204 } answer ? answer : null)).Status);
        var kept = 0;
        for (var i = 0; i < Writes; i++)
            kept += (await next.Http.GetAsync($"k{i}")).Status == 200 ? 1 : 0;
        var group = (await next.Http.StatusAsync())!.Default;
        output.WriteLine($"{Writes - kept} of {Writes} answered writes are lost; the status says {string.Join(", ", group.DataLoss)}");
        Assert.True(group.Lossy);
        Assert.InRange(group.DataLoss.Sum(loss => loss.AtLeast), 1, Writes - kept);

        primary.Start();
        await cluster.WholeAsync();
    }, settings: Settings);

    [Fact]
    public Task Kill_9_of_all_but_one_node_leaves_its_state_and_of_all_a_new_group_that_says_so() => RealCluster.WithAsync(output, async cluster =>
    {
        var primary = await cluster.WholeAsync();
        Assert.Equal(204, (await primary.Http.PutAsync("k", "1")).Status);
        await Task.WhenAll(cluster.Nodes.Select(node => RealCluster.UntilAsync("it is there", async () => (await node.Http.GetAsync("k")).Status == 200 ? node : null)));
        foreach (var node in cluster.Nodes.Skip(1))
            node.Kill();
        foreach (var node in cluster.Nodes.Skip(1))
            node.Start();
        await cluster.WholeAsync();
        Assert.Equal("1", (await cluster.Nodes[2].Http.GetAsync("k")).Body);

        foreach (var node in cluster.Nodes)
            node.Kill();
        cluster.StartAll();
        await cluster.WholeAsync();
        Assert.Equal(404, (await cluster.Nodes[0].Http.GetAsync("k")).Status);
        Assert.Equal(1, Assert.Single((await cluster.Nodes[0].Http.StatusAsync())!.Default.DataLoss, loss => loss.Index == 1).Index);
    }, settings: Settings.Replace("3 s", "1 s", StringComparison.Ordinal));
}
