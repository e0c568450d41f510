using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Actors.Benchmarks;

/// <summary>Prints the tables of one run, where they were measured and how to measure them again; keeps the run's data folder.</summary>
internal sealed class Report : IDisposable
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };
    private readonly IReadOnlyList<string> _arguments;
    private readonly string? _jsonFile;
    private readonly SortedSet<string> _versions = [];

    /// <param name="arguments">The program's own arguments.</param>
    /// <param name="dataParent">The servers' data goes to a new folder in here, which is removed at the end.</param>
    /// <param name="jsonFile">Takes every single measurement; null for none.</param>
    public Report(IReadOnlyList<string> arguments, string dataParent, string? jsonFile)
    {
        _arguments = arguments;
        _jsonFile = jsonFile;
        DataFolder = Path.Combine(Path.GetFullPath(dataParent), $"actors-bench-{Environment.ProcessId}");
        Directory.CreateDirectory(DataFolder);
    }

    public string DataFolder { get; }

    /// <summary>A line on standard error while the run goes on.</summary>
    public static void Progress(string line) => Console.Error.WriteLine(line);

    /// <summary>Notes a program that took part.</summary>
    public void Measured(string version) => _versions.Add(version);

    /// <summary>Prints a table in Markdown; the columns after the first two are numbers.</summary>
    public static void Table(string title, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        const int TextColumns = 2;
        var lines = rows.Prepend(columns).ToArray();
        var widths = columns.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        Console.WriteLine();
        Console.WriteLine(title);
        Console.WriteLine();
        Print(columns);
        Print([.. widths.Select((width, column) => column < TextColumns ? new string('-', width) : new string('-', width - 1) + ":")]);
        foreach (var row in lines.Skip(1))
            Print(row);

        void Print(IReadOnlyList<string> cells) =>
            Console.WriteLine($"| {string.Join(" | ", cells.Select((cell, column) => column < TextColumns ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column])))} |");
    }

    /// <summary>Prints machine and command line, and writes the JSON file.</summary>
    public void Close<T>(T results)
    {
        var machine = $"{MachineLine()}; {string.Join(", ", _versions)}";
        var command = $"dotnet run -c Release --project tests/Actors.Benchmarks -- {string.Join(' ', _arguments)}";
        Console.WriteLine();
        Console.WriteLine($"Measured on: {machine}");
        Console.WriteLine($"Again with:  {command}");
#if DEBUG
        Console.WriteLine("This is a debug build: its figures mean nothing. Use -c Release.");
#endif
        if (_jsonFile is not null)
            File.WriteAllText(_jsonFile, JsonSerializer.Serialize(new { command, machine, results }, Json));
    }

    public void Dispose() => Directory.Delete(DataFolder, recursive: true);

    private string MachineLine()
    {
        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            ?? RuntimeInformation.ProcessArchitecture.ToString();
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024);
        return $"{Environment.ProcessorCount} x {processor}, {memory:f0} GB, Linux {Environment.OSVersion.Version}, data on {new DriveInfo(DataFolder).DriveFormat} "
            + $"(fsync of 100 bytes: median {FsyncMicros():f0} µs), .NET {Environment.Version}";
    }

    /// <summary>What one durable write costs on this disk; on a file system in memory next to nothing, and then the figures say little.</summary>
    private double FsyncMicros()
    {
        const int Syncs = 100;
        using var file = File.OpenHandle(Path.Combine(DataFolder, "fsync"), FileMode.Create, FileAccess.Write);
        var block = new byte[100];
        return Statistics.Median([.. Enumerable.Range(0, Syncs).Select(i =>
        {
            RandomAccess.Write(file, block, i * block.Length);
            var start = Stopwatch.GetTimestamp();
            RandomAccess.FlushToDisk(file);
            return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        })]);
    }
}
