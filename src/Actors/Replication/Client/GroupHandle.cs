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
            var primary = await LeaderAsync().ConfigureAwait(false);
            if (primary == target)
                return "";
            if (!primary.IsNone && !asked)
            {
                if (await OrderAsync(complete => new Transfer(primary, target, complete), timeout).ConfigureAwait(false) is not { } refusal)
                    break;
                if (refusal.Length > 0)
                    return refusal;
                asked = true;
            }

            await Task.Delay(20).ConfigureAwait(false);
        }

        return $"{target} did not become primary of group '{id}' within {timeout.TotalSeconds} s";
    }

    /// <summary>Has the group take a node in, or do without it; an empty text when that is certain, the reason when it is not.</summary>
    public async Task<string> ChangeMembersAsync(NodeId node, bool join, TimeSpan timeout)
    {
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < timeout; await Task.Delay(20).ConfigureAwait(false))
        {
            var leader = await LeaderAsync().ConfigureAwait(false);
            if (!leader.IsNone)
            {
                return await OrderAsync(complete => new ChangeMembers(leader, node, join, complete), timeout).ConfigureAwait(false)
                    ?? $"{leader}, which leads group '{id}', has not answered within {timeout.TotalSeconds} s; the status says whether it was done";
            }
        }

        return $"nobody has led group '{id}' for {timeout.TotalSeconds} s";
    }

    private async Task<NodeId> LeaderAsync()
    {
        var statuses = await StatusAsync(TimeSpan.FromMilliseconds(300)).ConfigureAwait(false);
        return statuses.Where(s => s.Role is ReplicaRole.Primary or ReplicaRole.Head).MaxBy(s => s.Epoch)?.Node ?? default;
    }

    /// <summary>Gives an order to whoever leads; the refusal, empty when there is none, or null when no answer came.</summary>
    private async Task<string?> OrderAsync(Func<Action<string>, object> order, TimeSpan timeout)
    {
        var done = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        client(order(refusal => done.TrySetResult(refusal)));
        return await Task.WhenAny(done.Task, Task.Delay(timeout)).ConfigureAwait(false) == done.Task ? await done.Task.ConfigureAwait(false) : null;
    }
}
