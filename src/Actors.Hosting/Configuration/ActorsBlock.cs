using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace Actors.Hosting.Configuration;

/// <summary>The HOCON block <c>actors</c>: its settings, their forms and the presets that users know.</summary>
internal static class ActorsBlock
{
    private const string KeyValue = "key-value";

    public static ReplicationOptions Read(Config config, IReadOnlyDictionary<string, Func<IStateMachine>> stateMachines)
    {
        // The dispatchers are Akka's to read. links is read by WithReliableLinks.
        var actors = SettingsBlock.Of(config, "actors", "cluster", "node", "data-directory", "nodes", "tls", "insecure", "http", "telemetry", "client", "groups", "broadcast", "links", "directory", "store-dispatcher", "relay-dispatcher", "replica-dispatcher");
        var options = new ReplicationOptions
        {
            Cluster = actors.Text("cluster", "the name of the cluster, such as demo"),
            Node = actors.Text("node", "the name of this node, such as n1"),
            DataDirectory = actors.Text("data-directory", "the folder of this node's log and state, such as data/n1"),
            TlsFolder = actors.Has("tls") ? actors.Block("tls", "folder").Text("folder", "what 'actors certs new' makes, such as certs") : "",
            Insecure = actors.Switch("insecure", false),
            Client = Client(actors.Block("client", "request-timeout", "window", "max-queued", "min-retransmit")),
            DirectoryMembers = actors.Has("directory") ? actors.Block("directory", "members").List("members") : [],
            Http = actors.Has("http") ? Http(actors.Block("http", "host", "port")) : null,
        };
        var telemetry = actors.Block("telemetry", "otlp", "share");
        options.Otlp = telemetry.Has("otlp") ? Otlp(telemetry) : null;
        options.TraceShare = telemetry.Share("share", options.TraceShare);
        var nodes = actors.Block("nodes");
        foreach (var name in nodes.Names)
            options.Nodes.Add(name, nodes.Text(name, ""));
        var groups = actors.Block("groups");
        foreach (var name in groups.Names)
        {
            var (make, with) = ReadGroup(groups.Block(name, GroupKeys), stateMachines);
            options.AddGroup(name, make, with);
        }

        var broadcast = actors.Block("broadcast");
        foreach (var name in broadcast.Names)
            BroadcastBlock.Add(options, name, broadcast);
        return options;
    }

    private static ClientSettings Client(SettingsBlock block)
    {
        var defaults = new ClientSettings();
        return new ClientSettings
        {
            RequestTimeout = block.Duration("request-timeout", defaults.RequestTimeout),
            Window = block.Count("window", defaults.Window),
            MaxQueued = block.Count("max-queued", defaults.MaxQueued),
            MinRetransmit = block.Duration("min-retransmit", defaults.MinRetransmit),
        };
    }

    private static Uri Otlp(SettingsBlock block)
    {
        var text = block.Text("otlp", "");
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
            ? uri
            : throw block.Fault("otlp", $"= {text} is not the URL of a collector: write such as \"http://127.0.0.1:4318\"");
    }

    private static NodeAddress Http(SettingsBlock block)
    {
        var host = block.Has("host") ? block.Text("host", "") : "127.0.0.1";
        var port = block.Has("port") ? block.Count("port", 0) : throw block.Fault("port", "is missing: the TCP port for HTTP, such as 8081");
        return port is >= 1 and <= 65_535 ? new NodeAddress(host, port) : throw block.Fault("port", $"= {port} is not a port: 1 to 65535");
    }

    /// <summary>One group by the settings of <paramref name="block"/>, which stands for <c>actors.groups.NAME</c>.</summary>
    /// <exception cref="ConfigurationException">One line that names the setting.</exception>
    public static (Func<IStateMachine> Make, Func<GroupSettings, GroupSettings> With) ReadGroup(string name, HoconValue block, IReadOnlyDictionary<string, Func<IStateMachine>> stateMachines) =>
        ReadGroup(SettingsBlock.Of(block, $"actors.groups.{name}", GroupKeys), stateMachines);

    /// <summary>A protocol as HOCON names it.</summary>
    public static string NameOf(Protocol protocol) => protocol switch
    {
        Protocol.PrimaryBackup => "primary-backup",
        _ => protocol.ToString().ToLowerInvariant(),
    };

    private static readonly string[] GroupKeys =
    [
        "protocol", "commit", "authority", "durability", "reads", "members", "min-in-view", "heartbeat-interval", "election-timeout", "kick-after",
        "lease-duration", "max-clock-drift", "max-lag-entries", "max-lag-bytes", "max-lag-time", "max-pending-entries", "max-pending-bytes", "max-command-bytes", "window-bytes", "log-limit-bytes", "log-cache-bytes",
        "transfer-chunk-bytes", "transfer-bytes-per-second", "state-flush-interval", "max-sessions", "session-timeout", "token-retention", "max-tokens", "events-kept",
        "state-machine",
    ];

    private static (Func<IStateMachine> Make, Func<GroupSettings, GroupSettings> With) ReadGroup(SettingsBlock block, IReadOnlyDictionary<string, Func<IStateMachine>> stateMachines)
    {
        var (protocol, commit, authority, durability, reads) = Preset(block);
        return (StateMachine(block, stateMachines), With);

        GroupSettings With(GroupSettings defaults)
        {
            IReadOnlyList<NodeId> members = block.Has("members") ? [.. block.List("members").Select(m => new NodeId(m))] : defaults.InitialMembers;
            if (members.Count == 1 && defaults.MinInView > 1 && !block.Has("min-in-view"))
                throw block.Fault("members", $"names one node, and min-in-view is {defaults.MinInView} unless set: name more nodes, or write min-in-view = 1");
            return defaults with
            {
                Protocol = protocol,
                Commit = commit,
                Authority = authority,
                Durability = durability,
                Reads = reads,
                LeaseDuration = block.Duration("lease-duration", defaults.LeaseDuration),
                MaxClockDrift = block.Share("max-clock-drift", defaults.MaxClockDrift),
                InitialMembers = members,
                MinInView = block.Count("min-in-view", defaults.MinInView),
                HeartbeatInterval = block.Duration("heartbeat-interval", defaults.HeartbeatInterval),
                ElectionTimeout = block.Duration("election-timeout", defaults.ElectionTimeout),
                KickAfter = block.Duration("kick-after", defaults.KickAfter),
                MaxLagEntries = block.Count("max-lag-entries", defaults.MaxLagEntries),
                MaxLagBytes = block.Bytes("max-lag-bytes", defaults.MaxLagBytes),
                MaxLagTime = block.Duration("max-lag-time", defaults.MaxLagTime),
                MaxPendingEntries = block.Count("max-pending-entries", defaults.MaxPendingEntries),
                MaxPendingBytes = block.Bytes("max-pending-bytes", defaults.MaxPendingBytes),
                MaxCommandBytes = block.SmallBytes("max-command-bytes", defaults.MaxCommandBytes),
                WindowBytes = block.SmallBytes("window-bytes", defaults.WindowBytes),
                TransferChunkBytes = block.SmallBytes("transfer-chunk-bytes", defaults.TransferChunkBytes),
                TransferBytesPerSecond = block.Bytes("transfer-bytes-per-second", defaults.TransferBytesPerSecond),
                LogLimitBytes = block.Bytes("log-limit-bytes", defaults.LogLimitBytes),
                LogCacheBytes = block.Bytes("log-cache-bytes", defaults.LogCacheBytes),
                StateFlushInterval = block.Duration("state-flush-interval", defaults.StateFlushInterval),
                MaxSessions = block.Count("max-sessions", defaults.MaxSessions),
                SessionTimeout = block.Duration("session-timeout", defaults.SessionTimeout),
                TokenRetention = block.Duration("token-retention", defaults.TokenRetention),
                MaxTokens = block.Count("max-tokens", defaults.MaxTokens),
                EventsKept = block.Count("events-kept", defaults.EventsKept),
            };
        }
    }

    /// <summary>The presets users know; the legal combinations are those of the replication rules, 5.1.</summary>
    private static (Protocol Protocol, CommitRule Commit, ViewAuthority Authority, Durability Durability, ReadGuard Reads) Preset(SettingsBlock group)
    {
        var protocol = Word(group, "protocol", ["primary-backup", "chain"]);
        var commit = Word(group, "commit", ["all", "majority", "one"]);
        var authority = Word(group, "authority", protocol == "chain" ? ["directory", "self"] : ["self", "directory"]);
        var durability = Word(group, "durability", ["fsync", "memory"]);
        var lossy = durability == "memory";
        var reads = !group.Has("reads") && lossy ? "stale" : Word(group, "reads", ["barrier", "lease", "stale"]);
        if (protocol == "chain" && commit != "all")
        {
            throw group.Fault("commit", $"= {commit} is not legal with protocol = chain: a new view of a chain may miss the nodes that hold a write committed by fewer than all; "
                + "legal are primary-backup with all, majority or one, and chain with all");
        }

        if (protocol == "chain" && authority == "self")
            throw group.Fault("authority", "= self is not legal with protocol = chain: its links hold no elections; leave it out, or write directory");

        if (authority == "directory" && commit != "all")
        {
            throw group.Fault("authority", $"= directory is not legal with commit = {commit}: the directory may begin a view without those who hold a write committed by fewer than all; "
                + "write commit = all, or authority = self");
        }

        if (authority == "directory" && protocol != "chain" && reads == "lease")
            throw group.Fault("reads", "= lease is not available in a primary-backup group with authority = directory; write barrier, or protocol = chain, or authority = self");

        if (commit == "one" != lossy)
        {
            throw lossy
                ? group.Fault("durability", $"= memory is not legal with commit = {commit}: replicas that forget cannot keep what {commit} once held; write commit = one with it, and know that a failover loses writes")
                : group.Fault("commit", "= one is not legal with durability = fsync: what one disk holds alone a failover loses, whether synced or not; write commit = majority, or durability = memory with it");
        }

        if (reads == "stale" != lossy)
        {
            throw lossy
                ? group.Fault("reads", $"= {reads} is not legal with durability = memory: nothing makes a read of a lossy group consistent; write stale")
                : group.Fault("reads", "= stale is not for a group with durability = fsync: each request may ask for a stale read; write barrier");
        }

        return (
            protocol == "chain" ? Protocol.Chain : Protocol.PrimaryBackup,
            commit switch { "all" => CommitRule.All, "majority" => CommitRule.Majority, _ => CommitRule.One },
            authority == "directory" ? ViewAuthority.Directory : ViewAuthority.Self,
            lossy ? Durability.Memory : Durability.Fsync,
            reads switch { "lease" => ReadGuard.Lease, "stale" => ReadGuard.Stale, _ => ReadGuard.Barrier });
    }

    /// <summary>One of the words; the first one when the setting is not there.</summary>
    internal static string Word(SettingsBlock group, string key, string[] words)
    {
        var word = group.Has(key) ? group.Text(key, "") : words[0];
        if (words.Contains(word))
            return word;
        throw group.Fault(key, $"= {word} is not known; " + (Nearest.To(word, words) is { } nearest ? $"did you mean {nearest}?" : $"known are {string.Join(", ", words)}"));
    }

    private static Func<IStateMachine> StateMachine(SettingsBlock group, IReadOnlyDictionary<string, Func<IStateMachine>> others)
    {
        var name = group.Has("state-machine") ? group.Text("state-machine", "") : KeyValue;
        if (name == KeyValue)
            return () => new KeyValueMachine();
        if (others.TryGetValue(name, out var make))
            return make;
        string[] known = [KeyValue, .. others.Keys.Order(StringComparer.Ordinal)];
        throw group.Fault("state-machine", $"= {name} is not registered; " + (Nearest.To(name, known) is { } nearest ? $"did you mean {nearest}?" : $"registered are {string.Join(", ", known)}"));
    }
}
