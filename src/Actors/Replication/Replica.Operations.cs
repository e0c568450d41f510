using Actors.Replication.Operations;

namespace Actors.Replication;

/// <summary>What an operator asks of the group as a whole: a state to back up, a look through log and state.</summary>
internal abstract partial class Replica
{
    private readonly List<Freeze> _freezes = [];    // wait for what they must have
    private CheckPoint? _checkPoint;                // waits until the log is durable up to it
    private ReplicaCheck? _check;                   // what was found last

    private void OnFreeze(Freeze m)
    {
        _freezes.Add(m);
        AnswerFreezes();
    }

    private void AnswerFreezes()
    {
        for (var i = _freezes.Count - 1; i >= 0; i--)
        {
            var freeze = _freezes[i];
            if (freeze.AtLeast > _applier.Revision)
                continue;
            _freezes.RemoveAt(i);
            var time = DateTimeOffset.FromUnixTimeMilliseconds(_applier.Timestamp);
            freeze.Complete(_applier.Freeze(), new BackupInfo(_environment.Cluster, _settings.Id, _applier.StateMachine, _applier.Revision, time, 0, 0, 0));
        }
    }

    /// <summary>An operation was just applied.</summary>
    private void OnOperation(LogEntry entry)
    {
        if (_table is null || entry.Payload.Span is not [(byte)OperationKind.Check, ..])
            return;     // a check is of the present: not while the log is read back at the start
        _checkPoint?.State.Dispose();
        _checkPoint = new CheckPoint(entry.Position, entry.Hash, _applier.Revision, _applier.Freeze());
        CheckWhenDurable();
    }

    private void CheckWhenDurable()
    {
        if (_checkPoint is not { } point || _log.Durable < point.Position.Index)
            return;
        _checkPoint = null;
        Context.ActorOf(ReplicaChecker.Props(point, _log.Base, _environment.Store.Snapshot(), _keys));
    }
}
