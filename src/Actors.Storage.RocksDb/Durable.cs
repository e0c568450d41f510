using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Actors.Storage;

/// <summary>Files and folders that are there after a power failure.</summary>
/// <remarks>A new or renamed file is durable only when its folder is synced too, and .NET does not open folders.</remarks>
internal static partial class Durable
{
    public static void WriteFile(string path, ReadOnlySpan<byte> content)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None);
        file.Write(content);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Creates the folder and those above it that are missing, each readable by the owner alone.</summary>
    public static void CreateDirectory(string path)
    {
        if (Directory.Exists(path) || Path.GetDirectoryName(path) is not { } parent)
            return;
        CreateDirectory(parent);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        SyncDirectory(parent);
    }

    /// <summary>Renames a folder inside its parent.</summary>
    public static void RenameDirectory(string from, string to)
    {
        Directory.Move(from, to);
        SyncDirectory(Path.GetDirectoryName(to)!);
    }

    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
            return;     // NTFS journals its folders; there is no call to sync one
        var descriptor = Open(path, 0);
        if (descriptor < 0)
            throw Failed("open", path);
        try
        {
            if (Fsync(descriptor) != 0)
                throw Failed("fsync", path);
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static IOException Failed(string call, string path) => new($"{call} of {path}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
