using System.Buffers.Binary;
using Actors.Delivery;
using Akka.Actor;
using Akka.Cluster;
using Akka.Configuration;
using Akka.Delivery;
using Akka.Util;

namespace Actors.Benchmarks.Delivery;

/// <summary>The two systems and how each is set up; everything else is the same for both.</summary>
internal static class DeliverySystems
{
    public const string Ours = "actors";
    public const string Theirs = "akka-delivery";
    public const string ReceiverName = "inbox";
    public const string DriverName = "driver";

    /// <summary>Ours is the first.</summary>
    public static readonly IReadOnlyList<string> Names = [Ours, Theirs];

    public static ActorSystem CreateSystem(string name, string system, int port)
    {
        var config = ConfigurationFactory.ParseString($$"""
            akka.loglevel = ERROR
            akka.actor.provider = remote
            akka.remote.dot-netty.tcp { hostname = 127.0.0.1, port = {{port}} }
            """);
        // Akka's own defaults for Akka.Delivery, its batching of messages included; ours are the library's.
        config = system == Ours ? config.WithFallback(ActorsConfig.Default) : config.WithFallback(ConfigurationFactory.FromResource("Akka.Cluster.Configuration.Cluster.conf", typeof(Cluster).Assembly));
        return ActorSystem.Create(name, config);
    }

    /// <summary>Starts the receiving side; the consumer is told <see cref="Job"/>s.</summary>
    public static void StartReceiver(ActorSystem actors, string system)
    {
        var counter = actors.ActorOf(Props.Create(() => new Counter()), "counter");
        if (system == Ours)
        {
            new ReliableDelivery(actors).Receiver(ReceiverName, counter, PayloadCodec.Bytes, Settings);
            return;
        }

        var controller = actors.ActorOf(ConsumerController.Create<byte[]>(actors, Option<IActorRef>.None), ReceiverName);
        controller.Tell(new ConsumerController.Start<byte[]>(counter));
    }

    /// <summary>Starts the sending side towards <paramref name="receiver"/>; the returned actor takes <c>byte[]</c> and queues them.</summary>
    public static IActorRef StartSender(ActorSystem actors, string system, IActorRef receiver)
    {
        if (system == Ours)
            return new ReliableDelivery(actors).Sender("bench", receiver.Path.ToSerializationFormat(), PayloadCodec.Bytes, Settings);
        var controller = actors.ActorOf(ProducerController.Create<byte[]>(actors, "bench", Option<Props>.None));
        var producer = actors.ActorOf(Props.Create(() => new Producer()));
        controller.Tell(new ProducerController.RegisterConsumer<byte[]>(receiver));
        controller.Tell(new ProducerController.Start<byte[]>(producer));
        return producer;
    }

    private static DeliverySettings Settings { get; } = new() { Level = AckLevel.Processed, MaxBuffered = 100_000 };

    /// <summary>A message: the burst that it belongs to, how many messages that has, and where to say that all of them were processed.</summary>
    public static byte[] Job(int burst, int messages, int port, int bytes)
    {
        var job = new byte[Math.Max(bytes, 12)];
        BinaryPrimitives.WriteInt32LittleEndian(job, burst);
        BinaryPrimitives.WriteInt32LittleEndian(job.AsSpan(4), messages);
        BinaryPrimitives.WriteInt32LittleEndian(job.AsSpan(8), port);
        return job;
    }

    /// <summary>The consumer: confirms each message, and tells the driver when a burst is complete.</summary>
    private sealed class Counter : UntypedActor
    {
        private int _burst;
        private int _count;

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case byte[] job:
                    Count(job);
                    Sender.Tell(Confirm.Instance);
                    break;
                case ConsumerController.Delivery<byte[]> delivery:
                    Count(delivery.Message);
                    delivery.ConfirmTo.Tell(ConsumerController.Confirmed.Instance);
                    break;
            }
        }

        private void Count(byte[] job)
        {
            var burst = BinaryPrimitives.ReadInt32LittleEndian(job);
            (_burst, _count) = burst == _burst ? (burst, _count + 1) : (burst, 1);
            if (_count == BinaryPrimitives.ReadInt32LittleEndian(job.AsSpan(4)))
                Context.ActorSelection($"akka.tcp://sender@127.0.0.1:{BinaryPrimitives.ReadInt32LittleEndian(job.AsSpan(8))}/user/{DriverName}").Tell(burst);
        }
    }

    /// <summary>The producer that Akka.Delivery asks for one message after the other.</summary>
    private sealed class Producer : UntypedActor
    {
        private readonly Queue<byte[]> _waiting = new();
        private IActorRef? _next;

        protected override void OnReceive(object message)
        {
            switch (message)
            {
                case byte[] job: _waiting.Enqueue(job); break;
                case ProducerController.RequestNext<byte[]> request: _next = request.SendNextTo; break;
            }

            if (_next is not null && _waiting.TryDequeue(out var next))
            {
                _next.Tell(next);
                _next = null;
            }
        }
    }
}
