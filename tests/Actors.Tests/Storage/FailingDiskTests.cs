using System.Diagnostics;
using Actors.Storage;

namespace Actors.Tests.StorageTests;

/// <summary>Real disks that run full, fail and lose their power. They are mounted by the test, which takes root on Linux.</summary>
public sealed class FailingDiskTests : IDisposable
{
    private const int MiB = 1024 * 1024;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void A_full_disk_fails_the_write_by_name_and_takes_no_other_and_loses_nothing_that_was_acknowledged()
    {
        using var disk = Disk.Memory(_folder, megabytes: 24);
        var written = 0;
        using (var store = disk.OpenStore())
        {
            var failure = Assert.Throws<StoreFailedException>(() =>
            {
                for (; written < 100; written++)
                    store.Append(written + 1, written + 1, size: MiB);
            });
            Assert.InRange(written, 1, 24);
            Assert.StartsWith($"data folder {disk.Data}: write failed: ", failure.Message, StringComparison.Ordinal);
            Assert.Contains("No space left on device", failure.Message, StringComparison.Ordinal);
            disk.Resize(megabytes: 100);
            Assert.Contains("takes no more writes", Assert.Throws<StoreFailedException>(() => store.Append(1, 1)).Message, StringComparison.Ordinal);
            Assert.Equal(written, store.Entries(size: MiB));
        }

        using var reopened = disk.OpenStore();
        Assert.InRange(reopened.Entries(size: MiB), written, written + 1);
    }

    [SkippableFact]
    public void A_failed_sync_is_an_error_and_no_other_write_is_taken()
    {
        // A disk whose blocks turn out not to be there: the write goes to the page cache, the sync fails.
        using var blocks = Disk.Memory(_folder, megabytes: 8);
        using var disk = Disk.Image(_folder, Path.Combine(blocks.Path, "image"), megabytes: 64);
        using var store = disk.OpenStore();
        var failure = Assert.Throws<StoreFailedException>(() => store.Append(1, 32, size: MiB));
        Assert.Contains("While fdatasync", failure.Message, StringComparison.Ordinal);
        blocks.Resize(megabytes: 100);
        Assert.Contains("takes no more writes", Assert.Throws<StoreFailedException>(() => store.Append(1, 1)).Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_was_synced_is_there_after_a_power_failure(bool each)
    {
        var image = Path.Combine(_folder.Root, "image");
        using var disk = Disk.Image(_folder, image, megabytes: 64);
        using var store = disk.OpenStore();
        store.Append(1, 100, sync: each);
        if (!each)
            store.Write(new WriteSet(), sync: true);        // an empty write syncs those before it
        var afterPowerFailure = Path.Combine(_folder.Root, "image-after");
        File.Copy(image, afterPowerFailure);                // what has reached the disk, without what is in the page cache
        using var diskAfter = Disk.Mount(_folder, afterPowerFailure);
        using var storeAfter = diskAfter.OpenStore();
        Assert.Equal(100, storeAfter.Entries());
    }

    /// <summary>A mounted file system.</summary>
    private sealed class Disk : IDisposable
    {
        private Disk(TemporaryFolder folder, params string[] mount)
        {
            Skip.IfNot(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "mounting takes root on Linux");
            Path = Directory.CreateDirectory(System.IO.Path.Combine(folder.Root, $"disk-{Guid.NewGuid():n}")).FullName;
            var error = Run("mount", [.. mount, Path]);
            Skip.If(error.Contains("permission denied", StringComparison.OrdinalIgnoreCase), error);
            Assert.Equal("", error);
        }

        public string Path { get; }

        public string Data => System.IO.Path.Combine(Path, "data");

        public static Disk Memory(TemporaryFolder folder, int megabytes) => new(folder, "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs");

        public static Disk Image(TemporaryFolder folder, string image, int megabytes)
        {
            using (var file = File.Create(image))
                file.SetLength(megabytes * MiB);
            Assert.Equal("", Run("mkfs.ext4", "-q", "-F", "-E", "nodiscard", image));
            return Mount(folder, image);
        }

        public static Disk Mount(TemporaryFolder folder, string image) => new(folder, "-o", "loop", image);

        public RocksDbStore OpenStore() => RocksDbStore.Open(Data, TemporaryFolder.Identity, new Random(1));

        public void Resize(int megabytes) => Assert.Equal("", Run("mount", "-o", $"remount,size={megabytes}m", Path));

        public void Dispose() => Run("umount", "--lazy", Path);

        private static string Run(string program, params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? "" : $"{program}: {error.Trim()}";
        }
    }
}
