using System.Globalization;
using System.Text.Json;
using Actors.Node.Http;

namespace Actors.Node.Commands;

/// <summary>A status as rows of a table: one for each member of each group, and one for each node that is in no group.</summary>
internal static class StatusTable
{
    public static readonly string[] Header = ["group", "node", "pid", "role", "epoch", "commit", "last", "http"];

    public static StatusDocument Parse(byte[] json) => JsonSerializer.Deserialize<StatusDocument>(json, JsonSerializerOptions.Web) ?? throw new JsonException("the status is empty");

    /// <summary>Node by node, so that a row stays where it is when a view changes; with a chain among the groups, group by group and a chain in its order.</summary>
    public static IEnumerable<string[]> Rows(StatusDocument status)
    {
        var members = status.Groups.SelectMany(@group => IsChain(@group) ? RowsOf(@group, status) : RowsOf(@group, status).OrderBy(NodeOf, StringComparer.Ordinal));
        var others = from node in status.Nodes
                     where !status.Groups.Any(@group => @group.Members.Any(member => member.Node == node.Name))
                     select Row("-", new MemberEntry(node.Name, node.Reachable ? "not a member" : "unreachable", 0, 0, 0, 0, ""), node);
        var rows = members.Concat(others);
        return status.Groups.Any(IsChain) ? rows : rows.OrderBy(NodeOf, StringComparer.Ordinal).ThenBy(row => row[0], StringComparer.Ordinal);
    }

    /// <summary>True for a group whose members have an order.</summary>
    public static bool IsChain(GroupEntry group) => group.Protocol == "chain";

    private static string NodeOf(string[] row) => row[1];

    private static IEnumerable<string[]> RowsOf(GroupEntry group, StatusDocument status) =>
        group.Members.Select((member, i) => Row(group.Name, WithPlace(member, i + 1), status.Nodes.FirstOrDefault(node => node.Name == member.Node)));

    // Head and tail say where they are in their chain; of the links between them the number does.
    private static MemberEntry WithPlace(MemberEntry member, int place) => member.Role == "middle" ? member with { Role = $"middle {Number(place)}" } : member;

    /// <summary>The table in plain text, columns aligned by blanks.</summary>
    public static IEnumerable<string> Lines(StatusDocument status) => Lines([Header, .. Rows(status)]);

    /// <summary>Rows of as many cells each, columns aligned by blanks.</summary>
    public static IEnumerable<string> Lines(IReadOnlyList<string[]> rows)
    {
        var widths = rows[0].Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        return rows.Select(row => string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }

    private static string[] Row(string group, MemberEntry member, NodeEntry? node) =>
    [
        group,
        member.Node,
        node is null or { Pid: 0 } or { Reachable: false } ? "-" : Number(node.Pid),
        member.Fault.Length > 0 ? $"{member.Role}: {member.Fault}" : member.Role,
        Number(member.Epoch),
        Number(member.CommitIndex),
        Number(member.LastIndex),
        node?.Http ?? "",
    ];

    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
