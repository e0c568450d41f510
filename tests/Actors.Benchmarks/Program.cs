using System.CommandLine;
using System.CommandLine.Invocation;
using Actors.Benchmarks.Broadcast;
using Actors.Benchmarks.Delivery;
using Actors.Benchmarks.Failover;
using Actors.Benchmarks.Latency;
using Actors.Benchmarks.Load;
using Actors.Benchmarks.Systems;

namespace Actors.Benchmarks;

/// <summary>The command line. Each command reads its options, and leaves the rest to the run of its name.</summary>
internal static class Program
{
    private const string Ours = "actors";
    private static readonly TimeSpan TimeToCleanUp = TimeSpan.FromSeconds(30);

    private static async Task<int> Main(string[] args)
    {
        var root = new RootCommand("Measures replicated systems side by side on this machine. See the README beside the program.")
        {
            Throughput("writes", "Throughput, latency and server CPU of acknowledged writes", Operation.Write, args),
            Throughput("reads", "The same for linearizable reads", Operation.Read, args),
            FailoverCommand(args),
            Soak(args),
            Idle(args),
            Links(args),
            Transfer(args),
            Start(args),
            Bytes(args),
            Laws(args),
            BroadcastCommand(args),
            Hidden<DriveOrder, DriveResult>(Driver.Command, Driver.RunAsync),
            Hidden<FaultOrder, FaultResult>(FaultInjector.Command, FaultInjector.RunAsync),
            Hidden<BytesOrder, BytesResult>(BytesRun.Command, BytesRun.CountAsync),
            Hidden<LawOrder, LawResult>(LawProbe.Command, LawProbe.RunAsync),
            AkkaNode(),
            LinkEnd(),
            BroadcastMemberCommand(),
        };
        try
        {
            var parsed = root.Parse(args);
            if (parsed.Action is ParseErrorAction error)
                error.ShowHelp = false;
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeToCleanUp });
        }
        catch (BenchmarkException e)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
    }

    private static Command Throughput(string name, string description, Operation operation, string[] args)
    {
        var against = Names("--against", "The peers that ours is measured beside; ratios are of ours to theirs", "etcd,redis");
        var outstanding = Numbers("--outstanding", "Requests in flight", "1,64,256");
        var seconds = Number("--seconds", "Length of each measurement in seconds", 5);
        var warmup = Number("--warmup", "Seconds before each measurement that are not counted; the runtime compiles our servers while they run", 10);
        var rounds = Number("--rounds", "How often everything is measured", 5);
        var valueBytes = Number("--value-bytes", "Length of the value", 100);
        return Run(new Command(name, description) { against, outstanding, seconds, warmup, rounds, valueBytes }, args, (parsed, report, cancellation) =>
            ThroughputRun.RunAsync(
                new ThroughputRun.Options(
                    operation, parsed.GetRequiredValue(against), parsed.GetRequiredValue(outstanding), parsed.GetRequiredValue(rounds),
                    parsed.GetRequiredValue(seconds), parsed.GetRequiredValue(warmup), parsed.GetRequiredValue(valueBytes)),
                report, cancellation));
    }

    private static Command FailoverCommand(string[] args)
    {
        var against = Names("--against", "What is measured beside primary-backup: chain and chain-lease, of which head, middle and tail are struck, directed (primary-backup with views from the directory; of these the directory's primary too), and peers that elect a leader by themselves", "etcd");
        var faults = List("--faults", "kill (kill -9 of the leader) or cut (its packets vanish; needs root), or both", "kill",
            text => Enum.TryParse<Fault>(text, ignoreCase: true, out var fault) ? fault : (Fault?)null);
        var times = Number("--times", "How often each fault is made", 20);
        return Run(new Command("failover", "Time from a fault of the leader, or of a link of a chain, to the next acknowledged write") { against, faults, times }, args,
            (parsed, report, cancellation) => FailoverRun.RunAsync(
                new FailoverRun.Options(parsed.GetRequiredValue(against), parsed.GetRequiredValue(faults), parsed.GetRequiredValue(times)), report, cancellation));
    }

    private static Command Soak(string[] args)
    {
        var system = new Option<string>("--system") { Description = "The system", DefaultValueFactory = _ => Ours };
        var minutes = Number("--minutes", "How long", 10);
        var outstanding = Number("--outstanding", "Writes in flight", 64);
        return Run(new Command("soak", "Elections, memory and throughput over minutes of writes") { system, minutes, outstanding }, args,
            (parsed, report, cancellation) => SoakRun.RunAsync(
                new SoakRun.Options(parsed.GetRequiredValue(system), parsed.GetRequiredValue(minutes), parsed.GetRequiredValue(outstanding)), report, cancellation));
    }

    private static Command Idle(string[] args)
    {
        var against = Names("--against", "The peers that ours is measured beside; akka is a bare three-node Akka.Cluster", "akka");
        var seconds = Number("--seconds", "How long", 30);
        var groups = Number("--groups", "Measures ours with so many groups too", 1);
        return Run(new Command("idle", "CPU and memory of servers of which nothing is asked") { against, seconds, groups }, args,
            (parsed, report, cancellation) => IdleRun.RunAsync(
                new IdleRun.Options(parsed.GetRequiredValue(against), parsed.GetRequiredValue(seconds), parsed.GetRequiredValue(groups)), report, cancellation));
    }

    private static Command Links(string[] args)
    {
        var bursts = Numbers("--bursts", "Messages that are sent at once", "1,200,1000,3000,20000");
        var loss = Numbers("--loss", "Shares of messages between the processes that are lost, in percent, besides none", "1,10,30");
        var lossBurst = Number("--loss-burst", "Messages that are sent at once where some are lost", 2000);
        var tails = Number("--tails", "How often a message that nothing follows is lost", 10);
        var rounds = Number("--rounds", "How often everything is measured", 3);
        var messageBytes = Number("--message-bytes", "Length of a message", 100);
        return Run(new Command("delivery", "Reliable delivery from one process to another beside Akka.Delivery") { bursts, loss, lossBurst, tails, rounds, messageBytes }, args,
            (parsed, report, cancellation) => DeliveryRun.RunAsync(
                new DeliveryRun.Options(
                    parsed.GetRequiredValue(bursts), parsed.GetRequiredValue(loss), parsed.GetRequiredValue(lossBurst), parsed.GetRequiredValue(tails),
                    parsed.GetRequiredValue(rounds), parsed.GetRequiredValue(messageBytes)),
                report, cancellation));
    }

    private static Command Transfer(string[] args)
    {
        var system = new Option<string>("--system") { Description = "actors (primary-backup) or chain", DefaultValueFactory = _ => Ours };
        var megabytes = Number("--megabytes", "The size of the state, in MB", 1000);
        var outstanding = Number("--outstanding", "Writes in flight", 64);
        return Run(new Command("transfer", "Writes while a machine comes back, with its data and without") { system, megabytes, outstanding }, args,
            (parsed, report, cancellation) => TransferRun.RunAsync(new TransferRun.Options(parsed.GetRequiredValue(system), parsed.GetRequiredValue(megabytes), parsed.GetRequiredValue(outstanding)), report, cancellation));
    }

    private static Command Start(string[] args)
    {
        var gigabytes = Number("--gigabytes", "The size of the state, in GB", 10);
        var times = Number("--times", "How often it is started after each kind of end", 3);
        return Run(new Command("start", "From the start of a server that holds a large state to its first answers") { gigabytes, times }, args,
            (parsed, report, cancellation) => StartRun.RunAsync(new StartRun.Options(parsed.GetRequiredValue(gigabytes), parsed.GetRequiredValue(times)), report, cancellation));
    }

    private static Command Bytes(string[] args)
    {
        var replicas = Number("--replicas", "How many copies", 7);
        var outstanding = Number("--outstanding", "Writes in flight", 64);
        var seconds = Number("--seconds", "Length of each measurement in seconds", 10);
        var valueBytes = Number("--value-bytes", "Length of the value", 100);
        return Run(new Command("bytes", "Bytes that each replica of primary-backup and of a chain sends for a write; needs root") { replicas, outstanding, seconds, valueBytes }, args,
            (parsed, report, cancellation) => BytesRun.RunAsync(
                new BytesRun.Options(parsed.GetRequiredValue(replicas), parsed.GetRequiredValue(outstanding), parsed.GetRequiredValue(seconds), parsed.GetRequiredValue(valueBytes)),
                report, cancellation));
    }

    private static Command Laws(string[] args)
    {
        var replicas = Numbers("--replicas", "How many copies", "2,3,5,7");
        var oneWay = Number("--one-way-ms", "The latency of the network, one way, in milliseconds", 10);
        var operations = Number("--operations", "Requests of each kind that are timed", 100);
        var plot = new Option<string>("--plot") { Description = "The PNG file that is drawn", DefaultValueFactory = _ => "src/Actors/Replication/Chain/latency.png" };
        return Run(new Command("laws", "Latencies of primary-backup and of chains on a network of one latency, beside their laws; needs root") { replicas, oneWay, operations, plot }, args,
            (parsed, report, cancellation) => LawsRun.RunAsync(
                new LawsRun.Options(parsed.GetRequiredValue(replicas), parsed.GetRequiredValue(oneWay), parsed.GetRequiredValue(operations), parsed.GetRequiredValue(plot)),
                report, cancellation));
    }

    private static Command BroadcastCommand(string[] args)
    {
        var against = new Option<IReadOnlyList<string>>("--systems")
        {
            Description = $"Specifications of ours and the peer, separated by commas, of {string.Join(", ", BroadcastRun.Systems)}",
            DefaultValueFactory = _ => ["reliable-fifo", "uniform-total", BroadcastRun.PubSub],
            CustomParser = result => result.Tokens[0].Value.Split(','),
        };
        var outstanding = Numbers("--outstanding", "Messages on their way", "1,256");
        var seconds = Number("--seconds", "Length of each measurement in seconds", 3);
        var warmup = Number("--warmup", "Seconds before each measurement that are not counted", 3);
        var kills = Number("--kills", "How often a sender is killed", 1);
        var rate = Number("--kill-rate", "At most so many messages a second of each of two senders, one of which is killed", 60_000);
        return Run(new Command("broadcast", "Broadcast among three processes beside Akka's DistributedPubSub; messages lost when a sender is killed") { against, outstanding, seconds, warmup, kills, rate }, args,
            (parsed, report, cancellation) => BroadcastRun.RunAsync(
                new BroadcastRun.Options(
                    parsed.GetRequiredValue(against), parsed.GetRequiredValue(outstanding), parsed.GetRequiredValue(seconds), parsed.GetRequiredValue(warmup),
                    parsed.GetRequiredValue(kills), parsed.GetRequiredValue(rate)),
                report, cancellation));
    }

    private static Command BroadcastMemberCommand()
    {
        var order = new Argument<string>("order");
        var command = new Command(BroadcastMember.Command) { order };
        command.Hidden = true;
        command.SetAction((parsed, cancellation) => BroadcastMember.RunAsync(parsed.GetRequiredValue(order), cancellation));
        return command;
    }

    /// <summary>Adds what all visible commands share: a report and a data folder.</summary>
    private static Command Run(Command command, string[] args, Func<ParseResult, Report, CancellationToken, Task> run)
    {
        var json = new Option<string?>("--json") { Description = "A file that takes every single measurement" };
        var data = new Option<string>("--data") { Description = "Where the servers keep their data; must be a disk", DefaultValueFactory = _ => "/var/tmp" };
        command.Options.Add(json);
        command.Options.Add(data);
        command.SetAction(async (parsed, cancellation) =>
        {
            using var report = new Report(args, parsed.GetRequiredValue(data), parsed.GetValue(json));
            await run(parsed, report, cancellation);
        });
        return command;
    }

    private static Command Hidden<TOrder, TResult>(string name, Func<TOrder, CancellationToken, Task<TResult>> run)
    {
        var order = new Argument<string>("order");
        var command = new Command(name) { order };
        command.Hidden = true;
        command.SetAction((parsed, cancellation) =>
            ChildProgram.ServeAsync<TOrder, TResult>(parsed.GetRequiredValue(order), o => run(o, cancellation)));
        return command;
    }

    private static Command AkkaNode()
    {
        var port = new Argument<int>("port");
        var seedPort = new Argument<int>("seed-port");
        var command = new Command(BareAkkaCluster.NodeCommand) { port, seedPort };
        command.Hidden = true;
        command.SetAction((parsed, cancellation) => BareAkkaCluster.RunNodeAsync(parsed.GetRequiredValue(port), parsed.GetRequiredValue(seedPort), cancellation));
        return command;
    }

    private static Command LinkEnd()
    {
        var system = new Argument<string>("system");
        var port = new Argument<int>("port");
        var command = new Command(DeliveryEnd.Command) { system, port };
        command.Hidden = true;
        command.SetAction((parsed, cancellation) => DeliveryEnd.RunAsync(parsed.GetRequiredValue(system), parsed.GetRequiredValue(port), cancellation));
        return command;
    }

    private static Option<int> Number(string name, string description, int value)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
                result.AddError($"{name} must be at least 1");
        });
        return option;
    }

    private static Option<IReadOnlyList<int>> Numbers(string name, string description, string value) =>
        List(name, description, value, text => int.TryParse(text, out var number) && number > 0 ? number : (int?)null);

    /// <summary>Names of systems; ours is always the first.</summary>
    private static Option<IReadOnlyList<string>> Names(string name, string description, string value) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => WithOurs(value),
        CustomParser = result => WithOurs(result.Tokens[0].Value),
    };

    private static string[] WithOurs(string names) => [Ours, .. names.Split(',').Where(n => n != Ours)];

    private static Option<IReadOnlyList<T>> List<T>(string name, string description, string value, Func<string, T?> parse) where T : struct => new(name)
    {
        Description = $"{description}; separated by commas",
        DefaultValueFactory = _ => [.. value.Split(',').Select(text => parse(text)!.Value)],
        CustomParser = result =>
        {
            var items = result.Tokens[0].Value.Split(',').Select(text => (Text: text, Value: parse(text))).ToArray();
            foreach (var (text, item) in items)
            {
                if (item is null)
                    result.AddError($"{name}: '{text}' is not valid; for example {value}");
            }

            return [.. items.Where(i => i.Value is not null).Select(i => i.Value!.Value)];
        },
    };
}
