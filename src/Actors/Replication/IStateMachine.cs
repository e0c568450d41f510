using System.Buffers;

namespace Actors.Replication;

/// <summary>What a group replicates: commands that change state, queries that read it. The user's own code.</summary>
/// <remarks>
/// All replicated state lives in the <see cref="IStateSpace"/> that comes with each call, which makes every machine durable, larger than
/// memory, exactly-once and transferable without code of its own. An implementation must be deterministic: no clock, no random source, no
/// I/O, no state in fields that outlives a call (a field may cache what is also in the space). One instance serves one replica, from one thread.
/// </remarks>
public interface IStateMachine
{
    /// <summary>Applies one committed command; called once per entry, in the same order on every replica.</summary>
    /// <remarks>An exception is a deterministic outcome: every change that the call made is undone and the client gets a failed reply with its message.</remarks>
    /// <param name="command">The bytes that the client submitted.</param>
    /// <param name="context">State, position and log time of the command.</param>
    /// <param name="reply">Takes the reply; it is kept for repeated requests, so it should be small.</param>
    void Apply(ReadOnlySpan<byte> command, ApplyContext context, IBufferWriter<byte> reply);

    /// <summary>Answers a query from the present state; must not change it.</summary>
    /// <exception cref="CommandRejectedException">The query cannot be answered; the client gets the message.</exception>
    void Query(ReadOnlySpan<byte> query, IStateReader state, IBufferWriter<byte> reply);
}

/// <summary>An ordered map from bytes to bytes, compared as unsigned bytes, that a state machine reads.</summary>
public interface IStateReader
{
    /// <summary>The value under <paramref name="key"/>, or null. The array belongs to the space: do not change it.</summary>
    byte[]? Get(ReadOnlySpan<byte> key);

    /// <summary>The pairs with <paramref name="from"/> ≤ key &lt; <paramref name="to"/> in ascending order; a null <paramref name="to"/> means to the end. Do not write while enumerating.</summary>
    IEnumerable<KeyValuePair<byte[], byte[]>> Scan(byte[] from, byte[]? to);
}

/// <summary>The replicated state of one group, as its state machine sees and changes it.</summary>
public interface IStateSpace : IStateReader
{
    /// <summary>Sets <paramref name="key"/> to <paramref name="value"/>; the space keeps the array.</summary>
    void Put(byte[] key, byte[] value);

    /// <summary>Removes <paramref name="key"/>; nothing happens when it is not there.</summary>
    void Delete(byte[] key);
}

/// <summary>What a command may know and touch while it is applied; the same on every replica.</summary>
public abstract class ApplyContext
{
    /// <summary>The group's state.</summary>
    public abstract IStateSpace State { get; }

    /// <summary>The index of the command's log entry, further on by what a restored backup was ahead: a revision number that only grows.</summary>
    public abstract long Index { get; }

    /// <summary>Log time: assigned by the primary, the same on every replica, never goes back.</summary>
    public abstract DateTimeOffset Timestamp { get; }

    /// <summary>Announces a change to those who watch <paramref name="key"/>; numbered by <see cref="Index"/>, so at most one event per key and command.</summary>
    public abstract void Publish(byte[] key, byte[] payload);
}

/// <summary>The command or query was refused by the state machine; nothing changed.</summary>
public sealed class CommandRejectedException : Exception
{
    /// <summary>Creates it with one line for the client.</summary>
    public CommandRejectedException(string message) : base(message)
    {
    }
}
