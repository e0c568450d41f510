using Actors.Membership;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>What the network has done so far.</summary>
/// <param name="Sent">Messages given to it.</param>
/// <param name="Delivered">Messages put into a mailbox, duplicates included.</param>
/// <param name="Lost">Messages lost by chance.</param>
/// <param name="Cut">Messages lost to a partition.</param>
/// <param name="Undeliverable">Messages whose receiver was down or did not exist.</param>
/// <param name="Duplicated">Messages that were sent on twice.</param>
/// <param name="Reordered">Messages that could overtake.</param>
public sealed record NetworkCounts(long Sent, long Delivered, long Lost, long Cut, long Undeliverable, long Duplicated, long Reordered);

/// <summary>The simulated network between nodes. Messages arrive in order per pair of actors unless a fault says otherwise.</summary>
public sealed class SimNetwork
{
    private readonly Simulation _simulation;
    private readonly SeededRandom _random;
    private readonly Func<object, object>? _codec;
    private readonly SortedDictionary<(NodeId From, NodeId To), Channel> _channels = [];
    private readonly List<NetworkFault> _faults = [];
    private long _sent, _delivered, _lost, _cut, _undeliverable, _duplicated, _reordered;

    internal SimNetwork(Simulation simulation, Func<object, object>? codec)
    {
        _simulation = simulation;
        _random = simulation.RandomFor("network");
        _codec = codec;
    }

    /// <summary>How links treat messages unless <see cref="SetFaults"/> says otherwise for one.</summary>
    public LinkFaults Faults { get; set; } = new();

    /// <summary>The name of the actor that takes the messages for a group's replica on its node; <c>replica-</c> and the group unless set.</summary>
    public Func<GroupId, string> ReplicaName { get; set; } = group => $"replica-{group}";

    /// <summary>What has happened so far.</summary>
    public NetworkCounts Counts => new(_sent, _delivered, _lost, _cut, _undeliverable, _duplicated, _reordered);

    /// <summary>Gives the link from <paramref name="from"/> to <paramref name="to"/> its own faults; null takes them back.</summary>
    public void SetFaults(NodeId from, NodeId to, LinkFaults? faults) => Channel(from, to).Faults = faults;

    /// <summary>Messages from <paramref name="from"/> to <paramref name="to"/> are lost; those in the other direction are not.</summary>
    public NetworkFault CutOneWay(NodeId from, NodeId to) => Begin($"cut {from} -> {to}", [Channel(from, to)], clog: false);

    /// <summary>Splits the network: nobody in <paramref name="side"/> hears anybody outside of it, and the other way round.</summary>
    public NetworkFault Partition(params IReadOnlyCollection<NodeId> side) =>
        Begin($"partition {string.Join(',', side)} from the others", Pairs((from, to) => side.Contains(from) != side.Contains(to)), clog: false);

    /// <summary>Cuts <paramref name="node"/> off from everybody, in both directions.</summary>
    public NetworkFault Isolate(NodeId node) => Partition(node);

    /// <summary>Each of <paramref name="nodes"/> hears only the one before and the one after it in this order, the last and the first being neighbours.</summary>
    public NetworkFault Ring(params IReadOnlyList<NodeId> nodes)
    {
        var place = nodes.Select((node, i) => (node, i)).ToDictionary();
        bool Apart(NodeId a, NodeId b) =>
            place.TryGetValue(a, out var i) && place.TryGetValue(b, out var j) && Math.Abs(i - j) is > 1 and var distance && distance < nodes.Count - 1;
        return Begin($"ring {string.Join(',', nodes)}", Pairs(Apart), clog: false);
    }

    /// <summary>Messages from <paramref name="from"/> to <paramref name="to"/> wait until the fault ends, then arrive in order.</summary>
    public NetworkFault Clog(NodeId from, NodeId to) => Begin($"clog {from} -> {to}", [Channel(from, to)], clog: true);

    /// <summary>Ends all cuts and clogs, and all faults of links: from here on it is a good network.</summary>
    public void Heal()
    {
        foreach (var fault in _faults.ToArray())
            fault.End();
        Faults = new LinkFaults();
        foreach (var channel in _channels.Values)
            channel.Faults = null;
    }

    /// <summary>True when messages from <paramref name="from"/> reach <paramref name="to"/> at present.</summary>
    public bool Connects(NodeId from, NodeId to) => !Channel(from, to).IsCut;

    internal Channel Channel(NodeId from, NodeId to)
    {
        if (!_channels.TryGetValue((from, to), out var channel))
            _channels.Add((from, to), channel = new Channel(from, to));
        return channel;
    }

    internal void Send(SimLink link, object message, IActorRef? sender)
    {
        var channel = link.Channel;
        if (channel.From == channel.To)     // the node's own actor: no network in between
        {
            if (link.Target() is { } own)
                own.Ref!.Tell(message, sender);
            else
                Drop("nobody there", ref _undeliverable, link, message);
            return;
        }

        _sent++;
        var faults = channel.Faults ?? Faults;
        if (channel.IsCut)
        {
            Drop("cut", ref _cut, link, message);
            return;
        }

        if (_random.Chance(faults.Loss))
        {
            Drop("lost", ref _lost, link, message);
            return;
        }

        if (_codec is not null)
        {
            try
            {
                message = _codec(message);
            }
            catch (Exception error)
            {
                _simulation.World.Fail("every message between nodes passes the codec", $"{message.GetType().Name} from {channel.From} to {link.Address}: {error.Message}");
                return;
            }
        }

        Enqueue(link, faults, message, sender);
        if (_random.Chance(faults.Duplicate))
        {
            // A copy comes at any time, also long after what was sent later.
            _duplicated++;
            var delay = _random.Chance(0.5) ? faults.DrawDelay(_random) : _random.Between(faults.MinDelay, faults.SlowDelay);
            _simulation.World.After(delay.Ticks, new Delivery(this, link, message, sender));
        }
    }

    internal void Deliver(Delivery delivery)
    {
        var (link, message) = (delivery.Link, delivery.Message);
        if (link.Channel.IsCut)
        {
            Drop("cut", ref _cut, link, message);
        }
        else if (link.Channel.IsClogged)
        {
            link.Channel.Hold(delivery);
        }
        else if (link.To?.CurrentLife is { IsPaused: true } life)
        {
            life.LateMessages.Add(delivery);
        }
        else if (link.Target() is { } target)
        {
            _delivered++;
            target.Ref!.Tell(message, link.ReplyTo(delivery.Sender));
        }
        else
        {
            Drop(link.To is { IsUp: false } ? "down" : "nobody there", ref _undeliverable, link, message);
        }
    }

    private void Enqueue(SimLink link, LinkFaults faults, object message, IActorRef? sender)
    {
        var world = _simulation.World;
        var due = world.LocalNow + faults.DrawDelay(_random).Ticks;
        if (_random.Chance(faults.Reorder))
            _reordered++;
        else
            link.LastDue = due = Math.Max(due, link.LastDue);
        world.After(due - world.LocalNow, new Delivery(this, link, message, sender));
    }

    private void Drop(string why, ref long count, SimLink link, object message)
    {
        count++;
        var world = _simulation.World;
        world.Trace.Note(world.Now, "x", $"{link.Channel.From} -> {link.Address} {why}", message);
    }

    private IReadOnlyList<Channel> Pairs(Func<NodeId, NodeId, bool> apart) =>
        [.. from a in _simulation.Nodes from b in _simulation.Nodes where a != b && apart(a.Id, b.Id) select Channel(a.Id, b.Id)];

    private NetworkFault Begin(string name, IReadOnlyList<Channel> channels, bool clog)
    {
        var fault = new NetworkFault(_simulation, name, channels, clog, _faults);
        _simulation.Hints.Update();
        return fault;
    }
}

/// <summary>A cut or clog that lasts until it is ended. Overlapping ones add up: a link works again when the last one ends.</summary>
public sealed class NetworkFault
{
    private readonly Simulation _simulation;
    private readonly string _name;
    private readonly IReadOnlyList<Channel> _channels;
    private readonly bool _clog;
    private readonly List<NetworkFault> _active;

    internal NetworkFault(Simulation simulation, string name, IReadOnlyList<Channel> channels, bool clog, List<NetworkFault> active)
    {
        (_simulation, _name, _channels, _clog, _active) = (simulation, name, channels, clog, active);
        _active.Add(this);
        _simulation.Note(_name);
        foreach (var channel in _channels)
        {
            if (clog)
                channel.Clog();
            else
                channel.Cut();
        }
    }

    /// <summary>Ends it; nothing happens the second time.</summary>
    public void End()
    {
        if (!_active.Remove(this))
            return;
        _simulation.Note($"end of {_name}");
        foreach (var channel in _channels)
        {
            if (_clog)
                channel.Unclog();
            else
                channel.Mend();
        }

        _simulation.Hints.Update();
    }
}

/// <summary>The arrival of a message at a node.</summary>
internal sealed class Delivery(SimNetwork network, SimLink link, object message, IActorRef? sender) : SimEvent
{
    public SimLink Link { get; } = link;

    public object Message { get; } = message;

    public IActorRef? Sender { get; } = sender;

    public override void Fire() => network.Deliver(this);
}
