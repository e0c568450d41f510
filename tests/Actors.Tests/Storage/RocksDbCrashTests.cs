using Actors.Storage;

namespace Actors.Tests.StorageTests;

/// <summary>What is there after a crash, and what is said of damage.</summary>
public sealed class RocksDbCrashTests : IDisposable
{
    private const int Header = 7;       // of a record in the log: checksum 4, length 2, type 1
    private const int BlockSize = 32 * 1024;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_written_is_there_after_reopening()
    {
        using (var store = _folder.OpenStore())
            store.Append(1, 10);
        using (var store = _folder.OpenStore())
        {
            Assert.Equal(10, store.Entries());
            store.Append(11, 20, sync: false);
        }

        using var again = _folder.OpenStore();
        Assert.Equal(20, again.Entries());
    }

    [Fact]
    public void Writes_are_there_after_a_kill_and_after_a_kill_of_the_recovered_store()
    {
        using var store = _folder.OpenStore();
        store.Append(1, 100);
        using var killed = _folder.Copy();
        using var recovered = killed.OpenStore();
        Assert.Equal(100, recovered.Entries());
        recovered.Append(101, 150);
        using var killedAgain = killed.Copy();
        using var last = killedAgain.OpenStore();
        Assert.Equal(150, last.Entries());
    }

    [Fact]
    public void A_torn_last_write_is_dropped_and_the_rest_is_read_back()
    {
        using var killed = Killed(entries: 50);
        var log = killed.Logs.Single();
        var whole = File.ReadAllBytes(log);
        var records = Records(whole);
        Assert.Equal(50, records.Count);
        foreach (var (record, left) in new[] { (49, 1), (49, Header - 1), (49, Header), (49, Header + 100), (30, 0), (30, Header + 1), (0, 20), (0, 0) })
        {
            using var torn = killed.Copy();
            File.WriteAllBytes(Path.Combine(torn.Database, Path.GetFileName(log)), whole[..(records[record] + left)]);
            using var store = torn.OpenStore();
            Assert.Equal(record, store.Entries());
            store.Append(record + 1, record + 5);
            Assert.Equal(record + 5, store.Entries());
        }
    }

    [Fact]
    public void A_tail_that_was_allocated_but_never_written_is_dropped()
    {
        using var killed = Killed(entries: 50);
        using (var log = File.Open(killed.Logs.Single(), FileMode.Append))
            log.Write(new byte[50_000]);
        using var store = killed.OpenStore();
        Assert.Equal(50, store.Entries());
    }

    [Fact]
    public void Every_flipped_bit_in_the_log_is_reported()
    {
        using var killed = Killed(entries: 20, size: 20);
        using var log = File.Open(killed.Logs.Single(), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RecordLog.Check(killed.Database);
        for (var place = 0; place < log.Length; place++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                Flip(log, place, bit);
                Assert.Throws<InvalidDataException>(() => RecordLog.Check(killed.Database));
                Flip(log, place, bit);
            }
        }

        RecordLog.Check(killed.Database);
    }

    [Fact]
    public void Flipped_bits_in_a_log_of_many_blocks_are_reported()
    {
        using var killed = Killed(entries: 8, size: 50_000);
        using var log = File.Open(killed.Logs.Single(), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var random = new Random(1);
        for (var i = 0; i < 500; i++)
        {
            var (place, bit) = (random.Next((int)log.Length), random.Next(8));
            Flip(log, place, bit);
            Assert.Throws<InvalidDataException>(() => RecordLog.Check(killed.Database));
            Flip(log, place, bit);
        }
    }

    [Theory]
    [InlineData(100, 0, "the checksum of the record does not match")]
    [InlineData(6, 2, "the checksum of the record does not match")]         // the type: RocksDB 11.12 by itself would loop for ever
    [InlineData(5, 6, "nothing can be read there, but a valid record")]     // the length: RocksDB by itself would drop all 40 entries
    public void A_store_with_a_flipped_bit_in_its_log_does_not_open_and_says_where(int place, int bit, string what)
    {
        using var killed = Killed(entries: 40);
        using (var log = File.Open(killed.Logs.Single(), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            Flip(log, place, bit);
        Assert.StartsWith($"data folder {killed.Data} cannot be opened: {killed.Logs.Single()} is damaged at 0: {what}", Reported(killed), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40, 10, 1)]         // a record; RocksDB by itself would drop those behind it in the block
    [InlineData(40, 10, 18)]        // a page
    [InlineData(40, 0, 39)]         // all but the last record
    [InlineData(500, 100, 200)]     // more than a block
    public void A_hole_in_the_log_is_reported(int entries, int first, int count)
    {
        using var killed = Killed(entries);
        var records = Records(File.ReadAllBytes(killed.Logs.Single()));
        using (var log = File.OpenWrite(killed.Logs.Single()))
        {
            log.Position = records[first];
            log.Write(new byte[records[first + count] - records[first]]);
        }

        Assert.Contains("is damaged at", Reported(killed), StringComparison.Ordinal);
    }

    [Fact]
    public void A_log_that_ends_early_or_is_missing_is_reported_when_a_later_one_is_there()
    {
        using (var store = _folder.OpenStore())
        {
            store.Append(1, 1, table: Table.Meta);              // keeps the first log needed,
            store.Append(1, 40, size: 512 * 1024);              // and this begins a second one
        }

        Assert.Equal(2, _folder.Logs.Length);
        var length = new FileInfo(_folder.Logs[0]).Length;
        foreach (var left in new[] { length / 2, length - 1, BlockSize, 0 })
        {
            using var shortened = _folder.Copy();
            using (var log = File.OpenWrite(shortened.Logs[0]))
                log.SetLength(left);
            Assert.NotNull(Reported(shortened));
            if (left > 0)
                Assert.Throws<InvalidDataException>(() => RecordLog.Check(shortened.Database));     // without the help of the manifest
        }

        using (var apart = _folder.Copy())
        {
            File.Copy(apart.Logs[1], Path.Combine(apart.Database, "999999.log"));
            using (var log = File.OpenWrite(apart.Logs[0]))
                log.SetLength(length / 2);
            File.WriteAllBytes(apart.Logs[1], []);
            Assert.Throws<InvalidDataException>(() => RecordLog.Check(apart.Database));             // with an empty one in between
        }

        using (var missing = _folder.Copy())
        {
            File.Delete(missing.Logs[0]);
            Assert.NotNull(Reported(missing));
        }

        using var intact = _folder.OpenStore();
        Assert.Equal(40, intact.Entries(size: 512 * 1024));
    }

    [Fact]
    public void A_torn_log_that_recovery_has_dealt_with_but_not_yet_deleted_is_not_damage()
    {
        using var killed = Killed(entries: 50);
        var log = killed.Logs.Single();
        using (var file = File.OpenWrite(log))
            file.SetLength(file.Length - 10);
        var torn = File.ReadAllBytes(log);
        using (var store = killed.OpenStore())
            store.Append(50, 60);
        File.WriteAllBytes(log, torn);
        using var again = killed.OpenStore();
        Assert.Equal(60, again.Entries());
    }

    [Fact]
    public void A_damaged_length_in_the_manifest_is_reported()
    {
        using (var store = _folder.OpenStore())
            store.Append(1, 10);
        _folder.OpenStore().Dispose();                          // moves the entries into a table, which only the manifest names
        var manifest = Directory.GetFiles(_folder.Database, "MANIFEST-*").Single();
        var whole = File.ReadAllBytes(manifest);
        foreach (var record in Records(whole))
        {
            var bytes = (byte[])whole.Clone();
            bytes[record + 5] ^= 0x40;
            File.WriteAllBytes(manifest, bytes);
            Assert.NotNull(Reported(_folder));
        }
    }

    [Fact]
    public void A_flipped_bit_in_a_table_is_an_error_and_never_other_data()
    {
        using (var store = _folder.OpenStore())
            store.Append(1, 500, table: Table.State);
        _folder.OpenStore().Dispose();                          // recovery moves the entries from the log into a table
        var table = Path.GetFileName(Directory.GetFiles(_folder.Database, "*.sst").Single());
        var whole = File.ReadAllBytes(Path.Combine(_folder.Database, table));
        var random = new Random(1);
        for (var i = 0; i < 40; i++)
        {
            using var damaged = _folder.Copy();
            var bytes = (byte[])whole.Clone();
            var place = i < 20 ? random.Next(90_000) : random.Next(bytes.Length);
            bytes[place] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(Path.Combine(damaged.Database, table), bytes);
            int? entries = null;
            try
            {
                using var store = damaged.OpenStore();
                entries = store.Entries(table: Table.State);
            }
            catch (StoreFailedException e)
            {
                Assert.StartsWith($"data folder {damaged.Data}", e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', e.Message);
            }

            // The first 90 kB hold the entries; behind them there are bytes that no read needs.
            Assert.True(entries is null || entries == 500 && place >= 90_000, $"{entries} entries were read with a bit flipped at {place} of {bytes.Length}");
        }
    }

    [Fact]
    public void A_damaged_table_fails_the_get_as_well_as_the_scan()
    {
        using (var store = _folder.OpenStore())
            store.Append(1, 500, table: Table.State);
        _folder.OpenStore().Dispose();
        using (var table = File.OpenWrite(Directory.GetFiles(_folder.Database, "*.sst").Single()))
            table.Write(new byte[1_000]);
        using var opened = _folder.OpenStore();
        var first = new byte[] { 0, 0, 0, 0, 0, 0, 0, 1 };
        Assert.Contains("read failed", Assert.Throws<StoreFailedException>(() => opened.Get(Table.State, first)).Message, StringComparison.Ordinal);
        Assert.Throws<StoreFailedException>(() => opened.Scan(Table.State, first, null).Count());
        Assert.NotEmpty(opened.Scan(Table.State, [0, 0, 0, 0, 0, 0, 1, 0], null));
    }

    [Fact]
    public void Reading_a_closed_store_is_an_error_and_a_scan_under_way_ends_in_peace()
    {
        var store = _folder.OpenStore();
        store.Append(1, 100);
        using var scan = store.Scan(Table.Log, [], null).GetEnumerator();
        Assert.True(scan.MoveNext());
        store.Dispose();
        Assert.Throws<ObjectDisposedException>(() => store.Get(Table.Log, [1]));
        Assert.Throws<ObjectDisposedException>(() => store.Scan(Table.Log, [], null));
        for (var i = 2; i <= 100; i++)
            Assert.True(scan.MoveNext());
        Assert.False(scan.MoveNext());
        using var again = _folder.OpenStore();
        Assert.Equal(100, again.Entries());
    }

    private TemporaryFolder Killed(int entries, int size = 200)
    {
        using var store = _folder.OpenStore();
        store.Append(1, entries, size);
        return _folder.Copy();
    }

    private static void Flip(FileStream file, long place, int bit)
    {
        file.Position = place;
        var value = file.ReadByte();
        file.Position = place;
        file.WriteByte((byte)(value ^ (1 << bit)));
        file.Flush();
    }

    private static string? Reported(TemporaryFolder folder)
    {
        try
        {
            folder.OpenStore().Dispose();
            return null;
        }
        catch (StoreFailedException e)
        {
            Assert.DoesNotContain('\n', e.Message);
            return e.Message;
        }
    }

    private static List<int> Records(byte[] log)
    {
        var places = new List<int>();
        for (var place = 0; place + Header <= log.Length; place += Header + BitConverter.ToUInt16(log, place + 4))
        {
            if (BlockSize - place % BlockSize < Header)
                place += BlockSize - place % BlockSize;         // padding
            places.Add(place);
        }

        return places;
    }
}
