using System.Globalization;

namespace Actors.TestKit;

/// <summary>A property did not hold in a simulation. The message names the seed, the property and the last things that happened.</summary>
public sealed class SimulationFailedException : Exception
{
    internal SimulationFailedException(Simulation simulation, Violation violation, IReadOnlyList<string> lastLines, string? traceFile, Exception? inner)
        : base(Describe(simulation, violation, lastLines, traceFile), inner)
    {
        Seed = simulation.Seed;
        Property = violation.Property;
        Detail = violation.Detail;
        At = simulation.Now;
        Steps = simulation.Steps;
        LastLines = lastLines;
        TraceFile = traceFile;
    }

    /// <summary>The seed that leads here again.</summary>
    public long Seed { get; }

    /// <summary>The name of the property.</summary>
    public string Property { get; }

    /// <summary>What was seen instead.</summary>
    public string Detail { get; }

    /// <summary>When, in virtual time.</summary>
    public TimeSpan At { get; }

    /// <summary>After how many steps.</summary>
    public long Steps { get; }

    /// <summary>The last lines of the trace, oldest first.</summary>
    public IReadOnlyList<string> LastLines { get; }

    /// <summary>The file with all lines, or null when none was asked for.</summary>
    public string? TraceFile { get; }

    private static string Describe(Simulation simulation, Violation violation, IReadOnlyList<string> lastLines, string? traceFile)
    {
        var seconds = simulation.Now.TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);
        var head = $"seed {simulation.Seed}: '{violation.Property}' does not hold at {seconds} s, step {simulation.Steps}: {violation.Detail}";
        var file = traceFile is null ? "" : $"{Environment.NewLine}full trace: {traceFile}";
        return $"{head}{Environment.NewLine}last {lastLines.Count} lines of the trace:{Environment.NewLine}{string.Join(Environment.NewLine, lastLines)}{file}";
    }
}
