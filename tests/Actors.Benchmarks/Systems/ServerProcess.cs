using System.Collections.Concurrent;
using System.Diagnostics;

namespace Actors.Benchmarks.Systems;

/// <summary>One server process: started, killed, and started again with the same command line.</summary>
internal sealed class ServerProcess(string name, IReadOnlyList<string> commandLine) : IDisposable
{
    private const int TailLines = 5;
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(60);

    private readonly ConcurrentQueue<string> _tail = new();
    private Process? _process;

    public string Name => name;

    public int Pid => _process?.Id ?? throw new InvalidOperationException($"{name} is not started");

    public bool HasExited => _process is { HasExited: true };

    /// <summary>What it printed last, for error messages and to know when it is ready.</summary>
    public string Tail => string.Join(" | ", _tail);

    public void Start()
    {
        _process?.Dispose();
        _tail.Clear();
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(commandLine[0], commandLine.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>kill -9; returns when the process is gone.</summary>
    public void Kill()
    {
        _process?.Kill();
        _process?.WaitForExit();
    }

    /// <summary>Asks it to end; returns when it has.</summary>
    /// <exception cref="BenchmarkException">It has not within 60 s.</exception>
    public void Stop()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{Pid}"]);
        if (!_process!.WaitForExit(StopLimit))
            throw new BenchmarkException($"{name} does not end: {Tail}");
    }

    public void Dispose()
    {
        Kill();
        _process?.Dispose();
        _process = null;
    }

    private void Keep(string? line)
    {
        if (string.IsNullOrWhiteSpace(line))
            return;
        _tail.Enqueue(line);
        if (_tail.Count > TailLines)
            _tail.TryDequeue(out _);
    }
}
