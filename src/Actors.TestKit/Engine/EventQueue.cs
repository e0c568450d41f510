namespace Actors.TestKit;

/// <summary>Something that happens at an instant of virtual time: a timer fires, a message arrives, a fault begins or ends.</summary>
internal abstract class SimEvent
{
    /// <summary>When, in ticks of true virtual time.</summary>
    public long Due { get; set; }

    /// <summary>The life whose event it is: it dies with the life and waits while the life is paused. Null for the world's own events.</summary>
    public Life? Owner { get; init; }

    /// <summary>How long the owner's clock had stood still when the event was made; see <see cref="Life.Stopped"/>.</summary>
    public long StoppedBefore { get; set; }

    /// <summary>True for a timer: while the owner's clock stands still, no time passes for it. What a blocked step sends afterwards is no timer: it keeps its place before what the actor does next.</summary>
    public virtual bool GoesByClock => false;

    public abstract void Fire();
}

/// <summary>An event that calls <paramref name="action"/>.</summary>
internal sealed class ActionEvent(Action action) : SimEvent
{
    public override void Fire() => action();
}

/// <summary>Events by instant; those of one instant in the order in which they were added.</summary>
internal sealed class EventQueue
{
    public const long Never = long.MaxValue;

    private readonly PriorityQueue<SimEvent, Key> _queue = new();
    private long _order;

    public void Add(SimEvent item) => _queue.Enqueue(item, new Key(item.Due, _order++));

    /// <summary>The instant of the next event, or <see cref="Never"/>.</summary>
    public long NextDue => _queue.TryPeek(out var item, out _) ? item.Due : Never;

    public SimEvent Take() => _queue.Dequeue();

    private readonly record struct Key(long Due, long Order) : IComparable<Key>
    {
        public int CompareTo(Key other) => Due != other.Due ? Due.CompareTo(other.Due) : Order.CompareTo(other.Order);
    }
}
