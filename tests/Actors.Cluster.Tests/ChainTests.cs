namespace Actors.Cluster.Tests;

/// <summary>What happens to the processes of a chain of five, while clients at every node go on: nothing acknowledged is lost, nothing is applied twice, every history is linearizable.</summary>
public class ChainTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(4)]
    public Task Kill_9_of_a_link_loses_nothing_and_its_machine_comes_back_as_the_tail(int place) => RunAsync(async (cluster, work) =>
    {
        await cluster.WholeAsync();
        var victim = cluster[await MemberAsync(cluster, place)];
        victim.Kill();
        await work.ProgressAsync();
        victim.Start();
        await cluster.WholeAsync();
        Assert.Equal(victim.Name, await MemberAsync(cluster, 4));
    });

    [Fact]
    public Task Kill_9_of_one_link_after_the_other_loses_nothing() => RunAsync(async (cluster, work) =>
    {
        foreach (var place in (int[])[0, 1, 0])
        {
            var victim = cluster[await MemberAsync(cluster, place)];
            victim.Kill();
            await work.ProgressAsync();
            victim.Start();
            await cluster.WholeAsync();
        }
    });

    [Fact]
    public Task Kill_9_of_all_nodes_at_once_loses_nothing_and_applies_nothing_twice() => RunAsync(async (cluster, work) =>
    {
        Parallel.ForEach(cluster.Nodes, node => node.Kill());
        cluster.StartAll();
        await cluster.WholeAsync();
    });

    private static async Task<string> MemberAsync(RealCluster cluster, int place)
    {
        var status = await RealCluster.UntilAsync("a status", async () => await cluster.Nodes[0].Http.StatusAsync() ?? await cluster.Nodes[1].Http.StatusAsync());
        return status.Default.Members[place].Node;
    }

    private Task RunAsync(Func<RealCluster, Workload, Task> test) => Workload.RunAsync(output, test, links: 5);
}
