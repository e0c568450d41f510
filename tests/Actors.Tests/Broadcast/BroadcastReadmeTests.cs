using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Actors.Broadcast;

namespace Actors.Tests.BroadcastTests;

public sealed class BroadcastReadmeTests
{
    private const string Begin = "<!-- generated: BroadcastReadmeTests -->\n", End = "<!-- end -->";

    /// <summary>When this fails, the README is written anew beside it: look at the difference, and commit it if it is meant.</summary>
    [Fact]
    public void The_table_in_the_README_is_what_the_specifications_say()
    {
        var file = FileOf();
        var text = File.ReadAllText(file);
        var (from, to) = (text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, text.IndexOf(End, StringComparison.Ordinal));
        var table = Table();
        if (text[from..to] == table)
            return;
        File.WriteAllText(file, text[..from] + table + text[to..]);
        Assert.Fail($"{file} had another table than the specifications; it has been written anew");
    }

    private static string Table()
    {
        var table = new StringBuilder();
        table.AppendLine("| reliability | order | faults | way | acknowledged by | properties | messages, n = 3, 25 | steps, n = 25 | bytes, n = 25 |").AppendLine("|---|---|---|---|---|---|---:|---:|---:|");
        foreach (var spec in BroadcastSpec.Legal().Where(spec => (spec.Ordering & (Ordering.Total | Ordering.Fifo)) != (Ordering.Total | Ordering.Fifo) && (spec.Ordering & (Ordering.Total | Ordering.Causal)) != (Ordering.Total | Ordering.Causal)))
        {
            var (small, large) = (spec.Cost(3), spec.Cost(25));
            var acknowledged = spec.Reliability is Reliability.UniformReliable ? spec.Acknowledgement is Acknowledgement.All ? "all" : "majority" : "";
            table.AppendLine(CultureInfo.InvariantCulture, $"| {Word(spec.Reliability)} | {spec.Ordering.ToString().ToLowerInvariant()} | {Word(spec.Faults)} | {(spec.OrderedBy is Orderer.Log ? "log" : spec.Dissemination)} | {acknowledged} | {Names(spec)} | {small.Messages}, {large.Messages} | {large.Steps} | {large.Bytes} |");
        }

        return table.ToString();
    }

    private static string Names(BroadcastSpec spec)
    {
        var own = spec.Guarantees.Where(guarantee => !guarantee.Name.EndsWith("RB5", StringComparison.Ordinal)).ToList();
        var more = spec.Guarantees.Except(own).Select(guarantee => guarantee.Name);
        return string.Join(", ", [$"{own[0].Name}-{own[^1].Name[^1]}", .. more]);
    }

    private static string Word(Reliability reliability) => reliability switch
    {
        Reliability.BestEffort => "best effort",
        Reliability.Reliable => "reliable",
        _ => "uniform",
    };

    private static string Word(FaultModel faults) => faults switch
    {
        FaultModel.CrashStop => "crash-stop",
        FaultModel.CrashRecovery => "crash-recovery",
        _ => "omission",
    };

    private static string FileOf([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "src", "Actors", "Broadcast", "README.md"));
}
