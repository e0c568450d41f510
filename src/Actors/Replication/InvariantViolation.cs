namespace Actors.Replication;

/// <summary>A replica found itself in a state that the protocol excludes. It leaves service; its data is kept as it is.</summary>
public sealed class InvariantViolation : Exception
{
    /// <summary>Creates it with one line that names the invariant and the values that break it.</summary>
    public InvariantViolation(string message) : base(message)
    {
    }

    internal static void Require(bool condition, string message)
    {
        if (!condition)
            throw new InvariantViolation(message);
    }
}
