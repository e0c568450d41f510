namespace Actors.Replication.KeyValue;

/// <summary>What every answer of a <see cref="KeyValueClient"/> carries: how the request ended. The typed content is that of an answer only when <see cref="Outcome"/> is <see cref="Outcome.Ok"/>.</summary>
public abstract record KeyValueResult
{
    private protected KeyValueResult(GroupReply reply)
    {
        Outcome = reply.Outcome;
        Error = reply.Error;
        Index = reply.Index;
        Age = reply.Age;
        IsLossy = reply.IsLossy;
    }

    /// <summary>How the request ended. A failed condition is <see cref="Outcome.Ok"/>: the machine answered.</summary>
    public Outcome Outcome { get; }

    /// <summary>One line for a person; empty when all went well.</summary>
    public string Error { get; }

    /// <summary>The index at which it was applied or read; 0 when it was not.</summary>
    public long Index { get; }

    /// <summary>For a stale read: how long ago the replica last heard from a primary; otherwise zero.</summary>
    public TimeSpan Age { get; }

    /// <summary>See <see cref="GroupReply.IsLossy"/>.</summary>
    public bool IsLossy { get; }

    /// <summary>Decodes a good reply. One that the key-value machine did not write ends as <paramref name="garbled"/>: of a command nobody knows then what it did.</summary>
    internal static T From<T>(GroupReply reply, Outcome garbled, Func<GroupReply, T> empty, Func<GroupReply, T> decode)
    {
        if (reply.Outcome is not Outcome.Ok)
            return empty(reply);
        try
        {
            return decode(reply);
        }
        catch (CommandRejectedException e)
        {
            return empty(reply with { Outcome = garbled, Payload = default, Error = e.Message });
        }
    }
}

/// <summary>The answer to put, delete and compare-and-set.</summary>
public sealed record WriteResult : KeyValueResult
{
    internal WriteResult(GroupReply reply) : base(reply)
    {
    }

    /// <summary>True when the write took effect: false for a failed condition and for the delete of a missing key.</summary>
    public bool Changed { get; init; }

    /// <summary>True when the condition did not hold; nothing changed.</summary>
    public bool ConditionFailed { get; init; }

    /// <summary>The key's revision after the request; 0 when it does not exist.</summary>
    public long Revision { get; init; }

    /// <summary>For a failed compare-and-set the present value, if the key exists and its value has at most <see cref="KeyValueLimits.MaxReturnedValueBytes"/>; otherwise null.</summary>
    public ReadOnlyMemory<byte>? PresentValue { get; init; }
}

/// <summary>The answer to an increment.</summary>
public sealed record IncrementResult : KeyValueResult
{
    internal IncrementResult(GroupReply reply) : base(reply)
    {
    }

    /// <summary>The number after the increment.</summary>
    public long Number { get; init; }

    /// <summary>The key's revision after the increment.</summary>
    public long Revision { get; init; }
}

/// <summary>The answer to get.</summary>
public sealed record GetResult : KeyValueResult
{
    internal GetResult(GroupReply reply) : base(reply)
    {
    }

    /// <summary>True when the key exists.</summary>
    public bool Found { get; init; }

    /// <summary>The index of the command that wrote the key last; 0 when it does not exist.</summary>
    public long Revision { get; init; }

    /// <summary>The value; empty when the key does not exist.</summary>
    public ReadOnlyMemory<byte> Value { get; init; }
}

/// <summary>One page of a scan: the keys as they stood together at <see cref="KeyValueResult.Index"/>. The next page is read at another index.</summary>
public sealed record ScanPage : KeyValueResult
{
    internal ScanPage(GroupReply reply) : base(reply)
    {
    }

    /// <summary>The entries in ascending order of their keys.</summary>
    public IReadOnlyList<KeyValueEntry> Entries { get; init; } = [];

    /// <summary>True when at least one key came after these; ask on with the last key of <see cref="Entries"/>.</summary>
    public bool More { get; init; }
}

/// <summary>One key of a page.</summary>
/// <param name="Key">The key.</param>
/// <param name="Revision">The index of the command that wrote it last.</param>
/// <param name="Value">Its value; empty when only keys were asked for.</param>
public readonly record struct KeyValueEntry(ReadOnlyMemory<byte> Key, long Revision, ReadOnlyMemory<byte> Value);

/// <summary>One change of one key.</summary>
/// <param name="Key">The key.</param>
/// <param name="Deleted">True when it was deleted, false when it was written.</param>
/// <param name="Revision">The index of the command that changed it; a watch resumes after it.</param>
/// <param name="Value">The new value; empty when it was deleted.</param>
public readonly record struct KeyValueChange(ReadOnlyMemory<byte> Key, bool Deleted, long Revision, ReadOnlyMemory<byte> Value);

/// <summary>A page of a longer scan could not be read; the pages before it stand.</summary>
public sealed class ScanFailedException : Exception
{
    internal ScanFailedException(ScanPage page) : base($"scan ended as {page.Outcome}: {page.Error}") => Outcome = page.Outcome;

    /// <summary>How the request for the page ended.</summary>
    public Outcome Outcome { get; }
}
