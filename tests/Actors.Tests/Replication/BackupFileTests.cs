using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Operations;
using Actors.Storage;

namespace Actors.Tests.ReplicationTests;

public sealed class BackupFileTests
{
    private static readonly BackupInfo Info = new("shop", new GroupId("stock"), "Machine", 17, DateTimeOffset.UnixEpoch, 0, 0, 0);

    [Fact]
    public async Task What_was_written_is_read_back_in_chunks_that_fit_a_message()
    {
        var pairs = Enumerable.Range(0, 100).Select(i => (Key: new byte[] { StateSpace.MachineSpace, (byte)i }, Value: new byte[i * 1_000])).ToArray();
        var (file, written) = await WriteAsync(pairs);
        Assert.Equal((100, pairs.Sum(p => 1 + p.Value.Length)), (written.Keys, written.Bytes));

        var chunks = new List<int>();
        var (read, _) = await BackupFile.ReadAsync(new MemoryStream(file), (number, pieces) =>
        {
            Assert.Equal(chunks.Count, number);
            chunks.Add(pieces.Length);
            return Task.CompletedTask;
        }, default);
        Assert.Equal(written, read);
        Assert.Equal(written.Chunks, chunks.Count);
        Assert.All(chunks, bytes => Assert.InRange(bytes, 1, BackupFile.ChunkBytes + 64));
    }

    [Fact]
    public async Task A_backup_of_nothing_is_a_backup()
    {
        var (file, written) = await WriteAsync([]);
        Assert.Equal(Info, written);
        Assert.Equal(Info, await BackupFile.CheckAsync(new MemoryStream(file), default));
    }

    [Fact]
    public async Task A_backup_that_is_cut_anywhere_is_refused_in_one_line()
    {
        var (file, _) = await WriteAsync(Few());
        for (var length = 0; length < file.Length; length++)
        {
            var error = await Assert.ThrowsAsync<InvalidDataException>(() => BackupFile.CheckAsync(new MemoryStream(file, 0, length), default));
            Assert.Contains("cut", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    [Fact]
    public async Task A_backup_with_any_bit_altered_or_with_bytes_behind_its_end_is_refused()
    {
        var (file, _) = await WriteAsync(Few());
        for (var i = 0; i < file.Length; i++)
        {
            var altered = (byte[])file.Clone();
            altered[i] ^= (byte)(1 << i % 8);
            await Assert.ThrowsAsync<InvalidDataException>(() => BackupFile.CheckAsync(new MemoryStream(altered), default));
        }

        await Assert.ThrowsAsync<InvalidDataException>(() => BackupFile.CheckAsync(new MemoryStream([.. file, 0]), default));
    }

    [Fact]
    public async Task Two_chunks_that_changed_places_are_refused()
    {
        var (file, _) = await WriteAsync([.. Enumerable.Range(0, 2).Select(i => (new byte[] { StateSpace.MachineSpace, (byte)i }, new byte[BackupFile.ChunkBytes - 100]))]);
        var frames = new List<byte[]>();
        for (var at = 17; at < file.Length;)
        {
            var length = BitConverter.ToInt32(file, at) + 20;
            frames.Add(file[at..(at + length)]);
            at += length;
        }

        Assert.Equal(4, frames.Count);
        byte[] swapped = [.. file[..17], .. frames[0], .. frames[2], .. frames[1], .. frames[3]];
        await Assert.ThrowsAsync<InvalidDataException>(() => BackupFile.CheckAsync(new MemoryStream(swapped), default));
        byte[] without = [.. file[..17], .. frames[0], .. frames[1], .. frames[3]];
        await Assert.ThrowsAsync<InvalidDataException>(() => BackupFile.CheckAsync(new MemoryStream(without), default));
    }

    private static (byte[], byte[])[] Few() => [.. Enumerable.Range(0, 3).Select(i => (new byte[] { StateSpace.MachineSpace, (byte)i }, new byte[] { 1, 2, 3 }))];

    private static async Task<(byte[] File, BackupInfo Info)> WriteAsync(IReadOnlyList<(byte[] Key, byte[] Value)> pairs)
    {
        using var store = new InMemoryStore();
        var space = new StateSpace(store, new GroupKeys(Info.Group).State(0));
        space.Set([StateSpace.SessionSpace, 1], [1]);      // no part of it
        foreach (var (key, value) in pairs)
            space.Set(key, value);
        using var state = space.Freeze();
        var file = new MemoryStream();
        var written = await BackupFile.WriteAsync(Info, state, file, default);
        return (file.ToArray(), written);
    }
}
