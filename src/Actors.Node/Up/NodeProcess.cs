using System.Diagnostics;
using System.Globalization;

namespace Actors.Node.Up;

/// <summary>The process of one node: this same program with the command <c>node</c>. It can be started again after it ended.</summary>
/// <param name="node">What is planned for it.</param>
/// <param name="changed">Called when the process started or ended, from any thread.</param>
internal sealed class NodeProcess(PlannedNode node, Action changed) : IDisposable
{
    private readonly Lock _lock = new();
    private Process? _process;
    private StreamWriter? _log;
    private TaskCompletionSource _exited = new();

    public PlannedNode Node => node;

    /// <summary>What another command may know of it.</summary>
    public RunNode State
    {
        get
        {
            lock (_lock)
                return new RunNode(node.Name, _process?.Id ?? 0, node.Url, Ended, node.Folder);
        }
    }

    /// <summary>How it ended, in a few words; empty while it runs.</summary>
    public string Ended { get; private set; } = "not started yet";

    /// <summary>The last line that it wrote to standard error.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>The exit code of the last process that ended.</summary>
    public int ExitCode { get; private set; }

    /// <summary>Starts the process; nothing happens while one runs.</summary>
    public void Start()
    {
        lock (_lock)
        {
            if (_process is not null)
                return;
            LastError = "";
            _exited = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _log = new StreamWriter(new FileStream(node.LogFile, FileMode.Append, FileAccess.Write, FileShare.Read)) { AutoFlush = true };
            _process = new Process { StartInfo = Self.With("node", "--supervised", "--config", node.ConfigFile), EnableRaisingEvents = true };
            _process.StartInfo.RedirectStandardInput = true;    // its end stops the node: see SupervisedLifetime
            _process.StartInfo.RedirectStandardOutput = true;
            _process.StartInfo.RedirectStandardError = true;
            _process.OutputDataReceived += (_, line) => Log(line.Data, isError: false);
            _process.ErrorDataReceived += (_, line) => Log(line.Data, isError: true);
            _process.Exited += (process, _) => OnExited((Process)process!);
            _process.Start();
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
            Ended = "";
        }

        changed();
    }

    /// <summary>Asks it to hand over and stop, and kills it when it has not within <paramref name="limit"/>.</summary>
    public async Task StopAsync(TimeSpan limit)
    {
        Task exited;
        lock (_lock)
        {
            if (_process is null)
                return;
            _process.StandardInput.Close();
            exited = _exited.Task;
        }

        if (await Task.WhenAny(exited, Task.Delay(limit)) != exited)
            Kill();
        await exited;
    }

    /// <summary>Ends it at once.</summary>
    public void Kill()
    {
        lock (_lock)
            _process?.Kill();
    }

    public void Dispose()
    {
        _process?.Dispose();
        _log?.Dispose();
    }

    private void OnExited(Process process)
    {
        process.WaitForExit();    // until its output is read to the end
        lock (_lock)
        {
            ExitCode = process.ExitCode;
            Ended = ExitCode switch
            {
                0 => "stopped",
                128 + 9 => "killed",
                _ => string.Create(CultureInfo.InvariantCulture, $"exit code {ExitCode}"),
            };
            _log?.Dispose();
            (_log, _process) = (null, null);
        }

        process.Dispose();
        changed();
        _exited.SetResult();
    }

    private void Log(string? line, bool isError)
    {
        if (line is null)
            return;
        lock (_lock)
        {
            if (isError && !string.IsNullOrWhiteSpace(line))
                LastError = line;
            _log?.WriteLine(line);
        }
    }
}
