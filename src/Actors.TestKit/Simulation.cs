using System.Diagnostics.CodeAnalysis;
using Actors.Membership;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>Nodes with real actors on one seeded queue, in virtual time, on a network and disks that fail on purpose. One seed is one run.</summary>
/// <remarks>
/// Everything runs on the thread that made the simulation. An actor takes no virtual time except where it waits for its disk; of the actors
/// that have messages the seed chooses the next one, and it handles one message. Time moves on when nobody has a message.
/// </remarks>
public sealed class Simulation : IDisposable
{
    private readonly SimulationOptions _options;
    private readonly SortedDictionary<NodeId, SimNode> _byId = [];
    private readonly List<SimNode> _nodes = [];
    private readonly Properties _properties = new();
    private readonly TraceLogger _logger;
    private readonly List<Nemesis> _nemeses = [];
    private SimulationFailedException? _failure;

    /// <summary>Creates an empty world: no nodes, time zero, a good network.</summary>
    public Simulation(long seed, SimulationOptions? options = null)
    {
        Seed = seed;
        _options = options ?? new SimulationOptions();
        System = ActorSystem.Create("sim", SimConfig.For(_options));
        World = ((SimScheduler)System.Scheduler).World;
        _logger = TraceLogger.Attach(System, World, _options.FailOn);
        World.Start(RandomFor("schedule"));
        World.Trace.Open(_options.TraceLines, _options.TraceFile);
        Network = new SimNetwork(this, _options.Codec);
        Hints = new MembershipHints(this);
    }

    /// <summary>The seed of this run.</summary>
    public long Seed { get; }

    /// <summary>The one actor system on which all nodes live.</summary>
    public ActorSystem System { get; }

    /// <summary>The network between the nodes.</summary>
    public SimNetwork Network { get; }

    /// <summary>The nodes in the order in which they were added.</summary>
    public IReadOnlyList<SimNode> Nodes => _nodes;

    /// <summary>True virtual time since the start.</summary>
    public TimeSpan Now => new(World.LocalNow);

    /// <summary>Messages handled so far.</summary>
    public long Steps => World.Trace.Steps;

    /// <summary>A hash over time, actor and message type of every step: equal for equal runs, in whatever process.</summary>
    public ulong TraceHash => World.Trace.Hash;

    /// <summary>What actors have thrown so far; their supervisors dealt with it.</summary>
    public IReadOnlyList<ActorFailure> Failures => _logger.Failures;

    /// <summary>How often each <see cref="Sometimes(string, Func{bool})"/> has happened.</summary>
    public IReadOnlyDictionary<string, long> SometimesCounts => _properties.Counts;

    /// <summary>Faults of executed plans that took effect, by kind.</summary>
    public IReadOnlyDictionary<FaultKind, long> FaultCounts =>
        _nemeses.SelectMany(nemesis => nemesis.Counts).GroupBy(count => count.Key).ToDictionary(group => group.Key, group => group.Sum(count => count.Value));

    /// <summary>How good the hints are that nodes get about each other.</summary>
    public HintFaults HintFaults { get => Hints.Faults; set => Hints.Faults = value; }

    internal World World { get; }

    internal MembershipHints Hints { get; }

    internal IActorRefProvider Provider => ((ExtendedActorSystem)System).Provider;

    internal IActorContext Guardian => SimNode.ContextOf(((ExtendedActorSystem)System).Guardian);

    /// <summary>A random source of this seed for one purpose, such as a workload; its draws shift no other.</summary>
    public SeededRandom RandomFor(string purpose) => SeededRandom.For(Seed, purpose);

    /// <summary>Adds a node and starts it; <paramref name="start"/> makes its actors, now and after each crash.</summary>
    /// <exception cref="ArgumentException">The name is taken or not valid.</exception>
    public SimNode AddNode(string name, Action<SimNodeContext> start)
    {
        World.CheckThread();
        var id = new NodeId(name);
        if (_byId.ContainsKey(id))
            throw new ArgumentException($"there is a node {name} already");
        var node = new SimNode(this, id, start);
        _byId.Add(id, node);
        _nodes.Add(node);
        node.Boot();
        Hints.Update();
        return node;
    }

    /// <summary>The node of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public SimNode Node(NodeId id) => Find(id) ?? throw new KeyNotFoundException($"there is no node {id}");

    /// <summary>Checked after every step, so it should be cheap: null means that it holds, a text says what is wrong.</summary>
    public void Always(string name, Func<string?> check) => _properties.Always(name, check);

    /// <summary>Checked after every step, so it should be cheap.</summary>
    public void Always(string name, Func<bool> holds) => _properties.Always(name, () => holds() ? null : "it is false");

    /// <summary>Something that a good run sees: counted each time it becomes true. When it never happens over many seeds, they are blind there; see <see cref="Coverage"/>.</summary>
    public void Sometimes(string name, Func<bool> happens) => _properties.Sometimes(name, happens);

    /// <summary>Names something that <see cref="Reached"/> counts, so that it is known when it never happens.</summary>
    public void Sometimes(string name) => _properties.Declare(name);

    /// <summary>Counts something that a good run sees, at the place where it happens.</summary>
    public void Reached(string name) => _properties.Reached(name);

    /// <summary>Runs <paramref name="action"/> once, <paramref name="delay"/> from now; not as a step of any actor.</summary>
    public void After(TimeSpan delay, Action action) => World.After(delay.Ticks, new ActionEvent(action));

    /// <summary>Writes a line into the trace.</summary>
    public void Note(string what) => World.Trace.Note(World.LocalNow, "*", "", what);

    /// <summary>Tells <paramref name="observer"/> at once what a membership service might say, whatever the truth; it is corrected after the usual delay.</summary>
    public void GiveHint(NodeId observer, MembershipHint hint) => Hints.Tell(Node(observer), hint);

    /// <summary>Sets the rates of <paramref name="plan"/> and carries out its events, counted from now, as the simulation runs on.</summary>
    /// <param name="plan">What goes wrong.</param>
    /// <param name="leader">Who leads at present, for events that hit the leader; <c>default</c> when nobody does.</param>
    /// <param name="operate">Does what only the run knows how to do, to these targets (<see cref="FaultKind.HandOver"/> and what follows it), and returns what ends it, or null; without it such events do nothing.</param>
    public void Execute(FaultPlan plan, Func<NodeId>? leader = null, Func<FaultKind, IReadOnlyList<NodeId>, Action?>? operate = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var nemesis = new Nemesis(this, leader ?? (() => default), operate);
        _nemeses.Add(nemesis);
        nemesis.Begin(plan);
    }

    /// <summary>Something happens on <paramref name="node"/> that faults may wait for: see <see cref="FaultEvent.Upon"/> and <see cref="FaultEvent.Until"/>.</summary>
    /// <param name="name">What it is, as plans name it, such as "vote".</param>
    /// <param name="node">Where.</param>
    public void Moment(string name, NodeId node)
    {
        foreach (var nemesis in _nemeses)
            nemesis.OnMoment(name, node);
    }

    /// <summary>
    /// Ends all faults, those of executed plans included: the network is whole and good, disks and clocks are right, paused nodes go on,
    /// crashed nodes start, and nodes whose store has failed are started anew.
    /// </summary>
    public void Heal()
    {
        Note("heal");
        foreach (var nemesis in _nemeses)
            nemesis.Stop();
        Network.Heal();
        HintFaults = new HintFaults();
        foreach (var node in _nodes)
            node.Heal();
    }

    /// <summary>Handles one message; false when nobody will ever have one.</summary>
    /// <exception cref="SimulationFailedException">A property does not hold.</exception>
    public bool Step() => Run(long.MaxValue, static () => false, steps: 1);

    /// <summary>Runs for <paramref name="duration"/> of virtual time.</summary>
    /// <exception cref="SimulationFailedException">A property does not hold.</exception>
    public void RunFor(TimeSpan duration)
    {
        var until = World.Now + duration.Ticks;
        Run(until, static () => false, steps: long.MaxValue);
        World.AdvanceTo(until);
    }

    /// <summary>Runs until <paramref name="condition"/> holds; it is asked after every step, so it should be cheap.</summary>
    /// <exception cref="SimulationFailedException">It did not within <paramref name="atMost"/> of virtual time, or a property does not hold.</exception>
    public void RunUntil(Func<bool> condition, TimeSpan atMost)
    {
        var until = World.Now + atMost.Ticks;
        if (condition() || Run(until, condition, steps: long.MaxValue))
            return;
        World.AdvanceTo(until);
        throw Fail(new Violation("the run gets there", $"what RunUntil waits for did not happen within {atMost.TotalSeconds} s of virtual time"));
    }

    /// <summary>Ends the run with a failure of <paramref name="property"/>: for checks that are made once, such as of a history.</summary>
    /// <exception cref="SimulationFailedException">Always.</exception>
    [DoesNotReturn]
    public void Fail(string property, string detail) => throw Fail(new Violation(property, detail));

    /// <summary>Ends the simulation; nothing that its actors still do takes effect.</summary>
    public void Dispose()
    {
        World.Close();
        World.Trace.Close();
    }

    internal SimNode? Find(NodeId id) => _byId.GetValueOrDefault(id);

    /// <summary>Runs until <paramref name="done"/> or <paramref name="steps"/> steps; false when there was nothing more to run up to <paramref name="limit"/>.</summary>
    private bool Run(long limit, Func<bool> done, long steps)
    {
        World.CheckThread();
        if (_failure is not null)
            throw _failure;
        // A test framework's context would take the continuations of async handlers to other threads.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            while (World.RunOne(limit) is not null)
            {
                if ((World.Violation ?? _properties.Check()) is { } violation)
                    throw Fail(violation);
                if (done() || --steps == 0)
                    return true;
            }

            return World.Violation is { } late ? throw Fail(late) : done();
        }
        catch (Exception error) when (error is not SimulationFailedException)
        {
            throw Fail(new Violation("nothing throws outside of actors", error.Message), error);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private SimulationFailedException Fail(Violation violation, Exception? inner = null)
    {
        var lines = World.Trace.Last();
        World.Trace.Close();
        return _failure = new SimulationFailedException(this, violation, lines, _options.TraceFile, inner);
    }
}
