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

    [Fact]
    public Task A_chain_of_which_one_link_and_no_directory_is_left_goes_on_from_it_without_a_loss() => RealUp.WithAsync(output, async (up, _) =>
    {
        await up.WholeAsync();
        await RequireAsync(0, "", up.CommandAsync("put", "kept", "0"));
        await RequireAsync(1, "has a head", up.CommandAsync("accept-loss", "--yes"));
        foreach (var node in (string[])["n1", "n2", "n3"])
        {
            await RequireAsync(0, "", up.CommandAsync("kill", node));
            await RequireAsync(0, "", up.CommandAsync("put", "kept", node));
        }

        await up.WholeAsync(members: 2);
        await RequireAsync(0, "", up.CommandAsync("kill", "n4"));
        await RequireAsync(3, "", up.CommandAsync("put", "kept", "4"));
        await RequireAsync(1, "accept-loss --group actors.directory", up.CommandAsync("accept-loss", "--yes"));
        await RequireAsync(2, "no group 'actors.nothing'", up.CommandAsync("accept-loss", "--yes", "--group", "actors.nothing"));
        await RequireAsync(0, "goes on from n5", up.CommandAsync("accept-loss", "--yes", "--group", "actors.directory"));
        await up.WholeAsync(members: 1);
        Assert.Equal("n3", (await RequireAsync(0, "", up.CommandAsync("get", "kept"))).Output.Trim());
        await RequireAsync(3, "min-in-view", up.CommandAsync("put", "kept", "4"));

        foreach (var node in (string[])["n1", "n2", "n3", "n4"])
            await RequireAsync(0, "", up.CommandAsync("start", node));
        await up.WholeAsync();
        await RequireAsync(0, "", up.CommandAsync("put", "kept", "5"));
        Assert.DoesNotContain("lost data", (await RequireAsync(0, "", up.CommandAsync("status"))).Output, StringComparison.Ordinal);
        await RequireAsync(0, "agree", up.CommandAsync("verify"));
    }, config: NodeProgram.ChainConfig, count: 5);

    [Fact]
    public async Task A_chain_that_lost_its_last_link_goes_on_from_another_one_and_that_link_is_repaired_when_it_comes_back()
    {
        using var scratch = new Scratch();
        var config = scratch.File("two-links.conf");
        await File.WriteAllTextAsync(config, $$"""
            include "{{NodeProgram.ChainConfig}}"
            actors.groups.default { members = [n1, n2], min-in-view = 1 }
            actors.directory.members = [n3, n4, n5]
            """);
        await RealUp.WithAsync(output, async (up, _) =>
        {
            await up.WholeAsync(members: 2);
            await RequireAsync(0, "", up.CommandAsync("put", "kept", "1"));
            await RequireAsync(0, "", up.CommandAsync("kill", "n2"));
            await RequireAsync(0, "", up.CommandAsync("put", "lost", "1"));
            await RequireAsync(0, "", up.CommandAsync("kill", "n1"));
            await RequireAsync(0, "", up.CommandAsync("start", "n2"));
            var accepted = await RealCluster.UntilAsync("an accepted loss", async () => await up.CommandAsync("accept-loss", "--yes") is { ExitCode: 0 } done ? done : null);
            Assert.Contains("goes on from n2", accepted.Error, StringComparison.Ordinal);
            Assert.Equal("1", (await RequireAsync(0, "", up.CommandAsync("get", "kept"))).Output.Trim());
            await RequireAsync(1, "", up.CommandAsync("get", "lost"));
            await RequireAsync(0, "", up.CommandAsync("put", "kept", "2"));
            Assert.Contains("group default lost data", (await RequireAsync(0, "", up.CommandAsync("status"))).Output, StringComparison.Ordinal);

            // It has committed what the others have given up.
            await RequireAsync(0, "", up.CommandAsync("start", "n1"));
            await RealCluster.UntilAsync("n1 out of service", async () => (await up.StatusAsync())?.Groups.Single().Members.Any(member => member is { Node: "n1", Role: "out-of-service" }) == true ? up : null);
            await RequireAsync(0, "is a member again", up.CommandAsync("repair", "n1"));
            Assert.Equal(["n2", "n1"], (await up.WholeAsync(members: 2)).Groups.Single().Members.Select(member => member.Node));
            await RequireAsync(0, "agree", up.CommandAsync("verify"));
        }, config: config, count: 5);
    }

    private Task WithUpAsync(Func<RealUp, Task> test) => RealUp.WithAsync(output, (up, _) => test(up));

    private static async Task<CommandResult> RequireAsync(int exitCode, string line, Task<CommandResult> command, string? orLine = null)
    {
        var result = await command;
        Assert.True(result.ExitCode == exitCode && (result.Error.Contains(line, StringComparison.Ordinal) || (orLine is not null && result.Error.Contains(orLine, StringComparison.Ordinal))), $"{result}");
        return result;
    }
}
