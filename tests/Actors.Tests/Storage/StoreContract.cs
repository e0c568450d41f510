using System.Text;
using Actors.Storage;
using CsCheck;

namespace Actors.Tests.StorageTests;

/// <summary>What every store does; each kind of store runs it.</summary>
public abstract class StoreContract : IDisposable
{
    protected abstract IStore Store { get; }

    public virtual void Dispose() => GC.SuppressFinalize(this);

    [Fact]
    public void A_key_that_was_never_put_reads_as_null() => Assert.Null(Store.Get(Table.State, "a"u8));

    [Fact]
    public void The_operations_of_a_write_take_effect_in_order()
    {
        Write(w => { w.Put(Table.State, "a"u8.ToArray(), "1"u8.ToArray()); w.Put(Table.State, "b"u8.ToArray(), "2"u8.ToArray()); });
        Write(w =>
        {
            w.Delete(Table.State, "a"u8.ToArray());
            w.Put(Table.State, "a"u8.ToArray(), "3"u8.ToArray());
            w.Put(Table.State, "b"u8.ToArray(), "4"u8.ToArray());
            w.Delete(Table.State, "b"u8.ToArray());
        });
        Assert.Equal(["a=3"], All(Table.State));
    }

    [Fact]
    public void Tables_are_apart()
    {
        Write(w => { w.Put(Table.Meta, "k"u8.ToArray(), "1"u8.ToArray()); w.Put(Table.Log, "k"u8.ToArray(), "2"u8.ToArray()); });
        Write(w => w.Delete(Table.State, "k"u8.ToArray()));
        Assert.Equal("1"u8.ToArray(), Store.Get(Table.Meta, "k"u8));
        Assert.Equal("2"u8.ToArray(), Store.Get(Table.Log, "k"u8));
        Assert.Null(Store.Get(Table.State, "k"u8));
    }

    [Fact]
    public void A_snapshot_shows_what_was_there_whatever_is_written_later_and_as_often_as_it_is_asked()
    {
        Put("a", "b");
        using var snapshot = Store.Snapshot();
        Write(w => { w.Delete(Table.State, "a"u8.ToArray()); w.Put(Table.State, "b"u8.ToArray(), "2"u8.ToArray()); w.Put(Table.State, "c"u8.ToArray(), default); });
        for (var i = 0; i < 2; i++)
            Assert.Equal(["a=", "b="], snapshot.Scan(Table.State, [], null).Select(Text));
        Assert.Equal(["b="], snapshot.Scan(Table.State, "b"u8.ToArray(), "c"u8.ToArray()).Select(Text));
        Assert.Equal(["b=2", "c="], All(Table.State));
    }

    [Fact]
    public void A_range_delete_takes_its_beginning_and_leaves_its_end()
    {
        Put("a", "b", "c", "d");
        Write(w => w.DeleteRange(Table.State, "b"u8.ToArray(), "d"u8.ToArray()));
        Assert.Equal(["a=", "d="], All(Table.State));
    }

    [Theory]
    [InlineData("c", "c")]
    [InlineData("d", "b")]
    public void A_range_that_ends_where_it_begins_or_before_deletes_and_scans_nothing(string from, string to)
    {
        Put("a", "b", "c", "d");
        Write(w => w.DeleteRange(Table.State, Encoding.UTF8.GetBytes(from), Encoding.UTF8.GetBytes(to)));
        Assert.Equal(["a=", "b=", "c=", "d="], All(Table.State));
        Assert.Empty(Store.Scan(Table.State, Encoding.UTF8.GetBytes(from), Encoding.UTF8.GetBytes(to)));
    }

    [Fact]
    public void Keys_are_in_the_order_of_unsigned_bytes()
    {
        byte[][] keys = [[0x00], [0x00, 0x00], [0x7f], [0x80], [0xff], [0xff, 0x01]];
        Write(w =>
        {
            foreach (var key in keys.Reverse())
                w.Put(Table.Log, key, key);
        });
        Assert.Equal(keys, Store.Scan(Table.Log, [], null).Select(p => p.Key));
        Assert.Equal(keys[2..4], Store.Scan(Table.Log, [0x01], [0xff]).Select(p => p.Key));
    }

    [Fact]
    public void A_scan_shows_the_table_as_it_stood_at_the_call()
    {
        Put("a", "b");
        var scan = Store.Scan(Table.State, [], null);
        Write(w => { w.Delete(Table.State, "a"u8.ToArray()); w.Put(Table.State, "b"u8.ToArray(), "new"u8.ToArray()); w.Put(Table.State, "c"u8.ToArray(), default); });
        Assert.Equal(["a=", "b="], scan.Select(Text));
    }

    [Fact]
    public void A_scan_may_be_left_before_its_end()
    {
        Put("a", "b", "c");
        Assert.Equal("a=", Store.Scan(Table.State, [], null).Select(Text).First());
        Assert.Equal(["a=", "b=", "c="], All(Table.State));
    }

    [Fact]
    public void An_empty_key_and_an_empty_value_are_kept()
    {
        Write(w => { w.Put(Table.State, default, "v"u8.ToArray()); w.Put(Table.State, "k"u8.ToArray(), default); });
        Assert.Equal("v"u8.ToArray(), Store.Get(Table.State, []));
        Assert.Equal([], Store.Get(Table.State, "k"u8)!);
        Assert.Equal(["=v", "k="], All(Table.State));
    }

    [Fact]
    public void The_bytes_that_were_written_and_read_belong_to_the_caller()
    {
        byte[] key = [1], value = [2];
        Write(w => w.Put(Table.State, key, value));
        key[0] = value[0] = 9;
        Store.Get(Table.State, [1])![0] = 9;
        foreach (var pair in Store.Scan(Table.State, [], null))
            pair.Key[0] = pair.Value[0] = 9;
        Assert.Equal([2], Store.Get(Table.State, [1])!);
    }

    [Fact]
    public void A_set_that_was_cleared_writes_only_what_was_added_since()
    {
        var writes = new WriteSet();
        writes.Put(Table.State, "a"u8.ToArray(), default);
        writes.Clear();
        Assert.Equal((0, 0), (writes.Count, writes.Bytes));
        writes.Put(Table.State, "b"u8.ToArray(), default);
        Store.Write(writes, sync: false);
        Assert.Equal(["b="], All(Table.State));
    }

    [Fact]
    public async Task Readers_on_other_threads_see_whole_writes_only()
    {
        var readers = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 1_000; i++)
                Assert.InRange(Store.Scan(Table.State, [], null).Select(p => Convert.ToHexString(p.Value)).Distinct().Count(), 0, 1);
        })));
        for (var i = 0; !readers.IsCompleted; i++)
        {
            var value = BitConverter.GetBytes(i);
            Write(w => { w.Put(Table.State, "a"u8.ToArray(), value); w.Put(Table.State, "b"u8.ToArray(), value); });
        }

        await readers;
    }

    [Fact]
    public void It_behaves_like_a_sorted_dictionary() =>
        Writes.Sample(
            writes =>
            {
                Write(w => { foreach (var table in Enum.GetValues<Table>()) w.DeleteRange(table, default, new byte[] { 0xff, 0xff }); });
                var model = Enum.GetValues<Table>().ToDictionary(t => t, _ => new SortedDictionary<byte[], byte[]>(Bytes));
                foreach (var (operations, from, to) in writes)
                {
                    Write(w => Array.ForEach(operations, o => Add(w, o)));
                    Array.ForEach(operations, o => Apply(model[o.Table], o));
                    foreach (var (table, pairs) in model)
                    {
                        Assert.Equal(pairs.Select(Text), All(table));
                        Assert.Equal(pairs.Where(p => Between(p.Key, from, to)).Select(Text), Store.Scan(table, from, to).Select(Text));
                        Assert.Equal(pairs.GetValueOrDefault(from), Store.Get(table, from));
                    }
                }
            },
            iter: 200,
            threads: 1);

    // Short keys of few bytes, so that they collide and ranges hold something.
    private static readonly Gen<byte[]> Key = Gen.OneOf<byte>(0x00, 0x01, 0x7f, 0x80, 0xfe).Array[0, 2];

    private static readonly Gen<WriteSet.Operation> Operation = Gen.Select(
        Gen.Frequency((6, WriteSet.Kind.Put), (2, WriteSet.Kind.Delete), (1, WriteSet.Kind.DeleteRange)),
        Gen.Enum<Table>(),
        Key,
        Key,
        (kind, table, key, value) => new WriteSet.Operation(kind, table, key, value));

    private static readonly Gen<(WriteSet.Operation[] Operations, byte[] From, byte[] To)[]> Writes =
        Gen.Select(Operation.Array[0, 8], Key, Key).Array[1, 8];

    private static readonly Comparer<byte[]> Bytes = Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));

    private static bool Between(byte[] key, byte[] from, byte[] to) => Bytes.Compare(key, from) >= 0 && Bytes.Compare(key, to) < 0;

    private static void Add(WriteSet writes, WriteSet.Operation operation)
    {
        switch (operation.Kind)
        {
            case WriteSet.Kind.Put: writes.Put(operation.Table, operation.Key, operation.Value); break;
            case WriteSet.Kind.Delete: writes.Delete(operation.Table, operation.Key); break;
            default: writes.DeleteRange(operation.Table, operation.Key, operation.Value); break;
        }
    }

    private static void Apply(SortedDictionary<byte[], byte[]> pairs, WriteSet.Operation operation)
    {
        var (key, value) = (operation.Key.ToArray(), operation.Value.ToArray());
        switch (operation.Kind)
        {
            case WriteSet.Kind.Put: pairs[key] = value; break;
            case WriteSet.Kind.Delete: pairs.Remove(key); break;
            default:
                foreach (var gone in pairs.Keys.Where(k => Between(k, key, value)).ToArray())
                    pairs.Remove(gone);
                break;
        }
    }

    private void Write(Action<WriteSet> fill)
    {
        var writes = new WriteSet();
        fill(writes);
        Store.Write(writes, sync: false);
    }

    private void Put(params string[] keys) => Write(w => Array.ForEach(keys, k => w.Put(Table.State, Encoding.UTF8.GetBytes(k), default)));

    private IEnumerable<string> All(Table table) => Store.Scan(table, [], null).Select(Text);

    private static string Text(KeyValuePair<byte[], byte[]> pair) => $"{Encoding.Latin1.GetString(pair.Key)}={Encoding.Latin1.GetString(pair.Value)}";
}

public sealed class InMemoryStoreTests : StoreContract
{
    protected override IStore Store { get; } = new InMemoryStore();
}

public sealed class VolatileStoreTests
{
    [Fact]
    public void What_is_marked_is_not_in_the_store_beneath_and_gone_with_this_one()
    {
        using var durable = new InMemoryStore();
        using var store = new VolatileStore(durable);
        byte[] marked = [VolatileStore.Mark | 1, 7], plain = [1, 7];
        var writes = new WriteSet();
        foreach (var key in (byte[][])[marked, plain, [VolatileStore.Mark | 1, 8]])
            writes.Put(Table.Log, key, key);
        writes.DeleteRange(Table.Log, new byte[] { VolatileStore.Mark | 1, 8 }, new byte[] { VolatileStore.Mark | 1, 9 });
        store.Write(writes, sync: true);
        using var snapshot = store.Snapshot();
        store.Write(new WriteSet(), sync: true);

        Assert.Equal(marked, store.Get(Table.Log, marked));
        Assert.Equal(plain, store.Get(Table.Log, plain));
        Assert.Equal([marked], store.Scan(Table.Log, [VolatileStore.Mark], null).Select(pair => pair.Key));
        Assert.Equal([marked], snapshot.Scan(Table.Log, [VolatileStore.Mark], null).Select(pair => pair.Key));
        Assert.Equal([plain], durable.Scan(Table.Log, [], null).Select(pair => pair.Key));
        using var another = new VolatileStore(durable);
        Assert.Null(another.Get(Table.Log, marked));
    }
}

public sealed class RocksDbStoreTests : StoreContract
{
    private readonly TemporaryFolder _folder = new();

    public RocksDbStoreTests() => Store = _folder.OpenStore();

    protected override IStore Store { get; }

    public override void Dispose()
    {
        Store.Dispose();
        _folder.Dispose();
        base.Dispose();
    }
}
