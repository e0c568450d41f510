using System.Buffers.Binary;
using Actors.Membership;
using Actors.Storage;

namespace Actors.Tests.StorageTests;

/// <summary>A folder for one test, with what the tests of the store do to a data folder.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public static readonly StoreIdentity Identity = new("test", new NodeId("n1"));

    public string Root { get; } = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"actors-{Guid.NewGuid():n}")).FullName;

    /// <summary>The data folder.</summary>
    public string Data => Path.Combine(Root, "data");

    public string Database => Path.Combine(Data, "store", "db");

    /// <summary>The write-ahead logs, the oldest first.</summary>
    public string[] Logs => [.. Directory.GetFiles(Database, "*.log").Order(StringComparer.Ordinal)];

    public RocksDbStore OpenStore(StoreIdentity? identity = null) => RocksDbStore.Open(Data, identity ?? Identity, new Random(1));

    /// <summary>What a killed process leaves: the files of an open store as they are on disk now.</summary>
    public TemporaryFolder Copy()
    {
        var copy = new TemporaryFolder();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Data, "store"), "*", SearchOption.AllDirectories))
        {
            var to = Path.Combine(copy.Data, Path.GetRelativePath(Data, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        return copy;
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}

internal static class StoreEntries
{
    /// <summary>Writes entries <paramref name="from"/> to <paramref name="to"/>, each by a write of its own.</summary>
    public static void Append(this IStore store, int from, int to, int size = 200, bool sync = true, Table table = Table.Log)
    {
        for (var i = from; i <= to; i++)
        {
            var writes = new WriteSet();
            writes.Put(table, Key(i), Value(i, size));
            store.Write(writes, sync);
        }
    }

    /// <summary>The entries in the store, checked for being whole and consecutive from 1.</summary>
    public static int Entries(this IStore store, int size = 200, Table table = Table.Log)
    {
        var count = 0;
        foreach (var (key, value) in store.Scan(table, [], null))
        {
            count++;
            Assert.Equal(Key(count), key);
            Assert.Equal(Value(count, size), value);
            Assert.Equal(value, store.Get(table, key));
        }

        return count;
    }

    private static byte[] Key(int i)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(key, i);
        return key;
    }

    private static byte[] Value(int i, int size)
    {
        var value = new byte[size];
        new Random(i).NextBytes(value);
        return value;
    }
}
