using System.Text;
using Actors.Node.Up;
using Spectre.Console;

namespace Actors.Node.Commands;

/// <summary>The exit codes of every command.</summary>
internal static class ExitCode
{
    /// <summary>It was done.</summary>
    public const int Ok = 0;

    /// <summary>It was answered, and the answer is no: no such key, another value, not a number, not running.</summary>
    public const int Negative = 1;

    /// <summary>It was asked wrongly: the command line, the configuration, or a request that no node would accept.</summary>
    public const int Usage = 2;

    /// <summary>It could not be done now, or nobody knows whether it was.</summary>
    public const int Unavailable = 3;
}

/// <summary>Ends a command with one line on standard error and an exit code.</summary>
internal sealed class CommandException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}

/// <summary>Where a command reads and writes: values to <see cref="Output"/>, messages to <see cref="Error"/>.</summary>
internal sealed class Terminal(Stream input, Stream output, TextWriter error, bool isInteractive)
{
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(100);
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>That of this process.</summary>
    public static Terminal OfProcess() =>
        new(Console.OpenStandardInput(), Console.OpenStandardOutput(), Console.Error, !Console.IsOutputRedirected && !Console.IsErrorRedirected);

    public Stream Input { get; } = input;

    /// <summary>For values, which may be any bytes.</summary>
    public Stream Output { get; } = output;

    /// <summary><see cref="Output"/> for text; flushed after each write.</summary>
    public TextWriter Text { get; } = new StreamWriter(output, Utf8) { AutoFlush = true };

    public TextWriter Error { get; } = error;

    /// <summary>True when a person watches: progress bars and live tables make sense.</summary>
    public bool IsInteractive { get; } = isInteractive;

    /// <summary>Where a person watches progress.</summary>
    public IAnsiConsole Screen { get; init; } = AnsiConsole.Console;

    /// <summary>Shows a bar on <see cref="Screen"/> while <paramref name="work"/> goes on, full when it has succeeded. What it throws is left to whoever awaits it.</summary>
    /// <param name="title">Until the first look at the progress.</param>
    /// <param name="length">Of the whole work; above 0.</param>
    /// <param name="work">The work.</param>
    /// <param name="progress">How much of the length is done, and in words.</param>
    public Task ShowBarAsync(string title, double length, Task work, Func<(double Done, string Text)> progress) => Screen.Progress()
        .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
        .StartAsync(async bars =>
        {
            var bar = bars.AddTask(title, maxValue: length);
            while (await Task.WhenAny(work, Task.Delay(BarInterval)) != work)
                Update();
            Update();
            if (work.IsCompletedSuccessfully)
                bar.Value = length;

            void Update() => (bar.Value, bar.Description) = progress();
        });

    /// <summary>Where <c>actors up</c> tells other commands what it started.</summary>
    public string RunFolder { get; init; } = ClusterRun.DefaultFolder;
}
