using System.Diagnostics;

namespace Actors.Cluster.Tests;

/// <summary>How a command of the program ended, and what it printed.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Error)
{
    public override string ToString() => $"exit code {ExitCode}\n{Output}{Error}";
}

/// <summary>The program under test, <c>actors</c>, as it was built beside the tests, and others that it needs.</summary>
internal static class NodeProgram
{
    private static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(3);

    /// <summary>The example configuration, as it comes with the program.</summary>
    public static string ExampleConfig { get; } = ConfigOf("primary-backup.conf");

    /// <summary>The example of a chain.</summary>
    public static string ChainConfig { get; } = ConfigOf("chain.conf");

    /// <summary>An example by its name.</summary>
    public static string ConfigOf(string file) => Path.Combine(AppContext.BaseDirectory, "config", file);

    /// <summary>The <c>dotnet</c> that runs these tests, which is of the right version.</summary>
    public static string DotNet { get; } = Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet";

    /// <summary>How the built program is called.</summary>
    public static IReadOnlyList<string> Built { get; } = [DotNet, "exec", Path.Combine(AppContext.BaseDirectory, "Actors.Node.dll")];

    /// <summary>Runs a command of the built program to its end.</summary>
    /// <param name="folder">See <see cref="StartInfo"/>.</param>
    /// <param name="arguments">The command and what it takes.</param>
    public static Task<CommandResult> RunAsync(string folder, params string[] arguments) => RunAsync([.. Built, .. arguments], folder);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="commandLine">Program and arguments.</param>
    /// <param name="folder">See <see cref="StartInfo"/>.</param>
    /// <param name="onError">Sees every line of standard error as it comes.</param>
    public static async Task<CommandResult> RunAsync(IReadOnlyList<string> commandLine, string folder, Action<string>? onError = null)
    {
        using var process = new Process { StartInfo = StartInfo(commandLine, folder) };
        process.StartInfo.RedirectStandardOutput = true;
        process.StartInfo.RedirectStandardError = true;
        var error = new System.Text.StringBuilder();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not { } text)
                return;
            error.AppendLine(text);
            onError?.Invoke(text);
        };
        process.Start();
        process.BeginErrorReadLine();
        try
        {
            using var limit = new CancellationTokenSource(CommandLimit);
            var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return new CommandResult(process.ExitCode, output, error.ToString());
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    /// <summary>How a program is started here.</summary>
    /// <param name="commandLine">Program and arguments.</param>
    /// <param name="folder">Where it is started, and where this user's runs of <c>actors up</c> are known.</param>
    public static ProcessStartInfo StartInfo(IReadOnlyList<string> commandLine, string folder)
    {
        var start = new ProcessStartInfo(commandLine[0], commandLine.Skip(1)) { UseShellExecute = false, WorkingDirectory = folder };
        start.Environment["XDG_DATA_HOME"] = folder;
        start.Environment["DOTNET_gcServer"] = "0";
        if (Path.GetDirectoryName(DotNet) is { Length: > 0 } root)
            start.Environment["DOTNET_ROOT"] = root;     // for an installed tool, which looks for the runtime by itself
        return start;
    }

    public static bool OnPath(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Append("/usr/sbin").Any(folder => File.Exists(Path.Combine(folder, program)));
}
