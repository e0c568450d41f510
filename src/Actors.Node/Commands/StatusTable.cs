using System.Globalization;
using System.Text.Json;
using Actors.Node.Http;

namespace Actors.Node.Commands;

/// <summary>A status as rows of a table: one for each member of each group, and one for each node that is in no group.</summary>
internal static class StatusTable
{
    public static readonly string[] Header = ["group", "node", "pid", "role", "epoch", "commit", "last", "http"];

    public static StatusDocument Parse(byte[] json) => JsonSerializer.Deserialize<StatusDocument>(json, JsonSerializerOptions.Web) ?? throw new JsonException("the status is empty");

    /// <summary>Node by node, so that a row stays where it is when a view changes.</summary>
    public static IEnumerable<string[]> Rows(StatusDocument status)
    {
        var members = from @group in status.Groups
                      from place in @group.Members.Select((member, i) => (Member: member, Number: i + 1))
                      select Row(@group.Name, WithPlace(place.Member, place.Number), status.Nodes.FirstOrDefault(node => node.Name == place.Member.Node));
        var others = from node in status.Nodes
                     where !status.Groups.Any(@group => @group.Members.Any(member => member.Node == node.Name))
                     select Row("-", new MemberEntry(node.Name, node.Reachable ? "not a member" : "unreachable", 0, 0, 0, 0, ""), node);
        return InOrder(members.Concat(others));
    }

    // Head and tail say where they are in their chain; of the links between them the number does.
    private static MemberEntry WithPlace(MemberEntry member, int place) => member.Role == "middle" ? member with { Role = $"middle {Number(place)}" } : member;

    /// <summary>By node, then by group.</summary>
    public static IOrderedEnumerable<string[]> InOrder(IEnumerable<string[]> rows) => rows.OrderBy(row => row[1], StringComparer.Ordinal).ThenBy(row => row[0], StringComparer.Ordinal);

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
