namespace Actors.Cluster.Tests;

/// <summary>Groups that are created while the cluster runs, as a user does it.</summary>
public sealed class GroupsTests(ITestOutputHelper output) : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public Task A_created_group_is_used_from_every_node_and_is_there_after_a_restart_of_all() => RealCluster.WithAsync(output, async cluster =>
    {
        await DoneAsync("", cluster, "group", "create", "orders", "commit=majority", "election-timeout=400ms");
        await DoneAsync("", cluster, "put", "--group", "orders", "o-1", "tea");
        await DoneAsync("default\tprimary-backup\tconfigured\norders\tprimary-backup\tcreated\n", cluster, "group", "list");
        var shown = (await ActorsAsync(cluster["n2"], "group", "show", "orders")).Output;
        Assert.StartsWith("orders: primary-backup, created\ncommit = majority\nelection-timeout = 400ms\n", shown, StringComparison.Ordinal);
        Assert.Equal(3, shown.Split('\n').Count(line => line.StartsWith("orders  ", StringComparison.Ordinal)));
        foreach (var node in cluster.Nodes)
        {
            // The others hear of it a moment later.
            var got = await RealCluster.UntilAsync($"'orders' at {node}", async () => await ActorsAsync(node, "get", "--group", "orders", "o-1") is { ExitCode: 0 } done ? done : null);
            Assert.Equal("tea", got.Output);
        }

        cluster["n3"].Kill();
        var waiting = await ActorsAsync(cluster["n1"], "group", "create", "later");
        Assert.Equal((0, "group 'later' begins when all of its members are up: n1, n2, n3\n"), (waiting.ExitCode, waiting.Error));
        cluster["n3"].Start();
        await RealCluster.UntilAsync("'later' with all members up", async () => await ActorsAsync(cluster["n3"], "put", "--group", "later", "k", "v") is { ExitCode: 0 } done ? done : null);

        foreach (var node in cluster.Nodes)
            node.Kill();
        cluster.StartAll();
        var again = await RealCluster.UntilAsync("'orders' after the restart", async () => await ActorsAsync(cluster["n3"], "get", "--group", "orders", "o-1") is { ExitCode: 0 } done ? done : null);
        Assert.Equal("tea", again.Output);
        await RefusedAsync(1, "group 'orders' exists already", cluster, "group", "create", "orders");
    });

    [Fact]
    public Task What_is_wrong_with_a_new_group_is_one_line_and_nothing_is_created() => RealCluster.WithAsync(output, async cluster =>
    {
        await RefusedAsync(1, "group 'default' exists already", cluster, "group", "create", "default");
        await RefusedAsync(2, "actors.groups.g.protocol = paxos is not known; known are primary-backup, chain", cluster, "group", "create", "g", "protocol=paxos");
        await RefusedAsync(2, "actors.groups.g.comit is not a setting; did you mean commit?", cluster, "group", "create", "g", "comit=all");
        await RefusedAsync(2, "group 'g': min-in-view must be from 1 to the number of members (3), is 9", cluster, "group", "create", "g", "min-in-view=9");
        await RefusedAsync(2, "actors.groups.g.members names one node, and min-in-view is 2 unless set: name more nodes, or write min-in-view = 1", cluster, "group", "create", "g", "members=n1");
        await RefusedAsync(2, "actors.groups.g.members = 'n9' is not one of actors.nodes", cluster, "group", "create", "g", "members=n1,n9");
        await RefusedAsync(2, "group name 'No Good' is not valid", cluster, "group", "create", "No Good");
        await RefusedAsync(2, "names that begin with 'actors.' are the project's own", cluster, "group", "create", "actors.mine");
        await RefusedAsync(2, "its value has other characters", cluster, "group", "create", "g", "commit=\"} include \"x");
        await RefusedAsync(2, "'commit' is not a setting: write such as commit=majority", cluster, "group", "create", "g", "commit");
        await RefusedAsync(2, "there is no group 'g'", cluster, "group", "show", "g");
        await DoneAsync("default\tprimary-backup\tconfigured\n", cluster, "group", "list");
    });

    private async Task DoneAsync(string outputs, RealCluster cluster, params string[] arguments)
    {
        var result = await ActorsAsync(cluster["n1"], arguments);
        Assert.True(result.ExitCode == 0, $"{result}");
        if (outputs.Length > 0)
            Assert.Equal(outputs, result.Output);
    }

    private async Task RefusedAsync(int exitCode, string error, RealCluster cluster, params string[] arguments)
    {
        var result = await ActorsAsync(cluster["n1"], arguments);
        Assert.True(result.ExitCode == exitCode, $"{result}");
        Assert.Contains(error, Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    private Task<CommandResult> ActorsAsync(RealNode at, params string[] arguments) => NodeProgram.RunAsync(_scratch.Path, [.. arguments, "--at", at.Http.Url]);
}
