using System.Globalization;

namespace Actors.TestKit;

/// <summary>An operation on one key of a key-value store.</summary>
/// <param name="Key">The key.</param>
public abstract record KeyValueOperation(string Key)
{
    /// <summary>Sets the value.</summary>
    public sealed record Put(string Key, string Value) : KeyValueOperation(Key);

    /// <summary>Reads the value.</summary>
    public sealed record Get(string Key) : KeyValueOperation(Key);

    /// <summary>Removes the value; tells whether there was one.</summary>
    public sealed record Delete(string Key) : KeyValueOperation(Key);

    /// <summary>Sets the value if it is <paramref name="Expected"/> (null: if there is none); tells whether it did.</summary>
    public sealed record CompareAndSet(string Key, string? Expected, string Value) : KeyValueOperation(Key);

    /// <summary>Adds to the value, a decimal number (none counts as 0), and tells the sum; refused when it is no number or the sum is too large.</summary>
    public sealed record Increment(string Key, long Delta) : KeyValueOperation(Key);
}

/// <summary>What a client of a key-value store is told.</summary>
/// <param name="Ok">True when it was done: a put and a get always are.</param>
/// <param name="Value">The value read by a get (null: none), or the sum of an increment; otherwise null.</param>
public readonly record struct KeyValueResult(bool Ok, string? Value = null);

/// <summary>The value under one key, present or not.</summary>
/// <param name="Value">Null when there is none.</param>
public readonly record struct KeyValueState(string? Value)
{
    /// <summary>Of the beginning only: a search asks for it again and again, and long values usually begin differently.</summary>
    public override int GetHashCode() => Value is null ? 0 : string.GetHashCode(Value.AsSpan(0, Math.Min(Value.Length, 16)));
}

/// <summary>A key-value store in which each key is a register of its own.</summary>
public sealed class KeyValueModel : ISequentialModel<KeyValueState, KeyValueOperation, KeyValueResult>
{
    /// <inheritdoc/>
    public KeyValueState Initial => default;

    /// <inheritdoc/>
    public string KeyOf(KeyValueOperation operation) => operation.Key;

    /// <inheritdoc/>
    public (KeyValueState Next, KeyValueResult Result) Apply(KeyValueState state, KeyValueOperation operation) => operation switch
    {
        KeyValueOperation.Put put => (new(put.Value), new(true)),
        KeyValueOperation.Get => (state, new(true, state.Value)),
        KeyValueOperation.Delete => (default, new(state.Value is not null)),
        KeyValueOperation.CompareAndSet cas => state.Value == cas.Expected ? (new(cas.Value), new(true)) : (state, new(false)),
        KeyValueOperation.Increment increment => Add(state, increment.Delta),
        _ => throw new ArgumentException($"unknown operation {operation}"),
    };

    private static (KeyValueState, KeyValueResult) Add(KeyValueState state, long delta)
    {
        if (!long.TryParse(state.Value ?? "0", NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            || (delta > 0 ? number > long.MaxValue - delta : number < long.MinValue - delta))
            return (state, new(false));
        var sum = (number + delta).ToString(CultureInfo.InvariantCulture);
        return (new(sum), new(true, sum));
    }
}
