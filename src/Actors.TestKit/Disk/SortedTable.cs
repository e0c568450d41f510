namespace Actors.TestKit;

/// <summary>An ordered map from bytes to bytes, compared as unsigned bytes, of which a scan sees the content as of its call.</summary>
/// <remarks>A list of sorted chunks; a scan shares them and a later write copies the one that it changes.</remarks>
internal sealed class SortedTable
{
    private const int ChunkSize = 64;

    private readonly List<Chunk> _chunks = [];
    private int _version;       // chunks of an older version are shared with a scan

    public int Count { get; private set; }

    public byte[]? Get(ReadOnlySpan<byte> key) =>
        Find(key, out var chunk, out var place) ? _chunks[chunk].Values[place] : null;

    /// <summary>Sets a value and returns the one before it, or null.</summary>
    public byte[]? Put(byte[] key, byte[] value)
    {
        if (Find(key, out var chunk, out var place))
        {
            var old = _chunks[chunk].Values[place];
            Own(chunk).Values[place] = value;
            return old;
        }

        if (_chunks.Count == 0)
            _chunks.Add(new Chunk(_version));
        var into = Own(chunk);
        if (into.Count == ChunkSize)
        {
            // Keys that grow steadily fill chunks to the end; others are split in the middle.
            var atEnd = place == ChunkSize && chunk == _chunks.Count - 1;
            _chunks.Insert(chunk + 1, into.SplitAt(atEnd ? ChunkSize : ChunkSize / 2));
            if (place > into.Count || atEnd)
            {
                place -= into.Count;
                into = _chunks[chunk + 1];
            }
        }

        into.Insert(place, key, value);
        Count++;
        return null;
    }

    /// <summary>Removes a key and returns its value, or null.</summary>
    public byte[]? Delete(ReadOnlySpan<byte> key)
    {
        if (!Find(key, out var chunk, out var place))
            return null;
        var old = _chunks[chunk].Values[place];
        var from = Own(chunk);
        from.RemoveAt(place);
        if (from.Count == 0)
            _chunks.RemoveAt(chunk);
        Count--;
        return old;
    }

    /// <summary>The pairs from <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive, null for the end) as of this call.</summary>
    public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(ReadOnlySpan<byte> from, byte[]? to)
    {
        Find(from, out var first, out var place);
        var last = first;
        while (last < _chunks.Count && (to is null || _chunks[last].Keys[0].AsSpan().SequenceCompareTo(to) < 0))
            last++;
        if (last == first)
            return [];
        _version++;
        return Enumerate(_chunks.GetRange(first, last - first), place, to);
    }

    /// <summary>The content as of this call, which later changes of this table leave alone.</summary>
    public SortedTable Copy()
    {
        _version++;
        var copy = new SortedTable { Count = Count, _version = _version };
        copy._chunks.AddRange(_chunks);
        return copy;
    }

    /// <summary>The pair at <paramref name="index"/> in ascending order.</summary>
    public KeyValuePair<byte[], byte[]> At(int index)
    {
        foreach (var chunk in _chunks)
        {
            if (index < chunk.Count)
                return new(chunk.Keys[index], chunk.Values[index]);
            index -= chunk.Count;
        }

        throw new ArgumentOutOfRangeException(nameof(index));
    }

    public void Clear()
    {
        _chunks.Clear();
        Count = 0;
    }

    private static IEnumerable<KeyValuePair<byte[], byte[]>> Enumerate(List<Chunk> chunks, int place, byte[]? to)
    {
        foreach (var chunk in chunks)
        {
            for (; place < chunk.Count; place++)
            {
                if (to is not null && chunk.Keys[place].AsSpan().SequenceCompareTo(to) >= 0)
                    yield break;
                yield return new(chunk.Keys[place], chunk.Values[place]);
            }

            place = 0;
        }
    }

    /// <summary>Where <paramref name="key"/> stands, or would stand: in the last chunk that does not begin after it.</summary>
    private bool Find(ReadOnlySpan<byte> key, out int chunk, out int place)
    {
        var (low, high) = (0, _chunks.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_chunks[middle].Keys[0].AsSpan().SequenceCompareTo(key) <= 0)
                low = middle;
            else
                high = middle - 1;
        }

        chunk = low;
        place = 0;
        return _chunks.Count > 0 && _chunks[chunk].Find(key, out place);
    }

    private Chunk Own(int chunk)
    {
        if (_chunks[chunk].Version != _version)
            _chunks[chunk] = _chunks[chunk].Copy(_version);
        return _chunks[chunk];
    }

    private sealed class Chunk(int version)
    {
        public byte[][] Keys { get; } = new byte[ChunkSize][];

        public byte[][] Values { get; } = new byte[ChunkSize][];

        public int Count { get; private set; }

        public int Version { get; } = version;

        public bool Find(ReadOnlySpan<byte> key, out int place)
        {
            var (low, high) = (0, Count - 1);
            while (low <= high)
            {
                var middle = (low + high) / 2;
                var order = Keys[middle].AsSpan().SequenceCompareTo(key);
                if (order == 0)
                {
                    place = middle;
                    return true;
                }

                if (order < 0)
                    low = middle + 1;
                else
                    high = middle - 1;
            }

            place = low;
            return false;
        }

        public void Insert(int place, byte[] key, byte[] value)
        {
            Array.Copy(Keys, place, Keys, place + 1, Count - place);
            Array.Copy(Values, place, Values, place + 1, Count - place);
            Keys[place] = key;
            Values[place] = value;
            Count++;
        }

        public void RemoveAt(int place)
        {
            Count--;
            Array.Copy(Keys, place + 1, Keys, place, Count - place);
            Array.Copy(Values, place + 1, Values, place, Count - place);
        }

        public Chunk SplitAt(int place)
        {
            var rest = new Chunk(Version);
            rest.Take(this, place);
            Count = place;
            return rest;
        }

        public Chunk Copy(int newVersion)
        {
            var copy = new Chunk(newVersion);
            copy.Take(this, 0);
            return copy;
        }

        private void Take(Chunk from, int place)
        {
            Count = from.Count - place;
            Array.Copy(from.Keys, place, Keys, 0, Count);
            Array.Copy(from.Values, place, Values, 0, Count);
        }
    }
}
