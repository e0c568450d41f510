using Akka.Actor;
using Akka.Dispatch.SysMsg;

namespace Actors.TestKit;

/// <summary>
/// A ref in front of another one that loses, delays, duplicates and reorders what is told to it: for ordinary Akka.TestKit tests, on real
/// dispatchers and in real time. Give it to the actor under test in place of the other ref; the actor needs no change.
/// </summary>
/// <remarks>The seed fixes which messages suffer, in the order in which they are told; real threads still choose that order. To replay a whole run, use <see cref="Simulation"/>.</remarks>
public sealed class FaultyLink : MinimalActorRef
{
    /// <summary>No faults at all.</summary>
    public static readonly LinkFaults None = new() { MinDelay = TimeSpan.Zero, MaxDelay = TimeSpan.Zero };

    private readonly Lock _lock = new();
    private readonly IActorRef _target;
    private readonly IScheduler _scheduler;
    private readonly SeededRandom _random;
    private readonly Queue<(object Message, IActorRef Sender)> _inOrder = [];
    private readonly List<(object Message, IActorRef Sender)> _clogged = [];
    private DateTimeOffset _lastDue;
    private bool _isClogged;

    /// <summary>Creates a link to <paramref name="target"/>, without faults at first.</summary>
    public FaultyLink(ActorSystem system, IActorRef target, long seed)
    {
        ArgumentNullException.ThrowIfNull(system);
        _target = target;
        _scheduler = system.Scheduler;
        _random = new SeededRandom(seed);
        Provider = ((ExtendedActorSystem)system).Provider;
    }

    /// <summary>How it treats messages from now on.</summary>
    public LinkFaults Faults { get; set; } = None;

    /// <summary>True: everything told to it is lost.</summary>
    public bool IsCut { get; set; }

    /// <summary>True: what is told to it waits, and follows in order once this is false.</summary>
    public bool IsClogged
    {
        get => _isClogged;
        set
        {
            lock (_lock)
            {
                _isClogged = value;
                if (value)
                    return;
                foreach (var (message, sender) in _clogged)
                    _target.Tell(message, sender);
                _clogged.Clear();
            }
        }
    }

    /// <inheritdoc/>
    public override ActorPath Path => _target.Path;

    /// <inheritdoc/>
    public override IActorRefProvider Provider { get; }

    /// <inheritdoc/>
    public override void SendSystemMessage(ISystemMessage message) => ((IInternalActorRef)_target).SendSystemMessage(message);

    /// <inheritdoc/>
    protected override void TellInternal(object message, IActorRef sender)
    {
        lock (_lock)
        {
            var faults = Faults;
            if (IsCut || _random.Chance(faults.Loss))
                return;
            Send(message, sender, faults);
            if (_random.Chance(faults.Duplicate))
                Send(message, sender, faults);
        }
    }

    private void Send(object message, IActorRef sender, LinkFaults faults)
    {
        var delay = faults.DrawDelay(_random);
        if (_random.Chance(faults.Reorder))
        {
            _scheduler.Advanced.ScheduleOnce(delay, () => Deliver(message, sender));
            return;
        }

        if (delay == TimeSpan.Zero && _inOrder.Count == 0)
        {
            Deliver(message, sender);
            return;
        }

        // As many timers as waiting messages; each delivers the oldest, so that it does not matter in which order they fire.
        var now = _scheduler.Now;
        _lastDue = now + delay > _lastDue ? now + delay : _lastDue;
        _inOrder.Enqueue((message, sender));
        _scheduler.Advanced.ScheduleOnce(_lastDue - now, DeliverOldest);
    }

    private void DeliverOldest()
    {
        lock (_lock)
        {
            var (message, sender) = _inOrder.Dequeue();
            Deliver(message, sender);
        }
    }

    private void Deliver(object message, IActorRef sender)
    {
        lock (_lock)
        {
            if (IsCut)
                return;
            if (_isClogged)
                _clogged.Add((message, sender));
            else
                _target.Tell(message, sender);
        }
    }
}
