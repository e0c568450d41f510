using Actors.Benchmarks.Load;
using Etcdserverpb;
using Grpc.Net.Client;

namespace Actors.Benchmarks.Systems;

/// <summary>Three etcd servers with etcd's defaults: every write synced by a majority before it is acknowledged.</summary>
internal sealed class EtcdCluster : IElectsLeader
{
    private static readonly TimeSpan StatusTimeout = TimeSpan.FromSeconds(1);
    private readonly string _folder;
    private readonly string[] _clientUrls;
    private readonly GrpcChannel[] _channels;

    public EtcdCluster(Site site)
    {
        Version = $"etcd {Tool.Etcd.Version()}";
        _folder = site.NewFolder("etcd");
        var ports = Site.FreePorts(2 * Site.Servers);
        _clientUrls = [.. site.Machines.Select((machine, i) => $"http://{machine.Address}:{ports[i]}")];
        var peerUrls = site.Machines.Select((machine, i) => $"http://{machine.Address}:{ports[Site.Servers + i]}").ToArray();
        _channels = [.. _clientUrls.Select(GrpcChannel.ForAddress)];
        Servers = [.. site.Machines.Select((machine, i) => new ServerProcess($"etcd-{i + 1}", machine.CommandLine(
            Tool.Etcd.Path,
            "--name", $"e{i + 1}",
            "--data-dir", Path.Combine(_folder, $"e{i + 1}"),
            "--listen-client-urls", _clientUrls[i],
            "--advertise-client-urls", _clientUrls[i],
            "--listen-peer-urls", peerUrls[i],
            "--initial-advertise-peer-urls", peerUrls[i],
            "--initial-cluster", string.Join(',', peerUrls.Select((url, peer) => $"e{peer + 1}={url}")),
            "--quota-backend-bytes", "8589934592", // 8 GiB instead of 2, so that a long run does not fill it
            "--logger", "zap",
            "--log-level", "error")))];
    }

    public string Version { get; }

    public IReadOnlyList<ServerProcess> Servers { get; }

    public async Task StartAsync(CancellationToken cancellation)
    {
        foreach (var server in Servers)
            server.Start();
        await WholeAsync(cancellation);
    }

    public async Task<IReadOnlyList<LoadTarget>> TargetsAsync(Operation operation, CancellationToken cancellation)
    {
        // One connection to the leader is etcd at its best: through the followers each request costs a hop more.
        var leader = (await WholeAsync(cancellation)).Leader;
        return [TargetAt([leader], operation)];
    }

    public LoadTarget TargetAt(IEnumerable<int> servers, Operation operation) => new(
        "etcd", EtcdLoadClient.Kind, [.. servers.Select(s => _clientUrls[s])],
        operation == Operation.Write ? "a write is synced by a majority of the three" : "a linearizable Range");

    public Task<Leadership> WholeAsync(CancellationToken cancellation) => Wait.ForAsync("etcd: no leader that all follow", Servers, async () =>
    {
        var all = await Task.WhenAll(_channels.Select(async channel =>
            await new Maintenance.MaintenanceClient(channel).StatusAsync(
                new StatusRequest(), deadline: DateTime.UtcNow + StatusTimeout, cancellationToken: cancellation)));
        var agreed = all.DistinctBy(s => (s.Leader, s.RaftTerm, s.RaftIndex)).Count() == 1 && all[0].Leader != 0;
        return agreed ? new Leadership([Array.FindIndex(all, s => s.Header.MemberId == s.Leader)], (long)all[0].RaftTerm) : null;
    }, cancellation);

    public void Dispose()
    {
        foreach (var server in Servers)
            server.Dispose();
        foreach (var channel in _channels)
            channel.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
