using System.Diagnostics;

namespace Actors.Cluster.Tests;

/// <summary><c>actors up</c> and the commands that work on what it started.</summary>
public class UpTests(ITestOutputHelper output)
{
    private static readonly TimeSpan OrphanLimit = TimeSpan.FromSeconds(30);

    [Fact]
    public Task Kill_and_start_of_a_node_bring_it_back_as_a_member_and_SIGTERM_ends_all() => WithUpAsync(async up =>
    {
        var before = await up.WholeAsync();
        var primary = before.Groups.Single().Primary!;
        await RequireAsync(0, up.CommandAsync("put", "greeting", "hello"));

        await RequireAsync(0, up.CommandAsync("kill", primary));
        await RequireAsync(1, up.CommandAsync("kill", primary));     // it does not run
        var read = await RequireAsync(0, up.CommandAsync("get", "greeting"));
        Assert.Equal("hello", read.Output.Trim());

        await RequireAsync(0, up.CommandAsync("start", primary));
        var after = await up.WholeAsync();
        Assert.NotEqual(Pid(before, primary), Pid(after, primary));
        Assert.Equal(0, await up.EndAsync(Signal.Terminate));
        Assert.All(after.Nodes, node => Assert.False(Linux.IsAlive(node.Pid), $"{node.Name} still runs"));
    });

    [Fact]
    public Task A_primary_that_was_killed_a_moment_ago_is_repaired_once_the_others_go_on_without_it() => WithUpAsync(async up =>
    {
        var primary = (await up.WholeAsync()).Groups.Single().Primary!;
        await RequireAsync(0, up.CommandAsync("put", "greeting", "hello"));
        await RequireAsync(0, up.CommandAsync("kill", primary));
        var repaired = await RequireAsync(0, up.CommandAsync("repair", primary));
        Assert.Contains("is a member again", repaired.Error, StringComparison.Ordinal);
        await up.WholeAsync();
        await RequireAsync(0, up.CommandAsync("verify"));
    });

    [Fact]
    public Task Ctrl_C_ends_all_nodes_and_exits_with_0() => WithUpAsync(async up =>
    {
        var status = await up.WholeAsync();
        Assert.Equal(0, await up.EndAsync(Signal.Interrupt));
        Assert.All(status.Nodes, node => Assert.False(Linux.IsAlive(node.Pid), $"{node.Name} still runs"));
    });

    [Fact]
    public Task Nodes_do_not_outlive_an_up_that_is_killed() => WithUpAsync(async up =>
    {
        var status = await up.WholeAsync();
        up.Kill();
        for (var clock = Stopwatch.StartNew(); status.Nodes.Any(node => Linux.IsAlive(node.Pid)); await Task.Delay(50))
            Assert.True(clock.Elapsed < OrphanLimit, $"nodes still run {OrphanLimit.TotalSeconds} s after their 'up' was killed");
    });

    [Fact]
    public Task Groups_of_both_protocols_live_in_one_cluster_and_every_command_works_on_the_chain() => RealUp.WithAsync(output, async (up, folder) =>
    {
        var before = await up.WholeAsync();
        Assert.Equal(["chain", "primary-backup", "primary-backup"], before.Groups.Select(group => group.Protocol).Order());
        foreach (var group in before.Groups)
            await RequireAsync(0, up.CommandAsync("put", "--group", group.Name, "k", group.Name));
        var links = before.Groups.Single(group => group.Name == "ledger").Members.Select(member => member.Node).ToArray();
        Assert.Contains($"writes -> {links[0]} head -> {links[1]} middle -> {links[2]} tail -> answers\n", (await RequireAsync(0, up.CommandAsync("group", "show", "ledger"))).Output, StringComparison.Ordinal);

        await RequireAsync(0, up.CommandAsync("kill", links[0]));
        await RequireAsync(0, up.CommandAsync("put", "--group", "ledger", "k2", "v2"));
        Assert.Equal("ledger", (await RequireAsync(0, up.CommandAsync("get", "--group", "ledger", "k"))).Output);
        await RequireAsync(0, up.CommandAsync("start", links[0]));
        var after = await up.WholeAsync();
        Assert.Equal([.. links[1..], links[0]], after.Groups.Single(group => group.Name == "ledger").Members.Select(member => member.Node));

        await RequireAsync(0, up.CommandAsync("restart", links[1]));
        await RequireAsync(0, up.CommandAsync("verify", "--group", "ledger"));
        var backup = folder.File("ledger.backup");
        await RequireAsync(0, up.CommandAsync("backup", "--group", "ledger", backup));
        await RequireAsync(0, up.CommandAsync("group", "create", "copy", "protocol=chain"));
        await RequireAsync(0, up.CommandAsync("restore", "--group", "copy", backup));
        Assert.Equal("k\tledger\nk2\tv2\n", (await RequireAsync(0, up.CommandAsync("scan", "--group", "copy"))).Output);
        var refused = await RequireAsync(1, up.CommandAsync("transfer", "--group", "ledger", links[0]));
        Assert.Contains("nothing hands over", refused.Error, StringComparison.Ordinal);
    }, config: "config/groups.conf");        // there is none where it is started: the example that comes with the program

    private Task WithUpAsync(Func<RealUp, Task> test) => RealUp.WithAsync(output, (up, _) => test(up), keepsData: false);

    private static async Task<CommandResult> RequireAsync(int exitCode, Task<CommandResult> command)
    {
        var result = await command;
        Assert.True(result.ExitCode == exitCode, $"{result}");
        return result;
    }

    private static int Pid(ClusterStatus status, string name) => status.Nodes.Single(node => node.Name == name).Pid;
}
