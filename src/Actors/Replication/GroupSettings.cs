using Actors.Membership;

namespace Actors.Replication;

/// <summary>The replication protocol of a group.</summary>
public enum Protocol : byte
{
    /// <summary>A star: the primary orders, backups acknowledge to the primary, the primary replies.</summary>
    PrimaryBackup = 0,

    /// <summary>A chain: the head orders, each link forwards, the tail replies. Commits by all; its views come from the directory.</summary>
    Chain = 1,
}

/// <summary>Who decides on a group's views.</summary>
public enum ViewAuthority : byte
{
    /// <summary>The group itself: views are entries of its log.</summary>
    Self = 0,

    /// <summary>The group <see cref="GroupSettings.Directory"/> of the same cluster.</summary>
    Directory = 1,
}

/// <summary>When an entry is committed.</summary>
public enum CommitRule : byte
{
    /// <summary>When every member of the newest view holds it durably; a dead member delays writes until it is kicked.</summary>
    All = 0,

    /// <summary>When a majority of the view holds it durably; a dead member delays nothing and is not kicked.</summary>
    Majority = 1,

    /// <summary>
    /// Lossy: an answered write is on the primary, and on the others a moment later; a failover loses what had not got there. Only with <see cref="Durability.Memory"/>.
    /// </summary>
    One = 2,
}

/// <summary>Where a replica keeps log and state.</summary>
public enum Durability : byte
{
    /// <summary>On disk, synced before anything is acknowledged.</summary>
    Fsync = 0,

    /// <summary>In memory. A replica that ends forgets everything, and comes back as a new member; only what it promised in elections is on disk. Only with <see cref="CommitRule.One"/>.</summary>
    Memory = 1,
}

/// <summary>What makes a primary, or the tail of a chain, certain, when it answers a linearizable read, that it still is what it was.</summary>
public enum ReadGuard : byte
{
    /// <summary>A round to a quorum after the read came; in a chain through every link. No clock is trusted.</summary>
    Barrier = 0,

    /// <summary>The promises of a quorum, or in a chain what the directory said, which last for a while: no round, but clocks must keep <see cref="GroupSettings.MaxClockDrift"/>. Without a valid lease as <see cref="Barrier"/>.</summary>
    Lease = 1,

    /// <summary>Nothing does: any replica answers from its state as it is. The only choice of a lossy group, and not one of others.</summary>
    Stale = 2,
}

/// <summary>How one group is replicated. All nodes of a group should have the same settings; the members and the commit rule must be the same.</summary>
/// <remarks>The defaults suit machines in one network with round trips of a few milliseconds.</remarks>
public sealed record GroupSettings
{
    private readonly ViewAuthority _authority;

    /// <summary>The group's name.</summary>
    public required GroupId Id { get; init; }

    /// <summary>The nodes that found the group, at least one. Later members are in the log, not here.</summary>
    public required IReadOnlyList<NodeId> InitialMembers { get; init; }

    /// <summary>Default primary-backup.</summary>
    public Protocol Protocol { get; init; } = Protocol.PrimaryBackup;

    /// <summary>Default all.</summary>
    public CommitRule Commit { get; init; } = CommitRule.All;

    /// <summary>Default fsync.</summary>
    public Durability Durability { get; init; } = Durability.Fsync;

    /// <summary>True when answered writes may be lost: availability was chosen over consistency.</summary>
    public bool IsLossy => Durability is Durability.Memory;

    /// <summary>
    /// Who decides on views. The directory for a chain, whatever is set. For primary-backup by default the group itself; with <see cref="CommitRule.All"/> it may be the directory too: then
    /// the group goes on down to one replica.
    /// </summary>
    public ViewAuthority Authority
    {
        get => Protocol is Protocol.Chain ? ViewAuthority.Directory : _authority;
        init => _authority = value;
    }

    /// <summary>The name of the group that holds the views of others.</summary>
    public static readonly GroupId Directory = new(ReservedGroups.Prefix + "directory");

    /// <summary>Default barrier.</summary>
    public ReadGuard Reads { get; init; } = ReadGuard.Barrier;

    /// <summary>
    /// How long a lease lasts from the sending of the message that a quorum, or the directory, answered. Default 250 ms; at least twice <see cref="HeartbeatInterval"/>, and with
    /// <see cref="MaxClockDrift"/> at most <see cref="ElectionTimeout"/>, or elections would wait for it. Counts only where <see cref="Reads"/> is lease.
    /// </summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// By how much the clock of one node may run faster than another's, as a share: 0.01 means 10 ms in a second. Default 0.01, some 20 times of what
    /// clocks under NTP do; 0 to 0.5. With more drift than that, or a machine whose clock stands still while it is suspended, a lease may give stale reads.
    /// </summary>
    public double MaxClockDrift { get; init; } = 0.01;

    /// <summary>The members below which writes stop rather than go on with fewer copies. Default 2; 1 to the number of initial members.</summary>
    public int MinInView { get; init; } = 2;

    /// <summary>How often the primary lets its backups hear from it. Default 50 ms; 1 ms to a third of <see cref="ElectionTimeout"/>.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Silence after which a backup asks for votes: drawn between this and twice this. Also the check-quorum interval: a primary that hears no quorum for this long steps down. Default 300 ms; above 0.</summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// Silence after which the primary proposes to kick a member (commit rule all; a directory of more than three as well). Its own disk is held to the same: a primary whose write takes
    /// so long falls silent, so that another one takes over (every commit rule). Default 1 s; at least <see cref="ElectionTimeout"/>.
    /// </summary>
    public TimeSpan KickAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Entries by which a member may be behind a majority, for longer than <see cref="ElectionTimeout"/>, before the primary proposes to kick it (commit rule all). Default 5,000; above 0.</summary>
    public int MaxLagEntries { get; init; } = 5_000;

    /// <summary>As <see cref="MaxLagEntries"/>, in bytes. Default 8 MiB; above 0.</summary>
    public long MaxLagBytes { get; init; } = 8 << 20;

    /// <summary>How long a member may lack what a majority holds before the primary proposes to kick it (commit rule all): so slow writes may become. Default 1 s; above 0.</summary>
    public TimeSpan MaxLagTime { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Entries that may wait for their commit before requests are answered Overloaded. Default 10,000; above 0.</summary>
    public int MaxPendingEntries { get; init; } = 10_000;

    /// <summary>Bytes that may wait for their commit before requests are answered Overloaded. Default 16 MiB; above 0.</summary>
    public long MaxPendingBytes { get; init; } = 16 << 20;

    /// <summary>The largest command or query. Default and maximum 72 kB (73,728 bytes), which fits a default Akka.Remote frame.</summary>
    public int MaxCommandBytes { get; init; } = MaxCommandBytesLimit;

    /// <summary>Entry bytes on their way to one backup without an ack. Default 4 MiB; at least <see cref="MaxCommandBytes"/>.</summary>
    public int WindowBytes { get; init; } = 4 << 20;

    /// <summary>Bytes of recent log entries kept in memory for backups that lag a little; older ones are read from the store. Default 16 MiB; above 0.</summary>
    public long LogCacheBytes { get; init; } = 16 << 20;

    /// <summary>Bytes of log entries above which those that the stored state covers are cut off, down to about half. A member that then lacks some is sent the state. Default 256 MiB; above 0.</summary>
    public long LogLimitBytes { get; init; } = 256 << 20;

    /// <summary>Bytes in one message of a state transfer, of which four are on their way at a time. Default and maximum 64 KiB; at least 64.</summary>
    public int TransferChunkBytes { get; init; } = 64 << 10;

    /// <summary>State that one replica fetches in a second, at most, so that a transfer leaves disks and processors to the writes that go on. Default 24 MiB; at least 64 KiB.</summary>
    public long TransferBytesPerSecond { get; init; } = 24 << 20;

    /// <summary>How long applied changes may wait in memory before they are written to the store in one batch. Default 100 ms; above 0.</summary>
    public TimeSpan StateFlushInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Sessions kept; beyond it the least recently used one expires for a new one, which is answered Overloaded while all were used in the last 10 s. Default 10,000; above 0.</summary>
    public int MaxSessions { get; init; } = 10_000;

    /// <summary>Log time after which an unused session expires. Default 1 h; above 0.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Log time for which an idempotency token is remembered. Default 24 h; above 0.</summary>
    public TimeSpan TokenRetention { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Tokens remembered; when full, requests with a new token are answered Overloaded. Default 100,000; above 0.</summary>
    public int MaxTokens { get; init; } = 100_000;

    /// <summary>Published changes held in memory for watchers that resume. Default 10,000; above 0.</summary>
    public int EventsKept { get; init; } = 10_000;

    /// <summary>Makes the state machine of a replica; called once per incarnation.</summary>
    public required Func<IStateMachine> StateMachine { get; init; }

    /// <summary>Heartbeats with nothing to do before a group rests, so that work that comes and goes does not start and stop timers. Fewer only in simulations.</summary>
    internal int QuietHeartbeats { get; init; } = 4;

    internal const int MaxCommandBytesLimit = 72 << 10;

    /// <summary>No lease is so long that anybody needs to promise more.</summary>
    internal static readonly TimeSpan LongestPromise = TimeSpan.FromHours(1);

    /// <summary>Bytes of applied changes that are written to the store without waiting for <see cref="StateFlushInterval"/>.</summary>
    internal const long StateFlushBytes = 4 << 20;

    /// <summary>Entry bytes in one message between replicas: half of Akka.Remote's default frame of 128,000 bytes, so that one entry more still fits.</summary>
    internal const int MaxBatchBytes = 48 << 10;

    /// <summary>Checks every value and combination.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names the setting as it stands in HOCON, and the range.</exception>
    public GroupSettings Validated()
    {
        Require(InitialMembers.Count is > 0 and <= ViewRecord.MaxMembers, "members", $"must name 1 to {ViewRecord.MaxMembers} nodes, names {InitialMembers.Count}");
        var twice = InitialMembers.CountBy(node => node).FirstOrDefault(node => node.Value > 1).Key;
        Require(twice.IsNone, "members", $"names {twice} twice");
        Require(Protocol is Protocol.PrimaryBackup or Protocol.Chain, "protocol", "must be primary-backup or chain");
        Require(Protocol is not Protocol.Chain || Commit is CommitRule.All, "commit", "must be all in a chain: a new view may miss the nodes that hold a write committed by fewer");
        Require(Authority is ViewAuthority.Self or ViewAuthority.Directory, "authority", "must be self or directory");
        Require(Authority is ViewAuthority.Self || Commit is CommitRule.All, "authority", $"must be self with commit = {Commit.ToString().ToLowerInvariant()}: the directory may begin a view without those who hold what fewer than all have");
        Require(Authority is ViewAuthority.Self || Protocol is Protocol.Chain || Reads is ReadGuard.Barrier, "reads", "must be barrier in a primary-backup group with authority = directory: leases are there in chains, and with authority = self");
        Require(Authority is ViewAuthority.Self || Id != Directory, "authority", "must be self: the group that holds the views of others decides on its own");
        Require(Protocol is not Protocol.Chain || Id != Directory, "protocol", "must be primary-backup: the group that holds the views of others decides on its own");
        Require(Commit is CommitRule.All or CommitRule.Majority or CommitRule.One, "commit", "must be all, majority or one");
        Require(Commit is not CommitRule.One || IsLossy, "commit", "must be all or majority with durability = fsync: what one disk holds alone a failover loses, whether synced or not; commit = one goes with durability = memory");
        Require(Commit is CommitRule.One || !IsLossy, "commit", "must be one with durability = memory: replicas that forget cannot keep what all or a majority once held");
        Require(Id != Directory || !IsLossy, "durability", "must be fsync: the group that holds the views of others may lose nothing");
        Require(Reads is ReadGuard.Barrier or ReadGuard.Lease or ReadGuard.Stale, "reads", "must be barrier or lease, or stale with durability = memory");
        Require(Reads is ReadGuard.Stale == IsLossy, "reads", IsLossy ? "must be stale with durability = memory: nothing makes a read of a lossy group consistent" : "must be barrier or lease with durability = fsync: each request may ask for a stale read");
        Require(MaxClockDrift is >= 0 and <= 0.5, "max-clock-drift", $"must be from 0 to 0.5, is {MaxClockDrift}");
        Require(MinInView >= 1 && MinInView <= InitialMembers.Count, "min-in-view", $"must be from 1 to the number of members ({InitialMembers.Count}), is {MinInView}");
        Require(HeartbeatInterval >= TimeSpan.FromMilliseconds(1), "heartbeat-interval", "must be at least 1 ms");
        Require(ElectionTimeout >= 3 * HeartbeatInterval, "election-timeout", $"must be at least three times heartbeat-interval ({HeartbeatInterval.TotalMilliseconds} ms), is {ElectionTimeout.TotalMilliseconds} ms");
        if (Reads is ReadGuard.Lease)
            RequireLeaseFits();
        Require(KickAfter >= ElectionTimeout, "kick-after", $"must be at least election-timeout ({ElectionTimeout.TotalMilliseconds} ms), is {KickAfter.TotalMilliseconds} ms");
        Require(MaxLagEntries > 0, "max-lag-entries", "must be above 0");
        Require(MaxLagBytes > 0, "max-lag-bytes", "must be above 0");
        Require(MaxLagTime > TimeSpan.Zero, "max-lag-time", "must be above 0");
        Require(MaxPendingEntries > 0, "max-pending-entries", "must be above 0");
        Require(MaxPendingBytes > 0, "max-pending-bytes", "must be above 0");
        Require(MaxCommandBytes is > 0 and <= MaxCommandBytesLimit, "max-command-bytes", $"must be from 1 to {MaxCommandBytesLimit}, is {MaxCommandBytes}");
        Require(WindowBytes >= MaxCommandBytes, "window-bytes", $"must be at least max-command-bytes ({MaxCommandBytes}), is {WindowBytes}");
        Require(LogCacheBytes > 0, "log-cache-bytes", "must be above 0");
        Require(LogLimitBytes > 0, "log-limit-bytes", "must be above 0");
        Require(TransferChunkBytes is >= 64 and <= 64 << 10, "transfer-chunk-bytes", $"must be from 64 to {64 << 10}, is {TransferChunkBytes}");
        Require(TransferBytesPerSecond >= 64 << 10, "transfer-bytes-per-second", $"must be at least {64 << 10}, is {TransferBytesPerSecond}");
        Require(StateFlushInterval > TimeSpan.Zero, "state-flush-interval", "must be above 0");
        Require(MaxSessions > 0, "max-sessions", "must be above 0");
        Require(SessionTimeout > TimeSpan.Zero, "session-timeout", "must be above 0");
        Require(TokenRetention > TimeSpan.Zero, "token-retention", "must be above 0");
        Require(MaxTokens > 0, "max-tokens", "must be above 0");
        Require(EventsKept > 0, "events-kept", "must be above 0");
        return this;
    }

    // A promise not to vote that lasts longer than the time-out would delay the election that it is there to allow.
    private void RequireLeaseFits()
    {
        var (shortest, longest) = (2 * HeartbeatInterval, ElectionTimeout / (1 + MaxClockDrift));
        Require(
            LeaseDuration >= shortest && LeaseDuration <= longest,
            "lease-duration",
            $"must be from two heartbeat-intervals ({shortest.TotalMilliseconds} ms) to what election-timeout and max-clock-drift allow ({Math.Floor(longest.TotalMilliseconds)} ms), is {LeaseDuration.TotalMilliseconds} ms");
    }

    private void Require(bool condition, string setting, string rule)
    {
        if (!condition)
            throw new ArgumentException($"group '{Id}': {setting} {rule}");
    }
}

/// <summary>How a node's client of a group behaves.</summary>
public sealed record ClientSettings
{
    /// <summary>How long a request is retried before it is answered Unknown or Unavailable, when the caller names no time. Default 10 s; above 0.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Commands of one client on their way at a time; more wait in its queue. Default 1,024, which is also the maximum: replies of a session are kept for as many.</summary>
    public int Window { get; init; } = MaxWindow;

    /// <summary>Requests that may wait in the client before more are answered Overloaded. Default 10,000; above 0.</summary>
    public int MaxQueued { get; init; } = 10_000;

    /// <summary>The shortest retransmission time-out, whatever round trips were learned. Default 50 ms; above 0.</summary>
    public TimeSpan MinRetransmit { get; init; } = TimeSpan.FromMilliseconds(50);

    internal const int MaxWindow = 1024;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names the setting and the range.</exception>
    public ClientSettings Validated()
    {
        Require(RequestTimeout > TimeSpan.Zero, "request-timeout must be above 0");
        Require(Window is > 0 and <= MaxWindow, $"window must be from 1 to {MaxWindow}, is {Window}");
        Require(MaxQueued > 0, "max-queued must be above 0");
        Require(MinRetransmit > TimeSpan.Zero, "min-retransmit must be above 0");
        return this;
    }

    private static void Require(bool condition, string rule)
    {
        if (!condition)
            throw new ArgumentException($"client: {rule}");
    }
}

/// <summary>Everything a node's replicas are given from outside; a simulation gives others than production does.</summary>
public sealed record ReplicationEnvironment
{
    /// <summary>The cluster's name: nodes of different clusters refuse each other.</summary>
    public required string Cluster { get; init; }

    /// <summary>This node.</summary>
    public required NodeId Node { get; init; }

    /// <summary>The life of this node's data folder.</summary>
    public required Incarnation Incarnation { get; init; }

    /// <summary>The life of one replica on it, which a new actor and a new process begin anew: what it knows besides its store.</summary>
    internal long Life { get; init; }

    /// <summary>This node's store.</summary>
    public required Storage.IStore Store { get; init; }

    /// <summary>The refs of the other nodes.</summary>
    public required IPeers Peers { get; init; }

    /// <summary>This node's clocks.</summary>
    public required Timing.IClock Clock { get; init; }

    /// <summary>Seeds the jitter of this node.</summary>
    public required int Seed { get; init; }

    /// <summary>Texts that the node adds to the status of its replicas, such as <c>pid</c> and <c>http</c>; at most 16 of at most 256 characters.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>All nodes that can hold replicas, this one among them.</summary>
    public required IReadOnlyList<NodeId> Nodes { get; init; }

    /// <summary>Makes the authority over the views of groups that do not decide themselves; given is what passes a message to this node's client of the group <see cref="GroupSettings.Directory"/>.</summary>
    internal Func<Action<object>, IViewAuthority>? ViewAuthority { get; init; }
}
