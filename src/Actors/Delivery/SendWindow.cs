namespace Actors.Delivery;

/// <summary>What a sender has not settled yet, in order: part of it on its way, the rest queued. Lost messages are sent again, each by itself (selective repeat).</summary>
/// <remarks>
/// Two limits bound what the other side may have to hold: sequence numbers and bytes. A message that is sent again is charged like a new
/// one, and nothing new is sent while a lost one waits.
/// </remarks>
internal sealed class SendWindow(long first, int messages, long bytes)
{
    /// <summary>Bytes that a message costs besides its payload.</summary>
    private const int Overhead = 32;

    private readonly SequenceRing<Slot> _ring = new(first);
    private int _messages = messages;
    private long _bytes = bytes;
    private long _order;            // grows with every copy that is sent
    private long _newestReceived;   // the highest order of a copy that arrived
    private long _receivedUpTo = first - 1;

    private enum State : byte
    {
        Queued,
        InFlight,
        Lost,
        Received,
        Settled,
    }

    /// <summary>The lowest sequence number that is not settled.</summary>
    public long Lowest => _ring.First;

    /// <summary>The lowest one that was never sent.</summary>
    public long Next { get; private set; } = first;

    /// <summary>The one that the next message gets.</summary>
    public long End => _ring.End;

    /// <summary>Messages that are not settled, queued ones included.</summary>
    public int Count => (int)(_ring.End - _ring.First);

    /// <summary>Their bytes, as far as they are still held.</summary>
    public long Bytes { get; private set; }

    /// <summary>Copies on their way: sent, and neither acknowledged nor taken for lost.</summary>
    public int InFlight { get; private set; }

    /// <summary>Bytes that the other side may have to hold: of what is in flight, and of what arrived and is not settled.</summary>
    public long Charged { get; private set; }

    /// <summary>Messages that arrived and are not settled.</summary>
    public int Unsettled { get; private set; }

    /// <summary>Since when the lowest message is known to have arrived; null when it has not, or there is none.</summary>
    public TimeSpan? LowestReceivedAt => Lowest < Next && _ring[Lowest] is { State: State.Received } slot ? slot.ReceivedAt : null;

    /// <summary>Messages taken for lost, that wait to be sent again.</summary>
    public int Lost { get; private set; }

    /// <summary>The other side takes no more than this at a time; the window becomes the smaller of both.</summary>
    public void Limit(int messages, long bytes) => (_messages, _bytes) = (Math.Min(_messages, messages), Math.Min(_bytes, bytes));

    /// <summary>Queues a message behind all others and returns its sequence number.</summary>
    /// <param name="payload">Its bytes, or those of one of its chunks.</param>
    /// <param name="flags">Where it stands in its message.</param>
    /// <param name="cargo">Given back when it is settled.</param>
    public long Append(ReadOnlyMemory<byte> payload, ItemFlags flags, object? cargo)
    {
        var sequence = _ring.End;
        _ring.Extend(sequence + 1);
        _ring[sequence] = new Slot { Payload = payload, Flags = flags, Cargo = cargo };
        Bytes += Weight(payload);
        return sequence;
    }

    /// <summary>The next message to send within the window, lost ones first; 0 when there is none.</summary>
    /// <param name="cursor">Where the search for lost ones goes on; begin with <see cref="Lowest"/>.</param>
    /// <param name="upTo">Only messages up to this one may leave for the first time.</param>
    public long Choose(ref long cursor, long upTo)
    {
        if (Lost > 0)
        {
            while (_ring[cursor].State != State.Lost)
                cursor++;
            return cursor < Lowest + _messages && Fits(_ring[cursor]) ? cursor : 0;
        }

        return Next < _ring.End && Next <= upTo && Next < Lowest + _messages && Fits(_ring[Next]) ? Next : 0;
    }

    /// <summary>Takes a copy of <paramref name="sequence"/> for its way; also one of a message that is in flight already.</summary>
    public DataItem Send(long sequence, TimeSpan now)
    {
        ref var slot = ref _ring[sequence];
        if (slot.State != State.InFlight)
        {
            if (slot.State == State.Lost)
                Lost--;
            slot.State = State.InFlight;
            InFlight++;
            Charged += Weight(slot.Payload);
        }

        if (sequence == Next)
            Next++;
        slot.Order = ++_order;
        slot.PreviousSentAt = slot.SentAt;
        slot.SentAt = now;
        slot.Attempts = (byte)Math.Min(slot.Attempts + 1, byte.MaxValue);
        return new DataItem(sequence, slot.Attempts, slot.Flags, slot.Payload);
    }

    /// <summary>When the copy was sent that an ack is an answer to; false when that cannot be told any more.</summary>
    /// <param name="sequence">The message.</param>
    /// <param name="attempt">Which copy of it.</param>
    /// <param name="sentAt">When.</param>
    /// <param name="wasNeedless">True: the copy that was sent after it was not needed.</param>
    public bool TrySample(long sequence, byte attempt, out TimeSpan sentAt, out bool wasNeedless)
    {
        (sentAt, wasNeedless) = (default, false);
        if (sequence < Lowest || sequence >= Next)
            return false;
        ref var slot = ref _ring[sequence];
        wasNeedless = slot.State is State.InFlight && attempt == slot.Attempts - 1;
        sentAt = attempt == slot.Attempts ? slot.SentAt : slot.PreviousSentAt;
        return slot.State is State.InFlight or State.Lost && (attempt == slot.Attempts || attempt == slot.Attempts - 1) && attempt < byte.MaxValue;
    }

    /// <summary>The other side has everything up to <paramref name="cumulative"/>, and of what follows what is marked. False when it claims what was never sent.</summary>
    public bool Received(long cumulative, IReadOnlyList<ulong> bitmap, TimeSpan now)
    {
        if (cumulative >= Next)
            return false;
        for (var sequence = Math.Max(_receivedUpTo + 1, Lowest); sequence <= cumulative; sequence++)
            MarkReceived(sequence, now);
        _receivedUpTo = Math.Max(_receivedUpTo, cumulative);
        for (var word = 0; word < bitmap.Count; word++)
        {
            for (var bits = bitmap[word]; bits != 0; bits &= bits - 1)
            {
                var sequence = cumulative + 1 + (64L * word) + System.Numerics.BitOperations.TrailingZeroCount(bits);
                if (sequence >= Next)
                    return false;
                if (sequence >= Lowest)
                    MarkReceived(sequence, now);
            }
        }

        return true;
    }

    /// <summary>Takes for lost what was overtaken for at least <paramref name="wait"/>; returns when the next one is due.</summary>
    public TimeSpan FindLost(TimeSpan now, TimeSpan wait)
    {
        var due = TimeSpan.MaxValue;
        if (InFlight == 0)
            return due;
        for (var sequence = Math.Max(Lowest, _receivedUpTo + 1); sequence < Next; sequence++)
        {
            ref var slot = ref _ring[sequence];
            if (slot.State != State.InFlight || slot.Order > _newestReceived)
                continue;
            if (now - slot.SentAt >= wait)
                MarkLost(ref slot);
            else if (slot.SentAt + wait < due)
                due = slot.SentAt + wait;
        }

        return due;
    }

    /// <summary>What to send once more when nothing was heard for too long: the last message in flight, whose arrival shows what else is missing, and the first.</summary>
    public IEnumerable<long> Probes()
    {
        var (lowest, highest) = (0L, 0L);
        for (var sequence = Lowest; sequence < Next; sequence++)
        {
            if (_ring[sequence].State != State.InFlight)
                continue;
            if (lowest == 0)
                lowest = sequence;
            highest = sequence;
        }

        if (highest != 0)
            yield return highest;
        if (lowest != highest)
            yield return lowest;
    }

    /// <summary>True when the message of <paramref name="sequence"/>, which is not settled, goes on with the next number.</summary>
    public bool HasMore(long sequence) => (_ring[sequence].Flags & ItemFlags.More) != 0;

    /// <summary>The message is done with. Returns its cargo, and since when it is known to have arrived (zero when only now).</summary>
    public (object? Cargo, TimeSpan ReceivedAt) Settle(long sequence)
    {
        if (sequence < Lowest || sequence >= Next)
            return default;
        ref var slot = ref _ring[sequence];
        if (slot.State is State.Settled)
            return default;
        Leave(ref slot);
        var result = (slot.Cargo, slot.ReceivedAt);
        Bytes -= Weight(slot.Payload);
        slot = new Slot { State = State.Settled };
        var lowest = Lowest;
        while (lowest < Next && _ring[lowest].State is State.Settled)
            lowest++;
        _ring.DropBelow(lowest);
        return result;
    }

    /// <summary>The other side remembers nothing: whatever was sent and is not settled must be sent again, and in between, what is settled as such.</summary>
    public void Restart()
    {
        for (var sequence = Lowest; sequence < Next; sequence++)
        {
            ref var slot = ref _ring[sequence];
            if (slot.State is State.Settled)
            {
                slot.Flags = ItemFlags.Settled;
                Bytes += Weight(slot.Payload);
            }

            if (slot.State is not State.Lost)
                MarkLost(ref slot);
        }

        _receivedUpTo = Lowest - 1;
        _newestReceived = 0;
    }

    /// <summary>All messages may have been sent in an earlier life: they are sent again, unless the other side turns out to have them.</summary>
    public void AssumeSent()
    {
        for (; Next < End; Next++)
            MarkLost(ref _ring[Next]);
    }

    /// <summary>The cargo of everything that is not settled, in order.</summary>
    public IEnumerable<object?> Cargo()
    {
        for (var sequence = Lowest; sequence < End; sequence++)
        {
            if (_ring[sequence].State is not State.Settled)
                yield return _ring[sequence].Cargo;
        }
    }

    private bool Fits(in Slot slot) => Charged == 0 || Charged + Weight(slot.Payload) <= _bytes;

    private void MarkReceived(long sequence, TimeSpan now)
    {
        ref var slot = ref _ring[sequence];
        if (slot.State is not (State.InFlight or State.Lost))
            return;
        _newestReceived = Math.Max(_newestReceived, slot.Order);
        Leave(ref slot);
        slot.State = State.Received;
        slot.ReceivedAt = now;
        Unsettled++;
        Charged += Weight(slot.Payload);
    }

    private void MarkLost(ref Slot slot)
    {
        Leave(ref slot);
        slot.State = State.Lost;
        Lost++;
    }

    /// <summary>Takes the slot out of the count of its state.</summary>
    private void Leave(ref Slot slot)
    {
        switch (slot.State)
        {
            case State.InFlight:
                InFlight--;
                Charged -= Weight(slot.Payload);
                break;
            case State.Lost:
                Lost--;
                break;
            case State.Received:
                Unsettled--;
                Charged -= Weight(slot.Payload);
                break;
        }
    }

    private static long Weight(ReadOnlyMemory<byte> payload) => payload.Length + Overhead;

    private struct Slot
    {
        public ReadOnlyMemory<byte> Payload;
        public object? Cargo;
        public TimeSpan SentAt;             // the last copy
        public TimeSpan PreviousSentAt;     // the one before
        public TimeSpan ReceivedAt;
        public long Order;
        public State State;
        public byte Attempts;
        public ItemFlags Flags;
    }
}
