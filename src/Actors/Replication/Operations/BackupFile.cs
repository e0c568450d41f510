using System.Buffers.Binary;
using System.IO.Hashing;
using Actors.Membership;
using Actors.Replication.Transfer;
using Actors.Wire;

namespace Actors.Replication.Operations;

/// <summary>What a backup holds.</summary>
/// <param name="Cluster">The cluster that it was made of.</param>
/// <param name="Group">Its group there.</param>
/// <param name="StateMachine">The type of the group's state machine: no other one can read the state.</param>
/// <param name="Index">The index at which the state stands: it has every write that was answered at or below it, and none above.</param>
/// <param name="Time">The log time there.</param>
/// <param name="Chunks">Chunks of at most 48 kB, unless a single key is longer.</param>
/// <param name="Keys">Keys of the state machine.</param>
/// <param name="Bytes">Bytes of the state machine's keys and values.</param>
public sealed record BackupInfo(string Cluster, GroupId Group, string StateMachine, long Index, DateTimeOffset Time, long Chunks, long Keys, long Bytes);

/// <summary>A backup as a stream of bytes, written and read once from beginning to end.</summary>
/// <remarks>
/// <para>A line of 17 bytes that names the format, then frames, little-endian: length (4 bytes), that many bytes, checksum (16 bytes). The first byte of a
/// frame says what it is: <c>H</c> what it was made of, <c>C</c> a chunk of the state, <c>E</c> the end with the counts.</para>
/// <para>A checksum covers its frame and, as seed, the checksum before it: whatever is altered, cut, left out or put elsewhere shows at the frame where it begins. The
/// last one names the whole backup: it is its id. It guards against damage and mistakes, not against an adversary.</para>
/// </remarks>
public static class BackupFile
{
    /// <summary>The size of a chunk: with its key and its place in the log it fits a message between nodes.</summary>
    internal const int ChunkBytes = GroupSettings.MaxBatchBytes;

    private const int MaxFrameBytes = 256 << 10;
    private static readonly byte[] Title = "actors backup, 1\n"u8.ToArray();

    /// <summary>Reads a backup through and says what it holds.</summary>
    /// <param name="from">Is read from its present place to its end.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="InvalidDataException">It is no backup, is cut or altered, or of another format; one line that says where.</exception>
    public static async Task<BackupInfo> CheckAsync(Stream from, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(from);
        return (await ReadAsync(from, null, cancellation).ConfigureAwait(false)).Info;
    }

    /// <summary>Writes <paramref name="state"/> to <paramref name="to"/>.</summary>
    /// <param name="info">What it is of; the counts are filled in.</param>
    /// <param name="state">The state at <see cref="BackupInfo.Index"/>.</param>
    /// <param name="to">Is written only.</param>
    /// <param name="cancellation">Stops it: what was written by then is no backup.</param>
    internal static async Task<BackupInfo> WriteAsync(BackupInfo info, FrozenState state, Stream to, CancellationToken cancellation)
    {
        await to.WriteAsync(Title, cancellation).ConfigureAwait(false);
        UInt128 checksum = 0;
        await WriteFrameAsync(Header(info)).ConfigureAwait(false);
        using (var pairs = Counted().GetEnumerator())
        {
            StateCursor? at = pairs.MoveNext() ? StateCursor.Start : null;
            for (var pieces = new List<StatePiece>(); at is { } from; pieces.Clear())
            {
                at = StateRange.Take(pairs, from, ChunkBytes, pieces);
                info = info with { Chunks = info.Chunks + 1 };
                await WriteFrameAsync(Frame('C', w => StateRange.Write(w, pieces))).ConfigureAwait(false);
            }
        }

        await WriteFrameAsync(Frame('E', w =>
        {
            w.Int64(info.Chunks);
            w.Int64(info.Keys);
            w.Int64(info.Bytes);
        })).ConfigureAwait(false);
        return info;

        IEnumerable<KeyValuePair<byte[], byte[]>> Counted()
        {
            foreach (var pair in state.Scan([StateSpace.MachineSpace], [StateSpace.MachineSpace + 1]))
            {
                info = info with { Keys = info.Keys + 1, Bytes = info.Bytes + pair.Key.Length - 1 + pair.Value.Length };
                yield return pair;
            }
        }

        async Task WriteFrameAsync(ReadOnlyMemory<byte> content)
        {
            checksum = Next(checksum, content.Span);
            var frame = new ByteWriter(content.Length + 20);
            frame.Block(content.Span);
            frame.UInt128(checksum);
            await to.WriteAsync(frame.ToArray(), cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Reads a backup through and checks it; returns what it holds and its id.</summary>
    /// <param name="from">Is read to its end.</param>
    /// <param name="chunk">Gets every chunk; null to check only.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="InvalidDataException">It is no backup, is cut or altered, or of another format; one line that says where.</exception>
    internal static async Task<(BackupInfo Info, UInt128 Id)> ReadAsync(Stream from, Func<long, ReadOnlyMemory<byte>, Task>? chunk, CancellationToken cancellation)
    {
        var at = 0L;
        var title = new byte[Title.Length];
        await FillAsync(title).ConfigureAwait(false);
        if (!title.AsSpan().SequenceEqual(Title))
            throw new InvalidDataException(title.AsSpan().StartsWith(Title.AsSpan(0, 15)) ? "the backup is of a format that this program does not read" : "this is no backup: it does not begin like one");
        UInt128 checksum = 0;
        var info = ReadHeader(await ReadFrameAsync().ConfigureAwait(false));
        for (var number = 0L; ; number++)
        {
            var frame = await ReadFrameAsync().ConfigureAwait(false);
            if (frame.Span[0] == 'E')
            {
                var counted = Parsed(frame, (ref ByteReader r) => info with { Chunks = r.Int64(), Keys = r.Int64(), Bytes = r.Int64() });
                if (counted.Chunks != number || await from.ReadAsync(new byte[1], cancellation).ConfigureAwait(false) > 0)
                    throw Altered();
                return (counted, checksum);
            }

            if (frame.Span[0] != 'C')
                throw Altered();
            if (chunk is not null)
                await chunk(number, frame[1..]).ConfigureAwait(false);
        }

        async Task<ReadOnlyMemory<byte>> ReadFrameAsync()
        {
            var head = new byte[4];
            await FillAsync(head).ConfigureAwait(false);
            var length = BinaryPrimitives.ReadInt32LittleEndian(head);
            if (length is < 1 or > MaxFrameBytes)
                throw Altered();
            var rest = new byte[length + 16];
            await FillAsync(rest).ConfigureAwait(false);
            checksum = Next(checksum, rest.AsSpan(0, length));
            if (BinaryPrimitives.ReadUInt128LittleEndian(rest.AsSpan(length)) != checksum)
                throw Altered();
            return rest.AsMemory(0, length);
        }

        async Task FillAsync(byte[] buffer)
        {
            var count = await from.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            if (count < buffer.Length)
                throw new InvalidDataException($"the backup is cut: it ends after {at + count} bytes");
            at += count;
        }

        InvalidDataException Altered() => new($"the backup is altered: what ends at byte {at} does not match its checksum or its place");

        BackupInfo ReadHeader(ReadOnlyMemory<byte> frame)
        {
            if (frame.Span[0] != 'H')
                throw Altered();
            return Parsed(frame, (ref ByteReader r) => new BackupInfo(
                r.Text(), new GroupId(r.Text()), r.Text(), r.Int64(), DateTimeOffset.FromUnixTimeMilliseconds(r.Int64()), 0, 0, 0));
        }

        BackupInfo Parsed(ReadOnlyMemory<byte> frame, ReadItem<BackupInfo> read)
        {
            try
            {
                var reader = new ByteReader(frame[1..]);
                return read(ref reader);
            }
            catch (Exception e) when (e is MalformedException or ArgumentException)
            {
                throw Altered();
            }
        }
    }

    private static byte[] Header(BackupInfo info) => Frame('H', w =>
    {
        w.Text(info.Cluster);
        w.Text(info.Group.Value);
        w.Text(info.StateMachine);
        w.Int64(info.Index);
        w.Int64(info.Time.ToUnixTimeMilliseconds());
    });

    private static byte[] Frame(char kind, Action<ByteWriter> write)
    {
        var writer = new ByteWriter();
        writer.Byte((byte)kind);
        write(writer);
        return writer.ToArray();
    }

    private static UInt128 Next(UInt128 previous, ReadOnlySpan<byte> content) => XxHash128.HashToUInt128(content, (long)((ulong)previous ^ (ulong)(previous >> 64)));
}
