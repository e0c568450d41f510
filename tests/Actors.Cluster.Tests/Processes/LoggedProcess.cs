using System.Diagnostics;

namespace Actors.Cluster.Tests;

/// <summary>A process that writes to a log file. It can be started again after it ended.</summary>
/// <param name="commandLine">Program and arguments.</param>
/// <param name="logFile">Standard output and error are added to it.</param>
/// <param name="folder">See <see cref="NodeProgram.StartInfo"/>.</param>
internal sealed class LoggedProcess(IReadOnlyList<string> commandLine, string logFile, string folder) : IDisposable
{
    // The shell and env replace themselves, so the process id is that of the command. A job in the background ignores SIGINT, and so would all that it starts.
    private static readonly string[] Shell = ["/bin/sh", "-c", """log=$0; exec env --default-signal=INT "$@" >>"$log" 2>&1"""];

    private Process? _process;

    public int Pid => _process?.Id ?? throw new InvalidOperationException("not started");

    public bool IsRunning => _process is { HasExited: false };

    public string Log => File.Exists(logFile) ? File.ReadAllText(logFile) : "";

    /// <summary>Starts it. Its standard input stays open as long as this process lives: nodes that watch it do not outlive the tests.</summary>
    public void Start()
    {
        if (IsRunning)
            throw new InvalidOperationException($"{commandLine[^1]} runs already");
        _process?.Dispose();
        _process = new Process { StartInfo = NodeProgram.StartInfo([.. Shell, logFile, .. commandLine], folder) };
        _process.StartInfo.RedirectStandardInput = true;
        _process.Start();
    }

    public void Send(Signal signal) => Linux.Send(Pid, signal);

    /// <summary>kill -9; returns when it is gone.</summary>
    public void Kill()
    {
        if (_process is null)
            return;
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Waits for its end and returns the exit code.</summary>
    public async Task<int> EndAsync(TimeSpan limit)
    {
        await _process!.WaitForExitAsync().WaitAsync(limit);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        Kill();
        _process?.Dispose();
    }
}
