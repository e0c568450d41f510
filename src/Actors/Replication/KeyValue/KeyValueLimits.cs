namespace Actors.Replication.KeyValue;

/// <summary>The sizes that the key-value machine accepts. The client refuses what is over them before anything is sent; the machine refuses it again.</summary>
/// <remarks>Chosen so that the largest command and the largest page stay below the 72 kB of a group's <c>max-command-bytes</c>, and so below a default frame of Akka.Remote.</remarks>
public static class KeyValueLimits
{
    /// <summary>The longest key, in bytes; the shortest has 1.</summary>
    public const int MaxKeyBytes = 1024;

    /// <summary>The largest value, in bytes; also the largest sum of the two values of a compare-and-set. An empty value is a value.</summary>
    public const int MaxValueBytes = 65_536;

    /// <summary>The largest present value that the reply to a failed compare-and-set carries, in bytes: replies are kept for repeated requests.</summary>
    public const int MaxReturnedValueBytes = 1024;

    /// <summary>The most entries of one page of a scan; the least are 1.</summary>
    public const int MaxPageEntries = 1000;

    /// <summary>The most bytes that the entries of one page take, lengths and revisions included. An entry that is larger is a page of its own.</summary>
    public const int MaxPageBytes = 65_536;

    /// <summary>The answer to a command that is over a limit; null when it is not.</summary>
    internal static GroupReply? Refusal(in KeyValueCommand command)
    {
        if (KeyRefusal(command.Key) is { } refused)
            return refused;
        if (command.Value.Length > MaxValueBytes)
            return TooLarge($"value of {command.Value.Length} bytes for key {KeyValueText.Describe(command.Key)}", MaxValueBytes);
        if (command.Expected.Length + command.Value.Length > MaxValueBytes)
            return TooLarge($"expected and new value of {command.Expected.Length + command.Value.Length} bytes for key {KeyValueText.Describe(command.Key)}", MaxValueBytes);
        return null;
    }

    /// <summary>The answer to a query that is over a limit; null when it is not.</summary>
    internal static GroupReply? Refusal(in KeyValueQuery query)
    {
        if (query.Op is KeyValueOp.Get)
            return KeyRefusal(query.Key);
        if (query.Prefix.Length > MaxKeyBytes)
            return TooLarge($"prefix of {query.Prefix.Length} bytes", MaxKeyBytes);
        if (query.After.Length > MaxKeyBytes)
            return TooLarge($"start key of {query.After.Length} bytes", MaxKeyBytes);
        if (query.Limit is < 1 or > MaxPageEntries)
            return Refused(Outcome.Failed, $"limit of {query.Limit} entries is out of range: 1 to {MaxPageEntries}");
        return null;
    }

    private static GroupReply? KeyRefusal(ReadOnlySpan<byte> key) => key.Length switch
    {
        0 => Refused(Outcome.Failed, $"key is empty: 1 to {MaxKeyBytes} bytes"),
        > MaxKeyBytes => TooLarge($"key of {key.Length} bytes", MaxKeyBytes),
        _ => null,
    };

    private static GroupReply TooLarge(string what, int limit) => Refused(Outcome.TooLarge, $"{what} is over the limit of {limit} bytes");

    private static GroupReply Refused(Outcome outcome, string error) => new(outcome, default, 0, TimeSpan.Zero, error);
}
