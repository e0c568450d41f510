using Actors.TestKit;

namespace Actors.Cluster.Tests;

/// <summary>What happens to real processes, while clients at every node go on: nothing acknowledged is lost, nothing is applied twice, every history is linearizable.</summary>
public class FaultTests(ITestOutputHelper output)
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(8);     // by then a node cuts off requests that it does not answer any more

    [Fact]
    public Task A_backup_that_was_away_while_the_log_was_cut_is_sent_the_state_and_is_a_member_again() => Workload.RunAsync(output, async (cluster, work) =>
    {
        var primary = await cluster.WholeAsync();
        var backup = cluster.Nodes.First(node => node != primary);
        backup.Kill();
        for (var i = 0; i < 100; i++)
            Assert.Equal(204, (await primary.Http.PutAsync($"filler-{i % 10}", new string('x', 4_000))).Status);
        await work.ProgressAsync();

        backup.Start();
        await cluster.WholeAsync();
        await RealCluster.UntilAsync("word of the state that it fetched", () => Task.FromResult(backup.Log.Contains("fetches the state", StringComparison.Ordinal) ? backup : null));
        await work.ProgressAsync();
    }, settings: "actors.groups.default.log-limit-bytes = 64 KiB");

    [Fact]
    public Task Kill_9_of_the_primary_loses_nothing_and_applies_nothing_twice() => RunAsync(async (cluster, work) =>
    {
        var primary = await cluster.WholeAsync();
        primary.Kill();
        await work.ProgressAsync();
        primary.Start();
        await cluster.WholeAsync();
    });

    [Fact]
    public Task Kill_9_of_a_backup_loses_nothing_and_applies_nothing_twice() => RunAsync(async (cluster, work) =>
    {
        var primary = await cluster.WholeAsync();
        var backup = cluster.Nodes.First(node => node != primary);
        backup.Kill();
        await work.ProgressAsync();
        backup.Start();
        await cluster.WholeAsync();
    });

    [Fact]
    public Task Kill_9_of_all_nodes_at_once_loses_nothing_and_applies_nothing_twice() => RunAsync(async (cluster, work) =>
    {
        Parallel.ForEach(cluster.Nodes, node => node.Kill());
        cluster.StartAll();
        await cluster.WholeAsync();
    });

    [Fact]
    public Task A_primary_that_stood_still_for_5_seconds_answers_nothing_out_of_its_past() => RunAsync(async (cluster, work) =>
    {
        var primary = await cluster.WholeAsync();
        var others = cluster.Nodes.Where(node => node != primary).ToArray();
        var clients = Enumerable.Range(0, 4 * RegisterClient.Keys.Count).Select(_ => work.ClientAt(primary)).ToArray();

        primary.Pause();
        var pause = Task.Delay(TimeSpan.FromSeconds(5));
        await work.ProgressAsync();     // another is primary, and the world has moved on

        // These wait in the sockets of the process that stands still, and are the first that it sees when it wakes and believes that it is the primary.
        var late = clients.Select((client, i) => client.DoAsync(Operation(RegisterClient.Keys[i % RegisterClient.Keys.Count], i))).ToArray();
        await pause;
        primary.Resume();
        await Task.WhenAll(late);
        output.WriteLine($"asked while it stood still: {string.Join(", ", late.CountBy(answer => answer.Result.Status).Select(count => $"{count.Value} x {count.Key}"))}");
        await cluster.WholeAsync();
        Assert.Contains(await RealCluster.PrimaryAsync(cluster.Nodes), others);

        static KeyValueOperation Operation(string key, int i) => i % 4 == 3 ? new KeyValueOperation.Increment(key, 1) : new KeyValueOperation.Get(key);
    });

    [Fact]
    public Task SIGTERM_of_the_primary_hands_over_before_it_ends() => RunAsync(async (cluster, work) =>
    {
        var primary = await cluster.WholeAsync();
        var witness = cluster.Nodes.First(node => node != primary);
        await using var pauses = new PauseMeter(witness.Http);
        await work.ProgressAsync();

        Assert.Equal(0, await primary.TerminateAsync(StopLimit));
        var next = await RealCluster.PrimaryAsync([.. cluster.Nodes.Where(node => node != primary)]);
        await work.ProgressAsync();

        Assert.Contains($"{primary} hands over to {next}", next.Log, StringComparison.Ordinal);
        output.WriteLine($"{primary} handed over to {next}; longest pause between acknowledged writes at {witness}: {pauses.Longest.TotalMilliseconds:f0} ms");
        Assert.True(pauses.Longest < TimeSpan.FromSeconds(3), $"writes paused for {pauses.Longest}");
        primary.Start();
        await cluster.WholeAsync();
    });

    private Task RunAsync(Func<RealCluster, Workload, Task> test) => Workload.RunAsync(output, test);
}
