using System.Diagnostics;
using System.Globalization;

namespace Actors.Museum;

/// <summary>A copy of the source in a temporary folder, in which mistakes are put in and taken out, built and swept.</summary>
internal sealed class Workshop : IDisposable
{
    private static readonly string[] Copied = ["src/Actors", "src/Actors.TestKit", "tests/Actors.Museum"];

    private readonly string _folder = Directory.CreateTempSubdirectory("museum-").FullName;
    private readonly TimeSpan _limit;
    private readonly string? _problem;

    public Workshop(string repository, TimeSpan limit)
    {
        _limit = limit;
        foreach (var file in Directory.EnumerateFiles(repository, "Directory.*.props"))
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        foreach (var folder in Copied)
            Copy(Path.Combine(repository, folder), Path.Combine(_folder, folder));
        _problem = Build("tests/Actors.Museum");
    }

    /// <summary>Sweeps the shipped source as it is.</summary>
    public Finding SweepShipped(string protocol, long seeds) =>
        (_problem ?? Build("src/Actors", "--no-restore")) is { } problem ? new Finding(null, 0, 0, problem) : Sweep(protocol, seeds);

    /// <summary>Puts the mistake in, sweeps until it is found, and takes it out again.</summary>
    public Finding Sweep(Exhibit exhibit, long seeds)
    {
        var (code, output) = Run("git", ["apply", exhibit.Path], _limit);
        if (code != 0)
            return new Finding(null, 0, 0, $"the patch does not apply: {FirstLine(output)}");
        try
        {
            return SweepShipped(exhibit.Protocol, seeds);
        }
        finally
        {
            Run("git", ["apply", "--reverse", exhibit.Path], _limit);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string? Build(string project, params string[] more)
    {
        // The rules for shipped code do not bind mistakes: a variable that became unused is no error here.
        var (code, output) = Run(
            "dotnet",
            ["build", project, .. more, "-c", "Release", "-o", "out", "-v", "q", "-nologo", "-clp:ErrorsOnly", "-p:TreatWarningsAsErrors=false", "-p:RunAnalyzers=false", "-p:GenerateDocumentationFile=false"],
            _limit);
        return code switch { 0 => null, null => "the build took too long", _ => $"the build fails: {FirstLine(output)}" };
    }

    // In a process of its own: a mistake may well never end, or end the process.
    private Finding Sweep(string protocol, long seeds)
    {
        var (code, output) = Run("dotnet", ["out/Actors.Museum.dll", SeedSweep.Command, protocol, seeds.ToString(CultureInfo.InvariantCulture)], _limit);
        return SeedSweep.Parse(output) ?? new Finding(null, 0, 0, code is null ? $"the sweep was not over after {_limit.TotalSeconds} s" : $"the sweep ended with {code}: {FirstLine(output)}");
    }

    /// <summary>Runs a program in the copied tree; no exit code when it took too long and was ended.</summary>
    private (int? Code, string Output) Run(string program, string[] arguments, TimeSpan limit)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["GIT_CEILING_DIRECTORIES"] = Path.GetDirectoryName(_folder);     // the copy is no part of a repository around it
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (process.WaitForExit(limit))
            return (process.ExitCode, output.Result + errors.Result);
        process.Kill(entireProcessTree: true);
        return (null, "");
    }

    private static string FirstLine(string output) => output.Split('\n').FirstOrDefault(line => line.Trim().Length > 0, "").Trim();

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var folder in Directory.EnumerateDirectories(from).Where(folder => Path.GetFileName(folder) is not ("bin" or "obj")))
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
    }
}
