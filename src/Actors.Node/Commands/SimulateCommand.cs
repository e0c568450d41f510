using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Actors.TestKit;
using Spectre.Console;

namespace Actors.Node.Commands;

/// <summary><c>actors simulate</c>: sweeps seeds of a protocol in the simulator, or replays one.</summary>
internal static class SimulateCommand
{
    private static readonly string[] Protocols = [.. Swarm.All.Select(swarm => swarm.Protocol)];

    public static Command Create(Terminal terminal)
    {
        var protocol = new Option<string>("--protocol")
        {
            Description = $"What is simulated: {string.Join(", ", Protocols)}",
            DefaultValueFactory = _ => Protocols[0],
        };
        protocol.Validators.Add(given =>
        {
            if (!Protocols.Contains(given.GetValueOrDefault<string>()))
                given.AddError($"--protocol '{given.GetValueOrDefault<string>()}' is unknown; there is: {string.Join(", ", Protocols)}.");
        });
        var seeds = SeedsOption("--seeds", "The seeds, first to last, such as 1-10000", "FROM-TO", (1, 1000));
        var seed = SeedsOption("--seed", "One seed only", "N", null);
        var trace = new Option<bool>("--trace") { Description = "With --seed: writes every step to the file actors-SEED.trace" };
        var json = new Option<bool>("--json") { Description = "Prints one JSON object" };
        var threads = NumberOption.Create("--parallel", "Seeds at a time", otherwise: Environment.ProcessorCount, min: 1, max: 64);
        var loss = RateOption("--loss", "Share of messages that are lost, in place of what each seed chooses");
        var duplicate = RateOption("--duplicate", "Share of messages that arrive twice, in place of what each seed chooses");
        var nodes = NumberOption.Create<int>("--nodes", "Members of the group, in place of what each seed chooses", otherwise: null, min: 1, max: SwarmOptions.MaxNodes);
        var down = NumberOption.Create<int>("--down", "Members that never heal: a minority of --nodes", otherwise: 0, min: 0, max: SwarmOptions.MaxNodes);
        var command = new Command("simulate", "Runs the shipped actors in virtual time under seeded faults and checks every history")
        {
            protocol, seeds, seed, trace, json, threads, loss, duplicate, nodes, down,
        };
        command.Validators.Add(given =>
        {
            if (given.GetValue(trace) && given.GetValue(seed) is null)
                given.AddError("--trace needs --seed: the trace of one run.");
            if (Swarm.Find(given.GetValue(protocol)!) is { HasMembers: false } && (given.GetValue(nodes) is not null || given.GetValue(down) > 0))
                given.AddError($"--nodes and --down are for groups; --protocol {given.GetValue(protocol)} has no members.");
            var stay = given.GetValue(down) ?? 0;
            if (stay == 0)
                return;
            if (given.GetValue(nodes) is not { } members)
                given.AddError("--down needs --nodes: what is a minority depends on it.");
            else if (stay > SwarmOptions.MostDown(members))
                given.AddError($"--down must be from 0 to {SwarmOptions.MostDown(members)}, a minority of --nodes {members}: a majority that never heals can finish nothing.");
        });
        command.SetAction(async (parsed, _) =>
        {
            var range = parsed.GetValue(seed) ?? parsed.GetValue(seeds)!.Value;
            var options = new SimulationOptions
            {
                TraceFile = parsed.GetValue(trace) ? $"actors-{range.From}.trace" : null,
                LogLevel = parsed.GetValue(trace) ? "INFO" : "WARNING",
            };
            var sweep = new SwarmSweep(range.From, range.To)
            {
                Swarm = Swarm.Find(parsed.GetValue(protocol)!)!,
                Threads = parsed.GetValue(threads)!.Value,
                Simulation = options,
                Options = new SwarmOptions { Nodes = parsed.GetValue(nodes), Down = parsed.GetValue(down)!.Value, Loss = parsed.GetValue(loss), Duplicate = parsed.GetValue(duplicate) },
            };
            var work = sweep.RunAsync();
            if (terminal.IsInteractive && !parsed.GetValue(json))
            {
                await terminal.ShowBarAsync(
                    "simulating", sweep.Seeds, work, () => (sweep.Done, string.Create(CultureInfo.InvariantCulture, $"{sweep.Done:N0} seeds, {sweep.Violations.Count} violations")));
            }

            await work;
            await terminal.Text.WriteAsync(parsed.GetValue(json) ? Json(sweep) : Text(sweep, options.TraceFile));
            foreach (var never in sweep.NeverSeen)
                await terminal.Error.WriteLineAsync($"the sweep is blind: it never saw that {never}");
            return sweep.Violations.Count > 0 || sweep.NeverSeen.Count > 0 ? ExitCode.Negative : ExitCode.Ok;
        });
        return command;
    }

    private static Option<(long From, long To)?> SeedsOption(string name, string description, string helpName, (long, long)? otherwise) => new(name)
    {
        Description = description,
        HelpName = helpName,
        DefaultValueFactory = _ => otherwise,
        CustomParser = given =>
        {
            var parts = given.Tokens[0].Value.Split('-', 2);
            if (long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var from)
                && long.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var to)
                && from <= to && (helpName != "N" || parts.Length == 1))
                return (from, to);
            given.AddError(helpName == "N" ? $"{name} must be a number of at least 0." : $"{name} must be two numbers of at least 0, the first not above the second, such as 1-10000.");
            return null;
        },
    };

    private static Option<double?> RateOption(string name, string description) =>
        NumberOption.Create<double>(name, description, otherwise: null, min: 0.0, max: 1.0, helpName: "RATE");

    private static string Text(SwarmSweep sweep, string? traceFile)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        foreach (var violation in sweep.Violations)
        {
            text.WriteLine($"seed {violation.Seed}: {violation.Failure!.Message}");
            text.WriteLine($"faults of seed {violation.Seed}:");
            text.WriteLine(violation.Plan);
            if (violation == sweep.Violations[0])
                text.WriteLine($"a smaller plan that fails too:\n{sweep.Smaller(violation)}");
            text.WriteLine($"again with:     actors simulate{(sweep.Swarm == Swarm.PrimaryBackup ? "" : $" --protocol {sweep.Swarm.Protocol}")} --seed {violation.Seed} --trace");
        }

        text.WriteLine($"seeds           {sweep.Seeds:N0} ({sweep.From} to {sweep.To})");
        text.WriteLine($"virtual time    {sweep.VirtualTime.TotalHours:N1} h");
        text.WriteLine($"steps           {sweep.Steps:N0}");
        text.WriteLine($"operations      {sweep.Operations:N0} checked");
        text.WriteLine($"faults          {string.Join(", ", sweep.Faults.Select(f => $"{f.Key} {f.Value:N0}"))}");
        foreach (var (name, count) in sweep.Sometimes)
            text.WriteLine($"sometimes       {name}: {count:N0}");
        text.WriteLine($"violations      {sweep.Violations.Count}");
        text.WriteLine($"trace hash      {sweep.TraceHash:x16}");
        if (traceFile is not null)
            text.WriteLine($"trace           {traceFile}");
        return text.ToString();
    }

    private static string Json(SwarmSweep sweep) => JsonSerializer.Serialize(
        new
        {
            seeds = sweep.Seeds,
            virtualHours = Math.Round(sweep.VirtualTime.TotalHours, 3),
            steps = sweep.Steps,
            operations = sweep.Operations,
            faults = sweep.Faults.ToDictionary(f => f.Key.ToString(), f => f.Value),
            violations = sweep.Violations.Select(v => new { seed = v.Seed, property = v.Failure!.Property }),
            traceHash = sweep.TraceHash.ToString("x16", CultureInfo.InvariantCulture),
        }) + "\n";
}
