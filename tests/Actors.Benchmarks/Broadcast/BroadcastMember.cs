using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Actors.Broadcast;
using Actors.Hosting;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.PublishSubscribe;
using Akka.Configuration;
using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Actors.Benchmarks.Broadcast;

/// <summary>What a member process is told at its start.</summary>
/// <param name="System">One of <see cref="BroadcastRun.Systems"/>.</param>
/// <param name="Ports">Akka.Remote's, of all members.</param>
internal sealed record MemberOrder(string System, int Index, IReadOnlyList<int> Ports, string Folder);

/// <summary>What a member has received: of each sender the numbers, and how long they took.</summary>
internal sealed record MemberResult(IReadOnlyDictionary<int, long[]> Numbers, double[] LatenciesMs);

/// <summary>One of three processes that broadcast to each other; told by lines of standard input what to do.</summary>
/// <remarks>Timestamps are comparable between the processes: they come from the machine's monotonic clock.</remarks>
internal sealed class BroadcastMember : IDisposable
{
    public const string Command = "broadcast-member";
    public const string ReadyLine = "ready", DoneLine = "done ";
    private const string Topic = "bench", FlowName = "flow";
    private const int MessageBytes = 100;
    private const int AckEvery = 16;            // where many are on their way
    private const int MostOnTheirWay = 2000;    // of ours at a steady rate: a user waits for what is not delivered yet

    private readonly SemaphoreSlim _moved = new(0);
    private readonly MemberOrder _order;
    private readonly ConcurrentDictionary<int, ConcurrentQueue<long>> _numbers = new();
    private readonly ConcurrentQueue<double> _latencies = new();
    private readonly long[] _acknowledged;      // by member: up to where it has this one's messages
    private ActorSystem _system = null!;
    private Func<byte[], Task> _publish = null!;    // completes when the group has taken care of it; at once where nobody tells
    private long _sent;
    private byte _ackEvery = AckEvery;

    private BroadcastMember(MemberOrder order) => (_order, _acknowledged) = (order, new long[order.Ports.Count]);

    private static string Url(int port) => string.Create(CultureInfo.InvariantCulture, $"akka.tcp://{Topic}@127.0.0.1:{port}");

    /// <summary>Runs until its standard input ends.</summary>
    public static async Task RunAsync(string order, CancellationToken cancellation)
    {
        using var member = new BroadcastMember(JsonSerializer.Deserialize<MemberOrder>(order)!);
        using var host = member._order.System == BroadcastRun.PubSub ? await member.StartPubSubAsync(cancellation) : await member.StartOursAsync(cancellation);
        member._system.ActorOf(Props.Create(() => new Flow(member._acknowledged, member._moved)), FlowName);
        Console.WriteLine(ReadyLine);
        while (await Console.In.ReadLineAsync(cancellation) is { } line)
        {
            var words = line.Split(' ');
            switch (words[0])
            {
                case "load": await member.LoadAsync(Number(words[1]), (int)Number(words[2])); break;
                case "steady": _ = member.SteadyAsync(Number(words[1]), Number(words[2])); break;
                case "count": Console.WriteLine(DoneLine + member._numbers.Sum(numbers => numbers.Value.Count).ToString(CultureInfo.InvariantCulture)); break;
                case "result": Console.WriteLine(DoneLine + JsonSerializer.Serialize(member.TakeResult())); break;
            }
        }
    }

    /// <summary>As fast as the slowest member takes them, with so many on their way.</summary>
    private async Task LoadAsync(double seconds, int outstanding)
    {
        var clock = Stopwatch.StartNew();
        _ackEvery = outstanding < 4 * AckEvery ? (byte)1 : (byte)AckEvery;
        while (_sent % AckEvery != 0)
            _ = Publish();      // so that those before are acknowledged
        await UntilAsync(() => Slowest() >= _sent);
        var begin = _sent;
        clock.Restart();
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            if (_sent - Slowest() < outstanding)
                _ = Publish();
            else
                await _moved.WaitAsync(1000);
        }

        await UntilAsync(() => Slowest() > _sent - AckEvery);
        Console.WriteLine(DoneLine + ((Slowest() - begin) / clock.Elapsed.TotalSeconds).ToString(CultureInfo.InvariantCulture));
    }

    public void Dispose() => _moved.Dispose();

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var wait = Stopwatch.StartNew(); !condition() && wait.Elapsed.TotalSeconds < 10;)
            await Task.Delay(1);
    }

    /// <summary>At a rate, as far as the group takes it.</summary>
    private async Task SteadyAsync(double perSecond, double seconds)
    {
        using var room = new SemaphoreSlim(MostOnTheirWay);
        var clock = Stopwatch.StartNew();
        for (var sent = 0; clock.Elapsed.TotalSeconds < seconds; await Task.Delay(1))
        {
            for (; sent < clock.Elapsed.TotalSeconds * perSecond && clock.Elapsed.TotalSeconds < seconds; sent++)
            {
                await room.WaitAsync();
                _ = PublishAsync();
            }
        }

        for (var i = 0; i < MostOnTheirWay; i++)
            await room.WaitAsync();

        async Task PublishAsync()
        {
            await Publish();
            room.Release();
        }
    }

    private MemberResult TakeResult()
    {
        var result = new MemberResult(_numbers.ToDictionary(n => n.Key, n => n.Value.ToArray()), [.. _latencies]);
        _latencies.Clear();
        return result;
    }

    private long Slowest() => Enumerable.Range(0, _acknowledged.Length).Where(i => i != _order.Index).Min(i => Volatile.Read(ref _acknowledged[i]));

    private Task Publish()
    {
        var message = new byte[MessageBytes];
        BinaryPrimitives.WriteInt32LittleEndian(message, _order.Index);
        BinaryPrimitives.WriteInt64LittleEndian(message.AsSpan(4), ++_sent);
        BinaryPrimitives.WriteInt64LittleEndian(message.AsSpan(12), Stopwatch.GetTimestamp());
        message[20] = _ackEvery;
        return _publish(message);
    }

    private void OnReceived(ReadOnlySpan<byte> message)
    {
        var sender = BinaryPrimitives.ReadInt32LittleEndian(message);
        var number = BinaryPrimitives.ReadInt64LittleEndian(message[4..]);
        _numbers.GetOrAdd(sender, _ => new()).Enqueue(number);
        if (sender == _order.Index)
            return;
        _latencies.Enqueue(Stopwatch.GetElapsedTime(BinaryPrimitives.ReadInt64LittleEndian(message[12..])).TotalMilliseconds);
        if (number % message[20] == 0)
            _system.ActorSelection($"{Url(_order.Ports[sender])}/user/{FlowName}").Tell(string.Create(CultureInfo.InvariantCulture, $"{_order.Index} {number}"));
    }

    private async Task<IHost> StartOursAsync(CancellationToken cancellation)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddAkka(Topic, akka => akka
            .AddHocon("akka.loglevel = ERROR", HoconAddMode.Prepend)
            .AddHocon(ClusterConfig(), HoconAddMode.Prepend)
            .WithReplication(options =>
            {
                options.Cluster = Topic;
                options.Node = $"n{_order.Index}";
                options.DataDirectory = _order.Folder;
                for (var i = 0; i < _order.Ports.Count; i++)
                    options.Nodes[$"n{i}"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_order.Ports[i]}");
                options.AddBroadcast(Topic, group => group with { Spec = BroadcastRun.SpecOf(_order.System), DigestInterval = TimeSpan.FromMilliseconds(200) });
            }));
        builder.Services.AddReplication();
        var host = builder.Build();
        await host.StartAsync(cancellation);
        _system = host.Services.GetRequiredService<ActorSystem>();
        var group = host.Services.GetRequiredService<IBroadcast>().Group(new(Topic));
        _publish = message => BroadcastAsync(group, message);
        _ = Task.Run(async () =>
        {
            await foreach (var delivered in group.ListenAsync(0, CancellationToken.None))
                OnReceived(delivered.Payload.Span);
        }, CancellationToken.None);
        await UpAsync(cancellation);
        return host;
    }

    private static async Task BroadcastAsync(IBroadcastGroup group, byte[] message)
    {
        // What is refused is said aloud: it is sent again, as a user would.
        while ((await group.BroadcastAsync(message)).Result is BroadcastResult.Overloaded)
            await Task.Delay(50);
    }

    private async Task<IHost> StartPubSubAsync(CancellationToken cancellation)
    {
        _system = ActorSystem.Create(Topic, ConfigurationFactory.ParseString(ClusterConfig()).WithFallback(DistributedPubSub.DefaultConfig()));
        var mediator = DistributedPubSub.Get(_system).Mediator;
        var subscribed = new TaskCompletionSource();
        _system.ActorOf(Props.Create(() => new Subscriber(message => OnReceived(message), subscribed)));
        _publish = message =>
        {
            mediator.Tell(new Publish(Topic, message));
            return Task.CompletedTask;
        };
        await UpAsync(cancellation);
        await subscribed.Task;
        await Task.Delay(3000, cancellation);        // its registry is gossiped every second
        return Host.CreateEmptyApplicationBuilder(null).Build();
    }

    private async Task UpAsync(CancellationToken cancellation)
    {
        while (Cluster.Get(_system).State.Members.Count(m => m.Status == MemberStatus.Up) < _order.Ports.Count)
            await Task.Delay(100, cancellation);
        await Task.Delay(1500, cancellation);
    }

    private string ClusterConfig() => $$"""
        akka.loglevel = ERROR
        akka.log-dead-letters = off
        akka.actor.provider = cluster
        akka.remote.dot-netty.tcp { hostname = 127.0.0.1, port = {{_order.Ports[_order.Index]}} }
        akka.cluster.seed-nodes = ["{{Url(_order.Ports[0])}}"]
        akka.cluster.downing-provider-class = ""
        """;

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>Hears from the others up to where they have this member's messages.</summary>
    private sealed class Flow(long[] acknowledged, SemaphoreSlim moved) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            var words = ((string)message).Split(' ');
            var member = int.Parse(words[0], CultureInfo.InvariantCulture);
            Volatile.Write(ref acknowledged[member], Math.Max(acknowledged[member], long.Parse(words[1], CultureInfo.InvariantCulture)));
            moved.Release();
        }
    }

    private sealed class Subscriber(Action<byte[]> received, TaskCompletionSource subscribed) : UntypedActor
    {
        protected override void PreStart() => DistributedPubSub.Get(Context.System).Mediator.Tell(new Subscribe(Topic, Self));

        protected override void OnReceive(object message)
        {
            if (message is byte[] bytes)
                received(bytes);
            else if (message is SubscribeAck)
                subscribed.TrySetResult();
        }
    }
}
