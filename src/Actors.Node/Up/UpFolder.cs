using Actors.Node.Commands;

namespace Actors.Node.Up;

/// <summary>The folder of a cluster: the user's own, or a temporary one that goes when the cluster was stopped in order; after a failure its logs are wanted.</summary>
internal sealed class UpFolder : IDisposable
{
    private readonly bool _isTemporary;

    private UpFolder(string path, bool isTemporary) => (Path, _isTemporary) = (path, isTemporary);

    public string Path { get; }

    /// <summary>True when a temporary folder should stay.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Makes it when it is not there.</summary>
    /// <exception cref="CommandException">It cannot be made.</exception>
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
        if (_isTemporary && !IsWanted)
            Directory.Delete(Path, recursive: true);
    }
}
