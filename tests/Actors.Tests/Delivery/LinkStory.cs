using Actors.Delivery;
using Actors.Membership;
using Actors.Storage;
using Actors.TestKit;
using Akka.Actor;

namespace Actors.Tests.DeliveryTests;

/// <summary>A producer on node <c>s</c> and a consumer on node <c>r</c> with the shipped link between them, in virtual time; single messages on the way can be lost on purpose.</summary>
internal sealed class LinkStory : IDisposable
{
    public const string Inbox = "inbox";

    private readonly DeliverySettings _sending;
    private readonly DeliverySettings _receiving;
    private readonly bool _durableOutbox;
    private readonly bool _durableInbox;

    public LinkStory(DeliverySettings sending, DeliverySettings? receiving = null, TimeSpan? delay = null, bool durableOutbox = false, bool durableInbox = false, long seed = 1)
    {
        (_sending, _receiving, _durableOutbox, _durableInbox) = (sending, receiving ?? sending, durableOutbox, durableInbox);
        Sim = new Simulation(seed, new SimulationOptions
        {
            Config = ActorsConfig.Default,
            Codec = message => message is DeliveryMessage known ? DeliveryCodec.Decode(DeliveryCodec.Manifest(known), DeliveryCodec.Encode(known)) : message,
        });
        var each = delay ?? TimeSpan.FromMilliseconds(5);
        Sim.Network.Faults = new LinkFaults { MinDelay = each, MaxDelay = each };
        Sim.AddNode("r", StartReceiver);
        Sim.AddNode("s", context => StartSender(context, "s"));
    }

    public Simulation Sim { get; }

    /// <summary>What the consumer was given, when.</summary>
    public List<(string Content, TimeSpan At)> Delivered { get; } = [];

    /// <summary>What the producer was told.</summary>
    public List<object> Told { get; } = [];

    /// <summary>What was put on the network, lost or not.</summary>
    public List<(DeliveryMessage Message, TimeSpan At)> Wire { get; } = [];

    /// <summary>Which messages are lost.</summary>
    public Func<DeliveryMessage, bool> Loses { get; set; } = _ => false;

    /// <summary>What the consumer tells the sender of a message; null for nothing.</summary>
    public Func<string, object?> Replies { get; set; } = _ => Confirm.Instance;

    public IStore? ReceiversStore { get; private set; }

    public SimNode Sender => Sim.Node(new NodeId("s"));

    public SimNode Receiver => Sim.Node(new NodeId("r"));

    public IEnumerable<string> Contents => Delivered.Select(d => d.Content);

    public IEnumerable<DeliveryOutcome> Outcomes => Told.OfType<DeliveryOutcome>();

    public IEnumerable<(Data Message, TimeSpan At)> Sent => Wire.Where(w => w.Message is Data { Items.Count: > 0 }).Select(w => ((Data)w.Message, w.At));

    public void Send(params IEnumerable<string> contents)
    {
        foreach (var content in contents)
            Sender.Actor("link").Tell(new Send(content, content), Sender.Actor("producer"));
    }

    public void Tell(string node, string actor, object message) => Sim.Node(new NodeId(node)).Actor(actor).Tell(message, ActorRefs.NoSender);

    public void RunFor(double seconds) => Sim.RunFor(TimeSpan.FromSeconds(seconds));

    /// <summary>Another sender, on a node of its own, that calls itself <paramref name="origin"/>.</summary>
    public void AddSender(string node, string origin) => Sim.AddNode(node, context => StartSender(context, origin));

    public void Dispose() => Sim.Dispose();

    private void StartReceiver(SimNodeContext context)
    {
        var store = ReceiversStore = _durableInbox ? context.OpenStore() : null;
        var consumer = context.ActorOf(Props.Create(() => new Consumer(this)), "consumer");
        context.ActorOf(DeliveryReceiver.Props(Inbox, consumer, PayloadCodec.Text, _receiving, EnvironmentOf(context, store)), Inbox);
    }

    private void StartSender(SimNodeContext context, string origin)
    {
        var store = _durableOutbox ? context.OpenStore() : null;
        context.ActorOf(DeliverySender.Props(new NodeId(origin), $"r/{Inbox}", PayloadCodec.Text, _sending, EnvironmentOf(context, store)), "link");
        context.ActorOf(Props.Create(() => new Listener(Told)), "producer");
    }

    private DeliveryEnvironment EnvironmentOf(SimNodeContext context, IStore? store) => new(
        new LosingPeers(this, context.Peers, Sim), context.Clock, context.Random,
        store is null ? null : new DeliveryStore(store, context.ActorOf(StoreWriter.Props(store, context.Clock), "store")));

    private sealed class Listener(List<object> told) : UntypedActor
    {
        protected override void OnReceive(object message) => told.Add(message);
    }

    private sealed class Consumer(LinkStory story) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            story.Delivered.Add(((string)message, story.Sim.Now));
            if (!Sender.IsNobody() && story.Replies((string)message) is { } reply)
                Sender.Tell(reply, Self);
        }
    }

    private sealed class LosingPeers(LinkStory story, IPeers peers, Simulation sim) : IPeers
    {
        public IActorRef Replica(NodeId node, GroupId group) => peers.Replica(node, group);

        public IActorRef Participant(NodeId node, GroupId group) => peers.Participant(node, group);

        public IActorRef Client(string address) => new LosingRef(story, peers.Client(address), sim.Provider);

        public string AddressOf(IActorRef local) => peers.AddressOf(local);
    }

    private sealed class LosingRef(LinkStory story, IActorRef to, IActorRefProvider provider) : MinimalActorRef
    {
        public override ActorPath Path => to.Path;

        public override IActorRefProvider Provider => provider;

        protected override void TellInternal(object message, IActorRef sender)
        {
            story.Wire.Add(((DeliveryMessage)message, story.Sim.Now));
            if (!story.Loses((DeliveryMessage)message))
                to.Tell(message, sender);
        }
    }
}
