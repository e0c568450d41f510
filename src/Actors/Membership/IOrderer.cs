namespace Actors.Membership;

/// <summary>What became of a request to order entries.</summary>
internal enum OrderOutcome
{
    /// <summary>All of them have places.</summary>
    Ordered,

    /// <summary>They may or may not have places: ask again, those that have one keep it.</summary>
    Unknown,

    /// <summary>They have none and never will.</summary>
    Refused,
}

/// <summary>Consecutive places of an order, given to consecutive entries of one life of a node.</summary>
/// <param name="First">The place of the first one; places begin with 1.</param>
/// <param name="Node">Whose entries they are.</param>
/// <param name="Incarnation">Of which of its lives.</param>
/// <param name="FirstNumber">The number of the first one in that life.</param>
/// <param name="Entries">At least one.</param>
internal sealed record OrderedEntries(long First, NodeId Node, long Incarnation, long FirstNumber, IReadOnlyList<ReadOnlyMemory<byte>> Entries)
{
    /// <summary>The place of the last one.</summary>
    public long Last => First + Entries.Count - 1;
}

/// <summary>A part of an order.</summary>
/// <param name="Forgotten">What is up to this place is not kept any more.</param>
/// <param name="Last">The last place that was given, as far as whoever answers knows.</param>
/// <param name="Entries">In order and without gaps.</param>
internal sealed record OrderPage(long Forgotten, long Last, IReadOnlyList<OrderedEntries> Entries);

/// <summary>One order of the entries of several nodes, the same wherever it is read: what total-order broadcast needs of a replicated log.</summary>
/// <remarks>Callbacks come once, on other threads: they must only pass on what they get.</remarks>
internal interface IOrderer
{
    /// <summary>Gives <paramref name="entries"/> the next places, in their order. Of a life each number gets one place, and those of an earlier life than the latest are refused.</summary>
    /// <param name="node">Whose they are.</param>
    /// <param name="incarnation">Of which of its lives: a later life has a higher one.</param>
    /// <param name="first">The number of the first: all before it have places.</param>
    /// <param name="entries">At least one.</param>
    /// <param name="complete">Gets the outcome, and a line that says why.</param>
    void Order(NodeId node, long incarnation, long first, IReadOnlyList<ReadOnlyMemory<byte>> entries, Action<OrderOutcome, string> complete);

    /// <summary>Reads what follows place <paramref name="after"/>, a page at a time; null when nobody answers. It may lag behind, and be older than what was read before.</summary>
    void Read(long after, Action<OrderPage?> complete);

    /// <summary>Calls <paramref name="listener"/> with what gets its place from now on. It may stop without a word, so whoever must miss nothing reads now and then, and follows again.</summary>
    /// <returns>Ends it.</returns>
    IDisposable Follow(Action<OrderedEntries> listener);
}
