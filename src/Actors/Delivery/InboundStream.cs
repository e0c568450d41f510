using Actors.Membership;

namespace Actors.Delivery;

/// <summary>A message that is complete and the next in order.</summary>
/// <param name="First">The sequence number of its first chunk.</param>
/// <param name="Last">That of its last one, by which it is known.</param>
/// <param name="Payload">Its bytes.</param>
internal readonly record struct Complete(long First, long Last, ReadOnlyMemory<byte> Payload);

/// <summary>What a receiver knows of one life of one sender: what has arrived, what the consumer has, what came of it.</summary>
internal sealed class InboundStream
{
    private readonly ReceiveWindow _window;
    private readonly SequenceRing<Slot> _slots;
    private readonly int _capacity;
    private readonly Queue<long> _unsent = new();       // results that no ack has carried yet
    private long _scanned;                              // in order and looked at: up to here no message ends, or it is handed on
    private List<ReadOnlyMemory<byte>> _loose = [];     // at most once: chunks of the message that is being put together
    private int _looseBytes;
    private bool _isFresh = true;                       // nothing has come under this session yet

    public InboundStream(NodeId origin, Incarnation incarnation, long session, Guarantee guarantee, AckLevel level, long lowest, int capacity)
    {
        (Origin, Incarnation, Session, Guarantee, Level, _capacity) = (origin, incarnation, session, guarantee, level, capacity);
        _window = new ReceiveWindow(lowest - 1, capacity);
        _slots = new SequenceRing<Slot>(lowest);
        Handed = _scanned = lowest - 1;
    }

    private enum State : byte
    {
        Missing,
        Waiting,
        AtConsumer,
        Storing,
        Done,
    }

    public NodeId Origin { get; }

    public Incarnation Incarnation { get; }

    public long Session { get; }

    public Guarantee Guarantee { get; }

    public AckLevel Level { get; }

    /// <summary>Where acks go.</summary>
    public string ReplyTo { get; set; } = "";

    /// <summary>When it was heard last.</summary>
    public TimeSpan HeardAt { get; set; }

    /// <summary>The copy that the next ack answers; 0 for none.</summary>
    public long Echo { get; set; }

    public byte EchoAttempt { get; set; }

    public TimeSpan EchoAt { get; set; }

    /// <summary>An ack is due.</summary>
    public bool OwesAck { get; set; }

    /// <summary>Everything up to here has arrived.</summary>
    public long Received => _window.Cumulative;

    /// <summary>Everything up to here was given to the consumer.</summary>
    public long Handed { get; private set; }

    /// <summary>Results below this are not kept: the sender has them.</summary>
    public long Lowest => _slots.First;

    /// <summary>Messages that the consumer has and has not confirmed.</summary>
    public int AtConsumer { get; private set; }

    /// <summary>Bytes held.</summary>
    public long Bytes { get; private set; }

    /// <summary>True when nothing is held but chunks of the next message: whoever waits for room waits for the rest of it.</summary>
    public bool IsStarved => AtConsumer == 0 && _scanned == Received;

    public ulong[] Bitmap() => _window.Bitmap();

    /// <summary>Everything below <paramref name="lowest"/> is settled at the sender. False when it cannot be.</summary>
    public bool Forget(long lowest)
    {
        // What was settled before this session is known to the sender alone: an Open that was delayed may have told of less.
        if (_isFresh)
            Skip(lowest);
        _isFresh = false;
        if (lowest > Handed + 1)
            return false;
        for (var sequence = Lowest; Level is AckLevel.Processed && sequence < lowest; sequence++)
        {
            if (_slots[sequence].State is not State.Done)
                return false;
            Bytes -= _slots[sequence].Reply.Length;
            _slots.DropBelow(sequence + 1);
        }

        return true;
    }

    private void Skip(long lowest)
    {
        if (lowest <= Handed + 1)
            return;
        for (var sequence = Lowest; sequence < Math.Min(lowest, _slots.End); sequence++)
            Bytes -= _slots[sequence].Payload.Length + _slots[sequence].Reply.Length;
        _slots.DropBelow(lowest);
        _window.Skip(lowest - 1);
        Handed = _scanned = lowest - 1;
    }

    /// <summary>Takes one item in.</summary>
    public Arrival Accept(in DataItem item)
    {
        if (item.Sequence >= Lowest + _capacity)
            return Arrival.TooFar;
        var arrival = _window.Accept(item.Sequence);
        if (arrival is not Arrival.New)
            return arrival;
        _slots.Extend(item.Sequence + 1);
        _slots[item.Sequence] = new Slot { State = State.Waiting, Payload = item.Payload, More = item.More };
        Bytes += item.Payload.Length;
        if (item.IsSettled)
            Finish(new Complete(item.Sequence, item.Sequence, default), ResultKind.Confirmed, default);
        return arrival;
    }

    /// <summary>The next message in order, if it is complete; the consumer is about to get it.</summary>
    public bool TryTake(out Complete message)
    {
        message = default;
        while (_scanned < Received)
        {
            ref var slot = ref _slots[++_scanned];
            if (slot.State is State.Done)
                Handed = _scanned;      // as the inbox knows from an earlier life
            else if (!slot.More)
            {
                message = new Complete(Handed + 1, _scanned, Join(Handed + 1, _scanned));
                Handed = _scanned;
                return true;
            }
        }

        return false;
    }

    /// <summary>The consumer has the message, and nothing more is to be known of it (levels received and delivered).</summary>
    public void Release(in Complete message)
    {
        for (var sequence = message.First; sequence <= message.Last; sequence++)
            Bytes -= _slots[sequence].Payload.Length;
        _slots.DropBelow(message.Last + 1);
    }

    /// <summary>The consumer has the message and is to confirm it.</summary>
    public void Await(in Complete message, object content, TimeSpan now)
    {
        ref var slot = ref _slots[message.Last];
        (slot.State, slot.Message, slot.GivenAt, slot.First) = (State.AtConsumer, content, now, message.First);
        slot.Deliveries++;
        AtConsumer++;
    }

    /// <summary>True when the consumer is still to confirm <paramref name="sequence"/>.</summary>
    public bool Awaits(long sequence) => sequence >= Lowest && sequence < _slots.End && _slots[sequence].State is State.AtConsumer;

    /// <summary>The consumer has confirmed; it counts when it is stored.</summary>
    public void Store(long sequence) => _slots[sequence].State = State.Storing;

    /// <summary>What came of a message.</summary>
    public void Finish(in Complete message, ResultKind kind, ReadOnlyMemory<byte> reply)
    {
        if (message.Last < Lowest)
            return;
        ref var slot = ref _slots[message.Last];
        if (slot.State is State.AtConsumer or State.Storing)
            AtConsumer--;
        for (var sequence = Math.Max(message.First, Lowest); sequence <= message.Last; sequence++)
        {
            Bytes -= _slots[sequence].Payload.Length;
            _slots[sequence] = new Slot { State = State.Done };
        }

        (slot.Kind, slot.Reply, slot.First) = (kind, reply, message.First);
        Bytes += reply.Length;
        _unsent.Enqueue(message.Last);
    }

    /// <summary>The first chunk of a message that the consumer has.</summary>
    public long FirstOf(long sequence) => _slots[sequence].First;

    /// <summary>A result that the inbox has from an earlier life.</summary>
    public void Recall(long first, long last, ResultKind kind, ReadOnlyMemory<byte> reply)
    {
        for (var sequence = Math.Max(first, Lowest); sequence <= last; sequence++)
            Accept(new DataItem(sequence, 1, sequence < last ? ItemFlags.More : ItemFlags.Whole, default));
        Finish(new Complete(first, last, default), kind, reply);
    }

    /// <summary>The next message, in the order of sequence numbers from <paramref name="from"/>, that the consumer has had for longer than <paramref name="limit"/>; 0 for none.</summary>
    public long Overdue(long from, TimeSpan now, TimeSpan limit, out object message, out int deliveries)
    {
        for (var sequence = Math.Max(from, Lowest); sequence <= Handed && sequence < _slots.End; sequence++)
        {
            ref var slot = ref _slots[sequence];
            if (slot.State is not State.AtConsumer || now - slot.GivenAt < limit)
                continue;
            (message, deliveries) = (slot.Message!, slot.Deliveries);
            return sequence;
        }

        (message, deliveries) = ("", 0);
        return 0;
    }

    /// <summary>The consumer is given the message once more.</summary>
    public void Redeliver(long sequence, TimeSpan now)
    {
        ref var slot = ref _slots[sequence];
        slot.GivenAt = now;
        slot.Deliveries++;
    }

    /// <summary>True when results wait for an ack.</summary>
    public bool HasResults => _unsent.Count > 0;

    /// <summary>The results that no ack has carried yet, as many as go into one; confirmations without a reply that follow each other are one.</summary>
    public List<Result> TakeResults(int maxBytes)
    {
        var results = new List<Result>();
        for (var bytes = 0; bytes < maxBytes && _unsent.TryDequeue(out var sequence);)
        {
            if (sequence < Lowest)
                continue;
            ref var slot = ref _slots[sequence];
            if (slot.Kind is ResultKind.Confirmed && results is [.., { Kind: ResultKind.Confirmed } run] && run.Last + 1 == slot.First)
            {
                results[^1] = run with { Last = sequence };
                continue;
            }

            results.Add(new Result(slot.First, sequence, slot.Kind, slot.Reply));
            bytes += 24 + slot.Reply.Length;
        }

        return results;
    }

    /// <summary>The sender asks for all results that it has not settled: acks that carried them may be lost.</summary>
    public void RepeatResults()
    {
        _unsent.Clear();
        for (var sequence = Lowest; sequence <= Handed && sequence < _slots.End; sequence++)
        {
            if (_slots[sequence] is { State: State.Done, Kind: not 0 })
                _unsent.Enqueue(sequence);
        }
    }

    /// <summary>At most once: what is not later than everything before it is dropped, and a message that lacks a chunk.</summary>
    /// <returns>The message that <paramref name="item"/> completes; null when it completes none.</returns>
    public ReadOnlyMemory<byte>? Take(in DataItem item, int maxBytes, out bool isLate)
    {
        isLate = item.Sequence <= Handed;
        if (isLate)
            return null;
        if (!item.Continues || item.Sequence != Handed + 1)
            (_loose, _looseBytes) = ([], 0);
        var isWhole = !item.Continues || _loose.Count > 0;
        Handed = item.Sequence;
        if (!isWhole || (_looseBytes += item.Payload.Length) > maxBytes)
        {
            _loose = [];
            return null;
        }

        _loose.Add(item.Payload);
        if (item.More)
            return null;
        var whole = Join(_loose);
        _loose = [];
        return whole;
    }

    private ReadOnlyMemory<byte> Join(long first, long last) =>
        first == last ? _slots[first].Payload : Join([.. Sequences(first, last).Select(sequence => _slots[sequence].Payload)]);

    private static IEnumerable<long> Sequences(long first, long last)
    {
        for (var sequence = first; sequence <= last; sequence++)
            yield return sequence;
    }

    private static ReadOnlyMemory<byte> Join(List<ReadOnlyMemory<byte>> chunks)
    {
        if (chunks.Count == 1)
            return chunks[0];
        var bytes = new byte[chunks.Sum(chunk => chunk.Length)];
        var at = 0;
        foreach (var chunk in chunks)
        {
            chunk.CopyTo(bytes.AsMemory(at));
            at += chunk.Length;
        }

        return bytes;
    }

    private struct Slot
    {
        public ReadOnlyMemory<byte> Payload;
        public ReadOnlyMemory<byte> Reply;
        public object? Message;         // what the consumer has
        public TimeSpan GivenAt;
        public long First;
        public int Deliveries;
        public State State;
        public ResultKind Kind;         // 0 for a chunk that is not the last
        public bool More;
    }
}
