namespace Actors.Membership;

/// <summary>The number of a reign: at most one primary orders entries in an epoch. Grows by elections, never falls.</summary>
/// <remarks>Called term in Raft, view number in viewstamped replication, configuration number in chain replication.</remarks>
/// <param name="Value">0 before the first view; at least 1 afterwards.</param>
public readonly record struct Epoch(long Value) : IComparable<Epoch>
{
    /// <summary>The epoch before the first view.</summary>
    public static readonly Epoch Zero;

    /// <summary>The epoch after this one.</summary>
    public Epoch Next() => new(Value + 1);

    /// <inheritdoc/>
    public int CompareTo(Epoch other) => Value.CompareTo(other.Value);

    /// <summary>Earlier than.</summary>
    public static bool operator <(Epoch a, Epoch b) => a.Value < b.Value;

    /// <summary>Later than.</summary>
    public static bool operator >(Epoch a, Epoch b) => a.Value > b.Value;

    /// <summary>Not later than.</summary>
    public static bool operator <=(Epoch a, Epoch b) => a.Value <= b.Value;

    /// <summary>Not earlier than.</summary>
    public static bool operator >=(Epoch a, Epoch b) => a.Value >= b.Value;

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>The name of a log entry: the epoch in which it was ordered and its index. Compared epoch first.</summary>
/// <remarks>
/// An index alone names nothing: after a failover another entry may stand there. Epoch before index is the order in which
/// two logs are compared for being up to date (Ongaro and Ousterhout, ATC 2014, section 5.4.1).
/// </remarks>
/// <param name="Epoch">The epoch of the primary that ordered the entry.</param>
/// <param name="Index">Entries are numbered consecutively from 1; 0 is the position before the first.</param>
public readonly record struct LogPosition(Epoch Epoch, long Index) : IComparable<LogPosition>
{
    /// <summary>The position before the first entry.</summary>
    public static readonly LogPosition Zero;

    /// <inheritdoc/>
    public int CompareTo(LogPosition other)
    {
        var byEpoch = Epoch.CompareTo(other.Epoch);
        return byEpoch != 0 ? byEpoch : Index.CompareTo(other.Index);
    }

    /// <summary>Earlier than.</summary>
    public static bool operator <(LogPosition a, LogPosition b) => a.CompareTo(b) < 0;

    /// <summary>Later than.</summary>
    public static bool operator >(LogPosition a, LogPosition b) => a.CompareTo(b) > 0;

    /// <summary>Not later than.</summary>
    public static bool operator <=(LogPosition a, LogPosition b) => a.CompareTo(b) <= 0;

    /// <summary>Not earlier than.</summary>
    public static bool operator >=(LogPosition a, LogPosition b) => a.CompareTo(b) >= 0;

    /// <inheritdoc/>
    public override string ToString() => $"{Epoch}/{Index}";
}
