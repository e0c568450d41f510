using Akka.Actor;

namespace Actors.Benchmarks.Delivery;

/// <summary>The receiving process.</summary>
internal static class DeliveryEnd
{
    /// <summary>The hidden command that runs it: <c>delivery-end SYSTEM PORT</c>.</summary>
    public const string Command = "delivery-end";

    public const string ReadyLine = "ready to receive";

    public static async Task RunAsync(string system, int port, CancellationToken cancellation)
    {
        using var actors = DeliverySystems.CreateSystem("receiver", system, port);
        DeliverySystems.StartReceiver(actors, system);
        Console.WriteLine(ReadyLine);
        await Task.Delay(Timeout.Infinite, cancellation);
    }
}

/// <summary>The sending process's side, in this process.</summary>
internal sealed class DeliverySender : IDisposable
{
    private readonly ActorSystem _actors;
    private readonly IActorRef _link;
    private readonly Lossy _lossy;
    private readonly int _port;
    private volatile TaskCompletionSource _done = new();
    private volatile int _burst;

    private DeliverySender(string system, int receiverPort, int seed)
    {
        _port = Systems.Site.FreePorts(1)[0];
        _actors = DeliverySystems.CreateSystem("sender", system, _port);
        var provider = ((ExtendedActorSystem)_actors).Provider;
        var receiver = provider.ResolveActorRef($"akka.tcp://receiver@127.0.0.1:{receiverPort}/user/{DeliverySystems.ReceiverName}");
        _lossy = new Lossy(seed);
        var road = _actors.ActorOf(Props.Create(() => new Road(receiver, _lossy)), "road");
        _actors.ActorOf(Props.Create(() => new Driver(burst => OnDone(burst))), DeliverySystems.DriverName);
        _link = DeliverySystems.StartSender(_actors, system, road);
    }

    /// <summary>The share of messages between the processes, in percent, that do not arrive.</summary>
    public int LossPercent { set => _lossy.Percent = value; }

    /// <summary>The next message between the processes does not arrive.</summary>
    public bool LoseNext { set => _lossy.Next = value; }

    public static DeliverySender Start(string system, int receiverPort, int seed) => new(system, receiverPort, seed);

    /// <summary>Sends <paramref name="messages"/> at once; returns how long it took until the consumer had processed all, or null when it took longer than <paramref name="limit"/>.</summary>
    public async Task<TimeSpan?> SendAsync(int messages, int bytes, TimeSpan limit, CancellationToken cancellation)
    {
        await Task.Delay(50, cancellation);     // what is left of the one before
        _done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var burst = _burst + 1;
        _burst = burst;
        var job = DeliverySystems.Job(burst, messages, _port, bytes);
        var start = System.Diagnostics.Stopwatch.GetTimestamp();
        for (var i = 0; i < messages; i++)
            _link.Tell(job);
        return await Task.WhenAny(_done.Task, Task.Delay(limit, cancellation)) == _done.Task ? System.Diagnostics.Stopwatch.GetElapsedTime(start) : null;
    }

    public void Dispose()
    {
        _actors.Terminate().Wait(TimeSpan.FromSeconds(5));
        _actors.Dispose();
    }

    private void OnDone(int burst)
    {
        if (burst == _burst)
            _done.TrySetResult();
    }

    private sealed class Driver(Action<int> done) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is int burst)
                done(burst);
        }
    }

    /// <summary>What is lost is decided here, for both systems alike: a message between the processes, whatever it holds.</summary>
    private sealed class Lossy(int seed)
    {
        private readonly Random _random = new(seed);

        public volatile int Percent;
        public volatile bool Next;

        public bool Loses()
        {
            if (!Next)
                return Percent > 0 && _random.Next(100) < Percent;
            Next = false;
            return true;
        }
    }

    /// <summary>The way to the receiver.</summary>
    private sealed class Road(IActorRef receiver, Lossy lossy) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (!lossy.Loses())
                receiver.Forward(message);
        }
    }
}
