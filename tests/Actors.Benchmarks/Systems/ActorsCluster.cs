using System.Globalization;
using System.Text.Json;
using Actors.Benchmarks.Load;

namespace Actors.Benchmarks.Systems;

/// <summary>Three nodes of ours as <c>config/primary-backup.conf</c> has them: every write synced by all three before it is acknowledged.</summary>
internal sealed class ActorsCluster : IElectsLeader
{
    /// <summary>The files that <c>config/</c> holds, copied beside this program.</summary>
    private const string Example = "config/primary-backup.conf";

    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(5) };
    private readonly int _groups;
    private readonly string _folder;
    private readonly string[] _urls;
    private readonly string[] _endpoints;

    /// <param name="site">Where.</param>
    /// <param name="groups">How many groups, of which only the first is loaded.</param>
    public ActorsCluster(Site site, int groups = 1)
    {
        _groups = groups;
        Version = $"Actors {typeof(Replication.IReplication).Assembly.GetName().Version?.ToString(3)}";
        _folder = site.NewFolder("actors");
        var ports = Site.FreePorts(2 * Site.Servers);
        var addresses = site.Machines.Select((machine, i) => $"{machine.Address}:{ports[i]}").ToArray();
        _endpoints = [.. addresses.Select((address, i) => $"n{i + 1}={address}")];
        _urls = [.. site.Machines.Select((machine, i) => $"http://{machine.Address}:{ports[Site.Servers + i]}")];
        Servers = [.. site.Machines.Select((machine, i) => new ServerProcess($"actors-{i + 1}", machine.CommandLine(
            "dotnet", Path.Combine(AppContext.BaseDirectory, "Actors.Node.dll"), "node", "--config", WriteConfig(i, addresses, machine.Address, ports[Site.Servers + i]))))];
    }

    public string Version { get; }

    public IReadOnlyList<ServerProcess> Servers { get; }

    public async Task StartAsync(CancellationToken cancellation)
    {
        foreach (var server in Servers)
            server.Start();
        await WholeAsync(cancellation);
    }

    public Task<IReadOnlyList<LoadTarget>> TargetsAsync(Operation operation, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<LoadTarget>>([TargetAt(Enumerable.Range(0, Site.Servers), operation)]);

    public LoadTarget TargetAt(IEnumerable<int> servers, Operation operation) => new(
        "actors", ActorsLoadClient.Kind, _endpoints,     // whichever servers are alive: a client must know the primary's address to be sent there
        operation == Operation.Write ? "a write is synced by all three" : "a read confirmed by a majority (barrier)");

    /// <summary>The folder that holds a server's data, by the server's number.</summary>
    public string DataOf(int server) => Path.Combine(_folder, $"n{server + 1}");

    public Task<Leadership> WholeAsync(CancellationToken cancellation) => Wait.ForAsync("actors: no primary with all members", Servers, () => LeadershipAsync(cancellation), cancellation);

    /// <summary>True when a server is a member of the group; false while it is not, or cannot be asked.</summary>
    public async Task<bool> IsMemberAsync(int server, CancellationToken cancellation)
    {
        try
        {
            var status = JsonDocument.Parse(await Http.GetStringAsync($"{_urls[server]}/v1/status", cancellation)).RootElement;
            return status.GetProperty("groups")[0].GetProperty("members").EnumerateArray()
                .Any(m => m.GetProperty("node").GetString() == $"n{server + 1}" && m.GetProperty("role").GetString() == "backup");
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task<Leadership?> LeadershipAsync(CancellationToken cancellation)
    {
        var statuses = await Task.WhenAll(_urls.Select(url => Http.GetStringAsync($"{url}/v1/status", cancellation)));
        var leaderships = JsonDocument.Parse(statuses[0]).RootElement.GetProperty("groups").EnumerateArray().Select(LeadershipOf).ToList();
        return leaderships.Count == _groups && !leaderships.Contains(null) ? leaderships[0] : null;
    }

    /// <summary>Who leads a group that all servers hold alike; null while they do not.</summary>
    private static Leadership? LeadershipOf(JsonElement group)
    {
        var members = group.GetProperty("members").EnumerateArray().ToList();
        var leader = members.FindIndex(m => m.GetProperty("role").GetString() == "primary");
        var whole = leader >= 0 && members.Count == Site.Servers
            && members.All(m => m.GetProperty("role").GetString() is "primary" or "backup")
            && members.DistinctBy(m => (m.GetProperty("epoch").GetInt64(), m.GetProperty("lastIndex").GetInt64())).Count() == 1;
        return whole
            ? new Leadership(int.Parse(members[leader].GetProperty("node").GetString()!.AsSpan(1), CultureInfo.InvariantCulture) - 1, members[leader].GetProperty("epoch").GetInt64())
            : null;
    }

    public void Dispose()
    {
        foreach (var server in Servers)
            server.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string WriteConfig(int server, string[] addresses, string httpHost, int httpPort)
    {
        var file = Path.Combine(_folder, $"n{server + 1}.conf");
        File.WriteAllText(file, $$"""
            include "{{Path.Combine(AppContext.BaseDirectory, Example)}}"
            actors {
              node = n{{server + 1}}
              data-directory = "{{DataOf(server)}}"
              nodes { n1 = "{{addresses[0]}}", n2 = "{{addresses[1]}}", n3 = "{{addresses[2]}}" }
              http { host = "{{httpHost}}", port = {{httpPort}} }
              insecure = on       # in a network namespace nobody else can reach it
            }
            akka.loglevel = WARNING
            {{string.Concat(Enumerable.Range(1, _groups - 1).Select(g => $"actors.groups.more-{g} {{ }}\n"))}}
            """);
        return file;
    }
}
