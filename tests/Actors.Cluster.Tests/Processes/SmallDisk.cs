
namespace Actors.Cluster.Tests;

/// <summary>A disk of bounded size, in memory. Needs root.</summary>
internal sealed class SmallDisk(int megabytes) : IDisposable
{
    private string? _folder;

    private string Filler => Path.Combine(_folder!, "filler");

    /// <summary>Puts it in the place of a folder, whose content it gets.</summary>
    public void Mount(string folder)
    {
        var aside = folder + ".before";
        Directory.Move(folder, aside);
        Directory.CreateDirectory(folder);
        SystemTool.Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", folder);
        _folder = folder;
        SystemTool.Run("cp", "-a", aside + "/.", folder);
        Directory.Delete(aside, recursive: true);
    }

    /// <summary>Takes all the space that is left.</summary>
    public void Fill()
    {
        using var file = new FileStream(Filler, FileMode.Create, FileAccess.Write);
        var block = new byte[1 << 16];
        try
        {
            while (true)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    /// <summary>Undoes <see cref="Fill"/>.</summary>
    public void Free() => File.Delete(Filler);

    /// <summary>Undoes <see cref="Mount"/>: the folder keeps what the disk has.</summary>
    public void MoveBack()
    {
        var (folder, aside) = (_folder!, _folder + ".after");
        SystemTool.Run("cp", "-a", folder, aside);
        Dispose();
        Directory.Delete(folder);
        Directory.Move(aside, folder);
    }

    public void Dispose()
    {
        if (_folder is not null)
            SystemTool.Run("umount", "-l", _folder);
        _folder = null;
    }
}
