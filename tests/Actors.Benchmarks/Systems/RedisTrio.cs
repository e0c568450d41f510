using System.Globalization;
using Actors.Benchmarks.Load;
using StackExchange.Redis;

namespace Actors.Benchmarks.Systems;

/// <summary>A Redis primary with two replicas; each syncs its append-only file before it answers.</summary>
/// <remarks>
/// Replication is asynchronous: without WAIT a write is acknowledged when the primary alone has synced it; with WAIT 2 when both
/// replicas have received it, synced or not. Nobody takes over when the primary fails.
/// </remarks>
internal sealed class RedisTrio : ILoadable
{
    private readonly string _folder;
    private readonly string _primary;

    public RedisTrio(Site site)
    {
        Version = $"Redis {Tool.Redis.Version()}";
        _folder = site.NewFolder("redis");
        var ports = Site.FreePorts(Site.Servers);
        _primary = $"{site.Machines[0].Address}:{ports[0]}";
        Servers = [.. site.Machines.Select((machine, i) => new ServerProcess($"redis-{i + 1}", machine.CommandLine(
        [
            Tool.Redis.Path,
            "--bind", machine.Address,
            "--port", ports[i].ToString(CultureInfo.InvariantCulture),
            "--dir", Directory.CreateDirectory(Path.Combine(_folder, $"r{i + 1}")).FullName,
            "--appendonly", "yes",
            "--appendfsync", "always",
            "--save", "", // no snapshots beside the append-only file
            "--repl-diskless-sync-delay", "0", // replicas join at once
            .. i == 0 ? Array.Empty<string>() : ["--replicaof", $"{site.Machines[0].Address} {ports[0]}"],
        ])))];
    }

    public string Version { get; }

    public IReadOnlyList<ServerProcess> Servers { get; }

    public async Task StartAsync(CancellationToken cancellation)
    {
        foreach (var server in Servers)
            server.Start();
        await Wait.ForAsync("redis: the replicas did not join the primary", Servers, async () =>
        {
            await using var connection = await ConnectionMultiplexer.ConnectAsync(_primary);
            var database = connection.GetDatabase();
            await database.StringSetAsync("ready", "?");
            var replicas = await database.ExecuteAsync("WAIT", Site.Servers - 1, 1000);
            return (int)replicas == Site.Servers - 1 ? replicas : null;
        }, cancellation);
    }

    public Task<IReadOnlyList<LoadTarget>> TargetsAsync(Operation operation, CancellationToken cancellation) => Task.FromResult<IReadOnlyList<LoadTarget>>(
        operation == Operation.Write
            ? [
                new LoadTarget("redis", RedisLoadClient.Kind, [_primary], "a write is synced by the primary alone"),
                new LoadTarget("redis WAIT 2", RedisWaitLoadClient.Kind, [_primary], "a write is synced by the primary and received by both replicas, synced there or not"),
            ]
            : [new LoadTarget("redis", RedisLoadClient.Kind, [_primary], "GET at the primary; not linearizable once a replica has taken over")]);

    public void Dispose()
    {
        foreach (var server in Servers)
            server.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
