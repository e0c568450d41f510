using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Actors.Membership;

namespace Actors.Storage;

/// <summary>Whose data a folder holds: a folder belongs to one node of one cluster for ever.</summary>
public sealed record StoreIdentity
{
    /// <summary>Checks and joins the two names.</summary>
    /// <param name="cluster">The cluster's name: not empty, one line.</param>
    /// <param name="node">The node's name.</param>
    /// <exception cref="ArgumentException">The cluster's name is empty or has a control character, or <paramref name="node"/> names no node.</exception>
    public StoreIdentity(string cluster, NodeId node)
    {
        ArgumentException.ThrowIfNullOrEmpty(cluster);
        if (cluster.Any(char.IsControl))
            throw new ArgumentException("the cluster name has a control character; it must be one line of text", nameof(cluster));
        if (node.IsNone)
            throw new ArgumentException("a data folder belongs to a node; the node name is missing", nameof(node));
        Cluster = cluster;
        Node = node;
    }

    /// <summary>The cluster's name.</summary>
    public string Cluster { get; }

    /// <summary>The node's name.</summary>
    public NodeId Node { get; }

    /// <inheritdoc/>
    public override string ToString() => $"node '{Node}' of cluster '{Cluster}'";
}

/// <summary>The file that says whose data a folder holds: five lines of text, the last a checksum of those before it.</summary>
internal static class IdentityFile
{
    private const string Title = "actors data folder, format ";
    private const int Format = 3;

    public static void Write(string path, StoreIdentity identity, Incarnation incarnation)
    {
        var text = $"{Title}{Format}\ncluster {identity.Cluster}\nnode {identity.Node}\nincarnation {incarnation}\n";
        Durable.WriteFile(path, Encoding.UTF8.GetBytes($"{text}checksum {Checksum(text)}\n"));
    }

    /// <exception cref="DataFolderException">The format is of another version of the program.</exception>
    /// <exception cref="StoreFailedException">The file is damaged.</exception>
    public static (StoreIdentity Identity, Incarnation Incarnation) Read(string path, string folder)
    {
        var text = File.ReadAllText(path);
        var lines = text.Split('\n');
        if (lines[0].StartsWith(Title, StringComparison.Ordinal) && lines[0] != $"{Title}{Format}")
            throw new DataFolderException($"data folder {folder} has format {lines[0][Title.Length..]}, but this program reads format {Format}");
        var end = text.IndexOf("checksum ", StringComparison.Ordinal);
        if (end < 0 || text[end..] != $"checksum {Checksum(text[..end])}\n")
            throw new StoreFailedException($"data folder {folder} is damaged: the checksum of {path} does not match its text");
        var identity = new StoreIdentity(Value(lines[1], "cluster "), new NodeId(Value(lines[2], "node ")));
        return (identity, new Incarnation(UInt128.Parse(Value(lines[3], "incarnation "), NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
    }

    private static string Value(string line, string name) => line[name.Length..];

    private static string Checksum(string text) => Crc32.HashToUInt32(Encoding.UTF8.GetBytes(text)).ToString("x8", CultureInfo.InvariantCulture);
}
