namespace Actors.Delivery;

/// <summary>What a <see cref="DedupWindow"/> says of a sequence number.</summary>
internal enum Arrival : byte
{
    /// <summary>Not seen before; it is seen from now on.</summary>
    New,

    /// <summary>Seen before.</summary>
    Duplicate,

    /// <summary>So far ahead that the window cannot hold it: the sender breaks the rules, and it is not seen.</summary>
    TooFar,
}

/// <summary>Which sequence numbers of one sender's life have been seen: all up to a watermark, and a bitmap of those within the window above it.</summary>
/// <remarks>Sequence numbers begin with 1. Memory is one bit per place of the window, whatever arrives.</remarks>
internal sealed class DedupWindow
{
    private readonly ulong[] _bits;
    private readonly long _mask;

    /// <param name="size">How far above the watermark a number may be: a power of two of at least 64.</param>
    public DedupWindow(int size)
    {
        if (size < 64 || !System.Numerics.BitOperations.IsPow2(size))
            throw new ArgumentOutOfRangeException(nameof(size), $"a window of {size} is not possible: it must be a power of two of at least 64");
        _bits = new ulong[size / 64];
        _mask = size - 1;
    }

    /// <summary>How far above the watermark a number may be.</summary>
    public int Size => (int)_mask + 1;

    /// <summary>Every number up to this one has been seen; 0 at first.</summary>
    public long UpTo { get; private set; }

    /// <summary>The highest number seen, or known to exist.</summary>
    public long Highest { get; private set; }

    /// <summary>True when numbers below <see cref="Highest"/> are missing, or that one itself.</summary>
    public bool HasGap => UpTo < Highest;

    /// <summary>True when <paramref name="sequence"/> has been seen.</summary>
    public bool Contains(long sequence) => sequence <= UpTo || (sequence - UpTo <= Size && (_bits[Word(sequence)] & Bit(sequence)) != 0);

    /// <summary>Sees <paramref name="sequence"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public Arrival Add(long sequence)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequence);
        if (sequence <= UpTo)
            return Arrival.Duplicate;
        if (sequence - UpTo > Size)
            return Arrival.TooFar;
        ref var word = ref _bits[Word(sequence)];
        if ((word & Bit(sequence)) != 0)
            return Arrival.Duplicate;
        word |= Bit(sequence);
        Highest = Math.Max(Highest, sequence);
        Advance();
        return Arrival.New;
    }

    /// <summary>Somebody has seen <paramref name="sequence"/>: what is missing up to it is a gap. What does not fit the window is left for later.</summary>
    public void Announce(long sequence) => Highest = Math.Max(Highest, Math.Min(sequence, UpTo + Size));

    /// <summary>Everything up to <paramref name="sequence"/> counts as seen.</summary>
    public void SkipTo(long sequence)
    {
        if (sequence <= UpTo)
            return;
        if (sequence - UpTo >= Size)
            Array.Clear(_bits);
        else
            for (var passed = UpTo + 1; passed <= sequence; passed++)
                _bits[Word(passed)] &= ~Bit(passed);
        UpTo = sequence;
        Highest = Math.Max(Highest, sequence);
        Advance();
    }

    private void Advance()
    {
        while ((_bits[Word(UpTo + 1)] & Bit(UpTo + 1)) != 0)
        {
            UpTo++;
            _bits[Word(UpTo)] &= ~Bit(UpTo);    // its place is that of the number a window further on
        }
    }

    private long Word(long sequence) => (sequence & _mask) >> 6;

    private static ulong Bit(long sequence) => 1UL << (int)(sequence & 63);
}
