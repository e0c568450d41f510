using System.Globalization;
using Actors.Membership;

namespace Actors.Storage;

/// <summary>This node must not use the data folder as it stands: it is in use, belongs to another node or cluster, has an unknown format, or cannot be reached.</summary>
/// <remarks>Nothing in it was changed, and nothing is known to be damaged: that would be a <see cref="StoreFailedException"/>.</remarks>
public sealed class DataFolderException : Exception
{
    /// <summary>Creates it with one line that names the folder.</summary>
    public DataFolderException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}

/// <summary>A locked data folder: what stands where, whose it is, and what is taken aside.</summary>
/// <remarks>
/// <c>lock</c> is held while the folder is open and <c>pid</c> says by whom. <c>store/</c> holds the identity and the database. It is prepared
/// as <c>store.new/</c> and renamed when it is complete, and leaves by being renamed to <c>quarantine-N/</c>: at no instant is there a
/// database without its identity, or an identity whose database was lost, which would be taken for a node that never promised anything.
/// </remarks>
internal sealed class DataFolder : IDisposable
{
    private readonly FileStream _lock;

    private DataFolder(string path, FileStream @lock)
    {
        FullPath = path;
        _lock = @lock;
    }

    public string FullPath { get; }

    public string Database => Path.Combine(Store, "db");

    private string Store => Path.Combine(FullPath, "store");

    /// <summary>Locks the folder, creating it when it is missing.</summary>
    /// <exception cref="DataFolderException">It is in use or cannot be reached.</exception>
    public static DataFolder Lock(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Reaching(full, () =>
        {
            Durable.CreateDirectory(full);
            return new DataFolder(full, Acquire(full));
        });
    }

    /// <summary>Makes sure that the folder holds a store of <paramref name="identity"/>, and answers its incarnation.</summary>
    /// <param name="identity">Whose folder it must be.</param>
    /// <param name="random">Draws the incarnation of a new store.</param>
    /// <param name="createDatabase">Creates the empty database of a new store in the folder it is given.</param>
    /// <exception cref="DataFolderException">It is another node's, or of an unknown format.</exception>
    /// <exception cref="StoreFailedException">Its identity is damaged.</exception>
    public Incarnation Claim(StoreIdentity identity, Random random, Action<string> createDatabase) => Reaching(FullPath, () =>
    {
        if (!Directory.Exists(Store))
            Create(identity, Incarnation.Draw(random), createDatabase);
        var file = IdentityIn(Store);
        if (!File.Exists(file))
            throw new StoreFailedException($"data folder {FullPath} is damaged: {file} is missing");
        var (found, incarnation) = IdentityFile.Read(file, FullPath);
        return found == identity
            ? incarnation
            : throw new DataFolderException($"data folder {FullPath} belongs to {found}, not to {identity}");
    });

    /// <summary>Renames the store aside, so that the folder is as good as new, and answers its new path.</summary>
    public string Quarantine() => Reaching(FullPath, () =>
    {
        if (!Directory.Exists(Store))
            throw new DataFolderException($"data folder {FullPath} holds no data to quarantine");
        var number = 1;
        while (Directory.Exists(QuarantinePath(number)))
            number++;
        Durable.RenameDirectory(Store, QuarantinePath(number));
        return QuarantinePath(number);
    });

    /// <summary>Unlocks the folder.</summary>
    public void Dispose() => _lock.Dispose();

    private void Create(StoreIdentity identity, Incarnation incarnation, Action<string> createDatabase)
    {
        var unfinished = Path.Combine(FullPath, "store.new");
        if (Directory.Exists(unfinished))
            Directory.Delete(unfinished, recursive: true);      // never opened: a crash stopped its creation
        Durable.CreateDirectory(unfinished);
        IdentityFile.Write(IdentityIn(unfinished), identity, incarnation);
        createDatabase(Path.Combine(unfinished, "db"));
        Durable.SyncDirectory(unfinished);
        Durable.RenameDirectory(unfinished, Store);
    }

    private static FileStream Acquire(string folder)
    {
        FileStream? locked = null;
        try
        {
            locked = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            File.WriteAllText(PidFile(folder), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return locked;
        }
        catch (IOException e) when (locked is null && IsLocked(e))
        {
            throw new DataFolderException($"data folder {folder} is in use by another process (pid {Holder(folder)})", e);
        }
        catch
        {
            locked?.Dispose();
            throw;
        }
    }

    // EWOULDBLOCK on Linux and on macOS, ERROR_SHARING_VIOLATION on Windows.
    private static bool IsLocked(IOException e) => e.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static string Holder(string folder)
    {
        try
        {
            return File.ReadAllText(PidFile(folder));
        }
        catch (IOException)
        {
            return "unknown";
        }
    }

    private static T Reaching<T>(string folder, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataFolderException($"data folder {folder} cannot be used: {e.Message}", e);
        }
    }

    private static string PidFile(string folder) => Path.Combine(folder, "pid");

    private static string IdentityIn(string store) => Path.Combine(store, "identity");

    private string QuarantinePath(int number) => Path.Combine(FullPath, $"quarantine-{number}");
}
