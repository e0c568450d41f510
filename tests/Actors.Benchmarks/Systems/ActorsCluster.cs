using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Actors.Benchmarks.Load;

namespace Actors.Benchmarks.Systems;

/// <summary>Nodes of ours as <c>config/primary-backup.conf</c> or <c>config/chain.conf</c> has them: every write synced by all of them before it is acknowledged.</summary>
internal sealed class ActorsCluster : IElectsLeader
{
    private const int FillOutstanding = 16;
    private const int FillValueBytes = 60_000;
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(5) };
    private static readonly Victim DirectorysPrimary = new("directory's primary", whole => whole.Directory);
    private readonly bool _isChain;
    private readonly bool _isDirected;
    private readonly int _groups;
    private readonly string _reads;
    private readonly string _folder;
    private readonly string[] _urls;
    private readonly string[] _endpoints;

    /// <param name="site">Where.</param>
    /// <param name="isChain">A chain, whose directory is on its first links; otherwise primary and backups.</param>
    /// <param name="groups">How many groups, of which only the first is loaded.</param>
    /// <param name="reads">How linearizable reads are guarded: <c>barrier</c> or <c>lease</c>.</param>
    /// <param name="isDirected">The views come from the directory, as those of a chain always do.</param>
    public ActorsCluster(Site site, bool isChain = false, int groups = 1, string reads = "barrier", bool isDirected = false)
    {
        (_isChain, _groups, _reads, _isDirected) = (isChain, groups, reads, isChain || isDirected);
        Name = (isChain, isDirected, reads) switch { (true, _, "lease") => "chain-lease", (true, _, _) => "chain", (_, true, _) => "directed", (_, _, "lease") => "lease", _ => "actors" };
        var count = site.Machines.Count;
        Version = $"Actors {typeof(Replication.IReplication).Assembly.GetName().Version?.ToString(3)}";
        _folder = site.NewFolder(Name);
        var ports = Site.FreePorts(2 * count);
        var addresses = site.Machines.Select((machine, i) => $"{machine.Address}:{ports[i]}").ToArray();
        _endpoints = [.. addresses.Select((address, i) => $"n{i + 1}={address}")];
        _urls = [.. site.Machines.Select((machine, i) => $"http://{machine.Address}:{ports[count + i]}")];
        Servers = [.. site.Machines.Select((machine, i) => new ServerProcess($"{Name}-{i + 1}", machine.CommandLine(
            "dotnet", Path.Combine(AppContext.BaseDirectory, "Actors.Node.dll"), "node", "--config", WriteConfig(i, addresses, machine.Address, ports[count + i]))))];
    }

    /// <summary>As it stands in the report.</summary>
    public string Name { get; }

    public string Version { get; }

    public IReadOnlyList<ServerProcess> Servers { get; }

    public IReadOnlyList<Victim> Victims => _isChain
        ? [new("head", whole => whole.Leader), new("middle", whole => whole.Order[Servers.Count / 2]), new("tail", whole => whole.Order[^1]), DirectorysPrimary]
        : _isDirected ? [Victim.Leader, DirectorysPrimary] : [Victim.Leader];

    public async Task StartAsync(CancellationToken cancellation)
    {
        foreach (var server in Servers)
            server.Start();
        await WholeAsync(cancellation);
    }

    public Task<IReadOnlyList<LoadTarget>> TargetsAsync(Operation operation, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<LoadTarget>>([TargetAt(Enumerable.Range(0, Servers.Count), operation)]);

    public LoadTarget TargetAt(IEnumerable<int> servers, Operation operation) => new(
        Name, ActorsLoadClient.Kind, _endpoints,     // whichever servers are alive: a client must know the primary's address to be sent there
        (operation, _isChain, _reads) switch
        {
            (Operation.Write, false, _) => "a write is synced by all of them",
            (Operation.Write, true, _) => "a write is synced by all of them, one after the other",
            (_, false, "lease") => "a read at the primary, whose lease excludes others (lease)",
            (_, true, "lease") => "a read at the tail, whose lease excludes others (lease)",
            (_, false, _) => _isDirected ? "a read confirmed by all of them (barrier)" : "a read confirmed by a majority (barrier)",
            (_, true, _) => "a read that ran through all of them (barrier)",
        });

    /// <summary>Where a server answers HTTP, by the server's number.</summary>
    public string UrlOf(int server) => _urls[server];

    /// <summary>The folder that holds a server's data, by the server's number.</summary>
    public string DataOf(int server) => Path.Combine(_folder, $"n{server + 1}");

    /// <summary>The keys that <see cref="FillAsync"/> writes, from 0 on.</summary>
    public static string StateKey(int number) => $"state-{number:d8}";

    /// <summary>Writes values until there is a state of so many MB (of 10^6 bytes); answers how many values.</summary>
    public async Task<int> FillAsync(int megabytes, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var values = (int)(megabytes * 1_000_000L / FillValueBytes);
        await using var client = new ActorsLoadClient((await TargetsAsync(Operation.Write, cancellation))[0].Endpoints, FillValueBytes);
        await Parallel.ForAsync(0, values, new ParallelOptions { MaxDegreeOfParallelism = FillOutstanding, CancellationToken = cancellation }, async (i, _) =>
            await client.PutAsync(Encoding.UTF8.GetBytes(StateKey(i))));
        Report.Progress($"filled with {megabytes} MB in {clock.Elapsed.TotalSeconds:f0} s");
        return values;
    }

    public Task<Leadership> WholeAsync(CancellationToken cancellation) => Wait.ForAsync($"{Name}: not all are members", Servers, () => LeadershipAsync(cancellation), cancellation);

    /// <summary>True when a server is a member of the group; false while it is not, or cannot be asked.</summary>
    public async Task<bool> IsMemberAsync(int server, CancellationToken cancellation)
    {
        try
        {
            var status = JsonDocument.Parse(await Http.GetStringAsync($"{_urls[server]}/v1/status", cancellation)).RootElement;
            return status.GetProperty("groups")[0].GetProperty("members").EnumerateArray()
                .Any(m => NumberOf(m) == server && IsMember(m));
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>How often each server that can be asked has heard nothing for at most so long: a heartbeat interval each, by the upper bound in seconds.</summary>
    public async Task<IReadOnlyDictionary<(int Server, string Bound), long>> SilencesAsync(CancellationToken cancellation)
    {
        var counts = new Dictionary<(int, string), long>();
        for (var server = 0; server < Servers.Count; server++)
        {
            foreach (var (line, value) in Servers[server].HasExited ? [] : await MetricsAsync(server, "actors_heartbeat_silence_seconds_bucket{", "group=\"default\"", cancellation))
                counts[(server, line.Split("le=\"")[1].Split('"')[0])] = long.Parse(value, CultureInfo.InvariantCulture);
        }

        return counts;
    }

    /// <summary>The bound under which 99 of 100 intervals between two counts stayed, in milliseconds. A server that was started between them counts from its start.</summary>
    public static double SilenceP99Ms(IReadOnlyDictionary<(int Server, string Bound), long> before, IReadOnlyDictionary<(int Server, string Bound), long> after)
    {
        var byBound = after.GroupBy(count => double.Parse(count.Key.Bound.Replace("+Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture))
            .Select(bound => (Seconds: bound.Key, Count: bound.Sum(count => count.Value - before.GetValueOrDefault(count.Key)))).OrderBy(bound => bound.Seconds).ToList();
        return 1000 * byBound.First(bound => bound.Count >= 0.99 * byBound[^1].Count).Seconds;
    }

    private async Task<Leadership?> LeadershipAsync(CancellationToken cancellation)
    {
        var statuses = await Task.WhenAll(_urls.Select(url => Http.GetStringAsync($"{url}/v1/status", cancellation)));
        var leaderships = JsonDocument.Parse(statuses[0]).RootElement.GetProperty("groups").EnumerateArray().Select(LeadershipOf).ToList();
        if (leaderships.Count != _groups || leaderships.Contains(null))
            return null;
        if (!_isDirected)
            return leaderships[0];
        var directory = await DirectoryAsync(cancellation);
        return directory < 0 ? null : leaderships[0]! with { Directory = directory };
    }

    /// <summary>The server that the directory's primary is on; -1 while there is none, or others than its backups beside it.</summary>
    private async Task<int> DirectoryAsync(CancellationToken cancellation)
    {
        var roles = new List<string>();
        for (var server = 0; server < Servers.Count; server++)
            roles.AddRange((await MetricsAsync(server, "actors_replica_role{", "group=\"actors.directory\"", cancellation)).Select(role => role.Value));
        return roles.Count(role => role == "4") == 1 && roles.TrueForAll(role => role is "2" or "4") ? roles.IndexOf("4") : -1;
    }

    /// <summary>What <c>/metrics</c> of a server says of one series, with a label that must be there: each line and its value.</summary>
    private async Task<IEnumerable<(string Line, string Value)>> MetricsAsync(int server, string series, string label, CancellationToken cancellation)
    {
        var metrics = await Http.GetStringAsync($"{_urls[server]}/metrics", cancellation);
        return metrics.Split('\n').Where(line => line.StartsWith(series, StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
            .Select(line => (line, line[(line.IndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0]));
    }

    /// <summary>Who leads a group that all servers hold alike; null while they do not.</summary>
    private Leadership? LeadershipOf(JsonElement group)
    {
        var members = group.GetProperty("members").EnumerateArray().ToList();
        var leader = members.FindIndex(m => m.GetProperty("role").GetString() is "primary" or "head");
        var whole = leader >= 0 && members.Count == Servers.Count && members.TrueForAll(IsMember)
            && members.DistinctBy(m => (m.GetProperty("epoch").GetInt64(), m.GetProperty("lastIndex").GetInt64())).Count() == 1;
        return whole ? new Leadership([NumberOf(members[leader]), .. members.Where((_, i) => i != leader).Select(NumberOf)], members[leader].GetProperty("epoch").GetInt64()) : null;
    }

    private static bool IsMember(JsonElement member) => member.GetProperty("role").GetString() is "primary" or "backup" or "head" or "middle" or "tail";

    private static int NumberOf(JsonElement member) => int.Parse(member.GetProperty("node").GetString()!.AsSpan(1), CultureInfo.InvariantCulture) - 1;

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
            include "{{Path.Combine(AppContext.BaseDirectory, "config", _isChain ? "chain.conf" : "primary-backup.conf")}}"
            actors {
              node = n{{server + 1}}
              data-directory = "{{DataOf(server)}}"
              nodes = replaced      # a block alone would only add to the one that is included
              nodes { {{string.Join(", ", addresses.Select((address, i) => $"n{i + 1} = \"{address}\""))}} }
              groups.default.members = [{{string.Join(", ", addresses.Select((_, i) => $"n{i + 1}"))}}]
              groups.default.min-in-view = {{Math.Min(2, addresses.Length)}}
              http { host = "{{httpHost}}", port = {{httpPort}} }
              insecure = on       # in a network namespace nobody else can reach it
            }
            akka.loglevel = WARNING
            {{(_isDirected && !_isChain ? "actors.groups.default.authority = directory" : "")}}
            actors.groups.default.reads = {{_reads}}
            {{string.Concat(Enumerable.Range(1, _groups - 1).Select(g => $"actors.groups.more-{g} {{ }}\n"))}}
            """);
        return file;
    }
}
