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

    private Task WithUpAsync(Func<RealUp, Task> test) => RealUp.WithAsync(output, (up, _) => test(up), keepsData: false);

    private static async Task<CommandResult> RequireAsync(int exitCode, Task<CommandResult> command)
    {
        var result = await command;
        Assert.True(result.ExitCode == exitCode, $"{result}");
        return result;
    }

    private static int Pid(ClusterStatus status, string name) => status.Nodes.Single(node => node.Name == name).Pid;
}
