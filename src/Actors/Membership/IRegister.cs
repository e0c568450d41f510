namespace Actors.Membership;

/// <summary>How a write to a register ended.</summary>
internal enum RegisterOutcome
{
    /// <summary>It holds the new value.</summary>
    Written,

    /// <summary>It does not: another value had come first.</summary>
    TooLate,

    /// <summary>It may hold it, or come to hold it: read it.</summary>
    Unknown,
}

/// <summary>Named values of which each is replaced only by who knows the present one: what agreement on the members of a group needs of a replicated log.</summary>
/// <remarks>Callbacks come once, on other threads: they must only pass on what they get.</remarks>
internal interface IRegister
{
    /// <summary>Reads the present value and its revision, 0 and nothing when there is none yet; linearizable. Null when nobody answers.</summary>
    void Read(GroupId name, Action<(long Revision, ReadOnlyMemory<byte> Value)?> complete);

    /// <summary>Writes <paramref name="value"/> when the present one is that of <paramref name="revision"/>.</summary>
    /// <param name="complete">Gets the outcome, and a line that says why.</param>
    void Write(GroupId name, long revision, ReadOnlyMemory<byte> value, Action<RegisterOutcome, string> complete);
}
