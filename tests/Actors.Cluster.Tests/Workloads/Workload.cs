using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Actors.TestKit;

namespace Actors.Cluster.Tests;

/// <summary>Clients at every node that go on through whatever happens to it, and what they were told.</summary>
/// <remarks>
/// Three kinds: two <see cref="RegisterClient"/>s at each node, whose history must be linearizable; one that counts, with an idempotency token for each step, and
/// repeats it at the next node until it is acknowledged, so that the total tells whether any step was lost or applied twice; and one that writes ever new keys, every
/// acknowledged one of which must be there at the end.
/// </remarks>
internal sealed class Workload : IDisposable
{
    private const string Counter = "counter";
    private const string KeyPrefix = "w-";
    private const int RegisterClientsPerNode = 2;
    private const int Steps = 40;
    private static readonly TimeSpan ProgressLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan FinishLimit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(15);

    private readonly IReadOnlyList<HttpNode> _nodes;
    private readonly ITestOutputHelper _output;
    private readonly CancellationTokenSource _stop = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Task _clients;
    private readonly ConcurrentDictionary<string, long> _sums = new();              // token of a step → the sum it was answered
    private readonly ConcurrentDictionary<string, string> _written = new();         // acknowledged keys
    private readonly ConcurrentDictionary<string, string> _attempted = new();       // all keys
    private int _repeats;
    private int _nextClient = 1000;

    private Workload(IReadOnlyList<HttpNode> nodes, ITestOutputHelper output, int seed)
    {
        (_nodes, _output) = (nodes, output);
        output.WriteLine($"seed {seed}");
        History = new History<KeyValueOperation, KeyValueResult>(() => _clock.Elapsed);
        var random = new Random(seed);
        var registers = nodes.SelectMany((node, n) => Enumerable.Range(1, RegisterClientsPerNode)
            .Select(c => new RegisterClient(10 * (n + 1) + c, node, History, new Random(random.Next())).RunAsync(_stop.Token)));
        var counters = nodes.Select((_, n) => CountAsync(n));
        var writers = nodes.Select((node, n) => WriteKeysAsync(node, n));
        _clients = Task.WhenAll([.. registers, .. counters, .. writers]);
    }

    public History<KeyValueOperation, KeyValueResult> History { get; }

    /// <summary>The most nodes that a counting step was sent to, one after the other, before it was acknowledged; a node that it came back to counts again.</summary>
    public int MostAttempts { get; private set; } = 1;

    /// <summary>Runs <paramref name="test"/> while the clients of a cluster of its own go on, and checks at the end what they were told. The test leaves the cluster whole.</summary>
    /// <param name="output">Says what was done; has the nodes' logs when the test fails.</param>
    /// <param name="test">What happens to the cluster.</param>
    /// <param name="network">See <see cref="RealCluster.StartAsync"/>.</param>
    /// <param name="settings">See <see cref="RealCluster.StartAsync"/>.</param>
    /// <param name="links">See <see cref="RealCluster.StartAsync"/>.</param>
    /// <param name="spares">See <see cref="RealCluster.StartAsync"/>.</param>
    public static Task RunAsync(ITestOutputHelper output, Func<RealCluster, Workload, Task> test, Network? network = null, string settings = "", int links = 0, int spares = 0) =>
        RealCluster.WithAsync(output, cluster => RunAsync(output, [.. cluster.Nodes.Select(node => node.Http)], work => test(cluster, work)), network, settings, links: links, spares: spares);

    /// <summary>As the other one, on nodes that run already.</summary>
    public static async Task RunAsync(ITestOutputHelper output, IReadOnlyList<HttpNode> nodes, Func<Workload, Task> test)
    {
        using var work = new Workload(nodes, output, Random.Shared.Next());
        await work.ProgressAsync();
        await test(work);
        await work.ProgressAsync();
        await work.FinishAsync();
    }

    /// <summary>Another client for the history, at <paramref name="node"/>, for operations at a moment of the test's choice.</summary>
    public RegisterClient ClientAt(RealNode node) => ClientAt(node.Http);

    private RegisterClient ClientAt(HttpNode node) => new(Interlocked.Increment(ref _nextClient), node, History, new Random(0));

    /// <summary>Waits until so many further steps have been acknowledged.</summary>
    public async Task ProgressAsync(int steps = Steps)
    {
        var start = _sums.Count;
        for (var clock = Stopwatch.StartNew(); _sums.Count < start + steps; await Task.Delay(Pause))
        {
            if (_clients.IsFaulted)
                await _clients;
            Assert.True(clock.Elapsed < ProgressLimit, $"{_sums.Count - start} of {steps} steps acknowledged within {ProgressLimit.TotalSeconds} s");
        }
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>Stops the clients and checks all that they were told.</summary>
    private async Task FinishAsync()
    {
        await _stop.CancelAsync();
        await _clients.WaitAsync(FinishLimit);
        foreach (var node in _nodes)
        {
            var reader = ClientAt(node);
            foreach (var key in RegisterClient.Keys)
                await RealCluster.UntilAsync($"a read of {key} at {node.Url}", async () => await reader.ReadAsync(key) is { Status: 200 or 404 } answer ? answer : null);
        }

        var outcomes = History.Entries.CountBy(entry => entry.Outcome).ToDictionary();
        _output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{_clock.Elapsed.TotalSeconds:f1} s; registers: {string.Join(", ", outcomes.Select(o => $"{o.Value} {o.Key}"))}; counter: {_sums.Count} steps, {_repeats} repeats; keys: {_written.Count} acknowledged of {_attempted.Count}"));
        await RequireCountedOnceAsync();
        await RequireEveryKeyAsync();
        var result = Linearizability.Check(new KeyValueModel(), History);
        Assert.True(result.IsLinearizable, $"{result.Verdict}: {result.Explanation}");
    }

    private async Task RequireCountedOnceAsync()
    {
        var total = await RealCluster.UntilAsync("the counter", async () => await _nodes[0].GetAsync(Counter) is { Status: 200 } answer ? answer : null);
        var expected = _sums.Count.ToString(CultureInfo.InvariantCulture);
        Assert.True(total.Body == expected, $"{expected} steps were acknowledged, the counter is at {total}");
        Assert.Equal(Enumerable.Range(1, _sums.Count).Select(sum => (long)sum), _sums.Values.Order());
    }

    private async Task RequireEveryKeyAsync()
    {
        foreach (var node in _nodes)
        {
            var there = await node.ScanAsync(KeyPrefix);
            Assert.DoesNotContain(_written, key => there.GetValueOrDefault(key.Key) != key.Value);
            Assert.DoesNotContain(there, key => _attempted.GetValueOrDefault(key.Key) != key.Value);
        }
    }

    private async Task CountAsync(int client)
    {
        for (var (step, node) = (1, client); !_stop.IsCancellationRequested; step++)
        {
            var token = string.Create(CultureInfo.InvariantCulture, $"c{client}-{step}");
            for (var attempt = 1; ; attempt++)
            {
                MostAttempts = Math.Max(MostAttempts, attempt);
                var answer = await _nodes[node].IncrAsync(Counter, 1, ("Idempotency-Key", token));
                if (answer.Status == 200)
                {
                    _sums[token] = long.Parse(answer.Body, CultureInfo.InvariantCulture);
                    break;
                }

                Assert.True(answer.Status is 429 or 503 or 504 or Answer.NotSent or Answer.Broken, $"step {token} was answered {answer}");
                Interlocked.Increment(ref _repeats);
                node = (node + 1) % _nodes.Count;    // with the same token
                await Task.Delay(Pause);
            }

            await Task.Delay(Pause);
        }
    }

    private async Task WriteKeysAsync(HttpNode node, int client)
    {
        for (var number = 1; !_stop.IsCancellationRequested; number++)
        {
            var (key, value) = (string.Create(CultureInfo.InvariantCulture, $"{KeyPrefix}{client}-{number}"), string.Create(CultureInfo.InvariantCulture, $"{client}/{number}"));
            _attempted[key] = value;
            if ((await node.PutAsync(key, value)).Status == 204)
                _written[key] = value;
            await Task.Delay(Pause);
        }
    }
}
