using Akka.Dispatch;

namespace Actors.TestKit;

/// <summary>What the engine knows of one actor.</summary>
internal sealed class SimActor(IRunnable mailbox, string name, ulong id, int order, Life? life)
{
    public IRunnable Mailbox { get; } = mailbox;

    /// <summary><c>node/actor</c>, or the path of an actor outside of all nodes.</summary>
    public string Name { get; } = name;

    /// <summary>A hash of the name that is the same in every process; 0 for Akka's own actors, whose names are not.</summary>
    public ulong Id { get; } = id;

    /// <summary>Actors are numbered in the order of their creation.</summary>
    public int Order { get; } = order;

    /// <summary>The node's life it belongs to; null outside of all nodes.</summary>
    public Life? Life { get; } = life;

    public Akka.Actor.IActorRef? Ref { get; init; }

    /// <summary>Until when it is blocked in a call, in ticks.</summary>
    public long BusyUntil { get; set; }

    /// <summary>It has messages and may not run: it is blocked or its node is paused.</summary>
    public bool Waiting { get; set; }

    /// <summary>It stopped; its name may be taken by another actor.</summary>
    public bool Stopped { get; set; }
}

/// <summary>The actors that have messages and may run.</summary>
/// <remarks>
/// Those that became runnable during one step are put in the order of their creation first: Akka tells children and watchers in the order
/// of hash codes that differ from process to process, and this makes that order vanish.
/// </remarks>
internal sealed class RunQueue
{
    private readonly List<SimActor> _runnable = [];
    private int _settled;

    public int Count => _runnable.Count;

    public void Add(SimActor actor)
    {
        var i = _runnable.Count;
        _runnable.Add(actor);
        for (; i > _settled && _runnable[i - 1].Order > actor.Order; i--)
            _runnable[i] = _runnable[i - 1];
        _runnable[i] = actor;
    }

    /// <summary>Ends a step: what was added during it keeps its place.</summary>
    public void Settle() => _settled = _runnable.Count;

    /// <summary>Takes one out, chosen evenly by <paramref name="random"/>; the oldest when that is null.</summary>
    public SimActor Take(SeededRandom? random)
    {
        var choice = random is null || _runnable.Count == 1 ? 0 : random.Next(_runnable.Count);
        var actor = _runnable[choice];
        _runnable.RemoveAt(choice);
        _settled = _runnable.Count;
        return actor;
    }

    /// <summary>Takes out all actors of <paramref name="life"/>.</summary>
    public IReadOnlyList<SimActor> Remove(Life life)
    {
        var removed = _runnable.FindAll(actor => actor.Life == life);
        _runnable.RemoveAll(actor => actor.Life == life);
        _settled = _runnable.Count;
        return removed;
    }
}
