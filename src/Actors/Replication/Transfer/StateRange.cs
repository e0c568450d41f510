using System.IO.Hashing;
using Actors.Wire;

namespace Actors.Replication.Transfer;

/// <summary>A place in a state: the byte at <paramref name="Offset"/> of the value under <paramref name="Key"/>, or of the first key after it.</summary>
internal readonly record struct StateCursor(ReadOnlyMemory<byte> Key, int Offset)
{
    public static readonly StateCursor Start = new(Array.Empty<byte>(), 0);

    public bool Is(StateCursor other) => Offset == other.Offset && Key.Span.SequenceEqual(other.Key.Span);

    public bool IsAfter(StateCursor other) => Key.Span.SequenceCompareTo(other.Key.Span) is var order && (order > 0 || (order == 0 && Offset > other.Offset));
}

/// <summary>A part of one value, or the whole of it.</summary>
/// <param name="Key">The key.</param>
/// <param name="Offset">Where in the value the part begins.</param>
/// <param name="Total">The length of the value.</param>
/// <param name="Bytes">The part.</param>
internal readonly record struct StatePiece(ReadOnlyMemory<byte> Key, int Offset, int Total, ReadOnlyMemory<byte> Bytes)
{
    public bool EndsValue => Offset + Bytes.Length == Total;
}

/// <summary>A range of whole pairs, from a place that is known.</summary>
/// <param name="End">The first possible key behind it.</param>
/// <param name="Hash">The hash of its pairs, lengths included.</param>
internal sealed record HeldRange(byte[] End, UInt128 Hash);

/// <summary>Reads a state in order and in parts of bounded size.</summary>
internal static class StateRange
{
    /// <summary>Chunks that may be on their way to one receiver, and that one comparison covers.</summary>
    public const int ChunksPerFetch = 4;

    /// <summary>The longest value that can be taken over: more than a session with a full window of the longest replies.</summary>
    public const int MaxValueBytes = 32 << 20;

    private const int PieceHeader = 16;     // two lengths, offset and total

    /// <summary>Takes the next chunk from <paramref name="pairs"/>, which stands on the pair at <paramref name="from"/>.</summary>
    /// <param name="pairs">The state in order; it is left on the first pair that is not, or not wholly, in the chunk.</param>
    /// <param name="from">Where the chunk begins.</param>
    /// <param name="maxBytes">Its size as it is sent, unless a single key is longer.</param>
    /// <param name="pieces">Gets the chunk.</param>
    /// <returns>Where the next chunk begins; null at the end of the state.</returns>
    public static StateCursor? Take(IEnumerator<KeyValuePair<byte[], byte[]>> pairs, StateCursor from, int maxBytes, List<StatePiece> pieces)
    {
        var left = maxBytes;
        var offset = from.Offset;
        do
        {
            var (key, value) = pairs.Current;
            left -= key.Length + PieceHeader;
            if (pieces.Count > 0 && value.Length > left)
                return new StateCursor(key, 0);     // only a value that is longer than a chunk is split
            var length = Math.Min(value.Length - offset, Math.Max(left, 1));
            pieces.Add(new StatePiece(key, offset, value.Length, value.AsMemory(offset, length)));
            left -= length;
            offset += length;
            if (offset < value.Length)
                return new StateCursor(key, offset);
            offset = 0;
        }
        while (pairs.MoveNext());
        return null;
    }

    /// <summary>The hash of whole pairs, about <paramref name="maxBytes"/> of them, and the first key behind them; null when there are none.</summary>
    public static HeldRange? Hash(IEnumerable<KeyValuePair<byte[], byte[]>> pairs, long maxBytes)
    {
        var hash = new XxHash128();
        var bytes = 0L;
        byte[]? end = null;
        foreach (var (key, value) in pairs)
        {
            Append(hash, key, value);
            bytes += key.Length + value.Length;
            end = key;
            if (bytes >= maxBytes)
                break;
        }

        return end is null ? null : new HeldRange([.. end, 0], hash.GetCurrentHashAsUInt128());
    }

    /// <summary>Adds one pair to the hash of many.</summary>
    public static void Append(XxHash128 hash, byte[] key, byte[] value)
    {
        Span<byte> lengths = stackalloc byte[8];
        BitConverter.TryWriteBytes(lengths, key.Length);
        BitConverter.TryWriteBytes(lengths[4..], value.Length);
        hash.Append(lengths);
        hash.Append(key);
        hash.Append(value);
    }

    /// <summary>What a chunk's checksum must be.</summary>
    public static UInt128 Checksum(IReadOnlyList<StatePiece> pieces)
    {
        var writer = new ByteWriter(4096);
        Write(writer, pieces);
        return XxHash128.HashToUInt128(writer.Written);
    }

    public static void Write(ByteWriter writer, IReadOnlyList<StatePiece> pieces)
    {
        writer.Int32(pieces.Count);
        foreach (var piece in pieces)
        {
            writer.Block(piece.Key.Span);
            writer.Int32(piece.Offset);
            writer.Int32(piece.Total);
            writer.Block(piece.Bytes.Span);
        }
    }

    public static StatePiece[] Read(ref ByteReader reader)
    {
        var pieces = new StatePiece[reader.Count(PieceHeader)];
        for (var i = 0; i < pieces.Length; i++)
        {
            pieces[i] = new StatePiece(reader.Block(), reader.Int32(), reader.Int32(), reader.Block());
            if (pieces[i].Total > MaxValueBytes || pieces[i].Offset < 0 || pieces[i].Offset > pieces[i].Total - pieces[i].Bytes.Length)
                throw new MalformedException($"a piece of a value lies outside of it, or the value is over the limit of {MaxValueBytes} bytes");
        }

        return pieces;
    }
}
