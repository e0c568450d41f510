namespace Actors.Cluster.Tests;

/// <summary><c>actors repair</c> and <c>actors accept-loss</c> on what <c>actors up</c> started.</summary>
public class LossTests(ITestOutputHelper output)
{
    [Fact]
    public Task A_group_that_lost_its_quorum_goes_on_from_one_replica_and_says_so_for_ever() => WithUpAsync(async up =>
    {
        await up.WholeAsync();
        await RequireAsync(0, "", up.CommandAsync("put", "kept", "1"));
        await RequireAsync(1, "has a primary", up.CommandAsync("accept-loss", "--yes"));
        await RequireAsync(0, "", up.CommandAsync("kill", "n2"));
        await RequireAsync(0, "", up.CommandAsync("put", "kept", "2"));
        await RequireAsync(0, "", up.CommandAsync("kill", "n3"));
        await RealCluster.UntilAsync("no primary", async () => await up.StatusAsync() is { } status && status.Groups.Single().Primary is null ? status : null);
        await RequireAsync(1, "no other primary", up.CommandAsync("repair", "n1"), "no other node runs");

        await RequireAsync(2, "add --yes", up.CommandAsync("accept-loss"));
        var accepted = await RequireAsync(0, "goes on from n1", up.CommandAsync("accept-loss", "--yes"));
        output.WriteLine($"{accepted}");
        Assert.Contains("n3 (unreachable)", accepted.Error, StringComparison.Ordinal);
        Assert.Equal("2", (await RequireAsync(0, "", up.CommandAsync("get", "kept"))).Output.Trim());
        await RequireAsync(0, "", up.CommandAsync("put", "kept", "3"));

        await RequireAsync(0, "", up.CommandAsync("start", "n2"));
        await RequireAsync(0, "", up.CommandAsync("start", "n3"));
        await up.WholeAsync();
        Assert.Contains("group default lost data", (await RequireAsync(0, "", up.CommandAsync("status"))).Output, StringComparison.Ordinal);
        await RequireAsync(0, "agree", up.CommandAsync("verify"));
        await RequireAsync(1, "not out of service", up.CommandAsync("repair", "n2"));

        // A node that does not run may be repaired; a machine that is wiped on purpose comes back the same way.
        await RequireAsync(0, "", up.CommandAsync("kill", "n2"));
        await RequireAsync(0, "is a member again", up.CommandAsync("repair", "n2"));
        Assert.Equal("3", (await RequireAsync(0, "", up.CommandAsync("get", "kept"))).Output.Trim());
        await RequireAsync(0, "agree", up.CommandAsync("verify"));
    });

    private Task WithUpAsync(Func<RealUp, Task> test) => RealUp.WithAsync(output, (up, _) => test(up));

    private static async Task<CommandResult> RequireAsync(int exitCode, string line, Task<CommandResult> command, string? orLine = null)
    {
        var result = await command;
        Assert.True(result.ExitCode == exitCode && (result.Error.Contains(line, StringComparison.Ordinal) || (orLine is not null && result.Error.Contains(orLine, StringComparison.Ordinal))), $"{result}");
        return result;
    }
}
