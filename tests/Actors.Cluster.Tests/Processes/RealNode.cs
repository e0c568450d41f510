namespace Actors.Cluster.Tests;

/// <summary>One node of a <see cref="RealCluster"/>: its process, and its HTTP API.</summary>
internal sealed class RealNode : IDisposable
{
    private readonly LoggedProcess _process;

    /// <param name="name">Its name.</param>
    /// <param name="configFile">Its configuration.</param>
    /// <param name="http">Where it serves HTTP.</param>
    /// <param name="folder">Where its log file and its data go.</param>
    /// <param name="networkNamespace">Where it runs; null for the machine's own.</param>
    /// <param name="certs">What its clients need; null when it has no TLS.</param>
    public RealNode(string name, string configFile, string http, string folder, string? networkNamespace, string? certs = null)
    {
        Name = name;
        ConfigFile = configFile;
        DataFolder = Path.Combine(folder, name);
        Http = new HttpNode(http, networkNamespace, certs);
        // --supervised: it ends when this process does, whatever happens to it.
        string[] command = [.. NodeProgram.Built, "node", "--supervised", "--config", configFile];
        _process = new LoggedProcess(networkNamespace is null ? command : ["ip", "netns", "exec", networkNamespace, .. command], Path.Combine(folder, name + ".log"), folder);
    }

    public string Name { get; }

    public string ConfigFile { get; }

    /// <summary>Where it keeps its data.</summary>
    public string DataFolder { get; }

    public HttpNode Http { get; }

    public int Pid => _process.Pid;

    public bool IsRunning => _process.IsRunning;

    public string Log => _process.Log;

    public void Start() => _process.Start();

    public void Kill() => _process.Kill();

    /// <summary>SIGSTOP: the process stands still, its sockets stay open.</summary>
    public void Pause() => _process.Send(Signal.Stop);

    /// <summary>SIGCONT.</summary>
    public void Resume() => _process.Send(Signal.Continue);

    /// <summary>Waits for an end of its own; returns the exit code.</summary>
    public Task<int> EndAsync(TimeSpan limit) => _process.EndAsync(limit);

    /// <summary>SIGTERM; returns the exit code.</summary>
    public Task<int> TerminateAsync(TimeSpan limit)
    {
        _process.Send(Signal.Terminate);
        return _process.EndAsync(limit);
    }

    public void Dispose()
    {
        _process.Dispose();
        Http.Dispose();
    }

    public override string ToString() => Name;
}
