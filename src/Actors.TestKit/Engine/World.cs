using System.Runtime.CompilerServices;
using Actors.Replication;
using Akka.Actor;
using Akka.Dispatch;

namespace Actors.TestKit;

/// <summary>A property that did not hold.</summary>
internal sealed record Violation(string Property, string Detail);

/// <summary>The state of a running simulation: virtual time, what is due, who may run, and the step that is running.</summary>
/// <remarks>Owned by the scheduler of the actor system, where its dispatchers and mailboxes find it; there are no statics.</remarks>
internal sealed class World
{
    /// <summary>So many steps without the time advancing are a livelock.</summary>
    private const int StepsPerInstant = 100_000;

    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly EventQueue _events = new();
    private readonly RunQueue _runnable = new();
    private readonly Dictionary<IRunnable, SimActor> _actors = [];
    private readonly Dictionary<string, Life> _lives = [];
    private SeededRandom? _schedule;
    private SimActor? _running;
    private bool _received;
    private bool _diverting;
    private long? _toldAt;      // of what leaves a step that was blocked
    private volatile bool _closed;
    private int _created;
    private int _stepsAtInstant;
    private volatile Violation? _violation;

    public Trace Trace { get; } = new();

    /// <summary>Called with each message as an actor begins to handle it.</summary>
    public Action<SimActor, object>? Observer { get; set; }

    /// <summary>Called with each message that an actor of a node tells another one there, before that handles it.</summary>
    public Action<Life, object>? OnTold { get; set; }

    /// <summary>The most messages that have waited for one actor so far.</summary>
    public int LongestMailbox { get; set; }

    /// <summary>True virtual time, in ticks since the start.</summary>
    public long Now { get; private set; }

    /// <summary>For how long the running step has been blocked in calls so far, in ticks.</summary>
    public long StepDelay { get; private set; }

    /// <summary>The instant that the running step has reached.</summary>
    public long LocalNow => Now + StepDelay;

    /// <summary>The instant at which what is being sent was told: earlier than now when its actor was blocked and its node has stood still since.</summary>
    public long ToldAt => _toldAt ?? LocalNow;

    /// <summary>The life for which code runs: that of the actor, of the event, or of the node that is being started; null for the world's own.</summary>
    public Life? RunningLife => Acting ?? _running?.Life;

    /// <summary>The life for which code runs that is none of its actors'.</summary>
    public Life? Acting { get; set; }

    /// <summary>The first thing that went wrong, or null.</summary>
    public Violation? Violation => _violation;

    /// <summary>True on the thread that made the simulation.</summary>
    public bool IsOwnThread => Environment.CurrentManagedThreadId == _thread;

    /// <summary>True when what the caller sends may take effect at once: the usual case.</summary>
    public bool IsOrdinary => (!_diverting || Acting is not null) && IsOwnThread && !_closed;

    /// <summary>Runs Akka's start-up to its end, in order; from then on the choice among runnable actors is made by <paramref name="schedule"/>.</summary>
    public void Start(SeededRandom schedule)
    {
        while (RunOne(limit: 0) is not null)
        {
        }

        Trace.Reset();
        _schedule = schedule;
    }

    /// <summary>Nothing takes effect any more.</summary>
    public void Close() => _closed = true;

    /// <summary>Throws when called from another thread than the one that made the simulation.</summary>
    public void CheckThread()
    {
        ObjectDisposedException.ThrowIf(_closed, typeof(Simulation));
        if (!IsOwnThread)
            throw new InvalidOperationException("a simulation is run by the thread that made it");
    }

    /// <summary>Runs one message of one actor, after advancing the time to <paramref name="limit"/> at most; null when there is nothing to run until then.</summary>
    public SimActor? RunOne(long limit)
    {
        while (_runnable.Count == 0)
        {
            if (_events.NextDue is var due && (due > limit || due == EventQueue.Never))
                return null;
            Advance();
        }

        var actor = _runnable.Take(_schedule);
        _running = actor;
        _received = false;
        actor.Mailbox.Run();
        _running = null;
        if (!_received)
            Trace.SystemStep(Now, actor);
        StepDelay = 0;
        _diverting = false;
        _runnable.Settle();
        if (++_stepsAtInstant >= StepsPerInstant)
            Fail("no livelock", $"{StepsPerInstant} steps without the time advancing, the last by {actor.Name}");
        return actor;
    }

    /// <summary>Moves the time to <paramref name="instant"/>, up to which nothing may be due.</summary>
    public void AdvanceTo(long instant)
    {
        if (instant > Now)
        {
            Now = instant;
            _stepsAtInstant = 0;
        }
    }

    private void Advance()
    {
        AdvanceTo(_events.NextDue);
        while (_events.NextDue <= Now)
            Fire(_events.Take());
        _runnable.Settle();
    }

    private void Fire(SimEvent item)
    {
        if (item.Owner is { } life)
        {
            if (life.IsDead)
                return;
            if (life.IsPaused)
            {
                life.LateTimers.Add(item);
                return;
            }

            if (item.GoesByClock && life.Stopped > item.StoppedBefore)  // its clock stood still meanwhile: it is due as much later
            {
                item.Due += life.Stopped - item.StoppedBefore;
                item.StoppedBefore = life.Stopped;
                if (item.Due > Now)
                {
                    _events.Add(item);
                    return;
                }
            }
        }

        Acting = item.Owner;
        item.Fire();
        Acting = null;
    }

    /// <summary>Adds an event that is due after <paramref name="delay"/> ticks of true time.</summary>
    public void After(long delay, SimEvent item)
    {
        if (!IsOwnThread)
        {
            ReportLeak("a timer");
            return;
        }

        item.Due = LocalNow + delay;
        item.StoppedBefore = item.Owner?.Stopped ?? 0;
        _events.Add(item);
    }

    /// <summary>Fires an event that was held back, or adds it again when it is not due yet.</summary>
    public void Release(SimEvent item)
    {
        Fire(item);
        _runnable.Settle();
    }

    // ---- actors

    public void Register(string root, Life life) => _lives.Add(root, life);

    public void Attach(ActorCell cell)
    {
        if (!IsOwnThread)
        {
            ReportLeak($"the start of {SimNode.AddressOf(cell.Self) ?? cell.Self.Path.ToStringWithoutAddress()}");
            return;
        }

        var elements = cell.Self.Path.Elements;
        var life = elements.Count > 1 && elements[0] == "user" ? _lives.GetValueOrDefault(elements[1]) : null;
        var name = life is null
            ? cell.Self.Path.ToStringWithoutAddress()
            : elements.Count == 2 ? life.Node.Id.Value : $"{life.Node.Id}/{string.Join('/', elements.Skip(2))}";
        var actor = new SimActor(cell.Mailbox!, name, life is null ? 0 : Fnv.Hash(name), _created++, life) { Ref = cell.Self };
        _actors.Add(actor.Mailbox, actor);
        if (life is not null)
            life.Actors[name] = actor;
        if (StepDelay > 0)
            Block(actor);
    }

    public void Detach(ActorCell cell)
    {
        if (cell.Mailbox is not { } mailbox || !_actors.Remove(mailbox, out var actor))
            return;
        actor.Stopped = true;
        if (actor.Life is { } life && life.Actors.GetValueOrDefault(actor.Name) == actor)
            life.Actors.Remove(actor.Name);
    }

    /// <summary>A mailbox has something to run (or a task was handed to a dispatcher).</summary>
    public void Schedule(IRunnable work)
    {
        if (_closed)
            return;
        if (!IsOwnThread)
        {
            ReportLeak(work is Mailbox ? "a mailbox" : "a task");
            return;
        }

        if (work is not Mailbox)
        {
            After(0, new ActionEvent(work.Run) { Owner = RunningLife });
            return;
        }

        if (!_actors.TryGetValue(work, out var actor))
            return;     // of a life that has ended
        if (actor.Life is { IsPaused: true } || actor.BusyUntil > Now)
            actor.Waiting = true;
        else if (actor.Life is not { IsDead: true })
            _runnable.Add(actor);
    }

    public void Told(object message)
    {
        if (OnTold is { } observer && RunningLife is { } life)
            observer(life, message);
    }

    public void Received(object message, IActorRef sender)
    {
        if (_running is null)
            return;
        _received = true;
        Trace.Received(Now, _running, message, sender);
        Observer?.Invoke(_running, message);
    }

    /// <summary>Sends something that cannot take effect at once: from a blocked step it leaves when the step ends, from the dead it is lost.</summary>
    public void Divert(IActorRef receiver, object message, Action send)
    {
        if (_closed)
            return;
        if (!IsOwnThread)
            ReportLeak($"{message.GetType().Name} for {SimNode.AddressOf(receiver) ?? receiver.Path.ToStringWithoutAddress()}");
        else if (_running is { Life.IsDead: false } or { Life: null })
            SendLater(send, LocalNow, _running.Life);
    }

    private void SendLater(Action send, long toldAt, Life? life)
    {
        After(0, new ActionEvent(Send) { Owner = life });

        void Send()
        {
            _toldAt = toldAt;
            send();
            _toldAt = null;
        }
    }

    /// <summary>Ends the run, unless something else did before.</summary>
    public void Fail(string property, string detail) => Interlocked.CompareExchange(ref _violation, new Violation(property, detail), null);

    /// <summary>Ends the run with <paramref name="property"/> unless it <paramref name="holds"/>.</summary>
    public void Require(bool holds, string property, [InterpolatedStringHandlerArgument(nameof(holds))] ref TextIfBroken detail)
    {
        if (!holds)
            Fail(property, detail.ToStringAndClear());
    }

    private void ReportLeak(string what)
    {
        if (!_closed)
            Fail("no determinism leak", $"{what} came from thread {Environment.CurrentManagedThreadId}; simulated actors must not use other threads (Task.Run, Ask, PipeTo of a running task, real timers)");
    }

    /// <summary>The running step blocks for <paramref name="ticks"/>: its actor does nothing else meanwhile, and what it sends from here on leaves afterwards.</summary>
    public void Block(long ticks)
    {
        if (_running is null || ticks <= 0)
            return;
        StepDelay += ticks;
        _diverting = true;
        Block(_running);
    }

    private void Block(SimActor actor)
    {
        actor.BusyUntil = LocalNow;
        After(0, new ActionEvent(() => Unblock(actor)));
    }

    private void Unblock(SimActor actor)
    {
        if (!actor.Waiting || actor.BusyUntil > Now || actor.Life is { IsPaused: true } or { IsDead: true })
            return;
        actor.Waiting = false;
        _runnable.Add(actor);
    }

    // ---- lives

    /// <summary>Withholds the mailboxes of <paramref name="life"/>.</summary>
    public void Suspend(Life life)
    {
        foreach (var actor in _runnable.Remove(life))
            actor.Waiting = true;
    }

    /// <summary>Gives them back.</summary>
    public void Resume(Life life)
    {
        foreach (var actor in life.Actors.Values)
            Unblock(actor);
        _runnable.Settle();
    }

    /// <summary>No actor of <paramref name="life"/> processes a message any more, and none that the running step sends leaves.</summary>
    public void End(Life life)
    {
        _runnable.Remove(life);
        foreach (var actor in life.Actors.Values)
        {
            actor.Stopped = true;
            _actors.Remove(actor.Mailbox);
        }

        if (_running?.Life == life)
            _diverting = true;
    }
}
