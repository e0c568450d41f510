using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Actors.Museum;

// The bug museum: puts one known protocol mistake after the other into a copy of the shipped source, and shows that the simulator finds it.
//   dotnet run -c Release --project tests/Actors.Museum -- [--seeds N] [--only NAME]... [--limit SECONDS] [--markdown FILE]
// Exit code 0: every mistake was caught and the shipped source is clean. 1: not so. 2: bad arguments.
if (args is [SeedSweep.Command, var protocol, var count])
    return SeedSweep.Run(protocol, count);
if (Options.Parse(args, out var error) is not { } options)
{
    Console.Error.WriteLine(error);
    return 2;
}

var repository = Options.Repository();
var exhibits = Directory.EnumerateFiles(Path.Combine(repository, "tests", "Museum"), "*.patch").Order(StringComparer.Ordinal).Select(Exhibit.Read)
    .Where(e => options.Only.Count == 0 || options.Only.Contains(e.Name)).ToList();
if (options.Only.FirstOrDefault(name => exhibits.TrueForAll(e => e.Name != name)) is { } unknown)
{
    Console.Error.WriteLine($"--only {unknown}: there is no tests/Museum/{unknown}.patch");
    return 2;
}

using var workshop = new Workshop(repository, options.Limit);
var table = new StringBuilder();
var good = true;
Row("mistake", "caught", "by", "seeds", "CPU seconds");
Row("---", "---", "---", "---:", "---:");
foreach (var exhibit in exhibits)
{
    var finding = workshop.Sweep(exhibit, options.Seeds);
    good &= finding.Property is not null;
    Report(exhibit.Name, finding, finding.Problem is null ? finding.Property is null ? "**no**" : "yes" : $"**{finding.Problem}**");
}

if (options.Only.Count == 0)
{
    foreach (var swept in exhibits.Select(e => e.Protocol).Distinct())
    {
        var finding = workshop.SweepShipped(swept, options.Seeds);
        good &= finding is { Property: null, Problem: null };
        Report($"none: {swept} as shipped", finding, finding.Problem is null ? finding.Property is null ? "clean" : "**violation**" : $"**{finding.Problem}**");
    }
}

if (options.Markdown is { } file)
    File.WriteAllText(file, Page(exhibits, table.ToString()));
return good ? 0 : 1;

void Report(string name, Finding finding, string caught) =>
    Row(name, caught, finding.Property ?? "", finding.Seeds.ToString(CultureInfo.InvariantCulture), finding.Seconds.ToString("F1", CultureInfo.InvariantCulture));

void Row(params string[] cells)
{
    var line = $"| {string.Join(" | ", cells)} |";
    Console.WriteLine(line);
    table.AppendLine(line);
}

static string Page(IEnumerable<Exhibit> exhibits, string table)
{
    var page = new StringBuilder();
    page.AppendLine("# Bug museum").AppendLine();
    page.AppendLine("Known protocol mistakes, each a small patch against the shipped source. The runner puts one after the other into a copy,");
    page.AppendLine("sweeps seeds of its protocol's swarm from 1 on, and stops at the first property that does not hold. This page is its output:").AppendLine();
    page.AppendLine("    dotnet run -c Release --project tests/Actors.Museum -- --markdown tests/Museum/README.md").AppendLine();
    page.Append(table).AppendLine();
    page.AppendLine("*Seeds* is the number of seeds until the mistake was found, *CPU seconds* the time of that sweep.").AppendLine();
    page.AppendLine("## The mistakes").AppendLine();
    foreach (var exhibit in exhibits)
        page.AppendLine(CultureInfo.InvariantCulture, $"- **{exhibit.Name}**: {exhibit.Mistake}{(exhibit.SeenIn.Length > 0 ? $" Seen in {exhibit.SeenIn}." : "")}");
    return page.ToString();
}

/// <summary>The arguments.</summary>
internal sealed record Options(long Seeds, IReadOnlyList<string> Only, TimeSpan Limit, string? Markdown)
{
    public static Options? Parse(string[] args, out string error)
    {
        var options = new Options(2000, [], TimeSpan.FromMinutes(15), null);
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : "";
            switch (args[i])
            {
                case "--seeds" when long.TryParse(value, CultureInfo.InvariantCulture, out var seeds) && seeds > 0:
                    options = options with { Seeds = seeds };
                    break;
                case "--limit" when int.TryParse(value, CultureInfo.InvariantCulture, out var seconds) && seconds > 0:
                    options = options with { Limit = TimeSpan.FromSeconds(seconds) };
                    break;
                case "--only" when value.Length > 0:
                    options = options with { Only = [.. options.Only, value] };
                    break;
                case "--markdown" when value.Length > 0:
                    options = options with { Markdown = value };
                    break;
                default:
                    error = $"{args[i]} {value}: the options are --seeds (a number above 0), --only (the name of a patch; may be repeated), --limit (seconds above 0) and --markdown (a file)";
                    return null;
            }
        }

        error = "";
        return options;
    }

    /// <summary>The folder with the source, wherever the program was started.</summary>
    public static string Repository([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
