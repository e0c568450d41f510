namespace Actors.Delivery;

/// <summary>Slots by consecutive sequence numbers, added at the end and dropped at the beginning; the room is used again, and doubles when it is full.</summary>
internal sealed class SequenceRing<T>(long first) where T : struct
{
    private T[] _slots = new T[16];

    /// <summary>The first sequence number that has a slot, if any has.</summary>
    public long First { get; private set; } = first;

    /// <summary>The one after the last.</summary>
    public long End { get; private set; } = first;

    /// <summary>The slot of <paramref name="sequence"/>, to be changed in place; gone with the next <see cref="Extend"/>.</summary>
    public ref T this[long sequence]
    {
        get
        {
            if (sequence < First || sequence >= End)
                throw new ArgumentOutOfRangeException(nameof(sequence), $"{sequence} is not from {First} to below {End}");
            return ref _slots[(int)(sequence & (_slots.Length - 1))];
        }
    }

    /// <summary>Adds empty slots up to <paramref name="end"/> (exclusive).</summary>
    public void Extend(long end)
    {
        while (end - First > _slots.Length)
            Grow();
        End = Math.Max(End, end);
    }

    /// <summary>Drops the slots below <paramref name="first"/>.</summary>
    public void DropBelow(long first)
    {
        for (; First < first && First < End; First++)
            this[First] = default;
        (First, End) = (Math.Max(First, first), Math.Max(End, first));
    }

    private void Grow()
    {
        var slots = new T[_slots.Length * 2];
        for (var sequence = First; sequence < End; sequence++)
            slots[(int)(sequence & (slots.Length - 1))] = this[sequence];
        _slots = slots;
    }
}
