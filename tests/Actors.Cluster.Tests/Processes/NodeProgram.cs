using System.Diagnostics;

namespace Actors.Cluster.Tests;

/// <summary>How a command of the program ended, and what it printed.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Error)
{
    public override string ToString() => $"exit code {ExitCode}\n{Output}{Error}";
}

/// <summary>The program under test, <c>actors</c>, as it was built beside the tests.</summary>
internal static class NodeProgram
{
    private static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(3);

    /// <summary>The example configuration, as it comes with the program.</summary>
    public static string ExampleConfig { get; } = Path.Combine(AppContext.BaseDirectory, "config", "primary-backup.conf");

    /// <summary>The command line of <c>actors</c> with <paramref name="arguments"/>.</summary>
    public static string[] CommandLine(params string[] arguments) => [DotNet, "exec", Path.Combine(AppContext.BaseDirectory, "Actors.Node.dll"), .. arguments];

    /// <summary>Runs a command to its end.</summary>
    /// <param name="homeFolder">Where this user's runs of <c>actors up</c> are known.</param>
    public static Task<CommandResult> RunAsync(string homeFolder, params string[] arguments) => RunAsync(homeFolder, _ => { }, arguments);

    /// <summary>As <see cref="RunAsync(string, string[])"/>, with a look at every line of standard error as it comes.</summary>
    public static async Task<CommandResult> RunAsync(string homeFolder, Action<string> onError, params string[] arguments)
    {
        using var process = new Process { StartInfo = StartInfo(CommandLine(arguments), homeFolder) };
        process.StartInfo.RedirectStandardOutput = true;
        process.StartInfo.RedirectStandardError = true;
        var error = new System.Text.StringBuilder();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not { } text)
                return;
            error.AppendLine(text);
            onError(text);
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

    public static ProcessStartInfo StartInfo(IReadOnlyList<string> commandLine, string homeFolder)
    {
        var start = new ProcessStartInfo(commandLine[0], commandLine.Skip(1)) { UseShellExecute = false };
        start.Environment["XDG_DATA_HOME"] = homeFolder;
        start.Environment["DOTNET_gcServer"] = "0";
        return start;
    }

    public static bool OnPath(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Append("/usr/sbin").Any(folder => File.Exists(Path.Combine(folder, program)));

    // The tests run in a dotnet of the right version already.
    private static string DotNet { get; } = Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet";
}
