using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Actors.Replication.Transfer;
using Actors.Wire;

namespace Actors.Replication.Operations;

/// <summary>How far a group has come with the restore of a backup. Replicated state, changed by operation entries only.</summary>
/// <param name="Backup">The backup's id.</param>
/// <param name="Next">The chunk that comes next; <see cref="Clearing"/> while the remains of another backup are removed, <see cref="Complete"/> when all was there.</param>
/// <param name="Revision">The revision at which the backup was made.</param>
internal sealed record Restore(UInt128 Backup, long Next, long Revision)
{
    /// <summary>In place of a chunk's number: the remains of another restore are not all gone, begin once more.</summary>
    public const long Clearing = -1;

    /// <summary>In place of a chunk's number: the backup is restored.</summary>
    public const long Complete = -2;

    /// <summary>Keys that one entry removes of another restore.</summary>
    public const int KeysPerEntry = 1_000;

    /// <summary>True while the group holds only a part of the backup.</summary>
    public bool IsUnderWay => Next != Complete;

    /// <summary>What a command or a query is told meanwhile.</summary>
    public string Line => $"the group holds only a part of a backup ({Math.Max(Next, 0)} chunks of it): run the restore again, it goes on from there";

    /// <summary>Applies an operation of a restore to the state.</summary>
    /// <param name="present">The last restore; null when there was none.</param>
    /// <param name="operation">Begins, adds or ends.</param>
    /// <param name="stateMachine">The type of the group's state machine.</param>
    /// <param name="space">The group's state.</param>
    /// <param name="reply">Gets the number of the chunk that comes next: a chunk that was there already changes nothing.</param>
    /// <returns>The last restore afterwards.</returns>
    /// <exception cref="CommandRejectedException">The group is not empty, the backup is of another state machine, or another backup is being restored.</exception>
    /// <exception cref="MalformedException">The chunk is not one of a backup.</exception>
    public static Restore Apply(Restore? present, in Operation operation, string stateMachine, StateSpace space, IBufferWriter<byte> reply)
    {
        var now = operation.Kind is OperationKind.BeginRestore ? Begin(present, operation, stateMachine, space) : Continued(present, operation, space);
        BinaryPrimitives.WriteInt64LittleEndian(reply.GetSpan(8), now.Next);
        reply.Advance(8);
        return now;
    }

    private static Restore Begin(Restore? present, in Operation operation, string stateMachine, StateSpace space)
    {
        var made = Encoding.UTF8.GetString(operation.Content.Span);
        if (made != stateMachine)
            throw new CommandRejectedException($"the backup is of the state machine {made}, the group has {stateMachine}");
        var isClear = !Machine(space).Any();
        if (present is not { IsUnderWay: true })
            return isClear ? new Restore(operation.Backup, 0, operation.Number) : throw new CommandRejectedException("the group is not empty: a backup is restored into a group that holds no keys");
        if (present.Backup == operation.Backup && present.Next != Clearing)
            return present;

        // What is there came from another backup, of which the rest is not to be had.
        foreach (var (key, _) in Machine(space).Take(KeysPerEntry).ToList())
            space.Set(key, null);
        return new Restore(operation.Backup, Machine(space).Any() ? Clearing : 0, operation.Number);
    }

    private static Restore Continued(Restore? present, in Operation operation, StateSpace space)
    {
        if (present?.Backup != operation.Backup)
            throw new CommandRejectedException("no restore of this backup is under way");
        if (operation.Number != present.Next)
            return present;     // a copy of what was applied, or one chunk too early: the reply says where it stands
        if (operation.Kind is OperationKind.EndRestore)
            return present with { Next = Complete };
        var reader = new ByteReader(operation.Content);
        foreach (var piece in StateRange.Read(ref reader))
            Add(piece, space);
        return present with { Next = present.Next + 1 };
    }

    private static void Add(in StatePiece piece, StateSpace space)
    {
        var key = piece.Key.ToArray();
        if (key is not [StateSpace.MachineSpace, ..])
            throw new MalformedException("a backup has a key that is not of the state machine");
        if (piece.Offset == 0)
        {
            space.Set(key, piece.Bytes.ToArray());
            return;
        }

        var before = space.GetFull(key) ?? [];
        if (before.Length != piece.Offset)
            throw new MalformedException($"a value of a backup goes on at byte {piece.Offset} where it has {before.Length}");
        space.Set(key, [.. before, .. piece.Bytes.Span]);
    }

    private static IEnumerable<KeyValuePair<byte[], byte[]>> Machine(StateSpace space) => space.ScanFull([StateSpace.MachineSpace], [StateSpace.MachineSpace + 1]);
}
