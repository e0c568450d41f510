namespace Actors.Cluster.Tests;

/// <summary>Processes of a primary and two backups whose views come from a directory on three other machines, while clients at every node go on: nothing acknowledged is lost, nothing is applied twice, every history is linearizable.</summary>
public class AuthorityTests(ITestOutputHelper output)
{
    private const string Settings = """
        actors.directory.members = [n4, n5, n6]
        actors.groups.default { authority = directory, min-in-view = 1 }
        """;

    [Fact]
    public Task Kill_9_of_each_primary_in_turn_leaves_the_last_eligible_replica_which_goes_on_and_takes_the_others_in_again() => RunAsync(async (cluster, work) =>
    {
        var dead = new List<RealNode>();
        for (var left = 3; left > 1; left--)
        {
            dead.Add(cluster[await PrimaryAsync(cluster, left)]);
            dead[^1].Kill();
            await work.ProgressAsync();
        }

        // Nobody else has all that was acknowledged: it goes on when it is back, and no other one without it.
        var last = cluster[await PrimaryAsync(cluster, 1)];
        last.Kill();
        dead[0].Start();
        last.Start();
        await work.ProgressAsync();
        dead[1].Start();
        await cluster.WholeAsync();
        Assert.Equal(last.Name, await PrimaryAsync(cluster, 3));
    });

    [Fact]
    public Task Without_the_directory_a_whole_group_goes_on_and_repairs_itself_when_it_is_back() => RunAsync(async (cluster, work) =>
    {
        var directory = cluster.Nodes.Skip(3).ToArray();
        foreach (var node in directory)
            node.Kill();
        await work.ProgressAsync();
        var victim = cluster[await PrimaryAsync(cluster, 3)];
        victim.Kill();
        foreach (var node in directory)
            node.Start();
        await work.ProgressAsync();
        victim.Start();
        await cluster.WholeAsync();
    });

    /// <summary>The primary, once the view has so many members.</summary>
    private static async Task<string> PrimaryAsync(RealCluster cluster, int members)
    {
        var group = await RealCluster.UntilAsync($"a view of {members}", async () =>
        {
            foreach (var node in cluster.Nodes)
            {
                if (await node.Http.StatusAsync() is { Default: var group } && group.Members.Count(member => member.Role is "primary" or "backup") == members && group.Members.Any(member => member.Role == "primary"))
                    return group;
            }

            return null;
        });
        return group.Members.Single(member => member.Role == "primary").Node;
    }

    private Task RunAsync(Func<RealCluster, Workload, Task> test) => Workload.RunAsync(output, test, settings: Settings, spares: 3);
}
