using System.IO.Hashing;
using Actors.Membership;
using Actors.Replication.Transfer;
using Actors.Storage;
using Akka.Actor;

namespace Actors.Replication.Operations;

/// <summary>Local → replica: when everything up to <paramref name="AtLeast"/> is applied, hand over the state as it is then. The receiver disposes it.</summary>
internal sealed record Freeze(long AtLeast, Action<FrozenState, BackupInfo> Complete) : INoSerializationVerificationNeeded;

/// <summary>Local → replica: go on alone, without what the others hold. Completes with an empty text when that is durable, or with the reason why not.</summary>
/// <param name="Last">Where the operator has seen this replica's log end.</param>
/// <param name="Complete">Gets the reason.</param>
internal sealed record AcceptLoss(LogPosition Last, Action<string> Complete) : INoSerializationVerificationNeeded;

/// <summary>Checker → its replica: done, and nothing is damaged.</summary>
internal sealed record Checked(ReplicaCheck Result) : INoSerializationVerificationNeeded;

/// <summary>Where a check looks: the replica had applied just this entry.</summary>
/// <param name="Position">The entry.</param>
/// <param name="Hash">Its hash.</param>
/// <param name="Revision">What clients call its index.</param>
/// <param name="State">The state then.</param>
internal sealed record CheckPoint(LogPosition Position, UInt128 Hash, long Revision, FrozenState State);

/// <summary>Looks through a replica's log and state as they are at one entry, a bounded part at a time, from snapshots: the replica goes on meanwhile.</summary>
/// <remarks>Damage is an exception, and takes the replica out of service with it.</remarks>
internal sealed class ReplicaChecker : UntypedActor
{
    private const long BytesPerStep = 4 << 20;

    private readonly CheckPoint _point;
    private readonly LogBase _base;
    private readonly IStoreSnapshot _snapshot;
    private readonly IEnumerator<KeyValuePair<byte[], byte[]>> _log;
    private readonly IEnumerator<KeyValuePair<byte[], byte[]>> _state;
    private readonly XxHash128 _stateHash = new();

    private (long Index, UInt128 Hash) _reached;
    private bool _logDone;
    private long _keys;
    private long _bytes;

    /// <param name="point">What is checked.</param>
    /// <param name="start">Where the replica's log begins.</param>
    /// <param name="snapshot">A store that holds the log up to the point, for it is durable.</param>
    /// <param name="keys">Where the log is.</param>
    public ReplicaChecker(CheckPoint point, LogBase start, IStoreSnapshot snapshot, GroupKeys keys)
    {
        (_point, _base, _snapshot) = (point, start, snapshot);
        _reached = (start.Position.Index, start.Hash);
        _log = snapshot.Scan(Table.Log, keys.Entry(start.Position.Index + 1), keys.Entry(point.Position.Index + 1)).GetEnumerator();
        _state = point.State.Scan([StateSpace.CoreSpace], [StateSpace.MachineSpace + 1]).GetEnumerator();
    }

    public static Props Props(CheckPoint point, LogBase start, IStoreSnapshot snapshot, GroupKeys keys)
        => Akka.Actor.Props.Create(() => new ReplicaChecker(point, start, snapshot, keys));

    protected override void PreStart() => Self.Tell(Step.Instance);

    protected override void PostStop()
    {
        _log.Dispose();
        _state.Dispose();
        _snapshot.Dispose();
        _point.State.Dispose();
    }

    protected override void OnReceive(object message)
    {
        if (message is not Step)
        {
            Unhandled(message);
            return;
        }

        _logDone = _logDone || ReadLog();
        if (_logDone && ReadState())
        {
            var stateHash = _stateHash.GetCurrentHashAsUInt128();
            Context.Parent.Tell(new Checked(new ReplicaCheck(_point.Revision, _point.Hash, stateHash, _reached.Index - _base.Position.Index, _keys, _bytes)));
            Context.Stop(Self);
            return;
        }

        Self.Tell(Step.Instance);
    }

    private bool ReadLog()
    {
        for (var left = BytesPerStep; left > 0;)
        {
            if (!_log.MoveNext())
            {
                // Where the log is cut behind the point, the state stands for it.
                if (_reached.Index < _point.Position.Index || (_reached.Index == _point.Position.Index && _reached.Hash != _point.Hash))
                    throw ReplicatedLog.Damaged(_point.Position.Index, $"the log in the store reaches {_reached.Index}, and its hash there is not that of what was applied");
                return true;
            }

            var entry = ReplicatedLog.Undamaged(ReplicatedLog.Decoded(_log.Current.Value, _reached.Index + 1), _reached.Hash);
            _reached = (entry.Index, entry.Hash);
            left -= entry.Bytes;
        }

        return false;
    }

    private bool ReadState()
    {
        for (var left = BytesPerStep; left > 0;)
        {
            if (!_state.MoveNext())
                return true;
            var (key, value) = _state.Current;
            StateRange.Append(_stateHash, key, value);
            _keys++;
            _bytes += key.Length + value.Length;
            left -= key.Length + value.Length;
        }

        return false;
    }

    private sealed class Step : INoSerializationVerificationNeeded
    {
        public static readonly Step Instance = new();
    }
}
