using Actors.Broadcast;
using Actors.GroupDirectory;
using Actors.Hosting.Configuration;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Actors.Replication.Order;
using Akka.Configuration;

namespace Actors.Hosting;

/// <summary>What one node replicates and with whom. Given in code or read from the HOCON block <c>actors</c>; both are checked by the same rules.</summary>
public sealed class ReplicationOptions
{
    private readonly List<(string Name, Func<BroadcastSettings, BroadcastSettings> With)> _broadcastGroups = [];
    private readonly List<(string Name, Func<IStateMachine> Make, Func<GroupSettings, GroupSettings> With)> _groups = [];

    /// <summary>The cluster's name: nodes of different clusters refuse each other. 1 to 64 of a-z, 0-9 and '-', beginning with a letter or digit.</summary>
    public string Cluster { get; set; } = "";

    /// <summary>This node's name: one of <see cref="Nodes"/>.</summary>
    public string Node { get; set; } = "";

    /// <summary>The folder of this node's log and state; made when it is not there. Belongs to one node and one process at a time.</summary>
    public string DataDirectory { get; set; } = "";

    /// <summary>All nodes, this one among them: name → <c>host:port</c> of its Akka.Remote. Loopback addresses, unless there is <see cref="TlsFolder"/> or <see cref="Insecure"/>.</summary>
    public IDictionary<string, string> Nodes { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// The folder with this node's certificate and key, those that it trusts, and the token of HTTP: see <see cref="NodeIdentity"/>. Empty for connections
    /// that are neither encrypted nor authenticated, which is the default. All nodes have it, or none.
    /// </summary>
    public string TlsFolder { get; set; } = "";

    /// <summary>
    /// True to let Akka.Remote and HTTP listen where others can reach them although connections are neither encrypted nor authenticated: whoever reaches
    /// a port can read and write everything. For networks that nobody else can reach. Default false.
    /// </summary>
    public bool Insecure { get; set; }

    /// <summary>The nodes that hold the views of chains: an odd number, best three or five. Empty (default) for the first five of <see cref="Nodes"/>, or as many as make an odd number.</summary>
    public IReadOnlyList<string> DirectoryMembers { get; set; } = [];

    /// <summary>How this node's clients behave.</summary>
    public ClientSettings Client { get; set; } = new();

    /// <summary>Where the node program serves HTTP; null for nowhere. An application that embeds replication serves what it likes and leaves this alone.</summary>
    public NodeAddress? Http { get; set; }

    /// <summary>Where the node program sends traces by OTLP over HTTP, such as <c>http://127.0.0.1:4318</c>; null for nowhere. An embedding application adds the source <c>Actors</c> to its own.</summary>
    public Uri? Otlp { get; set; }

    /// <summary>Of requests that come without a trace, the share that the node program begins one for. Default 0.01; 0 to 1.</summary>
    public double TraceShare { get; set; } = 0.01;

    /// <summary>Adds a replicated group.</summary>
    /// <param name="name">Its name, the same on every node.</param>
    /// <param name="stateMachine">Makes the state machine of a replica; called once per incarnation of it.</param>
    /// <param name="with">
    /// Changes the settings, which come with all <see cref="Nodes"/> as members, <see cref="GroupSettings.MinInView"/> 2 (1 for a single node) and else the defaults of <see cref="GroupSettings"/>.
    /// </param>
    public void AddGroup(string name, Func<IStateMachine> stateMachine, Func<GroupSettings, GroupSettings>? with = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(stateMachine);
        _groups.Add((name, stateMachine, with ?? (settings => settings)));
    }

    /// <summary>Adds a broadcast group.</summary>
    /// <param name="name">Its name, the same on every node.</param>
    /// <param name="with">Changes the settings, which come with all <see cref="Nodes"/> as members and else the defaults of <see cref="BroadcastSettings"/>.</param>
    public void AddBroadcast(string name, Func<BroadcastSettings, BroadcastSettings>? with = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        _broadcastGroups.Add((name, with ?? (settings => settings)));
    }

    /// <summary>Reads the block <c>actors</c> of <paramref name="config"/>.</summary>
    /// <param name="config">For example from <see cref="ConfigFile.Load"/>.</param>
    /// <param name="stateMachines">State machines by the name that <c>state-machine</c> of a group refers to, beside <c>key-value</c>.</param>
    /// <exception cref="ConfigurationException">A setting is missing, unknown, of the wrong form or out of range; the message is one line that begins with its path.</exception>
    public static ReplicationOptions Read(Config config, IReadOnlyDictionary<string, Func<IStateMachine>>? stateMachines = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        var options = ActorsBlock.Read(config, stateMachines ?? new Dictionary<string, Func<IStateMachine>>());
        options.Validated();
        return options;
    }

    /// <summary>What <see cref="TlsFolder"/> holds; null when it is empty.</summary>
    /// <exception cref="ConfigurationException">As of <see cref="NodeIdentity.Load"/>.</exception>
    public NodeIdentity? LoadIdentity() => TlsFolder.Length > 0 ? NodeIdentity.Load(TlsFolder, Node) : null;

    /// <summary>What is allowed and seldom meant, in one line: a directory of a single or an even number of members. Null when there is nothing to say.</summary>
    /// <exception cref="ConfigurationException">A setting is refused; one line that names it.</exception>
    public string? Warning => Validated().Warning;

    /// <summary>Checks every value and combination.</summary>
    /// <exception cref="ConfigurationException">One line that names the setting as it stands in HOCON.</exception>
    internal NodeSettings Validated()
    {
        try
        {
            return Settings();
        }
        catch (ArgumentException e)
        {
            throw new ConfigurationException($"actors: {e.Message}", e);
        }
    }

    private NodeSettings Settings()
    {
        if (Cluster.Length is 0 or > 64 || !char.IsAsciiLetterOrDigit(Cluster[0]) || !Cluster.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'))
            throw new ConfigurationException($"actors.cluster = '{Cluster}' is not a cluster name: 1 to 64 of a-z, 0-9 and '-', beginning with a letter or digit");
        if (Nodes.Count == 0)
            throw new ConfigurationException("actors.nodes is missing: it names every node and its address, such as n1 = \"127.0.0.1:4051\"");
        var tls = LoadIdentity();
        var nodes = new SortedDictionary<NodeId, NodeAddress>();
        foreach (var (name, text) in Nodes)
            nodes.Add(new NodeId(name), Address(name, text));
        if (nodes.GroupBy(n => n.Value).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new ConfigurationException($"actors.nodes: {string.Join(" and ", twice.Select(n => n.Key))} have the same address {twice.Key}");
        RequireKnown("actors.node", Node);
        if (string.IsNullOrWhiteSpace(DataDirectory))
            throw new ConfigurationException("actors.data-directory is missing: the folder of this node's log and state, such as data/n1");
        if (Http is { } http)
            Listening.RequireAllowed("actors.http", http.ToString(), http.Host, Insecure || tls is { Token.Length: > 0 });
        tls?.RequireHost($"actors.nodes.{Node}", nodes[new NodeId(Node)].Host);
        if (nodes.FirstOrDefault(n => n.Value == Http) is { Key.IsNone: false } taken)
            throw new ConfigurationException($"actors.http = {Http} is the address of {taken.Key} in actors.nodes: HTTP needs a port of its own");
        if (_groups.Count == 0 && _broadcastGroups.Count == 0)
            throw new ConfigurationException("actors.groups is missing: it names at least one group, such as default { }");
        if (_groups.FirstOrDefault(g => g.Name.StartsWith(ReservedGroups.Prefix, StringComparison.Ordinal) && !(HasCatalog && g.Name == GroupCatalog.Name)) is { Name: { } reserved })
            throw new ConfigurationException($"actors.groups: '{reserved}' is not free: names that begin with '{ReservedGroups.Prefix}' are the project's own");
        if (_broadcastGroups.GroupBy(g => g.Name).FirstOrDefault(same => same.Count() > 1) is { } broadcast)
            throw new ConfigurationException($"actors.broadcast: {broadcast.Key} is there twice");
        if (_groups.GroupBy(g => g.Name).FirstOrDefault(same => same.Count() > 1) is { } group)
            throw new ConfigurationException($"actors.groups: {group.Key} is there twice");
        var groups = Groups();
        var broadcastGroups = _broadcastGroups.ConvertAll(g => BroadcastGroup(g.Name, g.With));
        if (broadcastGroups.Exists(g => g.MayJoin is not null))
            groups.Add(ReplicatedRegister.GroupOn(FewNodes()).Validated());
        var logs = broadcastGroups.Where(g => g.Spec.OrderedBy is Orderer.Log).Select(g => ReplicatedOrderer.GroupFor(g.Id, g.Members, g.HeartbeatInterval, g.ElectionTimeout).Validated());
        return new NodeSettings(Cluster, new NodeId(Node), DataDirectory, nodes, [.. groups, .. logs], broadcastGroups, Client.Validated(), Http, tls, Insecure);
    }

    /// <summary>The groups that were added, and the directory when one of them takes its views from it.</summary>
    private List<GroupSettings> Groups()
    {
        var groups = _groups.ConvertAll(g => Group(g.Name, g.Make, g.With));
        if (!groups.Exists(g => g.Authority is ViewAuthority.Directory))
            return DirectoryMembers.Count == 0 ? groups : throw new ConfigurationException("actors.directory is there, but no group takes its views from it: that needs protocol = chain or authority = directory");
        List<NodeId> members = DirectoryMembers.Count > 0 ? [.. DirectoryMembers.Select(m => new NodeId(m))] : FewNodes();
        foreach (var member in members)
            RequireKnown("actors.directory.members", member.Value);
        if (members.Count > 5)
            throw new ConfigurationException($"actors.directory.members names {members.Count} nodes; a directory has at most 5");
        var fastest = groups.Where(g => g.Authority is ViewAuthority.Directory).MinBy(g => g.ElectionTimeout)!;
        groups.Add((DirectoryMachine.Group(members) with
        {
            HeartbeatInterval = fastest.HeartbeatInterval,
            ElectionTimeout = fastest.ElectionTimeout,
            KickAfter = fastest.KickAfter,
        }).Validated());
        return groups;
    }

    /// <summary>The first five nodes, or as many as make an odd number: enough to hold what all agree on.</summary>
    private List<NodeId> FewNodes()
    {
        var most = Math.Min(5, Nodes.Count);
        return [.. Nodes.Keys.Take(most % 2 == 0 ? most - 1 : most).Select(n => new NodeId(n))];
    }

    private BroadcastSettings BroadcastGroup(string name, Func<BroadcastSettings, BroadcastSettings> with)
    {
        var settings = with(new BroadcastSettings { Id = new GroupId(name), Members = [.. Nodes.Keys.Select(n => new NodeId(n))] });
        foreach (var member in settings.Members)
            RequireKnown($"actors.broadcast.{name}.members", member.Value);
        if (settings.Members.Concat(settings.MayJoin ?? []).All(member => member.Value != Node))
            throw new ConfigurationException($"actors.broadcast.{name}.members leaves out this node, '{Node}', which could only join with views = agreed");
        return settings.Validated();
    }

    /// <summary>True when groups can be created while the cluster runs.</summary>
    internal bool HasCatalog { get; private set; }

    /// <summary>Adds the group that holds those that are created later.</summary>
    internal void AddCatalog()
    {
        HasCatalog = true;
        AddGroup(GroupCatalog.Name, () => new Replication.KeyValue.KeyValueMachine());
    }

    /// <summary>The checked settings of a group beside those that were added.</summary>
    /// <exception cref="ArgumentException">As of <see cref="GroupSettings.Validated"/>.</exception>
    internal GroupSettings GroupOf(string name, (Func<IStateMachine> Make, Func<GroupSettings, GroupSettings> With) group) => Group(name, group.Make, group.With);

    private GroupSettings Group(string name, Func<IStateMachine> make, Func<GroupSettings, GroupSettings> with)
    {
        var settings = with(new GroupSettings
        {
            Id = new GroupId(name),
            InitialMembers = [.. Nodes.Keys.Select(n => new NodeId(n))],
            MinInView = Math.Min(2, Nodes.Count),
            StateMachine = make,
        });
        foreach (var member in settings.InitialMembers)
            RequireKnown($"actors.groups.{name}.members", member.Value);
        return settings.Validated();
    }

    private NodeAddress Address(string name, string text)
    {
        if (!NodeAddress.TryParse(text, out var address))
            throw new ConfigurationException($"actors.nodes.{name} = {text} is not an address: write host:port with a port from 1 to 65535, such as \"127.0.0.1:4051\"");
        Listening.RequireAllowed($"actors.nodes.{name}", text, address.Host, Insecure || TlsFolder.Length > 0);
        if (address.IsWildcard)
            throw new ConfigurationException($"actors.nodes.{name} = {text} is no address that other nodes can connect to: write that of the machine, such as \"10.0.0.1:{address.Port}\"");
        return address;
    }

    private void RequireKnown(string setting, string node)
    {
        if (Nodes.ContainsKey(node))
            return;
        var hint = Nearest.To(node, Nodes.Keys) is { } nearest ? $"did you mean {nearest}?" : $"known are {string.Join(", ", Nodes.Keys)}";
        throw new ConfigurationException($"{setting} = '{node}' is not one of actors.nodes; {hint}");
    }
}

/// <summary>The checked settings of one node.</summary>
/// <param name="Nodes">All nodes, in the order of their names.</param>
internal sealed record NodeSettings(
    string Cluster,
    NodeId Node,
    string DataDirectory,
    IReadOnlyDictionary<NodeId, NodeAddress> Nodes,
    IReadOnlyList<GroupSettings> Groups,
    IReadOnlyList<BroadcastSettings> BroadcastGroups,
    ClientSettings Client,
    NodeAddress? Http,
    NodeIdentity? Tls,
    bool Insecure)
{
    public NodeAddress Address => Nodes[Node];

    /// <summary>As of <see cref="ReplicationOptions.Warning"/>.</summary>
    public string? Warning => Groups.FirstOrDefault(g => g.Id == GroupSettings.Directory)?.InitialMembers switch
    {
        null => null,
        [var single] => $"the directory has 1 member ({single}): while that node is down no chain is repaired",
        { Count: var count } even when count % 2 == 0 => $"the directory has {count} members ({string.Join(", ", even)}): one less would survive as many failures",
        _ => null,
    };

    /// <summary>True when others may reach what this node listens on.</summary>
    public bool MayBeReached => Insecure || Tls is not null;

    /// <summary>True when only this machine can reach what this node listens on.</summary>
    public bool IsLoopback => Address.IsLoopback && Http is null or { IsLoopback: true };
}
