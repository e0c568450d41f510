using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Actors.Cluster.Tests;

/// <summary>What happens to a node's data while clients at every node go on: a full disk, a wiped folder, flipped bits, a crash in the middle of a state transfer. And nodes that die in whatever order.</summary>
public class DamageTests(ITestOutputHelper output)
{
    private const string SmallLog = "actors.groups.default.log-limit-bytes = 64 KiB\nactors.groups.default.transfer-chunk-bytes = 1024";
    private const string Needle = "a-needle-in-the-log";
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(12);

    [SkippableFact]
    public async Task A_node_whose_disk_is_full_leaves_service_and_comes_back_when_there_is_space_again()
    {
        Needs.RootAndMounts();
        using var disk = new SmallDisk(megabytes: 160);
        await Workload.RunAsync(output, async (cluster, work) =>
        {
            var primary = await cluster.WholeAsync();
            var node = cluster.Nodes.First(node => node != primary);
            await node.TerminateAsync(StopLimit);
            disk.Mount(node.DataFolder);
            node.Start();
            await cluster.WholeAsync();

            disk.Fill();
            await RealCluster.UntilAsync($"{node} out of service", async () =>
            {
                await primary.Http.PutAsync("filler", new string('x', 60_000));
                return await RoleAsync(node, node) == "out-of-service" ? node : null;
            });
            await work.ProgressAsync();
            Assert.Contains("No space left", node.Log, StringComparison.Ordinal);

            disk.Free();
            await node.TerminateAsync(StopLimit);
            node.Start();
            await cluster.WholeAsync();
            await work.ProgressAsync();
            await node.TerminateAsync(StopLimit);
            disk.MoveBack();
            node.Start();
            await cluster.WholeAsync();
        });
    }

    [Fact]
    public Task A_node_with_a_wiped_data_folder_is_filled_again() => Workload.RunAsync(output, async (cluster, work) =>
    {
        for (var round = 0; round < 3; round++)
        {
            var primary = await cluster.WholeAsync();
            var node = round == 0 ? primary : cluster.Nodes.First(n => n != primary);
            node.Kill();
            Directory.Delete(node.DataFolder, recursive: true);
            await work.ProgressAsync();
            node.Start();
            await cluster.WholeAsync();
        }
    });

    [Fact]
    public Task A_bit_flipped_in_the_write_ahead_log_stops_the_node_and_repair_brings_it_back() => Workload.RunAsync(output, async (cluster, work) =>
    {
        var primary = await cluster.WholeAsync();
        Assert.Equal(204, (await primary.Http.PutAsync("needle", Needle)).Status);
        await work.ProgressAsync();
        var node = cluster.Nodes.First(n => n != primary);
        node.Kill();
        FlipBit(node, "*.log");
        node.Start();
        Assert.Equal(3, await node.EndAsync(StopLimit));
        Assert.Contains("damaged", node.Log, StringComparison.Ordinal);
        await work.ProgressAsync();

        await RepairAsync(node);
        await cluster.WholeAsync();
        Assert.True(Directory.Exists(Path.Combine(node.DataFolder, "quarantine-1", "db")), "the damaged data is not kept");
    });

    [Fact]
    public Task A_bit_flipped_in_an_old_log_entry_is_found_by_verify_and_repair_brings_the_node_back() => Workload.RunAsync(output, async (cluster, work) =>
    {
        var primary = await cluster.WholeAsync();
        Assert.Equal(204, (await primary.Http.PutAsync("needle", Needle)).Status);
        await work.ProgressAsync();     // makes the entry an old one: at a start only what follows the stored state is read
        var node = cluster.Nodes.First(n => n != primary);
        await node.TerminateAsync(StopLimit);
        node.Start();       // which moves what the write-ahead log had into tables
        await cluster.WholeAsync();
        await work.ProgressAsync();     // and the stored state goes past it
        node.Kill();
        FlipBit(node, "*.sst");
        node.Start();
        await cluster.WholeAsync();

        var at = cluster.Nodes.First(n => n != node).Http.Url;
        var verified = await NodeProgram.RunAsync(Path.GetDirectoryName(node.DataFolder)!, "verify", "--at", at);
        output.WriteLine($"{verified}");
        Assert.Equal(1, verified.ExitCode);
        Assert.Contains($"{node} is out of service", verified.Error, StringComparison.Ordinal);
        await work.ProgressAsync();

        var refused = await NodeProgram.RunAsync(Path.GetDirectoryName(node.DataFolder)!, "repair", "--config", node.ConfigFile);
        Assert.Equal(2, refused.ExitCode);      // it runs
        await node.TerminateAsync(StopLimit);
        await RepairAsync(node);
        await cluster.WholeAsync();
        Assert.Equal(0, (await NodeProgram.RunAsync(Path.GetDirectoryName(node.DataFolder)!, "verify", "--at", at)).ExitCode);
    });

    [Fact]
    public Task Kill_9_of_either_side_in_the_middle_of_a_state_transfer_only_delays_it() => Workload.RunAsync(output, async (cluster, work) =>
    {
        var primary = await cluster.WholeAsync();
        var node = cluster.Nodes.First(n => n != primary);
        node.Kill();
        for (var i = 0; i < 400; i++)
            Assert.Equal(204, (await primary.Http.PutAsync($"state-{i}", new string((char)('a' + i % 26), 50_000))).Status);

        node.Start();
        await FetchesAsync(node, 1);
        node.Kill();                            // the receiver
        node.Start();
        await FetchesAsync(node, 2);
        var sender = await RealCluster.PrimaryAsync([.. cluster.Nodes.Where(n => n != node)]);
        sender.Kill();                          // the sender; what is left of the group waits for it
        sender.Start();
        await cluster.WholeAsync();
        output.WriteLine($"{node} began {Fetches(node)} transfers");
        await work.ProgressAsync();
        for (var i = 0; i < 400; i += 50)
            Assert.Equal(new string((char)('a' + i % 26), 50_000), (await node.Http.GetAsync($"state-{i}", "?read=stale")).Body);
    }, settings: SmallLog);

    /// <summary>For half a minute; for as many minutes as <c>ACTORS_CHAOS_MINUTES</c> says. Primary with two backups, or a chain.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public Task Nodes_that_are_killed_and_started_in_random_order_lose_nothing(int links) => Workload.RunAsync(output, async (cluster, work) =>
    {
        var minutes = Environment.GetEnvironmentVariable("ACTORS_CHAOS_MINUTES") is { Length: > 0 } text ? double.Parse(text, CultureInfo.InvariantCulture) : 0.5;
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var (kills, all) = (0, 0);
        await cluster.WholeAsync();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed.TotalMinutes < minutes;)
        {
            var node = cluster.Nodes[random.Next(cluster.Nodes.Count)];
            if (node.IsRunning)
            {
                node.Kill();
                kills++;
                all += cluster.Nodes.Any(n => n.IsRunning) ? 0 : 1;
            }
            else
                node.Start();
            await Task.Delay(random.Next(3_000));
        }

        output.WriteLine($"{kills} kills; {all} times all were dead");
        foreach (var node in cluster.Nodes.Where(n => !n.IsRunning))
            node.Start();
        await cluster.WholeAsync();
    }, links: links);

    private static async Task<string?> RoleAsync(RealNode asked, RealNode of) =>
        (await asked.Http.StatusAsync())?.Groups.Single().Members.FirstOrDefault(member => member.Node == of.Name)?.Role;

    private static async Task RepairAsync(RealNode node)
    {
        var repaired = await NodeProgram.RunAsync(Path.GetDirectoryName(node.DataFolder)!, "repair", "--config", node.ConfigFile);
        Assert.True(repaired.ExitCode == 0, $"{repaired}");
        node.Start();
    }

    private static int Fetches(RealNode node) => node.Log.Split("fetches the state").Length - 1;

    private static Task<RealNode> FetchesAsync(RealNode node, int times) =>
        RealCluster.UntilAsync($"transfer {times} to {node}", () => Task.FromResult(Fetches(node) >= times ? node : null));

    /// <summary>Flips a bit of the value that was written as <see cref="Needle"/>, in the log entry that wrote it.</summary>
    private static void FlipBit(RealNode node, string files)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(node.DataFolder, "store", "db"), files))
        {
            var bytes = File.ReadAllBytes(file);
            var at = bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes("needle\0" + Needle));      // as the put stands in a log entry
            if (at < 0)
                continue;
            bytes[at + 10] ^= 1;
            File.WriteAllBytes(file, bytes);
            return;
        }

        Assert.Fail($"no file {files} of {node} has the value");
    }
}
