using System.Numerics;

namespace Actors.TestKit;

/// <summary>A random source whose numbers depend on its seed alone, not on the runtime's version.</summary>
/// <remarks>xoshiro256** by Blackman and Vigna, its state filled by SplitMix64.</remarks>
public sealed class SeededRandom : Random
{
    private ulong _a, _b, _c, _d;

    /// <summary>Creates the source of <paramref name="seed"/>.</summary>
    public SeededRandom(long seed) : base(0)
    {
        var state = (ulong)seed;
        _a = Fnv.Scramble(state += Fnv.GoldenGamma);
        _b = Fnv.Scramble(state += Fnv.GoldenGamma);
        _c = Fnv.Scramble(state += Fnv.GoldenGamma);
        _d = Fnv.Scramble(state + Fnv.GoldenGamma);
    }

    /// <summary>An independent source for one purpose: draws from one do not shift the other.</summary>
    public static SeededRandom For(long seed, string purpose) => new((long)Fnv.Scramble((ulong)seed ^ Fnv.Hash(purpose)));

    /// <summary>True with probability <paramref name="rate"/> (0 to 1); draws nothing when the answer is certain.</summary>
    public bool Chance(double rate) => rate > 0 && (rate >= 1 || NextDouble() < rate);

    /// <summary>A duration from <paramref name="min"/> (inclusive) to <paramref name="max"/> (inclusive), evenly distributed.</summary>
    public TimeSpan Between(TimeSpan min, TimeSpan max) => max <= min ? min : new TimeSpan(NextInt64(min.Ticks, max.Ticks + 1));

    /// <inheritdoc/>
    public override int Next() => (int)(NextWord() >> 33);

    /// <inheritdoc/>
    public override int Next(int maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxValue);
        return (int)Below((ulong)maxValue);
    }

    /// <inheritdoc/>
    public override int Next(int minValue, int maxValue) => (int)NextInt64(minValue, maxValue);

    /// <inheritdoc/>
    public override long NextInt64() => (long)(NextWord() >> 1);

    /// <inheritdoc/>
    public override long NextInt64(long maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxValue);
        return (long)Below((ulong)maxValue);
    }

    /// <inheritdoc/>
    public override long NextInt64(long minValue, long maxValue)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minValue, maxValue);
        return minValue + (long)Below((ulong)(maxValue - minValue));
    }

    /// <inheritdoc/>
    public override double NextDouble() => (NextWord() >> 11) * (1.0 / (1UL << 53));

    /// <inheritdoc/>
    public override float NextSingle() => (NextWord() >> 40) * (1.0f / (1U << 24));

    /// <inheritdoc/>
    public override void NextBytes(byte[] buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        NextBytes(buffer.AsSpan());
    }

    /// <inheritdoc/>
    public override void NextBytes(Span<byte> buffer)
    {
        for (var i = 0; i < buffer.Length; i++)
            buffer[i] = (byte)(NextWord() >> 56);
    }

    /// <inheritdoc/>
    protected override double Sample() => NextDouble();

    private ulong NextWord()
    {
        var result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        var shifted = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= shifted;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    // The high half of a 128-bit product: its bias of limit / 2^64 is far below what any sweep could notice.
    private ulong Below(ulong limit) => Math.BigMul(NextWord(), limit, out _);
}

/// <summary>Hashes that are the same in every process, unlike <c>string.GetHashCode</c>.</summary>
internal static class Fnv
{
    public const ulong Offset = 14695981039346656037;
    public const ulong GoldenGamma = 0x9E3779B97F4A7C15;
    private const ulong Prime = 1099511628211;

    public static ulong Mix(ulong hash, ulong value) => (hash ^ value) * Prime;

    public static ulong Hash(string text)
    {
        var hash = Offset;
        foreach (var c in text)
            hash = Mix(hash, c);
        return hash;
    }

    /// <summary>SplitMix64's finaliser: every bit of the input reaches every bit of the output.</summary>
    public static ulong Scramble(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
