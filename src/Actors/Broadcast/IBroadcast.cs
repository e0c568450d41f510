using System.Globalization;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Actors.Membership;
using Akka.Actor;

namespace Actors.Broadcast;

/// <summary>The broadcast groups of this node: what an application asks for.</summary>
public interface IBroadcast
{
    /// <summary>This node's name.</summary>
    NodeId Node { get; }

    /// <summary>The groups of the configuration.</summary>
    IReadOnlyCollection<GroupId> Groups { get; }

    /// <summary>A group; the same object for every call.</summary>
    /// <exception cref="KeyNotFoundException">No such group is configured.</exception>
    IBroadcastGroup Group(GroupId id);
}

/// <summary>This node's part in one broadcast group.</summary>
public interface IBroadcastGroup
{
    /// <summary>Its settings, with what it promises and costs in <see cref="BroadcastSettings.Spec"/>.</summary>
    BroadcastSettings Settings { get; }

    /// <summary>Sends a message to all members, this one included; completes when this member has delivered it, or refused it.</summary>
    /// <remarks>What was not refused is sent for as long as this process lives: a caller that waits no longer does not know the outcome.</remarks>
    Task<(BroadcastResult Result, MessageId Id)> BroadcastAsync(ReadOnlyMemory<byte> payload);

    /// <summary>What this member delivers, in order.</summary>
    /// <param name="after">Begins after this position of <see cref="Delivered.Position"/>, 0 for all that is kept; null: with what comes from now on.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="NotKeptException">What follows <paramref name="after"/> is not kept any more, or the reader was too slow.</exception>
    IAsyncEnumerable<Delivered> ListenAsync(long? after = null, CancellationToken cancellation = default);

    /// <summary>Who the members are, as this node knows it.</summary>
    Task<BroadcastView> MembersAsync();

    /// <summary>Takes a node into the group, or the present life of a member that was started again; for a group with <see cref="BroadcastSettings.MayJoin"/>.</summary>
    /// <returns>Empty when it is a member, or one line that says why not.</returns>
    Task<string> JoinAsync(NodeId node);

    /// <summary>Leaves a member out from now on: this one or another, up or down.</summary>
    /// <returns>As of <see cref="JoinAsync"/>.</returns>
    Task<string> RemoveAsync(NodeId node);
}

/// <summary>A listener asked for deliveries that are not kept any more.</summary>
public sealed class NotKeptException : Exception
{
    /// <summary>Creates it with the lowest position after which everything is there, and the last one.</summary>
    public NotKeptException(long completeAfter, long last)
        : base(string.Create(CultureInfo.InvariantCulture, $"listen after a position from {completeAfter} to {last}: this node keeps no other deliveries")) => CompleteAfter = completeAfter;

    /// <summary>Everything after this position is there.</summary>
    public long CompleteAfter { get; }
}

/// <summary>Starts a node's broadcast and hands its groups to the application.</summary>
internal sealed class BroadcastHandle : IBroadcast
{
    private readonly SortedDictionary<GroupId, IBroadcastGroup> _groups = [];

    private BroadcastHandle(NodeId node) => Node = node;

    public NodeId Node { get; }

    public IReadOnlyCollection<GroupId> Groups => _groups.Keys;

    /// <summary>Starts the node's actor in <paramref name="system"/> and returns its handle and ref.</summary>
    public static (BroadcastHandle Handle, IActorRef Node) Start(ActorSystem system, BroadcastEnvironment environment, IReadOnlyList<BroadcastSettings> groups)
    {
        var node = system.ActorOf(BroadcastNode.Props(environment, groups), BroadcastNode.Name);
        var handle = new BroadcastHandle(environment.Node);
        foreach (var group in groups)
            handle._groups.Add(group.Id, new BroadcastGroup(group, message => node.Tell(new ForParticipant(group.Id, message), ActorRefs.NoSender)));
        return (handle, node);
    }

    public IBroadcastGroup Group(GroupId id)
    {
        if (_groups.TryGetValue(id, out var group))
            return group;
        BroadcastMetrics.Refused(default, "an unknown group");
        throw new KeyNotFoundException($"no broadcast group '{id}' is configured on {Node}; there are: {string.Join(", ", _groups.Keys)}");
    }

    private sealed class BroadcastGroup(BroadcastSettings settings, Action<object> participant) : IBroadcastGroup
    {
        private const int Buffered = 10_000;    // deliveries that a slow reader may be behind

        public BroadcastSettings Settings => settings;

        public Task<(BroadcastResult Result, MessageId Id)> BroadcastAsync(ReadOnlyMemory<byte> payload)
        {
            var done = new TaskCompletionSource<(BroadcastResult, MessageId)>(TaskCreationOptions.RunContinuationsAsynchronously);
            participant(new BroadcastRequest(payload, (result, id) => done.TrySetResult((result, id))));
            return done.Task;
        }

        public Task<BroadcastView> MembersAsync()
        {
            var done = new TaskCompletionSource<BroadcastView>(TaskCreationOptions.RunContinuationsAsynchronously);
            participant(new AskMembers(view => done.TrySetResult(view)));
            return done.Task;
        }

        public Task<string> JoinAsync(NodeId node) => ChangeAsync(node, joins: true);

        public Task<string> RemoveAsync(NodeId node) => ChangeAsync(node, joins: false);

        private Task<string> ChangeAsync(NodeId node, bool joins)
        {
            var done = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            participant(new ChangeMembers(node, joins, refusal => done.TrySetResult(refusal)));
            return done.Task;
        }

        public async IAsyncEnumerable<Delivered> ListenAsync(long? after, [EnumeratorCancellation] CancellationToken cancellation)
        {
            var channel = Channel.CreateBounded<Delivered>(new BoundedChannelOptions(Math.Max(Buffered, settings.DeliveredKept)) { SingleReader = true, SingleWriter = true });
            participant(new Listen(after, Take, (completeAfter, last) => channel.Writer.TryComplete(new NotKeptException(completeAfter, last))));
            try
            {
                await foreach (var delivered in channel.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
                    yield return delivered;
            }
            finally
            {
                channel.Writer.TryComplete();       // the next delivery finds it closed and ends the subscription
            }

            bool Take(Delivered delivered)
            {
                if (channel.Writer.TryWrite(delivered))
                    return true;
                channel.Writer.TryComplete(new NotKeptException(delivered.Position, delivered.Position));       // it reads too slowly
                return false;
            }
        }
    }
}
