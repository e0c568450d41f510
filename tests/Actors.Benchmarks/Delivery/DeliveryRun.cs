using System.Globalization;
using Actors.Benchmarks.Systems;

namespace Actors.Benchmarks.Delivery;

/// <summary><c>delivery</c>: reliable delivery from one process to another, ours beside Akka.Delivery.</summary>
internal static class DeliveryRun
{
    public sealed record Options(IReadOnlyList<int> Bursts, IReadOnlyList<int> LossPercent, int LossBurst, int TailLosses, int Rounds, int MessageBytes);

    private sealed record Sample(int Round, string System, string Measured, int Messages, int LossPercent, double Seconds, bool Finished);

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan WarmupLimit = TimeSpan.FromSeconds(60);

    public static async Task RunAsync(Options options, Report report, CancellationToken cancellation)
    {
        report.Measured($"Akka.Delivery {typeof(Akka.Delivery.ProducerController).Assembly.GetName().Version?.ToString(3)}");
        var samples = new List<Sample>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var system in DeliverySystems.Names)
            {
                // Both systems are new in each round, and one at a time exists.
                await MeasureAsync(system, options, lossPercent: 0, options.Bursts, tails: options.TailLosses);
                foreach (var loss in options.LossPercent.Where(percent => percent > 0))
                    await MeasureAsync(system, options, loss, [options.LossBurst], tails: 0);
            }

            async Task MeasureAsync(string system, Options o, int lossPercent, IReadOnlyList<int> bursts, int tails)
            {
                var port = Site.FreePorts(1)[0].ToString(CultureInfo.InvariantCulture);
                using var receiver = new ServerProcess("receiver", [.. ChildProgram.CommandLine, DeliveryEnd.Command, system, port]);
                receiver.Start();
                await Wait.ForAsync("the receiver does not start", [receiver], () => Task.FromResult(receiver.Tail.Contains(DeliveryEnd.ReadyLine, StringComparison.Ordinal) ? receiver : null), cancellation);
                using var sender = DeliverySender.Start(system, int.Parse(port, CultureInfo.InvariantCulture), seed: round);
                for (var i = 0; i < 3; i++)
                    await sender.SendAsync(5_000, o.MessageBytes, WarmupLimit, cancellation);       // both processes are compiled meanwhile
                sender.LossPercent = lossPercent;
                foreach (var burst in bursts)
                    Add(await sender.SendAsync(burst, o.MessageBytes, Limit, cancellation), "burst", burst);
                for (var i = 0; i < tails; i++)
                {
                    sender.LoseNext = true;
                    Add(await sender.SendAsync(1, o.MessageBytes, Limit, cancellation), "tail", 1);
                }

                void Add(TimeSpan? took, string measured, int messages)
                {
                    Report.Progress($"round {round}/{o.Rounds} {system} {measured} of {messages} at {lossPercent} % loss: {(took is { } time ? $"{time.TotalMilliseconds:n1} ms, {messages / time.TotalSeconds:n0}/s" : $"not finished after {Limit.TotalSeconds} s")}");
                    samples.Add(new Sample(round, system, measured, messages, lossPercent, (took ?? Limit).TotalSeconds, took is not null));
                }
            }
        }

        Print(samples, options);
        report.Close(samples);
    }

    private static void Print(List<Sample> samples, Options options)
    {
        var bursts = samples.Where(s => s.Measured == "burst").GroupBy(s => (s.LossPercent, s.Messages)).OrderBy(g => g.Key);
        Report.Table(
            $"Messages/s of {options.MessageBytes} bytes from one process to another, each confirmed by its consumer: medians of {options.Rounds} rounds",
            ["loss", "burst", .. DeliverySystems.Names, "ours ÷ theirs"],
            bursts.Select(group =>
            {
                var rates = DeliverySystems.Names.Select(name => Statistics.Median(group.Where(s => s.System == name).Select(s => s.Messages / s.Seconds))).ToArray();
                var finished = DeliverySystems.Names.Select(name => group.Where(s => s.System == name).All(s => s.Finished)).ToArray();
                return new[] { $"{group.Key.LossPercent} %", $"{group.Key.Messages}" }
                    .Concat(rates.Select((rate, i) => finished[i] ? $"{rate:n0}" : $"below {rate:n0}")).Append($"{rates[0] / rates[1]:f1}").ToArray();
            }));
        PrintBeyondTheFirst(samples.Where(s => s.Measured == "burst" && s.LossPercent == 0).ToList());
        var tails = samples.Where(s => s.Measured == "tail").ToLookup(s => s.System);
        if (tails.Count > 0)
        {
            Report.Table(
                "From sending one message, whose first copy is lost and which nothing follows, to the consumer's confirmation, in ms",
                ["system", "losses", "median", "longest"],
                tails.Select(t => new[] { t.Key, $"{t.Count()}", $"{Statistics.Median(t.Select(s => s.Seconds * 1000)):n1}", $"{t.Max(s => s.Seconds) * 1000:n1}" }));
        }
    }

    /// <summary>A burst takes at least the way there and back; what each message adds to that shows whether the work grows with the burst.</summary>
    private static void PrintBeyondTheFirst(List<Sample> bursts)
    {
        if (bursts.All(s => s.Messages > 1))
            return;
        double Seconds(string system, int messages) => Statistics.Median(bursts.Where(s => s.System == system && s.Messages == messages).Select(s => s.Seconds));
        Report.Table(
            "Without loss: the time of one message alone in ms, and by how much each further one of a burst makes it longer, in microseconds",
            ["burst", .. DeliverySystems.Names],
            bursts.Select(s => s.Messages).Distinct().Order().Select(messages => new[] { messages == 1 ? "1 (ms)" : $"{messages}" }
                .Concat(DeliverySystems.Names.Select(name => messages == 1 ? $"{Seconds(name, 1) * 1000:f2}" : $"{(Seconds(name, messages) - Seconds(name, 1)) * 1e6 / (messages - 1):f2}")).ToArray()));
    }
}
