using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Client;
using Actors.Replication.Operations;
using Actors.Replication.Transfer;
using Actors.Storage;
using Actors.Wire;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>What an operator does to a group while a run goes on, through a client outside of it.</summary>
internal sealed class SwarmOperator
{
    private const string AllRestarted = "all nodes were restarted one after the other";
    private const string BackedUp = "a backup was made";
    private const string WentOnAlone = "a group that lost its quorum went on from one replica";
    private const int Looks = 20;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);

    private readonly Simulation _simulation;
    private readonly SimGroup _group;
    private readonly IActorRef _client;
    private readonly Dictionary<NodeId, int> _repairs = [];
    private bool _isOff;

    public SwarmOperator(Simulation simulation, SimGroup group, IActorRef client)
    {
        (_simulation, _group, _client) = (simulation, group, client);
        string[] all = group.Settings.IsLossy ? [AllRestarted] : [AllRestarted, BackedUp, WentOnAlone];
        foreach (var name in all)
            simulation.Sometimes(name);
    }

    /// <summary>Begins what <paramref name="kind"/> names; returns what ends it, where that takes something.</summary>
    public Action? Begin(FaultKind kind, IReadOnlyList<NodeId> targets)
    {
        switch (kind)
        {
            case FaultKind.HandOver:
                _client.Tell(new Actors.Replication.Client.Transfer(targets[0], targets.Count > 1 ? targets[1] : default, _ => { }), ActorRefs.NoSender);
                return null;
            case FaultKind.Removal:
                Change(_group.Primary, targets[0], join: false);
                return () => Change(_group.Primary, targets[0], join: true);
            case FaultKind.RollingRestart:
                RestartNext(new Queue<NodeId>(_group.Nodes.OrderBy(node => node == _group.Primary)));
                return null;
            case FaultKind.Backup:
                BackUp(targets[0]);
                return null;
            default:
                throw new ArgumentException($"{kind} is nothing that an operator does", nameof(kind));
        }
    }

    /// <summary>Restarts nothing any more.</summary>
    public void Stop() => _isOff = true;

    /// <summary>Has <paramref name="leader"/>, if there is one, take a node in, or remove it.</summary>
    public void Change(NodeId leader, NodeId node, bool join)
    {
        if (!leader.IsNone)
            _client.Tell(new ChangeMembers(leader, node, join, _ => { }), ActorRefs.NoSender);
    }

    /// <summary>Of a node that is out of service: starts it again; when it still says that it is damaged, starts it with an empty disk.</summary>
    public void Repair(NodeId id)
    {
        var node = _simulation.Node(id);
        _repairs[id] = _repairs.GetValueOrDefault(id) + 1;
        node.Crash();
        if (_repairs[id] > 1)
            node.Disk.Wipe();
        node.Restart();
    }

    /// <summary>True when <see cref="AcceptLoss"/> has come to an end.</summary>
    public bool LossEnded { get; private set; }

    /// <summary>True when the group goes on from one replica.</summary>
    public bool LossAccepted { get; private set; }

    /// <summary>
    /// Has the group go on from the replica that is ahead, of those that hold all that was answered: that is what a run can be held to afterwards. False when
    /// there is none.
    /// </summary>
    public bool AcceptLoss()
    {
        if (!_group.Nodes.Any(_group.HoldsAllAnswered))
            return false;
        _client.Tell(
            new CollectStatus(Pause, statuses =>
            {
                var best = statuses.Where(s => s.Role is not ReplicaRole.OutOfService && _group.HoldsAllAnswered(s.Node)).MaxBy(s => (s.LastEpoch, s.LastIndex));
                if (best is null)
                    LossEnded = true;
                else
                    _simulation.Node(best.Node).Actor(ReplicationNode.Name).Tell(new ForReplica(_group.Settings.Id, new AcceptLoss(new LogPosition(best.LastEpoch, best.LastIndex), refusal => OnLossAccepted(best.Node, refusal))), ActorRefs.NoSender);
            }),
            ActorRefs.NoSender);
        return true;
    }

    private void OnLossAccepted(NodeId node, string refusal)
    {
        (LossEnded, LossAccepted) = (true, refusal.Length == 0);
        if (!LossAccepted)
            return;
        _group.OnLossAccepted(node);
        _simulation.Reached(WentOnAlone);
    }

    /// <summary>One node after the other hands over what it leads and starts again, the next one when the group is whole; gives up when a node is down, or does not become a member again.</summary>
    private void RestartNext(Queue<NodeId> left)
    {
        if (!left.TryDequeue(out var id))
        {
            _simulation.Reached(AllRestarted);
            return;
        }

        var node = _simulation.Node(id);
        if (_isOff || !node.IsUp)
            return;
        var life = node.CurrentLife;
        _group.PrepareToStop(id, () => _simulation.After(TimeSpan.Zero, () =>
        {
            if (_isOff || node.CurrentLife != life)
                return;     // it crashed meanwhile
            node.Crash();
            _simulation.After(Pause, () =>
            {
                if (!node.IsUp)
                    node.Restart();
                WhenWhole(Looks, () => RestartNext(left));
            });
        }));
    }

    private void WhenWhole(int looks, Action then)
    {
        if (looks == 0 || _isOff)
            return;
        _client.Tell(
            new CollectStatus(Pause, statuses => _simulation.After(Pause, () =>
            {
                if (statuses.Count == _group.Nodes.Count && statuses.All(s => s.Role is ReplicaRole.Primary or ReplicaRole.Backup or ReplicaRole.Head or ReplicaRole.Middle or ReplicaRole.Tail or ReplicaRole.Outside))
                    then();
                else
                    WhenWhole(looks - 1, then);
            })),
            ActorRefs.NoSender);
    }

    /// <summary>As <see cref="GroupOperations.BackupAsync"/>, step by step: a point in the log, then the state of the node's replica when it has that.</summary>
    private void BackUp(NodeId node)
    {
        var answered = _group.LastAnswered;
        var point = new Operation(OperationKind.Point, 0, 0, default).Encode();
        _client.Tell(new Submit(point, default, null, OnPoint, IsOperation: true), ActorRefs.NoSender);

        void OnPoint(GroupReply reply)
        {
            if (reply.Outcome is Outcome.Ok && _simulation.Node(node).IsUp)
                _simulation.Node(node).Actor(ReplicationNode.Name).Tell(new ForReplica(_group.Settings.Id, new Freeze(reply.Index, OnFrozen)), ActorRefs.NoSender);
        }

        void OnFrozen(FrozenState state, BackupInfo info)
        {
            using (state)
                Check(state, info);
        }

        void Check(FrozenState state, BackupInfo info)
        {
            _simulation.World.Require(info.Index >= answered, "Backups Are Complete", $"the backup is of {info.Index}, entry {answered} was answered before it was asked for");
            var kept = new KeptState();
            using (var file = new MemoryStream())
            {
                // Nothing waits: the file is in memory.
                BackupFile.WriteAsync(info, state, file, default).GetAwaiter().GetResult();
                file.Position = 0;
                BackupFile.ReadAsync(file, (_, chunk) => { kept.Add(chunk); return Task.CompletedTask; }, default).GetAwaiter().GetResult();
            }

            _group.RequireStateAt(info.Index, kept, "Backups Are Of One Index");
            _simulation.Reached(BackedUp);
        }
    }

    /// <summary>The state in a backup.</summary>
    private sealed class KeptState : IStateReader
    {
        private readonly SortedDictionary<byte[], byte[]> _pairs = new(BytesComparer.Instance);

        public void Add(ReadOnlyMemory<byte> chunk)
        {
            var reader = new ByteReader(chunk);
            foreach (var piece in StateRange.Read(ref reader))
            {
                var key = piece.Key.ToArray()[1..];      // without the byte that says whose it is
                if (piece.Offset == 0)
                    _pairs.Add(key, new byte[piece.Total]);
                piece.Bytes.CopyTo(_pairs[key].AsMemory(piece.Offset));
            }
        }

        public byte[]? Get(ReadOnlySpan<byte> key) => _pairs.GetValueOrDefault(key.ToArray());

        public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(byte[] from, byte[]? to) => _pairs.Where(
            pair => BytesComparer.Instance.Compare(pair.Key, from) >= 0 && (to is null || BytesComparer.Instance.Compare(pair.Key, to) < 0));
    }
}
