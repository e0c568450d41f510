using Actors.Node.Commands;
using Actors.Node.Http;
using Spectre.Console;

namespace Actors.Node.Up;

/// <summary>Shows a cluster while it runs: a live table to a person, otherwise a line for each change.</summary>
/// <param name="output">Where to print.</param>
/// <param name="hints">The commands to try, for a cluster with this primary.</param>
internal sealed class ClusterView(TextWriter output, Func<string, IReadOnlyList<string>> hints)
{
    private const int Role = 3;
    private const int Epoch = 4;
    private static readonly int[] Columns = [1, 2, Role, Epoch, 5, 7];    // no more, so that a table fits 80 characters

    private readonly Dictionary<(string Group, string Node), string> _shown = [];
    private string? _firstPrimary;    // null until the cluster is ready

    /// <summary>The rows of <see cref="StatusTable"/>; what the processes know of themselves goes before what others say.</summary>
    public static IReadOnlyList<string[]> RowsOf(StatusDocument? status, IReadOnlyList<RunNode> processes)
    {
        var known = (status is null ? [] : StatusTable.Rows(status)).ToList();
        foreach (var process in processes.Where(process => known.TrueForAll(row => row[1] != process.Name)))
            known.Add(["-", process.Name, "-", "starting", "0", "0", "0", process.Http]);
        foreach (var row in known)
        {
            if (processes.FirstOrDefault(process => process.Name == row[1]) is not { } process)
                continue;
            row[2] = process.Pid > 0 ? StatusTable.Number(process.Pid) : "-";
            row[Role] = process.Pid > 0 ? row[Role] : process.Ended;
            row[^1] = process.Http;
        }

        return known;
    }

    /// <summary>True when every group has a primary, or a head.</summary>
    public static bool IsReady(StatusDocument? status) => status is { Groups.Count: > 0 } && status.Groups.All(group => group.Members.Any(member => Roles.Leads(member.Role)));

    /// <summary>The live table, and what to try once the cluster is ready.</summary>
    public Rows ToTable(IReadOnlyList<string[]> rows, bool isReady)
    {
        _firstPrimary ??= isReady ? Primary(rows) : null;
        var table = new Table().Border(TableBorder.Simple);
        var groups = rows.Select(row => row[0]).Where(group => group != "-").Distinct();
        int[] columns = groups.Count() > 1 ? [0, .. Columns] : Columns;
        foreach (var column in columns)
            table.AddColumn(new TableColumn(StatusTable.Header[column]).NoWrap());
        foreach (var row in rows)
            table.AddRow(columns.Select(column => new Text(row[column], column == Role && Roles.Leads(row[column]) ? new Style(Color.Green) : Style.Plain)));
        string[] below = _firstPrimary is null ? ["waiting for a primary"] : ["Try, in another terminal:", .. hints(_firstPrimary).Select(hint => "  " + hint), "Ctrl-C stops the cluster."];
        return new Rows([table, .. below.Select(line => new Text(line))]);
    }

    /// <summary>Prints what changed since the last call: role, epoch or process of a node; and once that the cluster is ready.</summary>
    public void Print(IReadOnlyList<string[]> rows, bool isReady)
    {
        foreach (var row in rows)
        {
            var line = $"{row[1]}  pid {row[2]}  {row[Role]}  {(row[0] == "-" ? "" : $"group {row[0]}  epoch {row[Epoch]}  ")}{row[^1]}";
            if (_shown.TryGetValue((row[0], row[1]), out var shown) && shown == line)
                continue;
            _shown[(row[0], row[1])] = line;
            output.WriteLine(line);
        }

        if (!isReady || _firstPrimary is not null)
            return;
        _firstPrimary = Primary(rows);
        output.WriteLine($"ready: {string.Join("; ", hints(_firstPrimary))}");
    }

    private static string Primary(IReadOnlyList<string[]> rows) => rows.First(row => Roles.Leads(row[Role]))[1];
}
