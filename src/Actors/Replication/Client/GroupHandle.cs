using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Actors.Membership;
using Actors.Replication.Operations;

namespace Actors.Replication.Client;

/// <summary>The task-based face of a <see cref="GroupClient"/>.</summary>
/// <param name="id">The group.</param>
/// <param name="client">Tells its client actor.</param>
/// <param name="replica">Tells the replica of this node, which serves watches; null for a client outside the cluster.</param>
internal sealed class GroupHandle(GroupId id, Action<object> client, Action<object>? replica) : IReplicatedGroup
{
    /// <summary>Changes that may wait for a slow watcher before it is cut off.</summary>
    private const int WatchBuffer = 10_000;

    public GroupId Id => id;

    /// <summary>What an operator does; for a node of the group.</summary>
    public GroupOperations Operations => new(this, client, replica ?? throw new NotSupportedException("a group is operated on a node of it; this client is outside the cluster"));

    public Task<GroupReply> SubmitAsync(ReadOnlyMemory<byte> command, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null)
    {
        var done = new TaskCompletionSource<GroupReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        var span = Tracing.StartClient(id);
        client(new Submit(command, token, timeout, Complete) { Trace = span?.Context ?? default });
        return done.Task;

        void Complete(GroupReply reply)
        {
            if (span is not null)
                Tracing.End(span.SetTag("actors.outcome", reply.Outcome.ToString()));
            done.TrySetResult(reply);
        }
    }

    public Task<GroupReply> QueryAsync(ReadOnlyMemory<byte> query, ReadMode mode = ReadMode.Linearizable, TimeSpan? timeout = null)
    {
        var done = new TaskCompletionSource<GroupReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        client(new Query(query, mode, timeout, reply => done.TrySetResult(reply)));
        return done.Task;
    }

    public async IAsyncEnumerable<GroupEvent> WatchAsync(ReadOnlyMemory<byte> prefix, long? after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (replica is null)
            throw new NotSupportedException("changes are watched on a node of the group; this client is outside the cluster");
        var channel = Channel.CreateBounded<GroupEvent>(new BoundedChannelOptions(WatchBuffer) { SingleReader = true, SingleWriter = true });
        replica(new Subscribe(prefix, after, channel.Writer));
        try
        {
            await foreach (var change in channel.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
                yield return change;
        }
        finally
        {
            replica(new Unsubscribe(channel.Writer));
        }
    }

    public Task<IReadOnlyList<ReplicaStatus>> StatusAsync(TimeSpan timeout)
    {
        var done = new TaskCompletionSource<IReadOnlyList<ReplicaStatus>>(TaskCreationOptions.RunContinuationsAsynchronously);
        client(new CollectStatus(timeout, statuses => done.TrySetResult(statuses)));
        return done.Task;
    }

    /// <summary>Hands over and waits until the new primary serves; an empty text when it does, the reason when it does not.</summary>
    public async Task<string> TransferAsync(NodeId target, TimeSpan timeout)
    {
        var start = Stopwatch.GetTimestamp();
        var asked = false;
        while (Stopwatch.GetElapsedTime(start) < timeout)
        {
            var statuses = await StatusAsync(TimeSpan.FromMilliseconds(300)).ConfigureAwait(false);
            var primary = statuses.Where(s => s.Role is ReplicaRole.Primary).MaxBy(s => s.Epoch);
            if (primary?.Node == target)
                return "";
            if (primary is not null && !asked)
            {
                var done = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
                client(new Transfer(primary.Node, target, refusal => done.TrySetResult(refusal)));
                if (await Task.WhenAny(done.Task, Task.Delay(timeout)).ConfigureAwait(false) != done.Task)
                    break;
                var refusal = await done.Task.ConfigureAwait(false);
                if (refusal.Length > 0)
                    return refusal;
                asked = true;
            }

            await Task.Delay(20).ConfigureAwait(false);
        }

        return $"{target} did not become primary of group '{id}' within {timeout.TotalSeconds} s";
    }
}
