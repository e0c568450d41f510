using System.Diagnostics;
using System.Text.Json;

namespace Actors.Node.Up;

/// <summary>One process of a run: pid 0 while it does not run, and then why it ended.</summary>
/// <param name="Name">The node.</param>
/// <param name="Pid">Its process.</param>
/// <param name="Http">Its base URL.</param>
/// <param name="Ended">How its last process ended, in a few words.</param>
/// <param name="Folder">Where it keeps its data.</param>
internal sealed record RunNode(string Name, int Pid, string Http, string Ended, string Folder = "");

/// <summary>What an <c>actors up</c> tells the commands <c>kill</c>, <c>stop</c>, <c>start</c>, <c>restart</c> and <c>repair</c>, in a file that lives as long as it does.</summary>
/// <remarks>The file is the user's own, so a pid in it can be trusted where one that came over HTTP could not.</remarks>
/// <param name="Pid">The process of <c>up</c>.</param>
/// <param name="Started">When it started, so that a recycled pid is not taken for it.</param>
/// <param name="Nodes">The nodes, in order.</param>
/// <param name="Certs">The folder with what a client of theirs needs; empty when they have no TLS.</param>
internal sealed record ClusterRun(int Pid, DateTime Started, IReadOnlyList<RunNode> Nodes, string Certs = "")
{
    /// <summary>Where the files of this user are.</summary>
    public static string DefaultFolder { get; } =
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "actors", "run");

    /// <summary>The file of the run whose first node serves HTTP at <paramref name="httpPort"/>.</summary>
    public static string FileOf(string folder, int httpPort) => Path.Combine(folder, $"up-{httpPort}.json");

    /// <summary>Where the run of <paramref name="file"/> is asked to start a node again: by an empty file of this name, which goes when it was done.</summary>
    public static string StartRequest(string file, string node) => $"{Path.ChangeExtension(file, null)}.start-{node}";

    /// <summary>As <see cref="StartRequest"/>, to hand over what a node leads and stop it.</summary>
    public static string StopRequest(string file, string node) => $"{Path.ChangeExtension(file, null)}.stop-{node}";

    /// <summary>The running cluster that serves at <paramref name="http"/>, by whatever name of this machine, and its file; null when this user runs none.</summary>
    public static (ClusterRun Run, string File)? Find(string folder, Uri http)
    {
        if (!Directory.Exists(folder))
            return null;
        foreach (var file in Directory.EnumerateFiles(folder, "up-*.json").Order())
        {
            if (Read(file) is { } run && run.Nodes.Any(node => IsSame(new Uri(node.Http), http)) && run.IsAlive())
                return (run, file);
        }

        return null;
    }

    /// <summary>The content of a file; null when it is not there or not whole.</summary>
    public static ClusterRun? Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<ClusterRun>(File.ReadAllBytes(file));
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Replaces the file in one step: a reader sees the old content or the new.</summary>
    public void Write(string file)
    {
        File.WriteAllBytes(file + ".new", JsonSerializer.SerializeToUtf8Bytes(this));
        File.Move(file + ".new", file, overwrite: true);
    }

    /// <summary>When a process started.</summary>
    public static DateTime StartOf(Process process) => process.StartTime.ToUniversalTime();

    private static bool IsSame(Uri one, Uri other) => one.Port == other.Port && (one.Host == other.Host || (one.IsLoopback && other.IsLoopback));

    private bool IsAlive()
    {
        try
        {
            using var process = Process.GetProcessById(Pid);
            return (StartOf(process) - Started).Duration() < TimeSpan.FromSeconds(1);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }
}
