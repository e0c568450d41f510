using Actors.Membership;
using Actors.Storage;

namespace Actors.Tests.StorageTests;

/// <summary>Whose data a folder holds, who may open it, and how damaged data is taken aside.</summary>
public sealed class DataFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string IdentityFile => Path.Combine(_folder.Data, "store", "identity");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_in_use_is_refused_and_the_process_named()
    {
        using var store = _folder.OpenStore();
        var refused = Assert.Throws<DataFolderException>(() => _folder.OpenStore());
        Assert.Equal($"data folder {_folder.Data} is in use by another process (pid {Environment.ProcessId})", refused.Message);
        Assert.Equal(refused.Message, Assert.Throws<DataFolderException>(() => RocksDbStore.Quarantine(_folder.Data)).Message);
        store.Append(1, 3);
        Assert.Equal(3, store.Entries());
    }

    [Fact]
    public void The_folder_of_another_node_or_cluster_is_refused_with_both_names()
    {
        _folder.OpenStore().Dispose();
        Assert.Equal(
            $"data folder {_folder.Data} belongs to node 'n1' of cluster 'test', not to node 'n2' of cluster 'test'",
            Assert.Throws<DataFolderException>(() => _folder.OpenStore(new StoreIdentity("test", new NodeId("n2")))).Message);
        Assert.Equal(
            $"data folder {_folder.Data} belongs to node 'n1' of cluster 'test', not to node 'n1' of cluster 'Test'",
            Assert.Throws<DataFolderException>(() => _folder.OpenStore(new StoreIdentity("Test", new NodeId("n1")))).Message);
        _folder.OpenStore().Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData("two\nlines")]
    public void A_cluster_name_is_one_line_of_text(string cluster) =>
        Assert.ThrowsAny<ArgumentException>(() => new StoreIdentity(cluster, new NodeId("n1")));

    [Fact]
    public void A_folder_of_an_unknown_format_is_refused()
    {
        _folder.OpenStore().Dispose();
        File.WriteAllText(IdentityFile, File.ReadAllText(IdentityFile).Replace("format 3", "format 1", StringComparison.Ordinal));
        Assert.Equal(
            $"data folder {_folder.Data} has format 1, but this program reads format 3",
            Assert.Throws<DataFolderException>(() => _folder.OpenStore()).Message);
    }

    [Fact]
    public void A_flipped_bit_anywhere_in_the_identity_is_reported()
    {
        _folder.OpenStore().Dispose();
        var whole = File.ReadAllBytes(IdentityFile);
        for (var place = 0; place < whole.Length; place++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[place] ^= (byte)(1 << place % 8);
            File.WriteAllBytes(IdentityFile, damaged);
            var error = Record.Exception(() => _folder.OpenStore());
            Assert.True(error is StoreFailedException or DataFolderException, $"byte {place}: {error}");
        }
    }

    [Fact]
    public void The_incarnation_stays_while_the_folder_lives_and_a_wiped_folder_gets_another()
    {
        Incarnation first, second;
        using (var store = RocksDbStore.Open(_folder.Data, TemporaryFolder.Identity, new Random(1)))
            first = store.Incarnation;
        using (var store = RocksDbStore.Open(_folder.Data, TemporaryFolder.Identity, new Random(2)))
            Assert.Equal(first, store.Incarnation);
        Directory.Delete(_folder.Data, recursive: true);
        using (var store = RocksDbStore.Open(_folder.Data, TemporaryFolder.Identity, new Random(2)))
            second = store.Incarnation;
        Assert.NotEqual(first, second);
        Assert.NotEqual(default, first);
    }

    [SkippableFact]
    public void A_new_folder_is_its_owners_alone()
    {
        Skip.If(OperatingSystem.IsWindows(), "Unix permissions");
        using var store = RocksDbStore.Open(Path.Combine(_folder.Data, "deeper"), TemporaryFolder.Identity, new Random(1));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, Mode(_folder.Data));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, Mode(Path.Combine(_folder.Data, "deeper")));

        static UnixFileMode Mode(string path) => OperatingSystem.IsWindows() ? UnixFileMode.None : File.GetUnixFileMode(path);
    }

    [Fact]
    public void A_folder_whose_creation_was_cut_short_is_created_anew()
    {
        var unfinished = Directory.CreateDirectory(Path.Combine(_folder.Data, "store.new", "db")).FullName;
        File.WriteAllText(Path.Combine(unfinished, "CURRENT"), "MANIFEST-000001\n");
        using var store = _folder.OpenStore();
        store.Append(1, 3);
        Assert.Equal(3, store.Entries());
        Assert.False(Directory.Exists(Path.Combine(_folder.Data, "store.new")));
    }

    [Theory]
    [InlineData("db")]
    [InlineData("db/CURRENT")]
    [InlineData("identity")]
    public void A_store_that_lost_a_part_is_reported_and_not_made_anew(string part)
    {
        using (var store = _folder.OpenStore())
            store.Append(1, 3);
        var path = Path.Combine(_folder.Data, "store", part);
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        else
            File.Delete(path);
        Assert.StartsWith($"data folder {_folder.Data} ", Assert.Throws<StoreFailedException>(() => _folder.OpenStore()).Message, StringComparison.Ordinal);
        Assert.Throws<StoreFailedException>(() => _folder.OpenStore());
    }

    [Fact]
    public void A_quarantine_keeps_every_byte_and_the_folder_opens_as_a_new_one()
    {
        Incarnation first;
        using (var store = _folder.OpenStore())
        {
            store.Append(1, 50);
            first = store.Incarnation;
        }

        File.WriteAllText(Path.Combine(_folder.Database, "CURRENT"), "damaged");
        var before = Contents(Path.Combine(_folder.Data, "store"));
        var aside = RocksDbStore.Quarantine(_folder.Data);
        Assert.Equal(Path.Combine(_folder.Data, "quarantine-1"), aside);
        Assert.Equal(before, Contents(aside));

        using (var store = RocksDbStore.Open(_folder.Data, TemporaryFolder.Identity, new Random(2)))
        {
            Assert.Equal(0, store.Entries());
            Assert.NotEqual(first, store.Incarnation);
        }

        Assert.Equal(Path.Combine(_folder.Data, "quarantine-2"), RocksDbStore.Quarantine(_folder.Data));
        Assert.Equal(before, Contents(aside));

        static string[] Contents(string folder) =>
            [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
                .Select(f => $"{Path.GetRelativePath(folder, f)} {Convert.ToHexString(File.ReadAllBytes(f))}")];
    }

    [Fact]
    public void A_folder_without_data_has_nothing_to_quarantine() =>
        Assert.Equal(
            $"data folder {_folder.Data} holds no data to quarantine",
            Assert.Throws<DataFolderException>(() => RocksDbStore.Quarantine(_folder.Data)).Message);

    [Fact]
    public void A_folder_that_cannot_be_made_is_one_line()
    {
        File.WriteAllText(_folder.Data, "a file");
        var refused = Assert.Throws<DataFolderException>(() => RocksDbStore.Open(Path.Combine(_folder.Data, "n1"), TemporaryFolder.Identity, new Random(1)));
        Assert.StartsWith($"data folder {Path.Combine(_folder.Data, "n1")} cannot be used: ", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }
}
