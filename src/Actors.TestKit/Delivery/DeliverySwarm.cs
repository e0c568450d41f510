using System.Globalization;
using Actors.Delivery;
using Actors.Membership;
using Actors.Storage;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>Reliable links under everything at once: each seed chooses guarantee, ack level, durability, windows, faults and load; first safety on every prefix, then, healed, liveness.</summary>
public sealed class DeliverySwarm
{
    internal const string InboxName = "inbox";

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LivenessLimit = TimeSpan.FromMinutes(5);
    private static readonly NodeId Receiver = new("r");

    private readonly Simulation _simulation;
    private readonly SortedDictionary<string, LinkRecord> _records = new(StringComparer.Ordinal);   // by life of a sender, such as s1~2
    private readonly Dictionary<NodeId, string> _living = [];

    private DeliverySwarm(Simulation simulation, LinkPlan plan) => (_simulation, Plan) = (simulation, plan);

    internal LinkPlan Plan { get; }

    /// <summary>Runs one seed.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="options">What the seed shall not choose: loss and duplication.</param>
    /// <param name="plan">Faults in place of those that the seed chooses.</param>
    /// <param name="simulation">Trace settings.</param>
    /// <exception cref="ArgumentException">The options name members: links have none.</exception>
    public static SwarmRun Run(long seed, SwarmOptions? options = null, FaultPlan? plan = null, SimulationOptions? simulation = null)
    {
        options ??= new SwarmOptions();
        if (options.Nodes is not null || options.Down > 0)
            throw new ArgumentException("Nodes and Down are for groups; a link has two sides");
        Action<DeliveryMessage> observer = _ => { };
        using var run = new Simulation(seed, (simulation ?? new SimulationOptions()) with
        {
            Config = ActorsConfig.Default,
            Codec = message =>
            {
                if (message is not DeliveryMessage known)
                    return message;
                observer(known);
                return DeliveryCodec.Decode(DeliveryCodec.Manifest(known), DeliveryCodec.Encode(known));
            },
        });
        var random = run.RandomFor("swarm");
        var swarm = new DeliverySwarm(run, LinkPlan.Draw(random));
        observer = new LinkWire(run, swarm.Plan.Settings).OnMessage;
        return swarm.Run(options, plan, senders: 1 + random.Next(3));
    }

    internal LinkRecord? RecordOf(string content) => LinkPlan.Parse(content) is { } parsed ? _records.GetValueOrDefault(parsed.Life) : null;

    internal void OnDelivered(string content)
    {
        if (LinkPlan.Parse(content) is { } parsed && _records.TryGetValue(parsed.Life, out var record))
            record.OnDelivered(content, parsed.Label);
        else
            _simulation.World.Fail("PL3 No Creation", $"'{content}' was delivered, and nobody sends such a thing");
    }

    private SwarmRun Run(SwarmOptions options, FaultPlan? plan, int senders)
    {
        _simulation.AddNode(Receiver.Value, StartReceiver);
        for (var i = 1; i <= senders; i++)
            _simulation.AddNode($"s{i}", StartSender);
        plan ??= options.Change(DrawPlan());
        Watch();
        try
        {
            _simulation.Execute(plan);
            _simulation.RunFor(Duration + TimeSpan.FromSeconds(5));
            _simulation.Heal();
            Settle();
            _simulation.RunFor(TimeSpan.FromSeconds(2));
            CheckLedger();
            return Result(null);
        }
        catch (SimulationFailedException failure)
        {
            return Result(failure);
        }

        SwarmRun Result(SimulationFailedException? failure) => new(
            _simulation.Seed, _simulation.Steps, _simulation.Now, (int)_records.Values.Sum(record => record.Sent), _simulation.FaultCounts,
            _simulation.SometimesCounts, _simulation.TraceHash, failure, plan);
    }

    private FaultPlan DrawPlan()
    {
        FaultKind[] kinds =
        [
            FaultKind.Crash, FaultKind.Crash, FaultKind.Pause, FaultKind.Suspend, FaultKind.Isolate, FaultKind.Partition, FaultKind.CutOneWay, FaultKind.Clog,
            FaultKind.ClockDrift, FaultKind.ClockJump, FaultKind.DiskStall,
        ];
        var needsDisk = Plan.DurableInbox || Plan.DurableOutbox;
        return new FaultMix
        {
            Nodes = [.. _simulation.Nodes.Select(node => node.Id)],
            Kinds = needsDisk ? [.. kinds, FaultKind.SyncFailure, FaultKind.DiskFull] : kinds,
            Duration = Duration,
            LongestFault = TimeSpan.FromSeconds(3),
        }.Draw(_simulation.RandomFor("plan"));
    }

    private void StartReceiver(SimNodeContext context)
    {
        var store = Plan.DurableInbox ? context.OpenStore() : null;
        var ledger = store is null ? null : LinkConsumer.ReadLedger(store);
        foreach (var (life, record) in _records)
            record.OnReceiverStarted(ledger?.Count(content => LinkPlan.Parse(content)!.Value.Life == life));
        var consumer = context.ActorOf(Props.Create(() => new LinkConsumer(this, context.Random, store)), "consumer");
        var mailbox = new WatchedMailbox(consumer, _simulation.Provider, this);
        context.ActorOf(DeliveryReceiver.Props(InboxName, mailbox, PayloadCodec.Text, Plan.Settings, EnvironmentOf(context, store)), InboxName);
    }

    private void StartSender(SimNodeContext context)
    {
        var store = Plan.DurableOutbox ? context.OpenStore() : null;
        var life = string.Create(CultureInfo.InvariantCulture, $"{context.Id}~{context.Life}");
        var record = new LinkRecord(_simulation, Plan, life);
        _records.Add(life, record);
        _living[context.Id] = life;
        var sender = context.ActorOf(DeliverySender.Props(context.Id, $"{Receiver}/{InboxName}", PayloadCodec.Text, Plan.Settings, EnvironmentOf(context, store)), "link");
        context.ActorOf(Props.Create(() => new LinkProducer(record, Plan, context.Random, sender)), "producer");
    }

    private static DeliveryEnvironment EnvironmentOf(SimNodeContext context, IStore? store) => new(
        context.Peers, context.Clock, context.Random,
        store is null ? null : new DeliveryStore(store, context.ActorOf(StoreWriter.Props(store, context.Clock), "store")));

    private void Watch()
    {
        _simulation.Sometimes("a receiver was started again", () => _simulation.Node(Receiver).CurrentLife is { Number: > 1 });
        _simulation.Sometimes("a sender with an outbox was started again", () => Plan.DurableOutbox && _records.Count > _living.Count);
        _simulation.Sometimes("a receiver with an inbox was started again", () => Plan.DurableInbox && _simulation.Node(Receiver).CurrentLife is { Number: > 1 });
        _simulation.Sometimes("messages were sent in chunks", () => Plan.MaxBytes > Plan.Settings.ChunkBytes);
        foreach (var guarantee in Enum.GetValues<Guarantee>())
            _simulation.Sometimes($"links are {guarantee}", () => Plan.Settings.Guarantee == guarantee);
        _simulation.Sometimes("a message became a dead letter", () => _records.Values.Any(record => record.HasDeadLetter));
    }

    /// <summary>Waits until everything that is owed has happened; a sender that goes on gets to send what is left.</summary>
    private void Settle()
    {
        try
        {
            _simulation.RunUntil(() => Missing() is null, LivenessLimit);
        }
        catch (SimulationFailedException failure) when (failure.Property == "the run gets there")
        {
            _simulation.Fail("PL1 Reliable Delivery", Missing() ?? failure.Detail);
        }
    }

    private string? Missing()
    {
        foreach (var (life, record) in _records)
        {
            var isAlive = _living.ContainsValue(life);
            if (isAlive && record.Sent < Plan.Messages)
                return $"{life} has sent {record.Sent} of {Plan.Messages}";
            if (record.Missing(isAlive) is { } missing)
                return missing;
        }

        return null;
    }

    /// <summary>What a consumer with a store has on its disk is what was sent: each message once, in order.</summary>
    private void CheckLedger()
    {
        if (!Plan.DurableInbox)
            return;
        var ledger = LinkConsumer.ReadLedger(_simulation.Node(Receiver).Disk).GroupBy(content => LinkPlan.Parse(content)!.Value.Life).ToDictionary(group => group.Key, group => group.ToList());
        foreach (var (life, record) in _records)
        {
            var entries = ledger.GetValueOrDefault(life, []);
            for (var i = 0; i < entries.Count; i++)
            {
                if (entries[i] != Plan.ContentOf(life, i + 1))
                    _simulation.Fail("LPL2 Processed Once", $"entry {i + 1} of {life} on the consumer's disk is {entries[i]}");
            }

            if (entries.Count < record.HighestProcessed)
                _simulation.Fail("LPL1 Processed Stays", $"{life} was told that message {record.HighestProcessed} is processed; the consumer's disk has {entries.Count}");
        }
    }
}
