using System.Globalization;
using System.Text;
using Actors.Hosting;
using Akka.Configuration;

namespace Actors.Node.Up;

/// <summary>One node of a plan.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Remoting">Where its Akka.Remote listens.</param>
/// <param name="Http">Where it serves HTTP.</param>
/// <param name="Folder">Its data; its configuration and log lie beside it.</param>
/// <param name="HasTls">True when it serves by TLS.</param>
internal sealed record PlannedNode(string Name, NodeAddress Remoting, NodeAddress Http, string Folder, bool HasTls = false)
{
    /// <summary>Its configuration, which <c>actors node --config</c> reads.</summary>
    public string ConfigFile => Folder + ".conf";

    /// <summary>What it writes to standard output and error.</summary>
    public string LogFile => Folder + ".log";

    /// <summary>The base URL of its HTTP API.</summary>
    public string Url => $"{(HasTls ? "https" : "http")}://{Http}";
}

/// <summary>A cluster on this machine: each node is the configuration that the user gave, with ports, folder and name of its own.</summary>
/// <param name="ConfigFile">The user's file.</param>
/// <param name="Nodes">The nodes in order.</param>
/// <param name="TlsFolder">Where the file says that their certificates are, as a full path; empty when they have none.</param>
/// <param name="IsInsecure">True when <c>up</c> was told so, whatever the file says.</param>
internal sealed record ClusterPlan(string ConfigFile, IReadOnlyList<PlannedNode> Nodes, string TlsFolder = "", bool IsInsecure = false)
{
    public const string Loopback = "127.0.0.1";

    private const int MaxPort = 65_535;

    /// <summary>Plans a cluster.</summary>
    /// <param name="configFile">A file without what belongs to one node alone, such as <c>config/primary-backup.conf</c>.</param>
    /// <param name="count">The number of nodes; null for as many as the file names, or 3. Beyond the names of the file they are called n1, n2 and so on.</param>
    /// <param name="port">The Akka.Remote port of the first node; the others follow.</param>
    /// <param name="httpPort">The HTTP port of the first node; the others follow.</param>
    /// <param name="folder">Where the nodes keep their data.</param>
    /// <param name="host">The address of this machine that all listen on.</param>
    /// <param name="isInsecure">True to let that be one that others can reach, unprotected.</param>
    /// <exception cref="ConfigurationException">The file cannot be read.</exception>
    /// <exception cref="ArgumentException">The ports overlap or run out of range.</exception>
    public static ClusterPlan Create(string configFile, int? count, int port, int httpPort, string folder, string host = Loopback, bool isInsecure = false)
    {
        var config = Hosting.Configuration.ConfigFile.Load(configFile);
        var listed = Keys(config, "actors.nodes");
        var number = count ?? (listed.Count > 0 ? listed.Count : 3);
        var names = listed.Concat(Enumerable.Range(1, number).Select(i => $"n{i}")).Distinct().Take(number).ToArray();
        if (port + number - 1 > MaxPort || httpPort + number - 1 > MaxPort)
            throw new ArgumentException($"--port and --http-port must leave room for {number} ports up to {MaxPort}");
        if (Math.Abs(port - httpPort) < number)
            throw new ArgumentException($"--port {port} and --http-port {httpPort} overlap: {number} nodes take {number} ports from each");
        var tls = config.GetString("actors.tls.folder", "") is { Length: > 0 } path ? Path.GetFullPath(path) : "";
        return new ClusterPlan(
            Path.GetFullPath(configFile),
            [.. names.Select((name, i) => new PlannedNode(name, new NodeAddress(host, port + i), new NodeAddress(host, httpPort + i), Path.GetFullPath(Path.Combine(folder, name)), tls.Length > 0))],
            tls,
            isInsecure);
    }

    /// <summary>Writes the configuration of every node, and reads it as the node will; answers <see cref="ReplicationOptions.Warning"/>, which is the same for all.</summary>
    /// <exception cref="ConfigurationException">It is not valid; the message is one line.</exception>
    public string? WriteConfigs()
    {
        var config = Hosting.Configuration.ConfigFile.Load(ConfigFile);
        string? warning = null;
        foreach (var node in Nodes)
        {
            File.WriteAllText(node.ConfigFile, ConfigOf(node, config));
            warning = ReplicationOptions.Read(Hosting.Configuration.ConfigFile.Load(node.ConfigFile)).Warning;
        }

        return warning;
    }

    /// <summary>The first address where a node could not listen, and the option that chooses another; null when all are free.</summary>
    public string? CannotListen() => Nodes
        .SelectMany(node => new[] { (Address: node.Remoting, Use: $"for Akka.Remote of {node.Name}; choose others with --port"), (Address: node.Http, Use: $"for HTTP of {node.Name}; choose others with --http-port") })
        .Select(port => port.Address.CanListen(out var error) ? null : $"cannot listen on {port.Address}: {error}; wanted {port.Use}")
        .FirstOrDefault(refusal => refusal is not null);

    private string ConfigOf(PlannedNode node, Config config)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"# Written by 'actors up' at each start: what is not of this file is in the one that it includes.");
        text.AppendLine(CultureInfo.InvariantCulture, $"include {Quote(ConfigFile)}");
        text.AppendLine(CultureInfo.InvariantCulture, $"actors.node = {node.Name}");
        text.AppendLine(CultureInfo.InvariantCulture, $"actors.data-directory = {Quote(node.Folder)}");
        text.AppendLine(CultureInfo.InvariantCulture, $"actors.http.host = {Quote(node.Http.Host)}");
        text.AppendLine(CultureInfo.InvariantCulture, $"actors.http.port = {node.Http.Port}");
        if (IsInsecure)
            text.AppendLine("actors.insecure = on");
        text.AppendLine("actors.nodes = replaced    # a block alone would only add to the one that is included");
        text.AppendLine("actors.nodes {");
        foreach (var other in Nodes)
            text.AppendLine(CultureInfo.InvariantCulture, $"  {other.Name} = {Quote(other.Remoting.ToString())}");
        text.AppendLine("}");
        if (!Keys(config, "actors.nodes").ToHashSet().SetEquals(Nodes.Select(n => n.Name)))
        {
            foreach (var group in Keys(config, "actors.groups"))
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"actors.groups.{group}.members = [{string.Join(", ", Nodes.Select(n => n.Name))}]");
                if (config.GetInt($"actors.groups.{group}.min-in-view", 0) > Nodes.Count)
                    text.AppendLine(CultureInfo.InvariantCulture, $"actors.groups.{group}.min-in-view = {Nodes.Count}");
            }
        }

        return text.ToString();
    }

    private static IReadOnlyList<string> Keys(Config config, string path) =>
        config.GetValue(path) is { } value && value.IsObject() ? [.. value.GetObject().Items.Keys.Order(StringComparer.Ordinal)] : [];

    private static string Quote(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
