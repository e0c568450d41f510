using System.CommandLine;
using System.Globalization;

namespace Actors.Node.Commands;

/// <summary><c>actors plan</c>: what each protocol would cost and survive, and which one to take.</summary>
internal static class PlanCommand
{
    public static Command Create(Terminal terminal)
    {
        var replicas = NumberOption.Create("--replicas", "How many copies", otherwise: 3, min: 2, max: 32);
        var rtt = new Option<string>("--rtt") { Description = "The round trip between two machines, such as 10ms or 0.2ms", HelpName = "TIME", DefaultValueFactory = _ => "1ms" };
        rtt.Validators.Add(given =>
        {
            if (Milliseconds(given.GetValueOrDefault<string>()) is null)
                given.AddError($"--rtt '{given.GetValueOrDefault<string>()}' is not a time: write a number above 0 and ms, such as 10ms.");
        });
        var writes = NumberOption.Create<double>("--write-ratio", "The share of operations that write; the others are linearizable reads", otherwise: 0.5, min: 0.0, max: 1.0, helpName: "RATE");
        var command = new Command("plan", "Compares the protocols for a number of replicas and a network, and recommends one") { replicas, rtt, writes };
        command.SetAction(async parsed =>
        {
            await terminal.Text.WriteAsync(Text(parsed.GetValue(replicas)!.Value, Milliseconds(parsed.GetValue(rtt))!.Value / 2, parsed.GetValue(writes)!.Value));
            return ExitCode.Ok;
        });
        return command;
    }

    private static string Text(int replicas, double oneWay, double writes)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{replicas} replicas, {2 * oneWay:0.###} ms from one machine to another and back; disks and queues left aside"));
        foreach (var plan in ReplicationPlan.Both(replicas))
        {
            text.WriteLine();
            text.WriteLine(plan.Protocol);
            text.WriteLine($"  write            {Time(plan.WriteHops)}");
            text.WriteLine($"  read, barrier    {Time(plan.BarrierReadHops)}");
            text.WriteLine($"  read, lease      {Time(plan.LeaseReadHops)}");
            text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  mean             {plan.Mean(oneWay, writes):0.###} ms with {writes:P0} writes and barrier reads"));
            text.WriteLine($"  load             messages of a write, if nothing shares them: {plan.Load}");
            text.WriteLine($"  bytes            {plan.Bytes}");
            text.WriteLine($"  survives         {plan.Survives}");
            text.WriteLine($"  locality         {plan.Locality}");
        }

        var (best, reason) = ReplicationPlan.Recommended(replicas, writes);
        text.WriteLine();
        text.WriteLine($"take {best.Protocol}: {reason}");
        return text.ToString();

        string Time(int hops) => string.Create(CultureInfo.InvariantCulture, $"{hops * oneWay:0.###} ms ({hops}L)");
    }

    private static double? Milliseconds(string? text)
    {
        var number = text?.Trim() ?? "";
        if (!number.EndsWith("ms", StringComparison.Ordinal))
            return null;
        return double.TryParse(number[..^2], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds > 0 ? milliseconds : null;
    }
}
