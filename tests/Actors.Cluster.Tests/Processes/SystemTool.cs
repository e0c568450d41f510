using System.Diagnostics;

namespace Actors.Cluster.Tests;

/// <summary>Programs of the system, such as <c>ip</c> and <c>mount</c>.</summary>
internal static class SystemTool
{
    /// <summary>Runs one to its end.</summary>
    /// <exception cref="IOException">It failed; with what it said.</exception>
    public static void Run(params string[] commandLine)
    {
        using var process = Process.Start(new ProcessStartInfo(commandLine[0], commandLine.Skip(1)) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new IOException($"{string.Join(' ', commandLine)}: {error}");
    }
}
