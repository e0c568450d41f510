using System.Buffers.Binary;
using System.Threading.Channels;
using Actors.Membership;
using Actors.Replication.Client;
using Akka.Actor;

namespace Actors.Replication.Order;

/// <summary>The order that a replicated group keeps, as one of its nodes uses it: writes go to the primary, reads to this node's replica.</summary>
/// <param name="group">The replicated group; see <see cref="GroupFor"/>.</param>
/// <param name="node">The node's actor.</param>
/// <param name="kept">Places that the group keeps for who comes late.</param>
/// <param name="keptBytes">Bytes of entries that it keeps at most.</param>
internal sealed class ReplicatedOrderer(GroupId group, IActorRef node, long kept, long keptBytes) : IOrderer
{
    /// <summary>Runs published lately that are held for followers that lag; beyond it they read.</summary>
    private const int EventsKept = 256;

    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(2);

    /// <summary>The name of the group that orders for <paramref name="user"/>.</summary>
    public static GroupId NameFor(GroupId user) => new($"{ReservedGroups.Prefix}order.{user}");

    /// <summary>The group that orders for <paramref name="user"/>, on its members.</summary>
    public static GroupSettings GroupFor(GroupId user, IReadOnlyList<NodeId> members, TimeSpan heartbeatInterval, TimeSpan electionTimeout) => new()
    {
        Id = NameFor(user),
        InitialMembers = members,
        Commit = CommitRule.Majority,
        MinInView = 1,
        HeartbeatInterval = heartbeatInterval,
        ElectionTimeout = electionTimeout,
        KickAfter = 3 * electionTimeout,
        EventsKept = EventsKept,
        StateMachine = () => new OrderMachine(),
    };

    public void Order(NodeId sender, long incarnation, long first, IReadOnlyList<ReadOnlyMemory<byte>> entries, Action<OrderOutcome, string> complete)
    {
        var command = OrderCodec.WriteCommand(new OrderedEntries(0, sender, incarnation, first, entries), kept, keptBytes);
        Client(new Submit(command, default, null, reply => complete(
            reply.Outcome switch
            {
                Outcome.Ok => OrderOutcome.Ordered,
                Outcome.Failed or Outcome.TooLarge => OrderOutcome.Refused,
                _ => OrderOutcome.Unknown,
            },
            reply.Error)));
    }

    public void Read(long after, Action<OrderPage?> complete)
    {
        var query = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(query, after);
        Client(new Query(query, ReadMode.Stale, ReadTimeout, reply => complete(reply.Outcome is Outcome.Ok ? OrderCodec.ReadPage(reply.Payload) : null)));
    }

    public IDisposable Follow(Action<OrderedEntries> listener)
    {
        var follower = new Follower(listener, this);
        Replica(new Subscribe(OrderMachine.RunPrefix, null, follower));
        return follower;
    }

    private void Client(object message) => node.Tell(new ForClient(group, message), ActorRefs.NoSender);

    private void Replica(object message) => node.Tell(new ForReplica(group, message), ActorRefs.NoSender);

    /// <summary>A watcher that passes on what it gets, where others have a queue.</summary>
    private sealed class Follower(Action<OrderedEntries> listener, ReplicatedOrderer orderer) : ChannelWriter<GroupEvent>, IDisposable
    {
        public override bool TryWrite(GroupEvent item)
        {
            listener(OrderCodec.ReadRun(item.Payload));
            return true;
        }

        public override ValueTask<bool> WaitToWriteAsync(CancellationToken cancellationToken = default) => new(true);

        public void Dispose() => orderer.Replica(new Unsubscribe(this));
    }
}
