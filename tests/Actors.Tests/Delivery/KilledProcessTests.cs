using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Actors.Delivery;
using Actors.Storage;
using Actors.Tests.HostingTests;
using Actors.Tests.StorageTests;
using Akka.Actor;
using Akka.Configuration;

namespace Actors.Tests.DeliveryTests;

/// <summary>Outbox and inbox on real disks, in two processes that are killed.</summary>
public sealed class KilledProcessTests
{
    /// <summary>Followed by a folder, a port, and for a sender the receiver's port, a name for this life and a number of messages: the child's side.</summary>
    public const string Run = "run-link";

    private const string Ready = "ready";
    private const string Inbox = "inbox";
    private const int Messages = 3000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly DeliverySettings Settings = new() { Guarantee = Guarantee.EffectivelyOnce, Level = AckLevel.Processed };

    [Fact]
    public void Kill_9_of_either_side_loses_nothing_that_is_stored_and_nothing_takes_effect_twice()
    {
        using var sent = new TemporaryFolder();
        using var received = new TemporaryFolder();
        var ports = FreePorts.Take(2);
        string[] receive = [received.Data, $"{ports[0]}"];

        using var receiver = new Child(receive);
        receiver.WaitFor(Ready, 1);
        using var sender = new Child(sent.Data, $"{ports[1]}", $"{ports[0]}", "a", $"{Messages}");
        sender.WaitFor("Processed", 300);
        receiver.Kill();
        using var receiverAgain = new Child(receive);
        sender.WaitFor("Processed", 1200);
        sender.Kill();
        var stored = sender.Count("Stored");
        using var senderAgain = new Child(sent.Data, $"{ports[1]}", $"{ports[0]}", "b", "500");
        senderAgain.WaitFor("Processed", 100);
        receiverAgain.Kill();
        using var receiverAtLast = new Child(receive);
        senderAgain.WaitFor("Processed", 500);
        receiverAtLast.Kill();

        using var store = received.OpenStore();
        var ledger = store.Scan(Table.State, ReliableDelivery.StateKey(Inbox, "0"u8), ReliableDelivery.StateKey(Inbox, ":"u8)).Select(pair => Encoding.UTF8.GetString(pair.Value)).ToList();
        var first = ledger.Count(content => content.StartsWith('a'));
        Assert.InRange(first, stored, Messages);
        Assert.Equal(Contents("a", first).Concat(Contents("b", 500)), ledger);
    }

    /// <summary>The child's side; ends when it is killed.</summary>
    public static int Serve(string[] args)
    {
        using var store = RocksDbStore.Open(args[0], TemporaryFolder.Identity, new Random(1));
        using var system = ActorSystem.Create("link", ConfigurationFactory.ParseString($$"""
            akka.loglevel = ERROR
            akka.actor.provider = remote
            akka.remote.dot-netty.tcp { hostname = 127.0.0.1, port = {{args[1]}} }
            akka.remote.retry-gate-closed-for = 100ms
            """).WithFallback(ActorsConfig.Default));
        var delivery = new ReliableDelivery(system, store);
        if (args.Length == 2)
        {
            delivery.Receiver(Inbox, system.ActorOf(Props.Create(() => new Ledger(store))), PayloadCodec.Text, Settings);
            Console.WriteLine(Ready);
        }
        else
        {
            var sender = delivery.Sender("s", $"akka.tcp://link@127.0.0.1:{args[2]}/user/{Inbox}", PayloadCodec.Text, Settings);
            var producer = system.ActorOf(Props.Create(() => new Reporter()));
            foreach (var content in Contents(args[3], int.Parse(args[4], CultureInfo.InvariantCulture)))
            {
                sender.Tell(new Send(content), producer);
                if (content.EndsWith('7'))
                    Thread.Sleep(1);        // a producer that takes a while
            }
        }

        system.WhenTerminated.Wait();
        return 0;
    }

    private static IEnumerable<string> Contents(string life, int count) => Enumerable.Range(1, count).Select(i => $"{life}|{i}");

    /// <summary>Writes down what it processes, together with the note that it is processed.</summary>
    private sealed class Ledger(IStore store) : UntypedActor
    {
        private int _count = store.Scan(Table.State, ReliableDelivery.StateKey(Inbox, "0"u8), ReliableDelivery.StateKey(Inbox, ":"u8)).Count();

        protected override void OnReceive(object message)
        {
            var writes = new WriteSet();
            writes.Put(Table.State, ReliableDelivery.StateKey(Inbox, Encoding.ASCII.GetBytes($"{_count++:D8}")), Encoding.UTF8.GetBytes((string)message));
            Sender.Tell(new Processed(writes));
        }
    }

    private sealed class Reporter : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is DeliveryOutcome outcome)
                Console.WriteLine(outcome.Status);
        }
    }

    /// <summary>This assembly as a process of its own.</summary>
    private sealed class Child : IDisposable
    {
        private readonly Process _process;
        private readonly ConcurrentDictionary<string, int> _lines = new();

        public Child(params string[] args)
        {
            _process = Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(KilledProcessTests).Assembly.Location, Run, .. args]) { RedirectStandardOutput = true })!;
            _process.OutputDataReceived += (_, line) => _lines.AddOrUpdate(line.Data ?? "", 1, (_, count) => count + 1);
            _process.BeginOutputReadLine();
        }

        public int Count(string line) => _lines.GetValueOrDefault(line);

        public void WaitFor(string line, int count) =>
            Assert.True(SpinWait.SpinUntil(() => Count(line) >= count || _process.HasExited, Patience) && Count(line) >= count, $"'{line}' was printed {Count(line)} times, not {count}");

        public void Kill()
        {
            _process.Kill();
            _process.WaitForExit();     // and all that it printed has been read
        }

        public void Dispose()
        {
            if (!_process.HasExited)
                Kill();
            _process.Dispose();
        }
    }
}
