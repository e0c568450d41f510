using System.Diagnostics;
using System.Globalization;

namespace Actors.Cluster.Tests;

/// <summary>Nodes in network namespaces of their own, one of them cut off together with the clients beside it. Needs root.</summary>
public class PartitionTests(ITestOutputHelper output)
{
    private const int AtOnce = 20;
    private const int Links = 5;

    // A primary that hears no quorum for one election time-out steps down; a backup that hears no primary asks for votes after one to two of them.
    // Noticing takes a heartbeat or two more; the rest is for two busy cores.
    private static readonly TimeSpan StepDownTolerance = TimeSpan.FromSeconds(1.5);
    // A link misses its neighbour for kick-after, and the directory's answer for twice as long.
    private static readonly TimeSpan LinkIsCutOff = 3 * RealCluster.KickAfter;
    private static readonly TimeSpan AtOnceTolerance = TimeSpan.FromSeconds(0.5);

    [SkippableFact]
    public Task A_primary_that_is_cut_off_says_503_within_one_check_quorum_interval_and_the_others_go_on() => RunAsync(async (cluster, work, network) =>
    {
        var primary = await cluster.WholeAsync();
        var others = cluster.Nodes.Where(node => node != primary).ToArray();

        network.Cut(NumberOf(primary));
        await MinorityIsToldAsync(primary);
        var next = await RealCluster.PrimaryAsync(others);
        Assert.NotEqual(primary, next);
        await work.ProgressAsync();
        await RefusedAtOnceAsync(primary);      // still, with a new primary on the other side

        network.Heal(NumberOf(primary));
        await cluster.WholeAsync();
    });

    [SkippableFact]
    public Task A_backup_that_is_cut_off_is_left_out_and_comes_back() => RunAsync(async (cluster, work, network) =>
    {
        var primary = await cluster.WholeAsync();
        var backup = cluster.Nodes.First(node => node != primary);

        network.Cut(NumberOf(backup));
        await MinorityIsToldAsync(backup);
        await work.ProgressAsync();
        Assert.Equal(primary, await RealCluster.PrimaryAsync([.. cluster.Nodes.Where(node => node != backup)]));
        await RefusedAtOnceAsync(backup);

        network.Heal(NumberOf(backup));
        await cluster.WholeAsync();
    });

    [SkippableFact]
    public Task A_head_and_a_tail_that_are_cut_off_say_503_and_the_rest_of_the_chain_goes_on() => RunAsync(async (cluster, work, network) =>
    {
        foreach (var place in (int[])[0, Links - 1])
        {
            await cluster.WholeAsync();
            var link = cluster[(await cluster.Nodes[1].Http.StatusAsync())!.Default.Members[place].Node];
            network.Cut(NumberOf(link));
            await MinorityIsToldAsync(link, LinkIsCutOff);
            await work.ProgressAsync();
            await RefusedAtOnceAsync(link);
            network.Heal(NumberOf(link));
        }

        await cluster.WholeAsync();
    }, Links);

    private async Task RunAsync(Func<RealCluster, Workload, Network, Task> test, int links = 0)
    {
        Needs.RootAndNetworkNamespaces();
        using var network = Network.Create(Network.OfThisProcess, links > 0 ? links : 3);
        await Workload.RunAsync(output, (cluster, work) => test(cluster, work, network), network, links: links);
    }

    /// <summary>From the cut on reads and writes are sent to the node that was cut off until one of them is refused.</summary>
    private Task MinorityIsToldAsync(RealNode cut) => MinorityIsToldAsync(cut, RealCluster.ElectionTimeout);

    private async Task MinorityIsToldAsync(RealNode cut, TimeSpan limit)
    {
        var since = Stopwatch.GetTimestamp();
        var requests = new List<Task<(Answer Answer, TimeSpan At)>>();
        while (!requests.Exists(request => request.IsCompleted && request.Result.Answer.Status == 503))
        {
            Assert.True(Stopwatch.GetElapsedTime(since) < limit + StepDownTolerance, $"no 503 within {limit + StepDownTolerance}; {Seen()}");
            requests.Add(TimedAsync(cut.Http.GetAsync("counter")));
            requests.Add(TimedAsync(cut.Http.PutAsync("minority", "lost")));
            await Task.Delay(20);
        }

        var first = requests.Where(request => request.IsCompleted && request.Result.Answer.Status == 503).Min(request => request.Result.At);
        await Task.WhenAll(requests);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"first 503 {first.TotalMilliseconds:f0} ms after the cut; {Seen()}"));
        // Nothing can be acknowledged: what was on its way may not be denied either, unless it never was sent on.
        foreach (var (answer, _) in requests.Select(request => request.Result))
        {
            Assert.Contains(answer.Status, new[] { 503, 504 });
            Assert.True(answer.Status != 503 || answer.RetryAfter is not null, $"no Retry-After: {answer}");
        }

        await RefusedAtOnceAsync(cut);

        async Task<(Answer, TimeSpan)> TimedAsync(Task<Answer> request) => (await request, Stopwatch.GetElapsedTime(since));
        string Seen() => string.Join(", ", requests.Where(request => request.IsCompleted).CountBy(request => request.Result.Answer.Status).Select(count => $"{count.Value} x {count.Key}"));
    }

    private async Task RefusedAtOnceAsync(RealNode cut)
    {
        var slowest = TimeSpan.Zero;
        for (var i = 0; i < AtOnce; i++)
        {
            var read = await cut.Http.GetAsync("counter");
            var write = await cut.Http.PutAsync("minority", "lost");
            foreach (var answer in new[] { read, write })
            {
                Assert.True(answer is { Status: 503, RetryAfter: not null }, $"{answer}");
                slowest = answer.Took > slowest ? answer.Took : slowest;
            }

            Assert.Equal("not-applied", write.Member("write"));
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{2 * AtOnce} further requests at {cut} refused, the slowest in {slowest.TotalMilliseconds:f0} ms"));
        Assert.True(slowest < AtOnceTolerance, $"refused only after {slowest}");
    }

    private static int NumberOf(RealNode node) => int.Parse(node.Name.AsSpan(1), CultureInfo.InvariantCulture);
}
