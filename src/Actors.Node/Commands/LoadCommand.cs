using System.CommandLine;
using System.Globalization;

namespace Actors.Node.Commands;

/// <summary><c>actors load FILE</c>: every line becomes a key whose value is the number of the line.</summary>
internal static class LoadCommand
{
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(2);

    public static Command Create(Terminal terminal)
    {
        var file = new Argument<string>("FILE") { Description = "A file, its lines at most 1024 bytes long; empty lines are left out" };
        var parallel = NumberOption.Create("--parallel", "Lines on their way at a time, 1 to 1024", otherwise: 64, min: 1, max: 1024);
        var retryFor = NumberOption.Create("--retry-for", "How long a line is tried before the load gives up, in seconds", otherwise: 30.0, min: 0.0, max: 3600.0, helpName: "SECONDS");
        var description = "Writes each line of a file as a key, with its line number as the value";
        return ClientCommand.Create(terminal, "load", description, [file, parallel, retryFor], async context =>
        {
            await using var lines = Open(context.Parsed.GetValue(file)!);
            using var load = new Load(context, TimeSpan.FromSeconds(context.Parsed.GetValue(retryFor)!.Value));
            var work = load.RunAsync(lines, context.Parsed.GetValue(parallel)!.Value);
            await (terminal.IsInteractive
                ? terminal.ShowBarAsync("loading", Math.Max(1, lines.Length), work, () => (lines.Position, string.Create(CultureInfo.InvariantCulture, $"{load.Acknowledged:N0} lines, {load.Rate:N0}/s")))
                : PrintLinesAsync(terminal, load, work));
            await work;
            foreach (var complaint in load.Complaints)
                await terminal.Error.WriteLineAsync(complaint);
            await terminal.Text.WriteLineAsync(load.Summary);
            return load.NotAcknowledged > 0 ? ExitCode.Unavailable : load.Refused > 0 ? ExitCode.Negative : ExitCode.Ok;
        });
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 16, useAsync: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(ExitCode.Usage, $"{path}: cannot be read: {e.Message}");
        }
    }

    private static async Task PrintLinesAsync(Terminal terminal, Load load, Task work)
    {
        while (await Task.WhenAny(work, Task.Delay(PlainInterval)) != work)
            await terminal.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{load.Acknowledged} lines acknowledged, {load.Rate:F0}/s"));
    }
}
