namespace Actors.Replication.Operations;

/// <summary>What a replica found when it looked through its log and state at one index. Replicas that agree have the same hashes there.</summary>
/// <param name="Index">The index that was asked for.</param>
/// <param name="LogHash">The hash of the entry there, which names every entry before it.</param>
/// <param name="StateHash">The hash of all keys and values at that index, sessions and tokens included.</param>
/// <param name="Entries">Log entries that were read from the store and followed each other by their hashes; those that are cut are not among them.</param>
/// <param name="Keys">Keys of the state, sessions and tokens included.</param>
/// <param name="Bytes">Bytes of keys and values.</param>
public sealed record ReplicaCheck(long Index, UInt128 LogHash, UInt128 StateHash, long Entries, long Keys, long Bytes);

/// <summary>What all replicas of a group found at one index.</summary>
/// <param name="Index">The index.</param>
/// <param name="Replicas">Those that answered, each with its <see cref="ReplicaStatus.Check"/>: of this index if it has one.</param>
public sealed record GroupCheck(long Index, IReadOnlyList<ReplicaStatus> Replicas)
{
    /// <summary>True when the replicas that have looked at <see cref="Index"/> found the same.</summary>
    public bool Agree => Replicas.Select(r => r.Check).Where(c => c?.Index == Index).Select(c => (c!.LogHash, c.StateHash)).Distinct().Count() <= 1;
}

/// <summary>An operation on a group was not done, or its fate is not known.</summary>
public sealed class OperationFailedException : Exception
{
    /// <summary>Creates it with one line for the operator.</summary>
    public OperationFailedException(Outcome outcome, string message) : base(message) => Outcome = outcome;

    /// <summary>Failed: refused, and will be again. Unknown: perhaps done. Unavailable, Overloaded: not done, try again later.</summary>
    public Outcome Outcome { get; }
}
