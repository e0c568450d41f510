using System.Diagnostics;
using Actors.Membership;
using Actors.Replication.Client;

namespace Actors.Replication.Operations;

/// <summary>What an operator does with a whole group, by way of its client and of the replica on this node.</summary>
internal sealed class GroupOperations(GroupHandle group, Action<object> client, Action<object> replica)
{
    /// <summary>How long a step may take before it is given up; the client tries it again and again until then.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>How long a member that does not answer is waited for: one that leaves service says nothing for a moment.</summary>
    private static readonly TimeSpan AbsenceLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Writes the state of this node's replica, once it has everything that is answered by now.</summary>
    public async Task<BackupInfo> BackupAsync(Stream to, CancellationToken cancellation)
    {
        var point = await OperateAsync(new Operation(OperationKind.Point, 0, 0, default), cancellation).ConfigureAwait(false);
        var frozen = new TaskCompletionSource<(FrozenState State, BackupInfo Info)>(TaskCreationOptions.RunContinuationsAsynchronously);
        replica(new Freeze(point.Index, (state, info) =>
        {
            if (!frozen.TrySetResult((state, info)))
                state.Dispose();
        }));
        if (await Task.WhenAny(frozen.Task, Task.Delay(Patience, cancellation)).ConfigureAwait(false) != frozen.Task)
            frozen.TrySetException(new OperationFailedException(Outcome.Unavailable, $"the replica on this node has not reached index {point.Index} of group '{group.Id}'; ask another node"));
        var (state, info) = await frozen.Task.ConfigureAwait(false);
        using (state)
            return await BackupFile.WriteAsync(info, state, to, cancellation).ConfigureAwait(false);
    }

    /// <summary>Checks a backup to its end, then puts it into the log chunk by chunk; a restore that was broken off goes on where it was.</summary>
    public async Task<BackupInfo> RestoreAsync(Stream from, CancellationToken cancellation)
    {
        var start = from.Position;
        var (info, id) = await BackupFile.ReadAsync(from, null, cancellation).ConfigureAwait(false);
        long next;
        do
            next = await StepAsync(OperationKind.BeginRestore, info.Index, System.Text.Encoding.UTF8.GetBytes(info.StateMachine)).ConfigureAwait(false);
        while (next == Restore.Clearing);

        from.Position = start;
        await BackupFile.ReadAsync(
            from,
            async (number, pieces) =>
            {
                if (number >= next)
                    next = await StepAsync(OperationKind.RestoreChunk, number, pieces).ConfigureAwait(false);
            },
            cancellation).ConfigureAwait(false);
        if (await StepAsync(OperationKind.EndRestore, info.Chunks, default).ConfigureAwait(false) != Restore.Complete)
            throw new OperationFailedException(Outcome.Failed, "another restore of the same backup came in between: run it again, it goes on from there");
        return info;

        async Task<long> StepAsync(OperationKind kind, long number, ReadOnlyMemory<byte> content)
            => Operation.ReadReply((await OperateAsync(new Operation(kind, id, number, content), cancellation).ConfigureAwait(false)).Payload);
    }

    /// <summary>Has all replicas look through log and state at one index, and waits for those that can be reached.</summary>
    public async Task<GroupCheck> CheckAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        var index = (await OperateAsync(new Operation(OperationKind.Check, 0, 0, default), cancellation).ConfigureAwait(false)).Index;
        for (var start = Stopwatch.GetTimestamp(); ; await Task.Delay(Pause, cancellation).ConfigureAwait(false))
        {
            var all = await group.StatusAsync(TimeSpan.FromMilliseconds(500)).ConfigureAwait(false);
            List<ReplicaStatus> replicas = [.. all.Where(r => r.Role is not ReplicaRole.Outside)];
            var isComplete = replicas.SelectMany(r => r.Members.Concat(r.Learners)).All(node => replicas.Any(r => r.Node == node));
            var haveLooked = replicas.All(r => r.Role is ReplicaRole.OutOfService or ReplicaRole.Joining || r.Check?.Index >= index);
            var elapsed = Stopwatch.GetElapsedTime(start);
            if ((haveLooked && (isComplete || elapsed > AbsenceLimit)) || elapsed > timeout)
                return new GroupCheck(index, replicas);
        }
    }

    /// <summary>Makes this node's replica the whole group; an empty text when it is, the reason when it is not.</summary>
    public async Task<string> AcceptLossAsync(LogPosition last)
    {
        var done = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        replica(new AcceptLoss(last, refusal => done.TrySetResult(refusal)));
        return await Task.WhenAny(done.Task, Task.Delay(AbsenceLimit)).ConfigureAwait(false) == done.Task
            ? await done.Task.ConfigureAwait(false)
            : $"the replica on this node has not answered within {AbsenceLimit.TotalSeconds} s";
    }

    // A step is the same however often it is applied, so one of unknown fate is simply taken again.
    private async Task<GroupReply> OperateAsync(Operation operation, CancellationToken cancellation)
    {
        for (var start = Stopwatch.GetTimestamp(); ; await Task.Delay(Pause, cancellation).ConfigureAwait(false))
        {
            var done = new TaskCompletionSource<GroupReply>(TaskCreationOptions.RunContinuationsAsynchronously);
            client(new Submit(operation.Encode(), default, null, reply => done.TrySetResult(reply), IsOperation: true));
            var reply = await done.Task.WaitAsync(cancellation).ConfigureAwait(false);
            if (reply.Outcome is Outcome.Ok)
                return reply;
            if (reply.Outcome is Outcome.Failed or Outcome.TooLarge || Stopwatch.GetElapsedTime(start) > Patience)
                throw new OperationFailedException(reply.Outcome, reply.Error);
        }
    }
}
