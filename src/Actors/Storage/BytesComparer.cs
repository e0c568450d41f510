using System.IO.Hashing;

namespace Actors.Storage;

/// <summary>Byte arrays by content; ordered as unsigned bytes, which is the order of every <see cref="Table"/>.</summary>
public sealed class BytesComparer : IComparer<byte[]>, IEqualityComparer<byte[]>
{
    /// <summary>The one instance.</summary>
    public static readonly BytesComparer Instance = new();

    private BytesComparer()
    {
    }

    /// <inheritdoc/>
    public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);

    /// <inheritdoc/>
    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    /// <inheritdoc/>
    public int GetHashCode(byte[] obj) => unchecked((int)XxHash3.HashToUInt64(obj));
}
