using System.Diagnostics.CodeAnalysis;

namespace Actors.TestKit;

/// <summary>Which operations have been placed: nearly always all up to some point and a few after it, so only the part in between is kept.</summary>
internal sealed class PlacedSet(int operations)
{
    private readonly ulong[] _bits = new ulong[(operations + 63) / 64 + 1];
    private ulong _hash;
    private int _full;      // so many words at the beginning are all ones,
    private int _used;      // and all from this one on are zero

    public bool Contains(int operation) => (_bits[operation >> 6] & (1UL << (operation & 63))) != 0;

    /// <summary>Puts it in when it is out, and takes it out when it is in.</summary>
    public void Flip(int operation)
    {
        var word = operation >> 6;
        _bits[word] ^= 1UL << (operation & 63);
        _hash ^= Fnv.Scramble((ulong)operation + 1);
        _full = Math.Min(_full, word);
        while (_bits[_full] == ulong.MaxValue)
            _full++;
        _used = Math.Max(_used, word + 1);
        while (_used > 0 && _bits[_used - 1] == 0)
            _used--;
    }

    /// <summary>The present content.</summary>
    public Frozen Freeze() => new(_full, _full < _used ? _bits[_full.._used] : [], _hash);

    /// <summary>A content.</summary>
    public readonly struct Frozen(int full, ulong[] rest, ulong hash) : IEquatable<Frozen>
    {
        private readonly int _full = full;
        private readonly ulong[] _rest = rest;
        private readonly ulong _hash = hash;

        public bool Equals(Frozen other) => _hash == other._hash && _full == other._full && _rest.AsSpan().SequenceEqual(other._rest);

        public override bool Equals([NotNullWhen(true)] object? obj) => obj is Frozen other && Equals(other);

        public override int GetHashCode() => _hash.GetHashCode();
    }
}
