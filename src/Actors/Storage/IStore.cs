namespace Actors.Storage;

/// <summary>The tables of a store. Each is an ordered map from bytes to bytes, compared as unsigned bytes.</summary>
public enum Table : byte
{
    /// <summary>Identity, promises and positions: few and small values.</summary>
    Meta = 0,

    /// <summary>Log entries by group and index.</summary>
    Log = 1,

    /// <summary>Applied state by group.</summary>
    State = 2,
}

/// <summary>One node's durable store: one per data folder, shared by all groups of the node and by their syncs.</summary>
/// <remarks>
/// Reads may come from any thread; writes come from one thread at a time. What is not synced may be lost when the process or the machine
/// dies, but only from the end: if a write survives, so does every write before it. Damage to what was synced is reported, never skipped.
/// </remarks>
public interface IStore : IDisposable
{
    /// <summary>The value under <paramref name="key"/>, or null.</summary>
    byte[]? Get(Table table, ReadOnlySpan<byte> key);

    /// <summary>The pairs with <paramref name="from"/> ≤ key &lt; <paramref name="to"/> in ascending order; a null <paramref name="to"/> means to the end.</summary>
    /// <remarks>A consistent view of the table as of the call; it must be enumerated to its end or disposed.</remarks>
    IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to);

    /// <summary>The store as it stands now, for reads that take long.</summary>
    IStoreSnapshot Snapshot();

    /// <summary>Applies <paramref name="writes"/> atomically, after all earlier ones; with <paramref name="sync"/> it returns when they and all earlier writes are durable.</summary>
    /// <exception cref="StoreFailedException">The write or the sync failed. The store takes no further write until it is opened anew: a repeated sync can report success for data that was lost.</exception>
    void Write(WriteSet writes, bool sync);
}

/// <summary>A store as it stood at one instant. Reads may come from any thread; while it is not disposed, what it shows cannot be dropped.</summary>
public interface IStoreSnapshot : IDisposable
{
    /// <summary>As <see cref="IStore.Scan"/>, of that instant.</summary>
    IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to);
}

/// <summary>The store cannot be trusted any more: a sync failed, the disk is full, or what was read is damaged.</summary>
public sealed class StoreFailedException : Exception
{
    /// <summary>Creates it with one line that says what failed and where.</summary>
    public StoreFailedException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}
