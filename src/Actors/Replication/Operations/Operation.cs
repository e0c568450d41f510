using Actors.Wire;

namespace Actors.Replication.Operations;

/// <summary>What an operation asks of every replica when it is applied.</summary>
internal enum OperationKind : byte
{
    /// <summary>Nothing, unless a restore is under way, which it says: whoever has applied it has applied all that was answered before it was asked for.</summary>
    Point = 1,

    /// <summary>Look through log and state as they are at this entry; see <see cref="ReplicaCheck"/>.</summary>
    Check = 2,

    /// <summary>Make the group, which must be empty, ready for the backup with this id.</summary>
    BeginRestore = 3,

    /// <summary>Add the chunk of this number to the state.</summary>
    RestoreChunk = 4,

    /// <summary>The backup has no more than this number of chunks: serve again.</summary>
    EndRestore = 5,
}

/// <summary>The payload of an operation entry: what an operator asks of the group as a whole. It takes its place in the log, as commands do.</summary>
/// <param name="Kind">What is asked.</param>
/// <param name="Backup">The id of the backup that is restored, see <see cref="BackupFile"/>; 0 for the other kinds.</param>
/// <param name="Number">The number of a chunk from 0; their count at the end; at the beginning the revision at which the backup was made.</param>
/// <param name="Content">The pieces of a chunk, see <see cref="Transfer.StateRange"/>; at the beginning the type of the state machine that the backup is of.</param>
internal readonly record struct Operation(OperationKind Kind, UInt128 Backup, long Number, ReadOnlyMemory<byte> Content)
{
    public byte[] Encode()
    {
        var writer = new ByteWriter(32 + Content.Length);
        writer.Byte((byte)Kind);
        writer.UInt128(Backup);
        writer.Int64(Number);
        writer.Raw(Content.Span);
        return writer.ToArray();
    }

    /// <exception cref="MalformedException">The bytes are not an operation that this version knows.</exception>
    public static Operation Decode(ReadOnlyMemory<byte> payload)
    {
        var reader = new ByteReader(payload);
        var kind = (OperationKind)reader.Byte();
        if (kind is < OperationKind.Point or > OperationKind.EndRestore)
            throw new MalformedException($"the operation {(byte)kind} is unknown");
        return new Operation(kind, reader.UInt128(), reader.Int64(), payload[^reader.Remaining..]);
    }

    /// <summary>The reply to an operation of a restore: the chunk that comes next; see <see cref="Restore.Apply"/>.</summary>
    public static long ReadReply(ReadOnlyMemory<byte> reply)
    {
        var reader = new ByteReader(reply);
        return reader.Int64();
    }
}
