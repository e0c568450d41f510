using System.Globalization;
using Akka.Actor;
using Akka.Dispatch.SysMsg;

namespace Actors.TestKit;

/// <summary>A ref to an actor on another node: what is told to it goes through the simulated network.</summary>
internal sealed class SimLink : MinimalActorRef
{
    /// <summary>Between the name of an actor and its number in a return address, which only that one actor answers to.</summary>
    public const char NumberMark = '#';

    private readonly string _name;
    private readonly int? _number;
    private readonly Simulation _simulation;
    private readonly Life _life;
    private SimNode? _to;
    private SimActor? _target;
    private IActorRef? _lastSender;
    private Life? _lastLife;
    private IActorRef? _lastReply;

    public SimLink(Simulation simulation, Life life, Channel channel, string address)
    {
        _simulation = simulation;
        _life = life;
        Channel = channel;
        Address = address;
        var mark = address.IndexOf(NumberMark, StringComparison.Ordinal);
        _name = mark < 0 ? address : address[..mark];
        _number = mark < 0 ? null : int.Parse(address.AsSpan(mark + 1), CultureInfo.InvariantCulture);
        Path = new RootActorPath(new Address("sim", channel.To.Value)) / _name.Split('/').Skip(1);
    }

    /// <summary>The node it leads to, or null when that has not been added yet.</summary>
    public SimNode? To => _to ??= _simulation.Find(Channel.To);

    public Channel Channel { get; }

    /// <summary><c>node/actor</c>, and the number of the actor when it is a return address.</summary>
    public string Address { get; }

    public override ActorPath Path { get; }

    public override IActorRefProvider Provider => _simulation.Provider;

    /// <summary>When the last message in order arrives, in ticks: no later one overtakes it.</summary>
    public long LastDue { get; set; }

    /// <summary>The actor behind it now, or null.</summary>
    public SimActor? Target()
    {
        if (_target is null || _target.Stopped)
            _target = To?.Find(_name) is { } found && (_number is null || found.Order == _number) ? found : null;
        return _target;
    }

    /// <summary>The ref by which the receiver, in its present life, answers <paramref name="sender"/>: through the network too.</summary>
    public IActorRef? ReplyTo(IActorRef? sender)
    {
        var life = To?.CurrentLife;
        if (!ReferenceEquals(sender, _lastSender) || life != _lastLife)
        {
            _lastSender = sender;
            _lastLife = life;
            _lastReply = sender is null || SimNode.AddressOf(sender) is not { } address ? ActorRefs.NoSender : life?.Peers.Client(address);
        }

        return _lastReply;
    }

    public override void SendSystemMessage(ISystemMessage message)
    {
        if (message is Watch)
            throw new NotSupportedException($"{Address} is on another node: Context.Watch across nodes is not simulated; use heartbeats or SimNodeContext.OnHint");
    }

    protected override void TellInternal(object message, IActorRef sender)
    {
        if (_simulation.World.IsOrdinary)
            Send(message, sender);
        else
            SendLater(message, sender);
    }

    private void SendLater(object message, IActorRef sender) => _simulation.World.Divert(this, message, () => Send(message, sender));

    private void Send(object message, IActorRef sender)
    {
        if (!_life.IsDead)
            _simulation.Network.Send(this, message, sender);
    }
}
