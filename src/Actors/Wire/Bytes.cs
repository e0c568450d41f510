using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Actors.Wire;

/// <summary>Writes little-endian fields into a buffer that grows; the one writer of every layout in this assembly.</summary>
internal sealed class ByteWriter : IBufferWriter<byte>
{
    private byte[] _buffer;
    private int _length;

    public ByteWriter(int capacity = 256) => _buffer = new byte[capacity];

    public int Length => _length;

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    public byte[] ToArray() => Written.ToArray();

    /// <summary>Keeps the first <paramref name="length"/> bytes.</summary>
    public void Truncate(int length) => _length = length;

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _buffer.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _buffer.AsSpan(_length);
    }

    public void Byte(byte value) => Take(1)[0] = value;

    public void Bool(bool value) => Byte(value ? (byte)1 : (byte)0);

    public void Int32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Take(4), value);

    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    public void UInt128(UInt128 value) => BinaryPrimitives.WriteUInt128LittleEndian(Take(16), value);

    /// <summary>The bytes as they are, without a length.</summary>
    public void Raw(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    /// <summary>A length of four bytes, then the bytes.</summary>
    public void Block(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        Raw(value);
    }

    /// <summary>UTF-8 as a block.</summary>
    public void Text(string value)
    {
        var count = Encoding.UTF8.GetByteCount(value);
        Int32(count);
        Encoding.UTF8.GetBytes(value, Take(count));
    }

    private Span<byte> Take(int count)
    {
        Reserve(count);
        var span = _buffer.AsSpan(_length, count);
        _length += count;
        return span;
    }

    private void Reserve(int count)
    {
        if (_buffer.Length - _length < count)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + count));
    }
}

/// <summary>Reads one item where <paramref name="reader"/> stands.</summary>
internal delegate T ReadItem<out T>(ref ByteReader reader);

/// <summary>Reads what <see cref="ByteWriter"/> wrote. Every length is checked before anything is allocated.</summary>
/// <remarks>Blocks are slices of the input, not copies. Bytes after the last field are ignored: later versions append fields.</remarks>
internal ref struct ByteReader(ReadOnlyMemory<byte> input)
{
    private readonly ReadOnlySpan<byte> _span = input.Span;
    private int _at;

    public readonly int Remaining => _span.Length - _at;

    public byte Byte() => Take(1)[0];

    public bool Bool() => Byte() switch { 0 => false, 1 => true, _ => throw new MalformedException("a flag is neither 0 nor 1") };

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public UInt128 UInt128() => BinaryPrimitives.ReadUInt128LittleEndian(Take(16));

    /// <summary>A count of items of at least <paramref name="itemBytes"/> bytes each; refused when the rest of the input cannot hold them.</summary>
    public int Count(int itemBytes)
    {
        var count = Int32();
        if (count < 0 || (long)count * itemBytes > Remaining)
            throw new MalformedException($"a count of {count} does not fit the {Remaining} bytes that follow");
        return count;
    }

    /// <summary>A count, then as many items of at least <paramref name="itemBytes"/> bytes each.</summary>
    public static T[] Array<T>(ref ByteReader reader, int itemBytes, ReadItem<T> item)
    {
        var items = new T[reader.Count(itemBytes)];
        for (var i = 0; i < items.Length; i++)
            items[i] = item(ref reader);
        return items;
    }

    public ReadOnlyMemory<byte> Block()
    {
        var length = Count(1);
        var block = input.Slice(_at, length);
        _at += length;
        return block;
    }

    /// <summary>So many bytes as they are.</summary>
    public ReadOnlySpan<byte> Raw(int count) => Take(count);

    public string Text() => Encoding.UTF8.GetString(Block().Span);

    private ReadOnlySpan<byte> Take(int count)
    {
        if (Remaining < count)
            throw new MalformedException($"{count} bytes expected where {Remaining} are left");
        var span = _span.Slice(_at, count);
        _at += count;
        return span;
    }
}

/// <summary>Bytes that no codec of this version wrote.</summary>
internal sealed class MalformedException(string message) : Exception(message);
