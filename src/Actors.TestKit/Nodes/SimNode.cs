using Actors.Membership;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>One simulated machine: a clock, a disk, a place in the network, and the actors of its present life.</summary>
public sealed class SimNode
{
    private const char LifeMark = '~';      // "n1~2" is the root of the second life's actors; no node name contains it

    private readonly Simulation _simulation;
    private readonly Action<SimNodeContext> _start;
    private readonly SeededRandom _random;
    private Life? _life;
    private int _lives;

    internal SimNode(Simulation simulation, NodeId id, Action<SimNodeContext> start)
    {
        _simulation = simulation;
        _start = start;
        _random = simulation.RandomFor($"node {id}");
        Id = id;
        Clock = new SimClock(World);
        Disk = new SimDisk(this, simulation.RandomFor($"disk {id}"));
    }

    /// <summary>Its name.</summary>
    public NodeId Id { get; }

    /// <summary>Its clocks.</summary>
    public SimClock Clock { get; }

    /// <summary>Its disk, which outlives crashes.</summary>
    public SimDisk Disk { get; }

    /// <summary>True from a start to the next crash.</summary>
    public bool IsUp => _life is not null;

    /// <summary>True while its mailboxes are withheld.</summary>
    public bool IsPaused => _life is { IsPaused: true };

    internal World World => _simulation.World;

    internal Life? CurrentLife => _life;

    /// <summary>The actor of that name in the present life.</summary>
    /// <exception cref="InvalidOperationException">The node is down or has no such actor.</exception>
    public IActorRef Actor(string name) =>
        Find($"{Id}/{name}")?.Ref ?? throw new InvalidOperationException(IsUp ? $"node {Id} has no actor {name}" : $"node {Id} is down");

    /// <summary>Its actors end at once: no message is processed any more, timers die, and the disk keeps what was synced and a random part of what followed.</summary>
    /// <exception cref="InvalidOperationException">It is down already.</exception>
    public void Crash()
    {
        var life = _life ?? throw new InvalidOperationException($"node {Id} is down already");
        Note("crash");
        life.IsDead = true;
        _life = null;
        World.End(life);
        Disk.Crash();
        _simulation.Hints.Update();
    }

    /// <summary>Starts it anew, with what its disk kept.</summary>
    /// <exception cref="InvalidOperationException">It is up.</exception>
    public void Restart()
    {
        if (IsUp)
            throw new InvalidOperationException($"node {Id} is up");
        Note("start");
        Boot();
        _simulation.Hints.Update();
    }

    /// <summary>Withholds its mailboxes for <paramref name="duration"/>; timers fire late, messages from others wait.</summary>
    /// <param name="duration">True time; pausing a paused node prolongs the pause if this ends later.</param>
    /// <param name="clockStops">False for a stopped process, whose clock goes on; true for a suspended virtual machine, whose monotonic clock stands still.</param>
    /// <exception cref="InvalidOperationException">It is down.</exception>
    public void Pause(TimeSpan duration, bool clockStops = false)
    {
        var life = _life ?? throw new InvalidOperationException($"node {Id} is down");
        Note($"pause for {duration.TotalSeconds} s");
        life.PausedUntil = Math.Max(life.PausedUntil, World.LocalNow + duration.Ticks);
        World.After(duration.Ticks, new ActionEvent(() => EndPause(life)));
        if (clockStops && life.ClockStoppedAt is null)
        {
            life.ClockStoppedAt = World.LocalNow;
            Clock.Stop();
        }

        life.IsPaused = true;
        World.Suspend(life);
        _simulation.Hints.Update();
    }

    /// <summary>Ends a pause early; does nothing when there is none.</summary>
    public void Resume()
    {
        if (_life is not { } life)
            return;
        life.PausedUntil = World.LocalNow;
        EndPause(life);
    }

    /// <summary>Ends its own faults.</summary>
    internal void Heal()
    {
        Disk.Heal();
        Clock.Rate = 1;
        Clock.WallOffset = TimeSpan.Zero;
        Resume();
        if (IsUp && Disk.HasFailed)
            Crash();
        if (!IsUp)
            Restart();
    }

    /// <summary>Begins a life.</summary>
    internal void Boot()
    {
        var life = new Life(this, ++_lives) { Peers = new SimPeers(_simulation, this) };
        _life = life;
        Clock.Reboot(_random.Between(TimeSpan.Zero, TimeSpan.FromHours(1)));    // a clock reading kept on disk means nothing after a restart
        var acting = World.Acting;
        World.Acting = life;
        try
        {
            var root = $"{Id}{LifeMark}{life.Number}";
            World.Register(root, life);
            var context = ContextOf(_simulation.Guardian.ActorOf(Props.Create<NodeRoot>(), root));
            _start(new SimNodeContext(life, context, _simulation.RandomFor($"node {Id} life {life.Number}"), _simulation.Hints));
        }
        finally
        {
            World.Acting = acting;
        }
    }

    /// <summary>The actor at <paramref name="address"/> in the present life, or null.</summary>
    internal SimActor? Find(string address) => _life?.Actors.GetValueOrDefault(address);

    /// <summary>The children of an actor can be made from outside of it, since no other thread is at work.</summary>
    internal static IActorContext ContextOf(IActorRef actor) => (IActorContext)((ActorRefWithCell)actor).Underlying;

    /// <summary><c>node/actor</c> for an actor on a node; null for another.</summary>
    internal static string? AddressOf(IActorRef actor) => actor is SimLink link ? link.Address : AddressOf(actor.Path.ToStringWithoutAddress());

    /// <summary><c>node/actor</c> for the path of an actor on a node; null for another.</summary>
    internal static string? AddressOf(string path)
    {
        const string user = "/user/";
        var start = path.IndexOf(user, StringComparison.Ordinal);
        var mark = path.IndexOf(LifeMark, StringComparison.Ordinal);
        if (start < 0 || mark < 0)
            return null;
        var actor = path.IndexOf('/', mark);
        return string.Concat(path.AsSpan(start + user.Length, mark - start - user.Length), actor < 0 ? "" : path.AsSpan(actor));
    }

    private void EndPause(Life life)
    {
        if (life.IsDead || !life.IsPaused || World.LocalNow < life.PausedUntil)
            return;
        life.IsPaused = false;
        Note("resume");
        if (life.ClockStoppedAt is { } stopped)
        {
            Clock.Resume();
            life.Stopped += World.LocalNow - stopped;
            life.ClockStoppedAt = null;
        }

        // Whether the timers or the network are served first after a pause is anybody's guess.
        var timersFirst = _random.Chance(0.5);
        if (timersFirst)
            ReleaseTimers(life);
        foreach (var message in life.TakeLateMessages())
            message.Fire();
        if (!timersFirst)
            ReleaseTimers(life);
        World.Resume(life);
        _simulation.Hints.Update();
    }

    private void ReleaseTimers(Life life)
    {
        foreach (var timer in life.TakeLateTimers())
            World.Release(timer);
    }

    private void Note(string what) => World.Trace.Note(World.Now, "*", Id.Value, what);

    /// <summary>The parent of a node's actors.</summary>
    private sealed class NodeRoot : UntypedActor
    {
        protected override void OnReceive(object message) => Unhandled(message);
    }
}
