using System.Globalization;
using System.Text.Json;
using Actors.TestKit;

namespace Actors.Museum;

/// <summary>The part that runs in the copied tree, with the mistake in it: seed after seed until a property does not hold.</summary>
internal static class SeedSweep
{
    /// <summary>The program's first argument for this part; the second is the number of seeds.</summary>
    public const string Command = "sweep-here";

    public static int Run(string seeds)
    {
        var last = long.Parse(seeds, CultureInfo.InvariantCulture);
        for (var seed = 1L; seed <= last; seed++)
        {
            if (PropertyBrokenBy(seed) is { } property)
                return Print(new Finding(property, seed, CpuSeconds));
        }

        return Print(new Finding(null, last, CpuSeconds));
    }

    /// <summary>The finding in what <see cref="Run"/> has printed; null when there is none.</summary>
    public static Finding? Parse(string output)
    {
        var line = output.Split('\n').FirstOrDefault(line => line.StartsWith('{'));
        return line is null ? null : JsonSerializer.Deserialize<Finding>(line);
    }

    private static double CpuSeconds => Environment.CpuUsage.TotalTime.TotalSeconds;

    private static string? PropertyBrokenBy(long seed)
    {
        var run = PrimaryBackupSwarm.Run(seed);
        if (run.Failure is { } failure)
            Console.Error.WriteLine(failure.Message);
        return run.Failure?.Property;
    }

    private static int Print(Finding finding)
    {
        Console.WriteLine(JsonSerializer.Serialize(finding));
        return 0;
    }
}
