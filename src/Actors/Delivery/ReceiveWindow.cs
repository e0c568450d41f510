namespace Actors.Delivery;

/// <summary>What a sequence number is to the one who receives it.</summary>
internal enum Arrival : byte
{
    /// <summary>It was not here before.</summary>
    New,

    /// <summary>It was here before.</summary>
    Duplicate,

    /// <summary>It is further ahead than the window reaches: nobody who keeps to it sends that.</summary>
    TooFar,
}

/// <summary>Which sequence numbers of one incarnation have arrived: all up to a watermark, and a bitmap of those above it.</summary>
/// <remarks>Nothing below the watermark is missing, so a number there is a duplicate however old it is. <paramref name="capacity"/> bits and three numbers for each sender.</remarks>
/// <param name="received">Everything up to here has arrived.</param>
/// <param name="capacity">How far above the watermark a number may be: a multiple of 64.</param>
internal sealed class ReceiveWindow(long received, int capacity)
{
    private readonly ulong[] _bits = new ulong[capacity / 64];      // by sequence number modulo capacity

    /// <summary>Everything up to here has arrived.</summary>
    public long Cumulative { get; private set; } = received;

    /// <summary>The highest number that has arrived.</summary>
    public long Highest { get; private set; } = received;

    /// <summary>True when <paramref name="sequence"/> has arrived, or is not waited for any more.</summary>
    public bool Has(long sequence) => sequence <= Cumulative || (sequence <= Highest && IsSet(sequence));

    /// <summary>Takes <paramref name="sequence"/> in.</summary>
    public Arrival Accept(long sequence)
    {
        if (sequence <= Cumulative)
            return Arrival.Duplicate;
        if (sequence > Cumulative + capacity)
            return Arrival.TooFar;
        if (IsSet(sequence))
            return Arrival.Duplicate;
        Word(sequence) |= Bit(sequence);
        Highest = Math.Max(Highest, sequence);
        Advance();
        return Arrival.New;
    }

    /// <summary>Nothing up to <paramref name="received"/> is waited for any more.</summary>
    public void Skip(long received)
    {
        for (; Cumulative < received && Cumulative < Highest; Cumulative++)
            Word(Cumulative + 1) &= ~Bit(Cumulative + 1);
        (Cumulative, Highest) = (Math.Max(Cumulative, received), Math.Max(Highest, received));
        Advance();
    }

    /// <summary>What has arrived above <see cref="Cumulative"/>: bit i of word w stands for Cumulative + 1 + 64 w + i.</summary>
    public ulong[] Bitmap()
    {
        if (Highest == Cumulative)
            return [];
        var words = new ulong[(Highest - Cumulative + 63) / 64];
        for (var sequence = Cumulative + 2; sequence <= Highest; sequence++)    // the one after the watermark is missing
        {
            if (IsSet(sequence))
                words[(sequence - Cumulative - 1) / 64] |= 1UL << (int)((sequence - Cumulative - 1) % 64);
        }

        return words;
    }

    private void Advance()
    {
        while (IsSet(Cumulative + 1))
        {
            Cumulative++;
            Word(Cumulative) &= ~Bit(Cumulative);
        }
    }

    private bool IsSet(long sequence) => (Word(sequence) & Bit(sequence)) != 0;

    private ref ulong Word(long sequence) => ref _bits[(int)(sequence % capacity / 64)];

    private static ulong Bit(long sequence) => 1UL << (int)(sequence % 64);
}
