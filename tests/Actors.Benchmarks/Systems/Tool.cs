using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Actors.Benchmarks.Systems;

/// <summary>A program that the benchmarks need, and the Debian package it comes from.</summary>
internal sealed partial record Tool(string Executable, string Package)
{
    public static readonly Tool Etcd = new("etcd", "etcd-server");
    public static readonly Tool Redis = new("redis-server", "redis-server");
    public static readonly Tool Ip = new("ip", "iproute2");

    /// <summary>The full path.</summary>
    /// <exception cref="BenchmarkException">It is not installed.</exception>
    public string Path =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(folder => System.IO.Path.Combine(folder, Executable))
            .FirstOrDefault(File.Exists)
        ?? throw new BenchmarkException($"{Executable} not found: apt-get install {Package}");

    /// <summary>The first version number that <c>--version</c> prints.</summary>
    public string Version() => VersionNumber().Match(Run("--version")).Value;

    /// <summary>Runs it to its end and returns what it printed.</summary>
    /// <exception cref="BenchmarkException">It failed.</exception>
    public string Run(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new BenchmarkException($"'{Executable} {string.Join(' ', arguments)}' failed: {error.Result.Trim()}");
    }

    [GeneratedRegex(@"\d+(\.\d+)+")]
    private static partial Regex VersionNumber();
}
