using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;

namespace Actors.Tests.ReplicationTests;

public sealed class SettingsTests
{
    public static TheoryData<string, Func<GroupSettings, GroupSettings>> Wrong => new()
    {
        { "members", s => s with { InitialMembers = [] } },
        { "members", s => s with { InitialMembers = [.. Enumerable.Range(0, 33).Select(i => new NodeId($"n{i}"))] } },
        { "members names n1 twice", s => s with { InitialMembers = [new("n1"), new("n2"), new("n1")] } },
        { "protocol", s => s with { Protocol = (Protocol)9 } },
        { "commit", s => s with { Commit = (CommitRule)9 } },
        { "authority must be self or directory", s => s with { Authority = (ViewAuthority)9 } },
        { "authority must be self with commit = majority: the directory may begin a view without those who hold what fewer than all have", s => s with { Commit = CommitRule.Majority, Authority = ViewAuthority.Directory } },
        { "reads must be barrier in a primary-backup group with authority = directory", s => s with { Reads = ReadGuard.Lease, Authority = ViewAuthority.Directory } },
        { "min-in-view", s => s with { MinInView = 0 } },
        { "min-in-view must be from 1 to the number of members (3), is 4", s => s with { MinInView = 4 } },
        { "heartbeat-interval", s => s with { HeartbeatInterval = TimeSpan.FromMilliseconds(0.9) } },
        { "election-timeout must be at least three times heartbeat-interval (50 ms), is 149 ms", s => s with { ElectionTimeout = TimeSpan.FromMilliseconds(149) } },
        { "kick-after must be at least election-timeout (300 ms), is 299 ms", s => s with { KickAfter = TimeSpan.FromMilliseconds(299) } },
        { "reads must be barrier or lease", s => s with { Reads = (ReadGuard)9 } },
        { "max-clock-drift must be from 0 to 0.5, is 0.51", s => s with { MaxClockDrift = 0.51 } },
        { "max-clock-drift must be from 0 to 0.5, is NaN", s => s with { MaxClockDrift = double.NaN } },
        { "lease-duration must be from two heartbeat-intervals (100 ms) to what election-timeout and max-clock-drift allow (297 ms), is 300 ms", s => s with { Reads = ReadGuard.Lease, LeaseDuration = TimeSpan.FromMilliseconds(300) } },
        { "lease-duration must be from two heartbeat-intervals (100 ms)", s => s with { Reads = ReadGuard.Lease, LeaseDuration = TimeSpan.FromMilliseconds(99) } },
        { "max-lag-entries must be above 0", s => s with { MaxLagEntries = 0 } },
        { "max-lag-bytes must be above 0", s => s with { MaxLagBytes = 0 } },
        { "max-lag-time must be above 0", s => s with { MaxLagTime = TimeSpan.Zero } },
        { "max-pending-entries", s => s with { MaxPendingEntries = 0 } },
        { "max-pending-bytes", s => s with { MaxPendingBytes = 0 } },
        { "max-command-bytes", s => s with { MaxCommandBytes = 0 } },
        { "max-command-bytes must be from 1 to 73728, is 73729", s => s with { MaxCommandBytes = 73_729 } },
        { "window-bytes must be at least max-command-bytes (73728), is 73727", s => s with { WindowBytes = 73_727 } },
        { "log-cache-bytes", s => s with { LogCacheBytes = 0 } },
        { "log-limit-bytes", s => s with { LogLimitBytes = 0 } },
        { "transfer-chunk-bytes must be from 64 to 65536, is 63", s => s with { TransferChunkBytes = 63 } },
        { "transfer-chunk-bytes must be from 64 to 65536, is 65537", s => s with { TransferChunkBytes = 65_537 } },
        { "transfer-bytes-per-second must be at least 65536, is 65535", s => s with { TransferBytesPerSecond = 65_535 } },
        { "state-flush-interval", s => s with { StateFlushInterval = TimeSpan.Zero } },
        { "max-sessions", s => s with { MaxSessions = 0 } },
        { "session-timeout", s => s with { SessionTimeout = TimeSpan.Zero } },
        { "token-retention", s => s with { TokenRetention = TimeSpan.Zero } },
        { "max-tokens", s => s with { MaxTokens = 0 } },
        { "events-kept", s => s with { EventsKept = 0 } },
    };

    public static TheoryData<string, Func<GroupSettings, GroupSettings>> AtTheEdge => new()
    {
        { "one member", s => s with { InitialMembers = [new("n1")], MinInView = 1 } },
        { "32 members", s => s with { InitialMembers = [.. Enumerable.Range(0, 32).Select(i => new NodeId($"n{i}"))] } },
        { "all must be in view", s => s with { MinInView = 3 } },
        { "views of the directory", s => s with { Authority = ViewAuthority.Directory, MinInView = 1 } },
        { "the shortest times", s => s with { HeartbeatInterval = TimeSpan.FromMilliseconds(1), ElectionTimeout = TimeSpan.FromMilliseconds(3), KickAfter = TimeSpan.FromMilliseconds(3) } },
        { "the longest lease", s => s with { Reads = ReadGuard.Lease, LeaseDuration = TimeSpan.FromMilliseconds(200), MaxClockDrift = 0.5 } },
        { "a lease that does not count", s => s with { LeaseDuration = TimeSpan.FromMilliseconds(1) } },
        { "the smallest queues", s => s with { MaxPendingEntries = 1, MaxPendingBytes = 1, MaxCommandBytes = 1, WindowBytes = 1, LogCacheBytes = 1 } },
        { "the smallest tables", s => s with { MaxSessions = 1, MaxTokens = 1, EventsKept = 1 } },
    };

    public static TheoryData<string, ClientSettings> WrongClients => new()
    {
        { "request-timeout", new ClientSettings { RequestTimeout = TimeSpan.Zero } },
        { "window must be from 1 to 1024, is 0", new ClientSettings { Window = 0 } },
        { "window must be from 1 to 1024, is 1025", new ClientSettings { Window = 1025 } },
        { "max-queued", new ClientSettings { MaxQueued = 0 } },
        { "min-retransmit", new ClientSettings { MinRetransmit = TimeSpan.Zero } },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void A_value_out_of_range_is_refused_by_the_name_of_group_and_setting(string message, Func<GroupSettings, GroupSettings> change)
        => Assert.StartsWith($"group 'test': {message}", Assert.Throws<ArgumentException>(() => change(Valid()).Validated()).Message, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(AtTheEdge), DisableDiscoveryEnumeration = true)]
    public void The_ends_of_the_ranges_are_allowed(string what, Func<GroupSettings, GroupSettings> change)
        => Assert.True(change(Valid()).Validated() is not null, what);

    [Theory]
    [MemberData(nameof(WrongClients), DisableDiscoveryEnumeration = true)]
    public void A_client_setting_out_of_range_is_refused_by_name(string message, ClientSettings settings)
        => Assert.StartsWith($"client: {message}", Assert.Throws<ArgumentException>(() => settings.Validated()).Message, StringComparison.Ordinal);

    [Fact]
    public void The_defaults_are_valid()
    {
        Valid().Validated();
        new ClientSettings().Validated();
    }

    internal static GroupSettings Valid() => new()
    {
        Id = Entries.Group,
        InitialMembers = [new("n1"), new("n2"), new("n3")],
        StateMachine = () => new KeyValueMachine(),
    };
}
