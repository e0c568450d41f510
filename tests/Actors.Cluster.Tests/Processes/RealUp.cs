namespace Actors.Cluster.Tests;

/// <summary>An <c>actors up</c> on ports of its own, as a user starts it in a terminal that is none.</summary>
internal sealed class RealUp : IDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(40);

    private readonly LoggedProcess _process;
    private readonly HttpNode[] _nodes;
    private readonly string _folder;
    private readonly IReadOnlyList<string> _program;
    private readonly int _count;

    /// <param name="folder">Where it is started, for its log and what <c>kill</c> and <c>start</c> need to know; survives it.</param>
    /// <param name="data">For the nodes' data; null for a temporary folder of its own choice.</param>
    /// <param name="program">How <c>actors</c> is called; null for the built program.</param>
    /// <param name="config">What the nodes have in common; null for the default of <c>up</c>.</param>
    /// <param name="count">How many nodes that makes.</param>
    public RealUp(string folder, string? data = null, IReadOnlyList<string>? program = null, string? config = null, int count = 3)
    {
        _folder = folder;
        _count = count;
        _program = program ?? NodeProgram.Built;
        var port = Ports.FreeInARow(2 * count);
        var http = port + count;
        Urls = [.. Enumerable.Range(http, count).Select(p => FormattableString.Invariant($"http://127.0.0.1:{p}"))];
        _nodes = [.. Urls.Select(url => new HttpNode(url, null))];
        string[] arguments = ["up", "--port", FormattableString.Invariant($"{port}"), "--http-port", FormattableString.Invariant($"{http}")];
        _process = new LoggedProcess([.. _program, .. arguments, .. data is null ? Array.Empty<string>() : ["--data", data], .. config is null ? Array.Empty<string>() : ["--config", config]], Path.Combine(folder, "up.log"), folder);
    }

    /// <summary>Runs a test on a cluster that is up, and prints what <c>up</c> and its nodes said when it fails.</summary>
    /// <param name="output">Of the test.</param>
    /// <param name="test">Gets the cluster, and the folder that it was started in.</param>
    /// <param name="keepsData">With <c>--data</c>: the nodes' data and logs are in the folder.</param>
    /// <param name="config">What the nodes have in common; null for the default of <c>up</c>.</param>
    /// <param name="count">How many nodes that makes.</param>
    public static async Task WithAsync(ITestOutputHelper output, Func<RealUp, Scratch, Task> test, bool keepsData = true, string? config = null, int count = 3)
    {
        using var folder = new Scratch();
        using var up = new RealUp(folder.Path, keepsData ? folder.File("data") : null, config: config, count: count);
        try
        {
            await up.StartAsync();
            await test(up, folder);
        }
        catch
        {
            output.WriteLine($"{up.Log}'actors up' {(up._process.IsRunning ? "runs" : "has ended")} at {DateTime.UtcNow:HH:mm:ss.fff}");
            foreach (var log in Directory.EnumerateFiles(folder.Path, "n*.log", SearchOption.AllDirectories))
                output.WriteLine($"---- {log} ----\n{string.Join('\n', (await File.ReadAllLinesAsync(log)).TakeLast(60))}");
            throw;
        }
    }

    public IReadOnlyList<string> Urls { get; }

    public IReadOnlyList<HttpNode> Nodes => _nodes;

    public string Log => _process.Log;

    /// <summary>Starts it and waits until it says that the cluster is ready.</summary>
    public async Task StartAsync()
    {
        var before = Log.Length;
        _process.Start();
        await RealCluster.UntilAsync("'actors up' ready", () =>
        {
            Assert.True(_process.IsRunning, $"'actors up' ended: {Log[before..]}");
            return Task.FromResult(Log[before..].Contains("ready", StringComparison.Ordinal) ? this : null);
        });
    }

    /// <summary>Waits until every node runs, is reached by every other, and is in the view; or, given <paramref name="members"/>, until so many are in it.</summary>
    public Task<ClusterStatus> WholeAsync(int? members = null) => RealCluster.UntilAsync($"{members ?? _count} members of every group, one of them primary or head", async () =>
        await StatusAsync() is { } status && (members is not null || status.Nodes.All(node => node.Reachable)) && status.Groups.All(group => group.IsWhole(members ?? _count)) ? status : null);

    /// <summary>What the first node that answers says.</summary>
    public async Task<ClusterStatus?> StatusAsync()
    {
        foreach (var node in _nodes)
        {
            if (await node.StatusAsync() is { } status)
                return status;
        }

        return null;
    }

    /// <summary>Runs another command of the program against this cluster.</summary>
    public Task<CommandResult> CommandAsync(params string[] arguments) => CommandAsync(_ => { }, arguments);

    /// <summary>As <see cref="CommandAsync(string[])"/>, with a look at standard error.</summary>
    public Task<CommandResult> CommandAsync(Action<string> onError, params string[] arguments) =>
        NodeProgram.RunAsync([.. _program, .. arguments, "--at", string.Join(',', Urls)], _folder, onError);

    /// <summary>Sends a signal and returns the exit code.</summary>
    public Task<int> EndAsync(Signal signal)
    {
        _process.Send(signal);
        return _process.EndAsync(StopLimit);
    }

    /// <summary>kill -9 of <c>up</c> alone.</summary>
    public void Kill() => _process.Kill();

    public void Dispose()
    {
        _process.Dispose();
        foreach (var node in _nodes)
            node.Dispose();
    }
}
