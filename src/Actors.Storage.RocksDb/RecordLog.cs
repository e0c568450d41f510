using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Actors.Storage;

/// <summary>Checks RocksDB's logs before it reads them: an incomplete record at the end is what a crash leaves, everything else is damage.</summary>
/// <remarks>
/// <para>
/// A write-ahead log and a MANIFEST are blocks of 32 KiB filled with records: masked CRC32C of type and payload (4 bytes), length (2),
/// type (1: full, first, middle or last of a larger one), payload.
/// </para>
/// <para>
/// RocksDB's own recovery is not enough. In every mode that allows a torn tail, a damaged length in the last block and a zeroed header
/// anywhere look like one, and the synced records behind them are dropped without a word; and one flipped bit in a type (full to recyclable)
/// makes version 11.12 loop for ever. A torn tail has nothing behind it: so where the records end before the file does, this looks for
/// a valid one further on.
/// </para>
/// </remarks>
internal static class RecordLog
{
    private const int BlockSize = 32 * 1024;
    private const int HeaderSize = 7;
    private const int BatchHeaderSize = 12;     // in a write-ahead log: sequence number of the first operation (8), number of operations (4)
    private const byte Full = 1;
    private const byte First = 2;
    private const byte Last = 4;

    /// <summary>Checks the current MANIFEST and all write-ahead logs of a database that is not open.</summary>
    /// <exception cref="InvalidDataException">One is damaged; the message names the file and the place.</exception>
    public static void Check(string database)
    {
        var current = Path.Combine(database, "CURRENT");
        var manifest = File.Exists(current) ? Path.Combine(database, File.ReadAllText(current).TrimEnd()) : null;
        if (File.Exists(manifest))      // if not, RocksDB says so
            CheckOne(manifest, tornAt: null);

        ulong? tornAt = null;           // the sequence number that an earlier log broke off before
        foreach (var log in Directory.EnumerateFiles(database, "*.log").OrderBy(Number))
            tornAt = CheckOne(log, tornAt);
    }

    private static ulong Number(string log) => ulong.Parse(Path.GetFileNameWithoutExtension(log), CultureInfo.InvariantCulture);

    // Takes where an earlier log broke off, if that is still open, and answers the same for the log after this one.
    private static ulong? CheckOne(string path, ulong? tornAt)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        var block = new byte[BlockSize];
        var batch = new byte[BatchHeaderSize];      // the head of the record that is being read
        var batchLength = 0;
        ulong? next = null;                         // the sequence number after the last complete record
        var inRecord = false;

        for (long start = 0; start < file.Length; start += BlockSize)
        {
            var length = file.ReadAtLeast(block, BlockSize, throwOnEndOfStream: false);
            var offset = 0;
            while (length - offset >= HeaderSize)
            {
                var record = block.AsSpan(offset, length - offset);
                var (size, type) = Header(record);
                if (HeaderSize + size > record.Length || !record[..HeaderSize].ContainsAnyExcept((byte)0))
                    return Torn(file, start + offset, next, tornAt);
                if (!IsRecord(record, size))
                    throw Damaged(file, start + offset, "the checksum of the record does not match");
                var payload = record.Slice(HeaderSize, size);
                if (type is Full or First)
                    batchLength = 0;
                var head = payload[..Math.Min(payload.Length, BatchHeaderSize - batchLength)];
                head.CopyTo(batch.AsSpan(batchLength));
                batchLength += head.Length;
                inRecord = type is not (Full or Last);
                if (!inRecord && batchLength == BatchHeaderSize)
                {
                    var (sequence, count) = Batch(batch);
                    if (next is null && tornAt is { } torn && sequence != torn)
                        throw Damaged(file, 0, $"its first record has sequence number {sequence}, but the log before it broke off before {torn}");
                    next = sequence + count;
                }

                offset += HeaderSize + size;
            }

            // Less than a header at the end of a block is padding; at the end of the file it is the start of a torn record.
            if (length < BlockSize && offset < length)
                return Torn(file, start + offset, next, tornAt);
        }

        if (inRecord)
            return next ?? tornAt;              // it breaks off between two fragments
        return next is null ? tornAt : null;    // empty, so the question stays open; or whole
    }

    // The records end at this place, so nothing valid may stand behind it.
    private static ulong? Torn(FileStream file, long place, ulong? next, ulong? tornAt)
    {
        var rest = new byte[file.Length - place];
        file.Position = place;
        file.ReadExactly(rest);

        // The length may be all that is wrong with the last record of the file.
        if (rest.Length >= HeaderSize && IsRecord(rest, rest.Length - HeaderSize))
            throw Damaged(file, place, "the length of a complete record is wrong");
        for (var offset = 1; offset + HeaderSize <= rest.Length; offset++)
        {
            var found = rest.AsSpan(offset);
            if (IsRecord(found, Header(found).Size))
                throw Damaged(file, place, $"nothing can be read there, but a valid record follows at {place + offset}");
        }

        return next ?? tornAt;
    }

    private static bool IsRecord(ReadOnlySpan<byte> bytes, int size) =>
        bytes[6] is >= Full and <= Last
        && size <= Math.Min(bytes.Length, BlockSize) - HeaderSize
        && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == MaskedCrc(bytes.Slice(6, 1 + size));

    private static (int Size, byte Type) Header(ReadOnlySpan<byte> bytes) => (BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]), bytes[6]);

    private static (ulong Sequence, uint Count) Batch(ReadOnlySpan<byte> bytes) =>
        (BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]));

    private static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return BitOperations.RotateRight(~crc, 15) + 0xa282ead8;
    }

    private static InvalidDataException Damaged(FileStream file, long place, string what) => new($"{file.Name} is damaged at {place}: {what}");
}
