namespace Actors.Cluster.Tests;

/// <summary>A network that loses a fifth of all packets and delays the others. Needs root.</summary>
public class LossyNetworkTests(ITestOutputHelper output)
{
    // What is lost is sent again by TCP after 300 ms or more, and what follows waits for it: time-outs for such a network are longer than the example's.
    private const string Patient = """
        actors.groups.default.heartbeat-interval = 250 ms
        actors.groups.default.election-timeout = 2 s
        actors.groups.default.kick-after = 6 s
        actors.groups.default.max-lag-time = 6 s
        """;

    // Two to three steps a second are what such a network carries.
    private const int Steps = 10;

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(25);

    [SkippableFact]
    public async Task With_20_percent_loss_and_50_ms_delay_clients_go_on_and_every_history_is_linearizable()
    {
        Needs.RootAndTunnels();
        using var relay = new PacketRelay(seed: 1);
        using var network = Network.Create(Network.OfThisProcess, 3, relay);
        await Workload.RunAsync(output, async (cluster, work) =>
        {
            relay.Degrade(lossPercent: 20, delayMs: 50);
            await Task.Delay(Duration);
            await work.ProgressAsync(Steps);
            (await RealCluster.PrimaryAsync(cluster.Nodes)).Kill();
            await work.ProgressAsync(Steps);
            relay.Degrade(0, 0);
            output.WriteLine($"{relay.Lost} of {relay.Carried} packets lost");
            foreach (var node in cluster.Nodes.Where(node => !node.IsRunning))
                node.Start();
            await cluster.WholeAsync();
        }, network, Patient);
    }
}
