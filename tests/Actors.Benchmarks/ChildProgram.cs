using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Actors.Benchmarks;

/// <summary>Runs a hidden command of this program in a process of its own: an order goes in as an argument, a result comes out on standard output, both JSON.</summary>
internal static class ChildProgram
{
    private static readonly TimeSpan TimeToCleanUp = TimeSpan.FromSeconds(20);

    /// <summary>The command line that runs this very program.</summary>
    public static string[] CommandLine => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
        ? [Environment.ProcessPath!, typeof(ChildProgram).Assembly.Location]
        : [Environment.ProcessPath!];

    /// <summary>Runs <paramref name="command"/> to its end.</summary>
    /// <param name="machine">Where to run it.</param>
    /// <param name="command">The hidden command.</param>
    /// <param name="order">Its argument.</param>
    /// <param name="cancellation">Terminates the child, which gets 20 s to clean up.</param>
    /// <exception cref="BenchmarkException">It failed; it has already said why on standard error.</exception>
    public static async Task<TResult> RunAsync<TOrder, TResult>(Systems.Machine machine, string command, TOrder order, CancellationToken cancellation)
    {
        var line = machine.CommandLine([.. CommandLine, command, JsonSerializer.Serialize(order)]);
        using var child = Process.Start(new ProcessStartInfo(line[0], line.Skip(1)) { RedirectStandardOutput = true })!;
        try
        {
            var output = await child.StandardOutput.ReadToEndAsync(cancellation);
            await child.WaitForExitAsync(cancellation);
            return child.ExitCode == 0
                ? JsonSerializer.Deserialize<TResult>(output)!
                : throw new BenchmarkException($"'{command}' failed");
        }
        catch (OperationCanceledException)
        {
            using var terminate = Process.Start("kill", ["-TERM", child.Id.ToString(CultureInfo.InvariantCulture)]);
            if (!child.WaitForExit(TimeToCleanUp))
                child.Kill();
            throw;
        }
    }

    /// <summary>The child's side: parses the order, runs, prints the result.</summary>
    public static async Task ServeAsync<TOrder, TResult>(string order, Func<TOrder, Task<TResult>> run) =>
        Console.WriteLine(JsonSerializer.Serialize(await run(JsonSerializer.Deserialize<TOrder>(order)!)));
}
