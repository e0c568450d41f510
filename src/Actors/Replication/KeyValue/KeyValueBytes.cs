using System.Buffers.Binary;

namespace Actors.Replication.KeyValue;

/// <summary>Writes one after the other into a span that is large enough.</summary>
internal ref struct KeyValueWriter(Span<byte> rest)
{
    private Span<byte> _rest = rest;

    public void Byte(byte value) => Next(1)[0] = value;
    public void UInt16(int value) => BinaryPrimitives.WriteUInt16LittleEndian(Next(sizeof(ushort)), checked((ushort)value));
    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Next(sizeof(long)), value);
    public void Raw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Next(bytes.Length));

    /// <summary>A key, a prefix or a cursor behind its length of 16 bits.</summary>
    public void Key(ReadOnlySpan<byte> key)
    {
        UInt16(key.Length);
        Raw(key);
    }

    /// <summary>A value behind its length of 32 bits.</summary>
    public void Value(ReadOnlySpan<byte> value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(Next(sizeof(int)), value.Length);
        Raw(value);
    }

    public void Condition(Precondition condition)
    {
        Byte(condition.IsPresence ? KeyValueCodec.IfPresent : condition.Revision is null ? KeyValueCodec.NoCondition : KeyValueCodec.IfRevision);
        if (condition.Revision is { } revision)
            Int64(revision);
    }

    private Span<byte> Next(int count)
    {
        var next = _rest[..count];
        _rest = _rest[count..];
        return next;
    }
}

/// <summary>Reads one after the other and checks every length; what does not fit throws <see cref="CommandRejectedException"/>.</summary>
/// <param name="bytes">What to read.</param>
/// <param name="what">What it should be, for the error.</param>
internal ref struct KeyValueReader(ReadOnlySpan<byte> bytes, string what)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at;

    public byte Byte() => Take(1)[0];
    public int UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));
    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));
    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long)));
    public ReadOnlySpan<byte> Key() => Take(UInt16());
    public ReadOnlySpan<byte> Value() => Take(Int32());
    public ReadOnlySpan<byte> Rest() => Take(_bytes.Length - _at);

    public bool Flag() => Byte() switch
    {
        0 => false,
        1 => true,
        var other => throw Malformed($"it holds {other} where 0 or 1 must stand"),
    };

    public long Revision()
    {
        var revision = Int64();
        return revision >= 0 ? revision : throw Malformed($"its revision is {revision}");
    }

    public Precondition Condition() => Byte() switch
    {
        KeyValueCodec.NoCondition => Precondition.None,
        KeyValueCodec.IfRevision => Precondition.IfRevision(Revision()),
        KeyValueCodec.IfPresent => Precondition.IfPresent,
        var other => throw Malformed($"it holds {other} where a condition must stand"),
    };

    /// <summary>Where the next <paramref name="count"/> bytes stand.</summary>
    public Range Range(int count)
    {
        Take(count);
        return (_at - count).._at;
    }

    public readonly void End()
    {
        if (_at < _bytes.Length)
            throw Malformed($"{_bytes.Length - _at} bytes are left over");
    }

    public readonly CommandRejectedException Malformed(string why) => new($"not a key-value {what}: {why}");

    private ReadOnlySpan<byte> Take(int count)
    {
        if ((uint)count > (uint)(_bytes.Length - _at))
            throw Malformed($"it is cut short at {_bytes.Length} bytes");
        var taken = _bytes.Slice(_at, count);
        _at += count;
        return taken;
    }
}
