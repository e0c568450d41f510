using System.Globalization;
using System.Text.Json;
using Actors.Node.Http;

namespace Actors.Node.Commands;

/// <summary>A status as rows of a table: one for each member of each group.</summary>
internal static class StatusTable
{
    public static readonly string[] Header = ["group", "node", "pid", "role", "epoch", "commit", "last", "http"];

    public static StatusDocument Parse(byte[] json) => JsonSerializer.Deserialize<StatusDocument>(json, JsonSerializerOptions.Web) ?? throw new JsonException("the status is empty");

    public static IEnumerable<string[]> Rows(StatusDocument status) =>
        from @group in status.Groups
        from member in @group.Members
        let node = status.Nodes.FirstOrDefault(node => node.Name == member.Node)
        select (string[])
        [
            @group.Name,
            member.Node,
            node is null or { Pid: 0 } ? "-" : Number(node.Pid),
            member.Fault.Length > 0 ? $"{member.Role}: {member.Fault}" : member.Role,
            Number(member.Epoch),
            Number(member.CommitIndex),
            Number(member.LastIndex),
            node?.Http ?? "",
        ];

    /// <summary>The table in plain text, columns aligned by blanks.</summary>
    public static IEnumerable<string> Lines(StatusDocument status)
    {
        string[][] rows = [Header, .. Rows(status)];
        var widths = Header.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        return rows.Select(row => string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
