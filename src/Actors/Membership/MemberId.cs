namespace Actors.Membership;

/// <summary>Names one life of a data folder: 128 random bits, drawn when the folder is first used and kept in it.</summary>
/// <remarks>A wiped folder gets another one, so a machine that lost its promises is never taken for the one that made them.</remarks>
/// <param name="Value">0 names no folder.</param>
public readonly record struct Incarnation(UInt128 Value)
{
    /// <summary>Draws one from <paramref name="random"/>.</summary>
    public static Incarnation Draw(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return new Incarnation(new UInt128((ulong)random.NextInt64(1, long.MaxValue), (ulong)random.NextInt64()));
    }

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>Names one membership of one data folder in one group: a member that was kicked never returns under it.</summary>
/// <remarks>
/// Allocated by the log itself: <paramref name="Joined"/> is the position of the view entry that took the machine in, so two
/// memberships never share an id. Reused ids split clusters (replication rules, 5.2 rule 4).
/// </remarks>
/// <param name="Node">The machine.</param>
/// <param name="Incarnation">Its data folder.</param>
/// <param name="Joined">The view entry that admitted it; <see cref="LogPosition.Zero"/> for the members of the first view.</param>
public readonly record struct MemberId(NodeId Node, Incarnation Incarnation, LogPosition Joined) : IComparable<MemberId>
{
    /// <summary>True for the default value: no membership.</summary>
    public bool IsNone => Node.IsNone;

    /// <inheritdoc/>
    public int CompareTo(MemberId other)
    {
        var byNode = Node.CompareTo(other.Node);
        if (byNode != 0)
            return byNode;
        var byJoined = Joined.CompareTo(other.Joined);
        return byJoined != 0 ? byJoined : Incarnation.Value.CompareTo(other.Incarnation.Value);
    }

    /// <inheritdoc/>
    public override string ToString() => IsNone ? "none" : $"{Node}@{Joined}";
}
