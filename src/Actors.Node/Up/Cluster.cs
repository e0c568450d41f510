using System.Diagnostics;
using System.Text.Json;
using Actors.Node.Commands;
using Actors.Node.Http;

namespace Actors.Node.Up;

/// <summary>The processes of a plan, and what they say of themselves. Publishes its <see cref="ClusterRun"/> while it lives.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private readonly HttpClient _http;
    private readonly ClientIdentity _identity;
    private readonly string _certs;
    private readonly Lock _publishing = new();
    private readonly string _runFile;
    private readonly DateTime _started;

    public Cluster(ClusterPlan plan, string runFolder)
    {
        _certs = plan.TlsFolder;
        _identity = ClientIdentity.Load(_certs, "");
        _http = new HttpClient(_identity.Handler()) { Timeout = TimeSpan.FromSeconds(2) };
        Directory.CreateDirectory(runFolder);
        _runFile = ClusterRun.FileOf(runFolder, plan.Nodes[0].Http.Port);
        using (var self = Process.GetCurrentProcess())
            _started = ClusterRun.StartOf(self);
        Processes = [.. plan.Nodes.Select(node => new NodeProcess(node, Publish))];
        foreach (var node in plan.Nodes)
        {
            File.Delete(ClusterRun.StartRequest(_runFile, node.Name));
            File.Delete(ClusterRun.StopRequest(_runFile, node.Name));
        }
    }

    public IReadOnlyList<NodeProcess> Processes { get; }

    public void Start()
    {
        foreach (var process in Processes)
            process.Start();
    }

    /// <summary>Stops and starts the nodes that other commands asked for since the last call; a node that has not stopped within <paramref name="limit"/> is killed.</summary>
    public async Task ActAsRequestedAsync(TimeSpan limit)
    {
        foreach (var process in Processes)
        {
            var (stop, start) = (ClusterRun.StopRequest(_runFile, process.Node.Name), ClusterRun.StartRequest(_runFile, process.Node.Name));
            if (File.Exists(stop))
            {
                await process.StopAsync(limit);
                File.Delete(stop);      // now: who asked waits for this
            }

            if (File.Exists(start))
            {
                process.Start();
                File.Delete(start);
            }
        }
    }

    /// <summary>What the first node that answers says of the cluster; null when none does.</summary>
    public async Task<StatusDocument?> StatusAsync()
    {
        foreach (var process in Processes.Where(process => process.State.Pid > 0))
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, process.Node.Url + "/v1/status");
                _identity.Sign(request);
                using var answer = (await _http.SendAsync(request)).EnsureSuccessStatusCode();
                return StatusTable.Parse(await answer.Content.ReadAsByteArrayAsync());
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException)
            {
                // Not started yet, stopped or paused: another will know.
            }
        }

        return null;
    }

    /// <summary>Ends all nodes at once.</summary>
    public void Kill()
    {
        foreach (var process in Processes)
            process.Kill();
    }

    /// <summary>Stops all nodes, and kills those that have not stopped within <paramref name="limit"/>.</summary>
    public Task StopAsync(TimeSpan limit) => Task.WhenAll(Processes.Select(process => process.StopAsync(limit)));

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero);
        lock (_publishing)
            File.Delete(_runFile);
        foreach (var process in Processes)
            process.Dispose();
        _http.Dispose();
    }

    private void Publish()
    {
        lock (_publishing)
            new ClusterRun(Environment.ProcessId, _started, [.. Processes.Select(process => process.State)], _certs).Write(_runFile);
    }
}
