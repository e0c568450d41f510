namespace Actors.Replication.KeyValue;

/// <summary>The leading byte of every command and query: what it asks for, and in which layout. A changed layout gets a new number.</summary>
internal enum KeyValueOp : byte
{
    Put = 1,
    Delete = 2,
    CompareAndSet = 3,
    Increment = 4,
    Get = 16,
    Scan = 17,
}

/// <summary>What must be true of a key for a put or a delete to take effect. The default asks for nothing.</summary>
public readonly record struct Precondition
{
    /// <summary>No condition: a put is then a blind write that reads nothing.</summary>
    public static readonly Precondition None;

    /// <summary>The key must not exist.</summary>
    public static readonly Precondition IfMissing = IfRevision(0);

    /// <summary>The key must exist, at whatever revision.</summary>
    public static readonly Precondition IfPresent = new(null, isPresence: true);

    private Precondition(long? revision, bool isPresence) => (Revision, IsPresence) = (revision, isPresence);

    /// <summary>The revision that the key must have, 0 for a key that must not exist; null when none is asked for.</summary>
    public long? Revision { get; }

    /// <summary>True for <see cref="IfPresent"/>.</summary>
    internal bool IsPresence { get; }

    /// <summary>The key must have been written last at <paramref name="revision"/>; 0: it must not exist.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public static Precondition IfRevision(long revision)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(revision);
        return new Precondition(revision, isPresence: false);
    }

    /// <summary>Whether it is true of a key at revision <paramref name="present"/>, 0 when it does not exist.</summary>
    internal bool Holds(long present) => IsPresence ? present > 0 : Revision is not { } required || required == present;
}

/// <summary>A command in its parts; those that its <see cref="Op"/> does not have are empty.</summary>
internal readonly ref struct KeyValueCommand
{
    public required KeyValueOp Op { get; init; }
    public required ReadOnlySpan<byte> Key { get; init; }
    public Precondition Condition { get; init; }    // put, delete
    public ReadOnlySpan<byte> Expected { get; init; }    // compare-and-set
    public ReadOnlySpan<byte> Value { get; init; }    // put, compare-and-set
    public long Delta { get; init; }    // increment
}

/// <summary>A query in its parts; those that its <see cref="Op"/> does not have are empty.</summary>
internal readonly ref struct KeyValueQuery
{
    public required KeyValueOp Op { get; init; }
    public ReadOnlySpan<byte> Key { get; init; }    // get
    public ReadOnlySpan<byte> Prefix { get; init; }    // scan
    public ReadOnlySpan<byte> After { get; init; }    // scan: exclusive; empty for the beginning
    public int Limit { get; init; }    // scan
    public bool KeysOnly { get; init; }    // scan
}

/// <summary>How a write ended: the leading byte of its reply.</summary>
internal enum WriteStatus : byte
{
    /// <summary>There was nothing to delete.</summary>
    Unchanged = 0,

    /// <summary>The write took effect; an increment's new number follows the revision.</summary>
    Changed = 1,

    /// <summary>The condition did not hold.</summary>
    ConditionFailed = 2,

    /// <summary>The condition did not hold, and the present value follows the revision.</summary>
    ConditionFailedWithValue = 3,
}
