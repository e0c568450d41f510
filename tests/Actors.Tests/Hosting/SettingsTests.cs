using Actors.Hosting;
using Actors.Hosting.Configuration;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Actors.Sample;
using Akka.Configuration;

namespace Actors.Tests.HostingTests;

public class SettingsTests
{
    private const string Good = """
        actors {
          cluster = demo
          node = n1
          data-directory = "data/n1"
          nodes {
            n1 = "127.0.0.1:4051"
            n2 = "127.0.0.1:4052"
            n3 = "127.0.0.1:4053"
          }
          http { port = 8081 }
          client { window = 1024 }
          groups {
            default { commit = all }
          }
        }
        """;

    private static readonly Dictionary<string, Func<IStateMachine>> OwnMachines = new() { ["inventory"] = () => new Inventory() };

    [Theory]
    [InlineData("cluster = demo", "", "actors.cluster is missing: the name of the cluster, such as demo")]
    [InlineData("node = n1", "", "actors.node is missing: the name of this node, such as n1")]
    [InlineData("data-directory = \"data/n1\"", "", "actors.data-directory is missing: the folder of this node's log and state, such as data/n1")]
    [InlineData("node = n1", "nod = n1", "actors.nod is not a setting; did you mean node?")]
    [InlineData("node = n1", "node = n1, quorum = 3", "actors.quorum is not a setting; known are cluster, node, data-directory, nodes, tls, insecure, http, telemetry, client, groups, broadcast, links, directory, store-dispatcher, relay-dispatcher, replica-dispatcher")]
    [InlineData("node = n1", "node = n4", "actors.node = 'n4' is not one of actors.nodes; did you mean n1?")]
    [InlineData("node = n1", "node = frontend", "actors.node = 'frontend' is not one of actors.nodes; known are n1, n2, n3")]
    [InlineData("node = n1", "node { }", "actors.node is a block where a single value belongs")]
    [InlineData("node = n1", "node = \"\"", "actors.node is empty")]
    [InlineData("cluster = demo", "cluster = My_Cluster", "actors.cluster = 'My_Cluster' is not a cluster name: 1 to 64 of a-z, 0-9 and '-', beginning with a letter or digit")]
    [InlineData("n2 = \"127.0.0.1:4052\"", "N2 = \"127.0.0.1:4052\"", "actors: node name 'N2' is not valid: 1 to 64 of a-z, 0-9, '-', '_', '.', beginning with a letter or digit")]
    [InlineData("n2 = \"127.0.0.1:4052\"", "n2 = \"127.0.0.1:4051\"", "actors.nodes: n1 and n2 have the same address 127.0.0.1:4051")]
    [InlineData("n2 = \"127.0.0.1:4052\"", "n2 = \"127.0.0.1\"", "actors.nodes.n2 = 127.0.0.1 is not an address: write host:port with a port from 1 to 65535, such as \"127.0.0.1:4051\"")]
    [InlineData("n2 = \"127.0.0.1:4052\"", "n2 = \"127.0.0.1:70000\"", "actors.nodes.n2 = 127.0.0.1:70000 is not an address: write host:port with a port from 1 to 65535, such as \"127.0.0.1:4051\"")]
    [InlineData("n2 = \"127.0.0.1:4052\"", "n2 = \"10.0.0.2:4052\"", "actors.nodes.n2 = 10.0.0.2:4052 is refused: beyond loopback (127.0.0.1) nodes need TLS and a token (actors.tls.folder, which 'actors certs new' makes), or actors.insecure = on in a network that nobody else can reach")]
    [InlineData("http { port = 8081 }", "http { host = \"0.0.0.0\", port = 8081 }", "actors.http = 0.0.0.0:8081 is refused: beyond loopback (127.0.0.1) nodes need TLS and a token (actors.tls.folder, which 'actors certs new' makes), or actors.insecure = on in a network that nobody else can reach")]
    [InlineData("http { port = 8081 }", "http { port = 4052 }", "actors.http = 127.0.0.1:4052 is the address of n2 in actors.nodes: HTTP needs a port of its own")]
    [InlineData("http { port = 8081 }", "http { port = 0 }", "actors.http.port = 0 is not a port: 1 to 65535")]
    [InlineData("http { port = 8081 }", "http { port = web }", "actors.http.port = web is not a whole number from -2147483648 to 2147483647")]
    [InlineData("http { port = 8081 }", "http { }", "actors.http.port is missing: the TCP port for HTTP, such as 8081")]
    [InlineData("window = 1024", "window = 5000", "actors: client: window must be from 1 to 1024, is 5000")]
    [InlineData("window = 1024", "request-timeout = 10", "actors.client.request-timeout = 10 has no unit: write 10 ms, or another of ms, s, m, h, d")]
    [InlineData("window = 1024", "request-timeout = soon", "actors.client.request-timeout = soon is not a duration: write a number and ms, s, m, h or d, such as 300 ms")]
    [InlineData("window = 1024", "request-timeout = 10 seconds", "actors.client.request-timeout = 10 seconds is not a duration: write a number and ms, s, m, h or d, such as 300 ms")]
    [InlineData("window = 1024", "request-timeout = 99999999999999 d", "actors.client.request-timeout = 99999999999999 d is too long")]
    [InlineData("window = 1024", "request-timeout = 0 ms", "actors: client: request-timeout must be above 0")]
    [InlineData("groups {\n    default { commit = all }\n  }", "", "actors.groups is missing: it names at least one group, such as default { }")]
    [InlineData("default { commit = all }", "Default { }", "actors: group name 'Default' is not valid: 1 to 64 of a-z, 0-9, '-', '_', '.', beginning with a letter or digit")]
    [InlineData("default { commit = all }", "default = all", "actors.groups.default is not a block: write actors.groups.default { ... }")]
    [InlineData("commit = all", "hartbeat-interval = 50 ms", "actors.groups.default.hartbeat-interval is not a setting; did you mean heartbeat-interval?")]
    [InlineData("commit = all", "protocol = paxos", "actors.groups.default.protocol = paxos is not known; known are primary-backup, chain")]
    [InlineData("commit = all", "protocol = primary-bakup", "actors.groups.default.protocol = primary-bakup is not known; did you mean primary-backup?")]
    [InlineData("commit = all", "protocol = chain, min-in-view = 4", "actors: group 'default': min-in-view must be from 1 to the number of members (3), is 4")]
    [InlineData("node = n1", "node = n1, directory { members = [n1] }", "actors.directory is there, but no group takes its views from it: that needs protocol = chain or authority = directory")]
    [InlineData("commit = all", "authority = board", "actors.groups.default.authority = board is not known; known are self, directory")]
    [InlineData("commit = all", "commit = majority, authority = directory", "actors.groups.default.authority = directory is not legal with commit = majority: the directory may begin a view without those who hold a write committed by fewer than all; write commit = all, or authority = self")]
    [InlineData("commit = all", "protocol = chain, authority = self", "actors.groups.default.authority = self is not legal with protocol = chain: its links hold no elections; leave it out, or write directory")]
    [InlineData("commit = all", "authority = directory, reads = lease", "actors.groups.default.reads = lease is not available in a primary-backup group with authority = directory; write barrier, or protocol = chain, or authority = self")]
    [InlineData("commit = all", "protocol = chain, commit = majority", "actors.groups.default.commit = majority is not legal with protocol = chain: a new view of a chain may miss the nodes that hold a write committed by fewer than all; legal are primary-backup with all, majority or one, and chain with all")]
    [InlineData("commit = all", "commit = one", "actors.groups.default.commit = one is not legal with durability = fsync: what one disk holds alone a failover loses, whether synced or not; write commit = majority, or durability = memory with it")]
    [InlineData("commit = all", "commit = quorum", "actors.groups.default.commit = quorum is not known; known are all, majority, one")]
    [InlineData("commit = all", "durability = memory", "actors.groups.default.durability = memory is not legal with commit = all: replicas that forget cannot keep what all once held; write commit = one with it, and know that a failover loses writes")]
    [InlineData("commit = all", "reads = lease, lease-duration = 1 s", "actors: group 'default': lease-duration must be from two heartbeat-intervals (100 ms) to what election-timeout and max-clock-drift allow (297 ms), is 1000 ms")]
    [InlineData("commit = all", "max-clock-drift = 1 %", "actors.groups.default.max-clock-drift = 1 % is not a share: write a number from 0 to 1, such as 0.01")]
    [InlineData("commit = all", "reads = stale", "actors.groups.default.reads = stale is not for a group with durability = fsync: each request may ask for a stale read; write barrier")]
    [InlineData("commit = all", "commit = one\ndurability = memory\nreads = barrier", "actors.groups.default.reads = barrier is not legal with durability = memory: nothing makes a read of a lossy group consistent; write stale")]
    [InlineData("commit = all", "commit = one\ndurability = memory\nreads = lease", "actors.groups.default.reads = lease is not legal with durability = memory: nothing makes a read of a lossy group consistent; write stale")]
    [InlineData("commit = all", "members = [n1, n4]", "actors.groups.default.members = 'n4' is not one of actors.nodes; did you mean n1?")]
    [InlineData("commit = all", "members = n1", "actors.groups.default.members is not a list: write [n1, n2]")]
    [InlineData("commit = all", "members = []", "actors: group 'default': members must name 1 to 32 nodes, names 0")]
    [InlineData("commit = all", "members = [n1]", "actors.groups.default.members names one node, and min-in-view is 2 unless set: name more nodes, or write min-in-view = 1")]
    [InlineData("commit = all", "protocol = chain, members = [n1]", "actors.groups.default.members names one node, and min-in-view is 2 unless set: name more nodes, or write min-in-view = 1")]
    [InlineData("commit = all", "members = [n1, n1]", "actors: group 'default': members names n1 twice")]
    [InlineData("commit = all", "min-in-view = 4", "actors: group 'default': min-in-view must be from 1 to the number of members (3), is 4")]
    [InlineData("commit = all", "election-timeout = 300", "actors.groups.default.election-timeout = 300 has no unit: write 300 ms, or another of ms, s, m, h, d")]
    [InlineData("commit = all", "election-timeout = 100 ms", "actors: group 'default': election-timeout must be at least three times heartbeat-interval (50 ms), is 100 ms")]
    [InlineData("commit = all", "kick-after = 200 ms", "actors: group 'default': kick-after must be at least election-timeout (300 ms), is 200 ms")]
    [InlineData("commit = all", "max-command-bytes = 1 MiB", "actors: group 'default': max-command-bytes must be from 1 to 73728, is 1048576")]
    [InlineData("commit = all", "window-bytes = 4 MBytes", "actors.groups.default.window-bytes = 4 MBytes is not a number of bytes: write such as 65536, 64 KiB or 16 MiB")]
    [InlineData("commit = all", "window-bytes = 4 GiB", "actors.groups.default.window-bytes = 4 GiB is too large: at most 2147483647 bytes")]
    [InlineData("commit = all", "max-sessions = 0", "actors: group 'default': max-sessions must be above 0")]
    [InlineData("commit = all", "max-sessions = 1.5", "actors.groups.default.max-sessions = 1.5 is not a whole number from -2147483648 to 2147483647")]
    [InlineData("commit = all", "state-machine = inventry", "actors.groups.default.state-machine = inventry is not registered; did you mean inventory?")]
    [InlineData("commit = all", "state-machine = ledger", "actors.groups.default.state-machine = ledger is not registered; registered are key-value, inventory")]
    [InlineData("n2 = \"127.0.0.1:4052\"", "n2 = \"0.0.0.0:4052\" }\n  insecure = on\n  nodes {", "actors.nodes.n2 = 0.0.0.0:4052 is no address that other nodes can connect to: write that of the machine, such as \"10.0.0.1:4052\"")]
    [InlineData("cluster = demo", "cluster = demo, telemetry { otlp = here }", "actors.telemetry.otlp = here is not the URL of a collector: write such as \"http://127.0.0.1:4318\"")]
    [InlineData("cluster = demo", "cluster = demo, telemetry { share = 2 }", "actors.telemetry.share = 2 is not a share: write a number from 0 to 1, such as 0.01")]
    [InlineData("cluster = demo", "cluster = demo, insecure = maybe", "actors.insecure = maybe is not a switch: write on or off")]
    public void A_wrong_setting_is_refused_in_one_line_that_names_it(string good, string bad, string message)
    {
        Assert.Contains(good, Good, StringComparison.Ordinal);
        var config = ConfigurationFactory.ParseString(Good.Replace(good, bad, StringComparison.Ordinal));

        Assert.Equal(message, Assert.Throws<ConfigurationException>(() => ReplicationOptions.Read(config, OwnMachines)).Message);
    }

    [Fact]
    public void Insecure_allows_addresses_that_others_can_reach()
    {
        var text = Good.Replace("n2 = \"127.0.0.1:4052\"", "n2 = \"10.0.0.2:4052\"", StringComparison.Ordinal)
            .Replace("http { port = 8081 }", "http { host = \"0.0.0.0\", port = 8081 }\n  insecure = on", StringComparison.Ordinal);

        var settings = ReplicationOptions.Read(ConfigurationFactory.ParseString(text), OwnMachines).Validated();

        Assert.Equal(new NodeAddress("10.0.0.2", 4052), settings.Nodes[new NodeId("n2")]);
        Assert.False(settings.IsLoopback);
    }

    [Fact]
    public void Without_the_block_its_absence_is_named()
    {
        var config = ConfigurationFactory.ParseString("akka.loglevel = INFO");

        Assert.Equal("actors is missing: it holds the settings of this node", Assert.Throws<ConfigurationException>(() => ReplicationOptions.Read(config)).Message);
    }

    [Fact]
    public void What_is_not_set_has_the_defaults_of_the_settings()
    {
        var settings = ReplicationOptions.Read(ConfigurationFactory.ParseString(Good)).Validated();

        var group = Assert.Single(settings.Groups);
        Assert.Equal(Default(group), group);
        Assert.IsType<KeyValueMachine>(group.StateMachine());
        Assert.Equal(new ClientSettings(), settings.Client);
    }

    [Fact]
    public void Every_setting_is_read()
    {
        var config = ConfigurationFactory.ParseString(Good.Replace("commit = all", """
            protocol = primary-backup
                  commit = majority
                  members = [n1, n2]
                  min-in-view = 1
                  heartbeat-interval = 20 ms
                  election-timeout = 0.2 s
                  kick-after = 1 m
                  reads = lease
                  lease-duration = 120 ms
                  max-clock-drift = 0.02
                  max-lag-entries = 15
                  max-lag-bytes = 2 kB
                  max-lag-time = 4 s
                  max-pending-entries = 11
                  max-pending-bytes = 1 kB
                  max-command-bytes = 64 KiB
                  window-bytes = 2 MB
                  log-cache-bytes = 1 GiB
                  log-limit-bytes = 1 MiB
                  transfer-chunk-bytes = 8 KiB
                  transfer-bytes-per-second = 1 MiB
                  state-flush-interval = 10ms
                  max-sessions = 12
                  session-timeout = 2 h
                  token-retention = 3 d
                  max-tokens = 13
                  events-kept = 14
                  state-machine = inventory
            """, StringComparison.Ordinal).Replace("window = 1024", """
            request-timeout = 3 s
              window = 7
              max-queued = 8
              min-retransmit = 9 ms
            """, StringComparison.Ordinal));

        var settings = ReplicationOptions.Read(config, OwnMachines).Validated();

        Assert.Equal("demo", settings.Cluster);
        Assert.Equal(new NodeId("n1"), settings.Node);
        Assert.Equal("data/n1", settings.DataDirectory);
        Assert.Equal(new NodeAddress("127.0.0.1", 8081), settings.Http);
        Assert.Equal(new NodeAddress("127.0.0.1", 4051), settings.Address);
        Assert.Equal(["n1", "n2", "n3"], settings.Nodes.Keys.Select(n => n.Value));
        Assert.Equal(
            new ClientSettings { RequestTimeout = TimeSpan.FromSeconds(3), Window = 7, MaxQueued = 8, MinRetransmit = TimeSpan.FromMilliseconds(9) },
            settings.Client);
        var group = Assert.Single(settings.Groups);
        Assert.IsType<Inventory>(group.StateMachine());
        Assert.Equal([new NodeId("n1"), new NodeId("n2")], group.InitialMembers);
        Assert.Equal(
            new GroupSettings
            {
                Id = new GroupId("default"),
                InitialMembers = group.InitialMembers,
                Commit = CommitRule.Majority,
                MinInView = 1,
                HeartbeatInterval = TimeSpan.FromMilliseconds(20),
                ElectionTimeout = TimeSpan.FromMilliseconds(200),
                KickAfter = TimeSpan.FromMinutes(1),
                Reads = ReadGuard.Lease,
                LeaseDuration = TimeSpan.FromMilliseconds(120),
                MaxClockDrift = 0.02,
                MaxLagEntries = 15,
                MaxLagBytes = 2000,
                MaxLagTime = TimeSpan.FromSeconds(4),
                MaxPendingEntries = 11,
                MaxPendingBytes = 1000,
                MaxCommandBytes = 65_536,
                WindowBytes = 2_000_000,
                LogCacheBytes = 1 << 30,
                LogLimitBytes = 1 << 20,
                TransferChunkBytes = 8192,
                TransferBytesPerSecond = 1 << 20,
                StateFlushInterval = TimeSpan.FromMilliseconds(10),
                MaxSessions = 12,
                SessionTimeout = TimeSpan.FromHours(2),
                TokenRetention = TimeSpan.FromDays(3),
                MaxTokens = 13,
                EventsKept = 14,
                StateMachine = group.StateMachine,
            },
            group);
    }

    [Fact]
    public void Code_and_HOCON_lead_to_the_same_settings()
    {
        var options = new ReplicationOptions
        {
            Cluster = "demo",
            Node = "n1",
            DataDirectory = "data/n1",
            Http = new NodeAddress("127.0.0.1", 8081),
            Nodes = { ["n1"] = "127.0.0.1:4051", ["n2"] = "127.0.0.1:4052", ["n3"] = "127.0.0.1:4053" },
        };
        options.AddGroup("default", () => new KeyValueMachine(), group => group with { MinInView = 2 });

        var inCode = options.Validated();
        var inHocon = ReplicationOptions.Read(ConfigurationFactory.ParseString(Good)).Validated();

        Assert.Equal(inHocon with { Nodes = inCode.Nodes, Groups = inCode.Groups, BroadcastGroups = inCode.BroadcastGroups }, inCode);
        Assert.Equal(inHocon.Nodes, inCode.Nodes);
        Assert.Equal(Default(inHocon.Groups[0]), Default(inCode.Groups[0]) with { InitialMembers = inHocon.Groups[0].InitialMembers, StateMachine = inHocon.Groups[0].StateMachine });
        Assert.Equal(inHocon.Groups[0].InitialMembers, inCode.Groups[0].InitialMembers);
    }

    [Fact]
    public void A_group_that_is_there_twice_is_refused()
    {
        var options = new ReplicationOptions { Cluster = "demo", Node = "n1", DataDirectory = "data/n1", Nodes = { ["n1"] = "127.0.0.1:4051" } };
        options.AddGroup("a", () => new KeyValueMachine());
        options.AddGroup("a", () => new KeyValueMachine());

        Assert.Equal("actors.groups: a is there twice", Assert.Throws<ConfigurationException>(options.Validated).Message);
    }

    [Theory]
    [InlineData("n1", 8081)]
    [InlineData("n2", 8082)]
    [InlineData("n3", 8083)]
    public void The_files_in_config_are_complete_and_show_the_defaults(string node, int httpPort)
    {
        var config = ConfigFile.Load(Path.Combine(AppContext.BaseDirectory, "config", $"{node}.conf"));

        var settings = ReplicationOptions.Read(config).Validated();

        Assert.Equal(node, settings.Node.Value);
        Assert.Equal(new NodeAddress("127.0.0.1", httpPort), settings.Http);
        Assert.Equal(Default(settings.Groups[0]), settings.Groups[0]);
        Assert.Equal(new ClientSettings(), settings.Client);
    }

    [Theory]
    [InlineData("node", "nod", 1)]
    [InlineData("nodes", "ndoes", 1)]
    [InlineData("window", "windows", 1)]
    [InlineData("chain", "train", 2)]
    [InlineData("", "abc", 3)]
    public void The_distance_of_two_words_is_the_number_of_edits(string a, string b, int edits)
    {
        Assert.Equal(edits, Nearest.Edits(a, b));
        Assert.Equal(edits, Nearest.Edits(b, a));
    }

    /// <summary>The settings of a group of which only what must be given is taken from <paramref name="group"/>.</summary>
    private static GroupSettings Default(GroupSettings group) => new() { Id = group.Id, InitialMembers = group.InitialMembers, StateMachine = group.StateMachine };
}
