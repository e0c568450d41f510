using System.Buffers.Binary;
using System.IO.Hashing;
using Actors.Membership;
using Actors.Wire;

namespace Actors.Replication;

/// <summary>What an entry does when it is applied.</summary>
internal enum EntryKind : byte
{
    /// <summary>A command for the state machine.</summary>
    Command = 1,

    /// <summary>Opens a session; its id is the entry's position.</summary>
    Register = 2,

    /// <summary>Changes the view; effective when appended.</summary>
    View = 3,

    /// <summary>What an operator asks of the group as a whole, see <see cref="Operations.Operation"/>; within a session, as a command.</summary>
    Operation = 4,
}

/// <summary>What a primary puts into a new entry besides its position and hash.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Session">The client's session; zero for view and register entries.</param>
/// <param name="Sequence">The number of the request within its session, from 1.</param>
/// <param name="Lowest">The lowest number of the session that the client still waits for; replies below it are forgotten.</param>
/// <param name="Token">An idempotency token, 0 to 128 bytes.</param>
/// <param name="Payload">The command, or the encoded view.</param>
internal readonly record struct EntryDraft(
    EntryKind Kind,
    LogPosition Session,
    long Sequence,
    long Lowest,
    ReadOnlyMemory<byte> Token,
    ReadOnlyMemory<byte> Payload);

/// <summary>One entry of the replicated log: a view over its frame, which is the same in memory, on the wire and in the store.</summary>
/// <remarks>
/// Frame, little-endian:
/// <code>
///  0  u128  hash = XxHash128(hash of the previous entry, bytes 16 to the end)
/// 16  i64   epoch
/// 24  i64   index
/// 32  i64   log time, milliseconds since 1970
/// 40  i64   session epoch
/// 48  i64   session index
/// 56  i64   sequence
/// 64  i64   lowest
/// 72  u8    kind
/// 73  u8    token length
/// 74        token, then payload to the end
/// </code>
/// The hash names the whole log up to the entry: two logs with the same hash at an index are the same up to it. It guards against damage
/// and mistakes, not against an adversary.
/// </remarks>
internal readonly struct LogEntry
{
    public const int HeaderBytes = 74;
    public const int MaxTokenBytes = 128;

    private const int HashBytes = 16;
    private readonly ReadOnlyMemory<byte> _frame;

    private LogEntry(ReadOnlyMemory<byte> frame) => _frame = frame;

    public ReadOnlyMemory<byte> Frame => _frame;

    public int Bytes => _frame.Length;

    public UInt128 Hash => BinaryPrimitives.ReadUInt128LittleEndian(_frame.Span);

    public Epoch Epoch => new(Int64(16));

    public long Index => Int64(24);

    public LogPosition Position => new(Epoch, Index);

    public long Timestamp => Int64(32);

    public LogPosition Session => new(new Epoch(Int64(40)), Int64(48));

    public long Sequence => Int64(56);

    public long Lowest => Int64(64);

    public EntryKind Kind => (EntryKind)_frame.Span[72];

    public ReadOnlyMemory<byte> Token => _frame.Slice(HeaderBytes, TokenLength);

    public ReadOnlyMemory<byte> Payload => _frame[(HeaderBytes + TokenLength)..];

    private int TokenLength => _frame.Span[73];

    /// <summary>Builds the entry that follows an entry with <paramref name="previousHash"/>.</summary>
    public static LogEntry Create(LogPosition position, UInt128 previousHash, long timestamp, in EntryDraft draft)
    {
        var frame = new byte[HeaderBytes + draft.Token.Length + draft.Payload.Length];
        var span = frame.AsSpan();
        BinaryPrimitives.WriteInt64LittleEndian(span[16..], position.Epoch.Value);
        BinaryPrimitives.WriteInt64LittleEndian(span[24..], position.Index);
        BinaryPrimitives.WriteInt64LittleEndian(span[32..], timestamp);
        BinaryPrimitives.WriteInt64LittleEndian(span[40..], draft.Session.Epoch.Value);
        BinaryPrimitives.WriteInt64LittleEndian(span[48..], draft.Session.Index);
        BinaryPrimitives.WriteInt64LittleEndian(span[56..], draft.Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(span[64..], draft.Lowest);
        span[72] = (byte)draft.Kind;
        span[73] = checked((byte)draft.Token.Length);
        draft.Token.Span.CopyTo(span[HeaderBytes..]);
        draft.Payload.Span.CopyTo(span[(HeaderBytes + draft.Token.Length)..]);
        BinaryPrimitives.WriteUInt128LittleEndian(span, HashAfter(previousHash, span[HashBytes..]));
        return new LogEntry(frame);
    }

    /// <summary>Takes a frame from the wire or the store; its hash is not checked here.</summary>
    /// <exception cref="MalformedException">It is too short or its fields are impossible.</exception>
    public static LogEntry FromFrame(ReadOnlyMemory<byte> frame)
    {
        if (frame.Length < HeaderBytes)
            throw new MalformedException($"a log entry of {frame.Length} bytes is shorter than its header of {HeaderBytes}");
        var entry = new LogEntry(frame);
        if (entry.TokenLength > MaxTokenBytes || frame.Length < HeaderBytes + entry.TokenLength)
            throw new MalformedException($"a log entry has a token of {entry.TokenLength} bytes; at most {MaxTokenBytes} within its frame are allowed");
        if (entry.Kind is < EntryKind.Command or > EntryKind.Operation)
            throw new MalformedException($"a log entry is of the unknown kind {(byte)entry.Kind}");
        if (entry.Index < 1 || entry.Epoch.Value < 1)
            throw new MalformedException($"a log entry claims position {entry.Position}");
        return entry;
    }

    /// <summary>True when this entry is undamaged and follows an entry with <paramref name="previousHash"/>.</summary>
    public bool Follows(UInt128 previousHash) => HashAfter(previousHash, _frame.Span[HashBytes..]) == Hash;

    public override string ToString() => $"{Kind} {Position}";

    private static UInt128 HashAfter(UInt128 previousHash, ReadOnlySpan<byte> body)
    {
        // The previous hash, folded to 64 bits, is the seed: one pass over the body and no copy.
        var seed = (long)((ulong)previousHash ^ (ulong)(previousHash >> 64));
        return XxHash128.HashToUInt128(body, seed);
    }

    private long Int64(int offset) => BinaryPrimitives.ReadInt64LittleEndian(_frame.Span[offset..]);
}
