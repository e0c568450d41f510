using Actors.Membership;

namespace Actors.Broadcast;

/// <summary>The settings of one broadcast group, the same on every member.</summary>
public sealed record BroadcastSettings
{
    /// <summary>The longest message, whatever the settings: with what belongs to it, it fits Akka.Remote's frame of 128,000 bytes.</summary>
    public const int MaxMessageBytesLimit = 64 << 10;

    /// <summary>The most members of a group.</summary>
    public const int MaxMembers = 64;

    /// <summary>The group's name.</summary>
    public required GroupId Id { get; init; }

    /// <summary>The nodes whose participants are the group, or found it: 1 to 64, the same on each.</summary>
    public required IReadOnlyList<NodeId> Members { get; init; }

    /// <summary>
    /// Nodes that may join while the group works, beside <see cref="Members"/>, perhaps none; with those at most 64. Then members may also be removed, and who the members are is agreed on. Null,
    /// the default: the members stay as they are. Needs at least reliable, and an order that is not total.
    /// </summary>
    public IReadOnlyList<NodeId>? MayJoin { get; init; }

    /// <summary>What it promises; default reliable, FIFO, omission, direct.</summary>
    public BroadcastSpec Spec { get; init; } = new();

    /// <summary>The longest message in bytes: default and at most 65,536, at least 1.</summary>
    public int MaxMessageBytes { get; init; } = MaxMessageBytesLimit;

    /// <summary>Messages of one sender that are on their way at a time, and how far ahead of what is known one may be: a power of two from 64 to 65,536, default 4,096.</summary>
    public int Window { get; init; } = 4096;

    /// <summary>Bytes of messages that not all members are known to have: above it the slowest member is cut off; at least 1 MiB, default 64 MiB.</summary>
    public long MaxBufferedBytes { get; init; } = 64 << 20;

    /// <summary>How often a member tells another one, drawn at random, what it has; default 1 s, at least 10 ms. What the end of a burst lost is found out so late.</summary>
    public TimeSpan DigestInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a silent member holds back what others may forget; then it is cut off and takes up the stream later. Default 30 s, at least <see cref="DigestInterval"/>.</summary>
    public TimeSpan StabilityTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long messages wait to travel together: default zero, at most 10 s. Total order: on the way to the sequencer they do not wait.</summary>
    public TimeSpan BatchDelay { get; init; }

    /// <summary>How often the sequencer of a total order is heard from; default 50 ms, at least 1 ms.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Silence of the sequencer after which another one is chosen: default 500 ms, at least three heartbeats.</summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The shortest time until something is asked for or sent again, whatever round trips were learned; default 50 ms, at least 1 ms.</summary>
    public TimeSpan MinRetransmit { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Delivered messages kept for listeners that resume: default 10,000, at least 1.</summary>
    public int DeliveredKept { get; init; } = 10_000;

    /// <summary>
    /// Makes what this application makes of the messages, for each life of this member: then a member that comes late or was cut off takes the state of another one. On all members or on
    /// none; null: it goes on without what is forgotten, and listeners are told so. Needs an order, at least reliable, and a group that no log orders.
    /// </summary>
    public Func<IBroadcastState>? State { get; init; }

    /// <summary>Checks every value and combination.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names the setting as it stands in HOCON, and the range.</exception>
    public BroadcastSettings Validated()
    {
        Require(Members.Count is > 0 and <= MaxMembers, "members", $"must name 1 to {MaxMembers} nodes, names {Members.Count}");
        Require(Members.Distinct().Count() == Members.Count, "members", "names a node twice");
        try
        {
            Spec.RequireMembers(Members.Count);
        }
        catch (ArgumentException e)
        {
            Require(false, "members:", e.Message);
        }

        if (MayJoin is not null)
        {
            Require(Members.Concat(MayJoin).Distinct().Count() == Members.Count + MayJoin.Count, "views", "a node that may join is a member, or there twice");
            Require(Members.Count + MayJoin.Count <= MaxMembers, "views", $"are agreed on among at most {MaxMembers} nodes, not {Members.Count + MayJoin.Count}");
            Require(Spec.Reliability is not Reliability.BestEffort, "views", "= agreed needs at least reliable: with best effort a member that learns of another one late drops its messages");
            Require(!Spec.IsTotal, "views", "= agreed is not built for a total order yet: its members are fixed");
        }

        Require(MaxMessageBytes is > 0 and <= MaxMessageBytesLimit, "max-message-bytes", $"must be from 1 to {MaxMessageBytesLimit}, is {MaxMessageBytes}");
        Require(Window is >= 64 and <= 65_536 && System.Numerics.BitOperations.IsPow2(Window), "window", $"must be a power of two from 64 to 65536, is {Window}");
        Require(MaxBufferedBytes >= 1 << 20, "max-buffered-bytes", $"must be at least {1 << 20}, is {MaxBufferedBytes}");
        Require(DigestInterval >= TimeSpan.FromMilliseconds(10), "digest-interval", "must be at least 10 ms");
        Require(StabilityTimeout >= DigestInterval, "stability-timeout", $"must be at least digest-interval ({DigestInterval.TotalMilliseconds} ms), is {StabilityTimeout.TotalMilliseconds} ms");
        Require(BatchDelay >= TimeSpan.Zero && BatchDelay <= TimeSpan.FromSeconds(10), "batch-delay", "must be from 0 ms to 10 s");
        Require(HeartbeatInterval >= TimeSpan.FromMilliseconds(1), "heartbeat-interval", "must be at least 1 ms");
        Require(ElectionTimeout >= 3 * HeartbeatInterval, "election-timeout", $"must be at least three times heartbeat-interval ({HeartbeatInterval.TotalMilliseconds} ms), is {ElectionTimeout.TotalMilliseconds} ms");
        Require(MinRetransmit >= TimeSpan.FromMilliseconds(1), "min-retransmit", "must be at least 1 ms");
        Require(DeliveredKept > 0, "delivered-kept", "must be above 0");
        if (State is not null)
        {
            Require(Spec.Ordering is not Ordering.None, "state", "needs an ordering, at least fifo: without one nothing says which messages it includes");
            Require(Spec.Reliability is not Reliability.BestEffort, "state", "needs at least reliable: with best effort each member has messages of its own");
            Require(Spec.OrderedBy is not Orderer.Log, "state", "is not for a group that a log orders: a replicated group (AddGroup) has a state machine and sends its state");
        }

        return this;
    }

    private void Require(bool condition, string setting, string rule)
    {
        if (condition)
            return;
        BroadcastMetrics.Refused(Id, "a setting");
        throw new ArgumentException($"broadcast group '{Id}': {setting} {rule}");
    }
}
