using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Actors.Broadcast;
using Actors.Hosting;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Operations;
using Actors.Tests.KeyValue;

namespace Actors.Tests.NodeTests;

/// <summary>A <see cref="DirectGroup"/> for many threads, with watches that stay open, tokens that are remembered, and answers on demand.</summary>
internal sealed class LiveGroup : IReplicatedGroup
{
    private readonly DirectGroup _direct = new();
    private readonly Lock _lock = new();
    private readonly List<Channel<GroupEvent>> _watchers = [];
    private readonly Dictionary<string, (byte[] Command, GroupReply Reply)> _tokens = [];

    public GroupId Id => _direct.Id;

    /// <summary>The answers to the next requests, instead of the machine's.</summary>
    public Queue<GroupReply> Canned { get; } = [];

    /// <summary>Thrown by every write.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Changes up to here are no longer held.</summary>
    public long Compacted { get; set; }

    public List<string> Tokens { get; } = [];

    public ReadMode LastMode => _direct.Mode;

    public int Submitted { get; private set; }

    public int Watchers
    {
        get
        {
            lock (_lock)
                return _watchers.Count;
        }
    }

    public long Index => _direct.Index;

    public async Task<GroupReply> SubmitAsync(ReadOnlyMemory<byte> command, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null)
    {
        await Task.Yield();
        lock (_lock)
        {
            Submitted++;
            if (Failure is not null)
                throw Failure;
            if (Canned.TryDequeue(out var canned))
                return canned;
            var name = System.Text.Encoding.UTF8.GetString(token.Span);
            if (name.Length > 0)
                Tokens.Add(name);
            if (_tokens.TryGetValue(name, out var known))
                return known.Command.AsSpan().SequenceEqual(command.Span) ? known.Reply : new GroupReply(Outcome.TokenReused, default, 0, TimeSpan.Zero, "the token was used with another command");
            var before = _direct.Events.Count;
            var reply = _direct.SubmitAsync(command, token, timeout).Result;
            if (name.Length > 0)
                _tokens.Add(name, (command.ToArray(), reply));
            foreach (var change in _direct.Events.Skip(before))
                _watchers.ForEach(watcher => watcher.Writer.TryWrite(change));
            return reply;
        }
    }

    public async Task<GroupReply> QueryAsync(ReadOnlyMemory<byte> query, ReadMode mode = ReadMode.Linearizable, TimeSpan? timeout = null)
    {
        await Task.Yield();
        lock (_lock)
        {
            if (Canned.TryDequeue(out var canned))
                return canned;
            var reply = _direct.QueryAsync(query, mode, timeout).Result;
            return mode is ReadMode.Stale ? reply with { Age = TimeSpan.FromMilliseconds(12) } : reply;
        }
    }

    public async IAsyncEnumerable<GroupEvent> WatchAsync(ReadOnlyMemory<byte> prefix, long? after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.Yield();
        var watcher = Channel.CreateUnbounded<GroupEvent>();
        lock (_lock)
        {
            if (after < Compacted)
                throw new CompactedException(Compacted);
            foreach (var change in _direct.Events.Where(change => change.Index > (after ?? Index)))
                watcher.Writer.TryWrite(change);
            _watchers.Add(watcher);
        }

        try
        {
            await foreach (var change in watcher.Reader.ReadAllAsync(cancellation))
            {
                if (change.Key.Span.StartsWith(prefix.Span))
                    yield return change;
            }
        }
        finally
        {
            lock (_lock)
                _watchers.Remove(watcher);
        }
    }

    /// <summary>Ends all watches: by <paramref name="reason"/>, or as the end of the replica does.</summary>
    public void EndWatches(Exception? reason = null)
    {
        lock (_lock)
        {
            _watchers.ForEach(watcher => watcher.Writer.TryComplete(reason));
            _watchers.Clear();
        }
    }
}

/// <summary>The replication of a node with one group, whose status and transfers a test decides.</summary>
internal sealed class FakeReplication : IReplication
{
    public LiveGroup Group { get; } = new();

    public NodeId Node { get; } = new("n1");

    public IReadOnlyCollection<GroupId> Groups => [Group.Id];

    public List<ReplicaStatus> Status { get; } = [];

    public string TransferReply { get; set; } = "";

    public List<NodeId> Transfers { get; } = [];

    IReplicatedGroup IReplication.Group(GroupId id) => id == Group.Id ? Group : throw new KeyNotFoundException();

    public Task<IReadOnlyList<ReplicaStatus>> StatusAsync(TimeSpan timeout) => Task.FromResult<IReadOnlyList<ReplicaStatus>>([.. Status.Where(replica => replica.Group == Group.Id)]);

    public async Task<IReadOnlyList<ReplicaStatus>> StatusAsync(GroupId id, TimeSpan timeout) =>
        Status.FindAll(replica => replica.Group == id) is { Count: > 0 } of ? of : id == Group.Id ? [] : throw new KeyNotFoundException($"no group '{id}' is known on {Node}");

    public List<(NodeId Node, bool Join)> Changes { get; } = [];

    public Task<string> JoinAsync(GroupId id, NodeId node, TimeSpan timeout) => Change(node, join: true);

    public Task<string> RemoveAsync(GroupId id, NodeId node, TimeSpan timeout) => Change(node, join: false);

    private Task<string> Change(NodeId node, bool join)
    {
        Changes.Add((node, join));
        return Task.FromResult(TransferReply);
    }

    public Task<string> TransferAsync(GroupId id, NodeId target, TimeSpan timeout)
    {
        Transfers.Add(target);
        return Task.FromResult(TransferReply);
    }

    /// <summary>What a backup or a restore does with the stream.</summary>
    public Func<Stream, Task<BackupInfo>> Operation { get; set; } = _ => throw new OperationFailedException(Outcome.Unavailable, "no primary");

    public GroupCheck? Check { get; set; }

    public Task<BackupInfo> BackupAsync(GroupId id, Stream to, CancellationToken cancellation) => Operation(to);

    public Task<BackupInfo> RestoreAsync(GroupId id, Stream from, CancellationToken cancellation) => Operation(from);

    public string LossReply { get; set; } = "";

    public List<LogPosition> Losses { get; } = [];

    public Task<string> AcceptLossAsync(GroupId id, LogPosition last)
    {
        Losses.Add(last);
        return Task.FromResult(LossReply);
    }

    public Task<GroupCheck> CheckAsync(GroupId id, TimeSpan timeout, CancellationToken cancellation) => Task.FromResult(Check!);
}

/// <summary>One group of the configuration; creations are refused as they are told.</summary>
internal sealed class FakeCatalog : IGroupCatalog
{
    public IReadOnlyList<CatalogGroup> Groups { get; set; } = [new CatalogGroup(new GroupId("default"), "primary-backup", false, new Dictionary<string, string>())];

    public Task<(GroupCreation Result, string Error)> CreateAsync(string name, IReadOnlyDictionary<string, string> settings) =>
        Task.FromResult(Enum.TryParse<GroupCreation>(name, ignoreCase: true, out var result) ? (result, $"{name} it is") : (GroupCreation.Created, ""));
}

/// <summary>A node without broadcast groups.</summary>
internal sealed class NoBroadcast : IBroadcast
{
    public NodeId Node { get; } = new("n1");

    public IReadOnlyCollection<GroupId> Groups => [];

    public IBroadcastGroup Group(GroupId id) => throw new ArgumentException($"there is no broadcast group '{id}'", nameof(id));
}
