namespace Actors.Storage;

/// <summary>Puts and deletes that take effect together, in the order in which they were added.</summary>
public sealed class WriteSet
{
    /// <summary>What one operation does.</summary>
    public enum Kind : byte
    {
        /// <summary>Sets <c>Key</c> to <c>Value</c>.</summary>
        Put,

        /// <summary>Removes <c>Key</c>.</summary>
        Delete,

        /// <summary>Removes every key from <c>Key</c> (inclusive) to <c>Value</c> (exclusive).</summary>
        DeleteRange,
    }

    /// <summary>One operation.</summary>
    public readonly record struct Operation(Kind Kind, Table Table, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);

    private readonly List<Operation> _operations = [];

    /// <summary>The operations in order.</summary>
    public IReadOnlyList<Operation> Operations => _operations;

    /// <summary>The number of operations.</summary>
    public int Count => _operations.Count;

    /// <summary>The bytes of all keys and values.</summary>
    public long Bytes { get; private set; }

    /// <summary>Sets <paramref name="key"/> to <paramref name="value"/>.</summary>
    public void Put(Table table, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) => Add(new Operation(Kind.Put, table, key, value));

    /// <summary>Removes <paramref name="key"/>.</summary>
    public void Delete(Table table, ReadOnlyMemory<byte> key) => Add(new Operation(Kind.Delete, table, key, default));

    /// <summary>Removes every key from <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive).</summary>
    public void DeleteRange(Table table, ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> to) => Add(new Operation(Kind.DeleteRange, table, from, to));

    /// <summary>Adds all operations of <paramref name="other"/> after these.</summary>
    public void Append(WriteSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        _operations.AddRange(other._operations);
        Bytes += other.Bytes;
    }

    /// <summary>Removes all operations but keeps their room, for a set that is filled again and again.</summary>
    public void Clear()
    {
        _operations.Clear();
        Bytes = 0;
    }

    internal void Add(Operation operation)
    {
        _operations.Add(operation);
        Bytes += operation.Key.Length + operation.Value.Length;
    }
}
