using Actors.Node.Commands;

namespace Actors.Node.Up;

/// <summary>The folder of a cluster: the user's own, or a temporary one that goes when the cluster was stopped in order; after a failure its logs are wanted.</summary>
/// <remarks>Locked while it is open: a second <c>up</c> would write other configurations under the nodes of the first.</remarks>
internal sealed class UpFolder : IDisposable
{
    private const string LockName = "up.lock";

    private readonly bool _isTemporary;
    private readonly FileStream _lock;

    private UpFolder(string path, bool isTemporary)
    {
        (Path, _isTemporary) = (path, isTemporary);
        var file = System.IO.Path.Combine(path, LockName);
        try
        {
            _lock = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(file))
        {
            throw new IOException("another 'actors up' runs there; stop it, or name another folder");
        }
    }

    public string Path { get; }

    /// <summary>True when a temporary folder should stay.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Makes it when it is not there.</summary>
    /// <exception cref="CommandException">It cannot be made, or another <c>up</c> has it.</exception>
    public static UpFolder Open(string? path)
    {
        try
        {
            return path is null
                ? new UpFolder(Directory.CreateTempSubdirectory("actors-up-").FullName, isTemporary: true)
                : new UpFolder(Directory.CreateDirectory(path).FullName, isTemporary: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(ExitCode.Usage, $"--data {path}: {e.Message}");
        }
    }

    public void Dispose()
    {
        _lock.Dispose();
        if (_isTemporary && !IsWanted)
            Directory.Delete(Path, recursive: true);
    }
}
