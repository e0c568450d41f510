using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Actors.Benchmarks.Systems;
using Actors.Broadcast;

namespace Actors.Benchmarks.Broadcast;

/// <summary><c>broadcast</c>: three processes that broadcast to each other; throughput, latency, and what is lost when a sender is killed.</summary>
internal static class BroadcastRun
{
    public const string PubSub = "akka-pubsub";
    public static readonly string[] Systems = ["reliable-fifo", "reliable-causal", "uniform-fifo", "uniform-total", "uniform-total-log", PubSub];

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(4);       // longer than a lost member goes unnoticed
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    public sealed record Options(IReadOnlyList<string> Systems, IReadOnlyList<int> Outstanding, int Seconds, int Warmup, int Kills, int KillRate);

    private sealed record Throughput(string System, int Outstanding, double PerSecond, double P50Ms, double P99Ms);

    private sealed record Losses(string System, int Kill, int OfTheDead, int MissedByOne, int OfTheSurvivor, int MissedByTheOther);

    /// <summary>The specification that a name of ours stands for.</summary>
    public static BroadcastSpec SpecOf(string system) => system switch
    {
        "reliable-fifo" => new BroadcastSpec(Reliability.Reliable, Ordering.Fifo),
        "reliable-causal" => new BroadcastSpec(Reliability.Reliable, Ordering.Causal),
        "uniform-fifo" => new BroadcastSpec(Reliability.UniformReliable, Ordering.Fifo),
        "uniform-total" => new BroadcastSpec(Reliability.UniformReliable, Ordering.Total),
        "uniform-total-log" => new BroadcastSpec(Reliability.UniformReliable, Ordering.Total, orderedBy: Orderer.Log),
        _ => throw new BenchmarkException($"'{system}' is not known; there are {string.Join(", ", Systems)}"),
    };

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        foreach (var system in options.Systems.Where(system => system != PubSub))
            SpecOf(system);
        var throughputs = new List<Throughput>();
        var losses = new List<Losses>();
        foreach (var system in options.Systems)
        {
            using (var members = await Members.StartAsync(system, report.DataFolder, cancellation))
            {
                foreach (var outstanding in options.Outstanding)
                {
                    await members.AskAsync(0, $"load {options.Warmup} {outstanding}");
                    await members.ResultAsync(1);
                    var perSecond = await members.AskAsync(0, $"load {options.Seconds} {outstanding}");
                    var latencies = (await members.ResultAsync(1)).LatenciesMs;
                    throughputs.Add(new Throughput(system, outstanding, double.Parse(perSecond, CultureInfo.InvariantCulture), Statistics.Percentile(latencies, 50), Statistics.Percentile(latencies, 99)));
                    Report.Progress($"{throughputs[^1]}");
                }
            }

            for (var kill = 1; kill <= options.Kills; kill++)
            {
                losses.Add(await KillAsync(system, kill, options.KillRate, report.DataFolder, cancellation));
                Report.Progress($"{losses[^1]}");
            }
        }

        report.Measured($"Akka.Cluster.Tools {typeof(Akka.Cluster.Tools.PublishSubscribe.DistributedPubSub).Assembly.GetName().Version?.ToString(3)}");
        Report.Table(
            $"One of three processes broadcasts 100 bytes for {options.Seconds} s; delivered by all; latency from the broadcast to the delivery at another member",
            ["system", "outstanding", "messages/s", "p50 ms", "p99 ms"],
            throughputs.Select(t => new[] { t.System, $"{t.Outstanding}", $"{t.PerSecond:n0}", $"{t.P50Ms:f2}", $"{t.P99Ms:f2}" }));
        Report.Table(
            $"Two of three processes broadcast up to {options.KillRate:n0} messages/s each, one of them is killed by kill -9: messages that one survivor delivered and the other did not",
            ["system", "kill", "of the dead: delivered", "by one only", "of the survivor: delivered", "not by the other"],
            losses.Select(l => new[] { l.System, $"{l.Kill}", $"{l.OfTheDead}", $"{l.MissedByOne}", $"{l.OfTheSurvivor}", $"{l.MissedByTheOther}" }));
        report.Close(new { throughputs, losses });
    }

    private static async Task<Losses> KillAsync(string system, int kill, int rate, string folder, CancellationToken cancellation)
    {
        using var members = await Members.StartAsync(system, folder, cancellation);
        members.Tell(0, $"steady {rate} 20");
        members.Tell(1, $"steady {rate} 4");
        await Task.Delay(TimeSpan.FromSeconds(2), cancellation);
        members.Kill(0);
        // Until nothing comes any more: what one has by then and the other has not, it will not get.
        var (counted, since) = ("", Stopwatch.StartNew());
        for (var limit = Stopwatch.StartNew(); since.Elapsed < Quiet && limit.Elapsed < Longest; await Task.Delay(200, cancellation))
        {
            var now = $"{await members.AskAsync(1, "count")} {await members.AskAsync(2, "count")}";
            if (now != counted)
                (counted, since) = (now, Stopwatch.StartNew());
        }

        var (one, two) = (await members.ResultAsync(1), await members.ResultAsync(2));
        var (dead1, dead2) = (Set(one, 0), Set(two, 0));
        var (own, other) = (Set(one, 1), Set(two, 1));
        return new Losses(system, kill, dead1.Union(dead2).Count(), dead1.Union(dead2).Count() - dead1.Intersect(dead2).Count(), own.Count, own.Except(other).Count());

        static HashSet<long> Set(MemberResult result, int sender) => [.. result.Numbers.GetValueOrDefault(sender, [])];
    }

    /// <summary>The three processes.</summary>
    private sealed class Members : IDisposable
    {
        private readonly List<Process> _processes = [];

        public static async Task<Members> StartAsync(string system, string folder, CancellationToken cancellation)
        {
            var members = new Members();
            try
            {
                var ports = Site.FreePorts(Site.Servers);
                for (var i = 0; i < Site.Servers; i++)
                {
                    var order = new MemberOrder(system, i, ports, Path.Combine(folder, $"{system}-{ports[i]}"));
                    string[] line = [.. ChildProgram.CommandLine, BroadcastMember.Command, JsonSerializer.Serialize(order)];
                    members._processes.Add(Process.Start(new ProcessStartInfo(line[0], line.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true })!);
                }

                for (var i = 0; i < Site.Servers; i++)
                    await members.LineAsync(i, BroadcastMember.ReadyLine).WaitAsync(TimeSpan.FromSeconds(60), cancellation);
                return members;
            }
            catch
            {
                members.Dispose();
                throw;
            }
        }

        public void Tell(int member, string line)
        {
            _processes[member].StandardInput.WriteLine(line);
            _processes[member].StandardInput.Flush();
        }

        public async Task<string> AskAsync(int member, string line)
        {
            Tell(member, line);
            return (await LineAsync(member, BroadcastMember.DoneLine))[BroadcastMember.DoneLine.Length..];
        }

        public async Task<MemberResult> ResultAsync(int member) => JsonSerializer.Deserialize<MemberResult>(await AskAsync(member, "result"))!;

        public void Kill(int member)
        {
            _processes[member].Kill();
            _processes[member].WaitForExit();
        }

        public void Dispose()
        {
            foreach (var process in _processes)
            {
                process.Kill();
                process.WaitForExit();
                process.Dispose();
            }
        }

        private async Task<string> LineAsync(int member, string prefix)
        {
            while (await _processes[member].StandardOutput.ReadLineAsync() is { } line)
            {
                if (line.StartsWith(prefix, StringComparison.Ordinal))
                    return line;
            }

            throw new BenchmarkException($"member {member} ended");
        }
    }
}
