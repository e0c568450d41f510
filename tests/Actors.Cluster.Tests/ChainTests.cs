using Actors.TestKit;

namespace Actors.Cluster.Tests;

/// <summary>What happens to the processes of a chain of five, while clients at every node go on: nothing acknowledged is lost, nothing is applied twice, every history is linearizable.</summary>
public class ChainTests(ITestOutputHelper output)
{
    private const int Links = 5;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(4);       // by then the others go on without a link that stands still
    private static readonly TimeSpan Outage = TimeSpan.FromMinutes(1);      // of the directory: far beyond every time-out of the chain

    [Fact]
    public Task Kill_9_of_the_head_of_each_middle_and_of_the_tail_in_turn_loses_nothing_and_each_machine_comes_back_as_the_tail() => RunAsync(async (cluster, work) =>
    {
        for (var place = 0; place < Links; place++)
        {
            var victim = cluster[await MemberAsync(cluster, place)];
            victim.Kill();
            await work.ProgressAsync();
            victim.Start();
            await cluster.WholeAsync();
            Assert.Equal(victim.Name, await MemberAsync(cluster, Links - 1));
        }
    });

    [Fact]
    public Task Kill_9_of_three_links_one_after_the_other_leaves_two_that_go_on() => RunAsync(async (cluster, work) =>
    {
        await cluster.WholeAsync();
        RealNode[] victims = [cluster["n1"], cluster["n3"], cluster["n5"]];
        foreach (var victim in victims[..2])
        {
            victim.Kill();
            await work.ProgressAsync();
        }

        // The directory has lost no majority yet; with its third member it does, and the chain goes on only when one of them is back.
        victims[2].Kill();
        victims[0].Start();
        await work.ProgressAsync();
        victims[1].Start();
        victims[2].Start();
        await cluster.WholeAsync();
    });

    [Fact]
    public Task Kill_9_of_all_nodes_at_once_loses_nothing_and_applies_nothing_twice() => RunAsync(async (cluster, work) =>
    {
        Parallel.ForEach(cluster.Nodes, node => node.Kill());
        cluster.StartAll();
        await cluster.WholeAsync();
    });

    [Theory]
    [InlineData("barrier")]
    [InlineData("lease")]
    public Task A_tail_and_a_head_that_stood_still_answer_nothing_out_of_their_past(string reads) => RunAsync(async (cluster, work) =>
    {
        foreach (var place in (int[])[Links - 1, 0])
        {
            await cluster.WholeAsync();
            var link = cluster[await MemberAsync(cluster, place)];
            var clients = Enumerable.Range(0, 4 * RegisterClient.Keys.Count).Select(_ => work.ClientAt(link)).ToArray();
            link.Pause();
            var pause = Task.Delay(Pause);
            await work.ProgressAsync();     // without it, and the world has moved on

            // These wait in the sockets of the process that stands still, and are the first that it sees when it wakes and believes that it is a link.
            var late = clients.Select((client, i) => client.DoAsync(Operation(RegisterClient.Keys[i % RegisterClient.Keys.Count], i))).ToArray();
            await pause;
            link.Resume();
            await Task.WhenAll(late);
            output.WriteLine($"asked {link} while it stood still: {string.Join(", ", late.CountBy(answer => answer.Result.Status).Select(count => $"{count.Value} x {count.Key}"))}");
        }

        await cluster.WholeAsync();

        static KeyValueOperation Operation(string key, int i) => i % 4 == 3 ? new KeyValueOperation.Increment(key, 1) : new KeyValueOperation.Get(key);
    }, $"actors.groups.default.reads = {reads}");

    [Fact]
    public Task Without_the_directory_a_chain_whose_links_live_goes_on_and_repairs_itself_when_it_is_back() => RunAsync(async (cluster, work) =>
    {
        foreach (var node in cluster.Nodes.Skip(Links + 1))
            node.Kill();
        await using (var pauses = new PauseMeter(cluster.Nodes[1].Http))
        {
            for (var outage = Task.Delay(Outage); !outage.IsCompleted;)
                await work.ProgressAsync();
            output.WriteLine($"longest pause between acknowledged writes: {pauses.Longest.TotalMilliseconds:f0} ms");
            Assert.True(pauses.Longest < TimeSpan.FromSeconds(2), $"writes paused for {pauses.Longest}");
        }

        var victim = cluster[await MemberAsync(cluster, 2)];
        victim.Kill();
        foreach (var node in cluster.Nodes.Skip(Links + 1))
            node.Start();
        await work.ProgressAsync();
        victim.Start();
        await cluster.WholeAsync();
    }, "actors.directory.members = [n6, n7, n8]", spares: 3);

    private static async Task<string> MemberAsync(RealCluster cluster, int place)
    {
        var status = await RealCluster.UntilAsync("a status", async () => await cluster.Nodes[0].Http.StatusAsync() ?? await cluster.Nodes[1].Http.StatusAsync());
        return status.Default.Members[place].Node;
    }

    private Task RunAsync(Func<RealCluster, Workload, Task> test, string settings = "", int spares = 0) => Workload.RunAsync(output, test, settings: settings, links: Links, spares: spares);
}
