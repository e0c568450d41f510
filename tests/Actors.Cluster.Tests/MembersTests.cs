namespace Actors.Cluster.Tests;

/// <summary><c>actors remove</c> and <c>actors join</c>, while clients at every node go on.</summary>
public class MembersTests(ITestOutputHelper output)
{
    [Fact]
    public Task A_node_is_removed_and_joins_again_the_primary_too() => Workload.RunAsync(output, async (cluster, work) =>
    {
        foreach (var isPrimary in (bool[])[false, true])
        {
            var primary = await cluster.WholeAsync();
            var node = isPrimary ? primary : cluster.Nodes.First(n => n != primary);
            var others = cluster.Nodes.Where(n => n != node).ToArray();
            await RemoveAsync(cluster, node, others[0]);
            await work.ProgressAsync();     // the clients at the removed node go on as well
            await RequireAsync(1, "of at least 2 members (min-in-view)", others[0], "remove", others[1].Name);
            await JoinAsync(cluster, node, others[0]);
            await RequireAsync(1, $"{node} is a member of group 'default' already", others[0], "join", node.Name);
            await RequireAsync(1, "n9 is not one of actors.nodes: n1, n2, n3", others[0], "join", "n9");
        }
    });

    [Fact]
    public Task A_node_that_did_not_found_the_group_takes_the_place_of_one_that_did() => ReplaceAsync(links: 0);

    [Fact]
    public Task A_link_that_did_not_found_the_chain_takes_the_place_of_the_head() => ReplaceAsync(links: 4);

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public Task A_second_process_under_a_name_in_use_is_not_taken_in(int links) => Workload.RunAsync(
        output,
        async (cluster, work) =>
        {
            var primary = await cluster.WholeAsync();
            var node = cluster.Nodes.First(n => n != primary);
            using var second = cluster.SecondOf(node);
            second.Start();
            await RealCluster.UntilAsync($"a word of the second {node}", () => Task.FromResult(second.Log.Contains($"nobody has answered {node}", StringComparison.Ordinal) ? second : null));
            await work.ProgressAsync();
            Assert.DoesNotContain("taken in as", second.Log, StringComparison.Ordinal);
            Assert.Equal(node.Pid, (await primary.Http.StatusAsync())!.Nodes.Single(n => n.Name == node.Name).Pid);
            second.Kill();
            await cluster.WholeAsync();
        },
        links: links);

    private Task ReplaceAsync(int links) => Workload.RunAsync(
        output,
        async (cluster, work) =>
        {
            var first = await cluster.WholeAsync();
            var spare = cluster.Nodes[^1];
            Assert.Equal(200, (await spare.Http.GetAsync("counter")).Status);
            await JoinAsync(cluster, spare, spare);
            await RemoveAsync(cluster, first, spare);
            await work.ProgressAsync();

            first.Kill();
            first.Start();
            await cluster.WholeAsync();     // it is back, and stays outside
            await work.ProgressAsync();
            Assert.DoesNotContain(first.Name, await MembersAsync(spare));
            Assert.Contains(spare.Name, await MembersAsync(first));
        },
        links: links,
        spares: 1);

    private static async Task JoinAsync(RealCluster cluster, RealNode node, RealNode at)
    {
        await RequireAsync(0, $"{node} is a member of the group now", at, "join", node.Name);
        cluster.Outside--;
        await cluster.WholeAsync();
    }

    private static async Task RemoveAsync(RealCluster cluster, RealNode node, RealNode at)
    {
        await RequireAsync(0, $"{node} does not belong to the group any more", at, "remove", node.Name);
        cluster.Outside++;
        await cluster.WholeAsync();
    }

    private static async Task<IEnumerable<string>> MembersAsync(RealNode at) => (await at.Http.StatusAsync())!.Default.Members.Select(member => member.Node);

    private static async Task RequireAsync(int exitCode, string line, RealNode at, params string[] command)
    {
        var result = await NodeProgram.RunAsync(Path.GetDirectoryName(at.DataFolder)!, [.. command, "--at", at.Http.Url]);
        Assert.True(result.ExitCode == exitCode && result.Error.Contains(line, StringComparison.Ordinal), $"actors {string.Join(' ', command)}: {result}");
    }
}
