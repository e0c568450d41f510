using Actors.Membership;

namespace Actors.Replication;

/// <summary>How fresh the answer to a query must be (replication rules, 5.3).</summary>
public enum ReadMode : byte
{
    /// <summary>Linearizable: the primary confirms its epoch with a quorum before it answers. No clock is trusted.</summary>
    Barrier = 0,

    /// <summary>From the nearest replica as it stands; the answer carries its index and age.</summary>
    Stale = 1,

    /// <summary>Linearizable, guarded as the group's setting <c>reads</c> says: by the primary's lease, or as <see cref="Barrier"/>. The default. In a lossy group nothing is linearizable, and this is as <see cref="Stale"/>.</summary>
    Linearizable = 2,
}

/// <summary>How a request ended.</summary>
public enum Outcome : byte
{
    /// <summary>Committed and applied (or read); <see cref="GroupReply.Payload"/> is the state machine's reply.</summary>
    Ok = 0,

    /// <summary>The state machine refused it with an exception; nothing changed; <see cref="GroupReply.Error"/> says why. The same on every retry.</summary>
    Failed = 1,

    /// <summary>Not applied: a queue is full. Try again later.</summary>
    Overloaded = 2,

    /// <summary>Not applied: no primary with a quorum can be reached from here.</summary>
    Unavailable = 3,

    /// <summary>It was sent, and no answer came in time: it may or may not be applied, now or a little later.</summary>
    Unknown = 4,

    /// <summary>Not applied: the session had expired; a new request gets a new session.</summary>
    Expired = 5,

    /// <summary>Not applied: the idempotency token was used before with another command.</summary>
    TokenReused = 6,

    /// <summary>Not applied: the command, query or token is over its limit of bytes.</summary>
    TooLarge = 7,
}

/// <summary>The answer to a command or a query.</summary>
/// <param name="Outcome">How it ended; the other fields depend on it.</param>
/// <param name="Payload">The state machine's reply; empty unless <see cref="Outcome.Ok"/>.</param>
/// <param name="Index">The index at which it was applied or read; 0 when it was not.</param>
/// <param name="Age">
/// For a stale read: how long before it answered the replica last heard from a primary, in a chain from its neighbour; otherwise zero. How long that message and the answer were on
/// their way, or waited in a process that stood still, is not in it: the state may be older than that.
/// </param>
/// <param name="Error">One line for a person; empty when all went well.</param>
public readonly record struct GroupReply(Outcome Outcome, ReadOnlyMemory<byte> Payload, long Index, TimeSpan Age, string Error)
{
    /// <summary>True when the group is lossy: a write that was answered may be lost, and what was read as well. False also while nobody has answered yet.</summary>
    public bool IsLossy { get; init; }

    /// <summary>True when the request is known to have changed nothing.</summary>
    public bool NotApplied => Outcome is not (Outcome.Ok or Outcome.Unknown);
}

/// <summary>One change that a state machine published.</summary>
/// <param name="Index">The index of the command that made it; several keys of one command share it.</param>
/// <param name="Key">The key that changed.</param>
/// <param name="Payload">What the state machine wrote.</param>
public readonly record struct GroupEvent(long Index, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Payload);

/// <summary>A client of one replicated group: finds the primary, keeps a session, retries, and never applies a command twice.</summary>
public interface IReplicatedGroup
{
    /// <summary>The group's name.</summary>
    GroupId Id { get; }

    /// <summary>Submits a command; completes when it is committed and applied, or its fate is known to be unknown.</summary>
    /// <param name="command">At most <c>max-command-bytes</c>.</param>
    /// <param name="token">
    /// An idempotency token of 1 to 128 bytes, or empty: a command with a token seen before, from whatever client, is answered with the first one's reply for 24 hours of log time.
    /// </param>
    /// <param name="timeout">Counted from now; null for the configured request time-out.</param>
    Task<GroupReply> SubmitAsync(ReadOnlyMemory<byte> command, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null);

    /// <summary>Asks a query.</summary>
    Task<GroupReply> QueryAsync(ReadOnlyMemory<byte> query, ReadMode mode = ReadMode.Linearizable, TimeSpan? timeout = null);

    /// <summary>The changes with an index above <paramref name="after"/> to keys that begin with <paramref name="prefix"/>, as this node applies them; null for from now on.</summary>
    /// <exception cref="CompactedException">Changes after <paramref name="after"/> are no longer held; scan, then watch from the index of the scan.</exception>
    IAsyncEnumerable<GroupEvent> WatchAsync(ReadOnlyMemory<byte> prefix, long? after, CancellationToken cancellation);
}

/// <summary>The changes asked for are no longer held, or the watcher fell too far behind.</summary>
public sealed class CompactedException : Exception
{
    /// <summary>Creates it; <paramref name="oldest"/> is the lowest index that can still be asked for.</summary>
    public CompactedException(long oldest) : base($"changes up to index {oldest} are no longer held; scan, then watch from the index of the scan") => Oldest = oldest;

    /// <summary>The lowest value of <c>after</c> that works.</summary>
    public long Oldest { get; }
}
