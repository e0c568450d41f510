using System.Globalization;
using System.Text.Json;
using Actors.TestKit;

namespace Actors.Museum;

/// <summary>The part that runs in the copied tree, with the mistake in it: seed after seed until a property does not hold.</summary>
internal static class SeedSweep
{
    /// <summary>The program's first argument for this part; the second is the protocol, the third the number of seeds.</summary>
    public const string Command = "sweep-here";

    public static int Run(string protocol, string seeds)
    {
        var sweep = new SwarmSweep(1, long.Parse(seeds, CultureInfo.InvariantCulture)) { Swarm = Swarm.Find(protocol)!, StopsAtFirst = true };
        sweep.RunAsync().GetAwaiter().GetResult();
        var found = sweep.Violations.Count > 0 ? sweep.Violations[0] : null;
        if (found is not null)
            Console.Error.WriteLine(found.Failure!.Message);
        Console.WriteLine(JsonSerializer.Serialize(new Finding(found?.Failure!.Property, found?.Seed ?? sweep.To, Environment.CpuUsage.TotalTime.TotalSeconds)));
        return 0;
    }

    /// <summary>The finding in what <see cref="Run"/> has printed; null when there is none.</summary>
    public static Finding? Parse(string output)
    {
        var line = output.Split('\n').FirstOrDefault(line => line.StartsWith('{'));
        return line is null ? null : JsonSerializer.Deserialize<Finding>(line);
    }
}
