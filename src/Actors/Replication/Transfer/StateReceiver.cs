using Actors.Storage;
using Actors.Timing;
using Akka.Actor;

namespace Actors.Replication.Transfer;

/// <summary>Receiver → its replica: the other generation of the state holds the whole of what was offered.</summary>
internal sealed record StateReceived(StateOffer Offer) : INoSerializationVerificationNeeded;

/// <summary>A lagging replica's side of one state transfer: fetches a state piece by piece into the generation that is not in use.</summary>
/// <remarks>
/// What an earlier attempt has left there is compared by hash and fetched only where it differs. So a transfer goes on after a crash of either side,
/// with another primary and a later snapshot too. The state in use is left alone until the replica changes over.
/// </remarks>
internal sealed class StateReceiver : UntypedActor, IWithTimers
{
    private static readonly TimeSpan TimerGrain = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Arrears = TimeSpan.FromMilliseconds(100);      // what timers that were late have cost may be made up for, at most

    private readonly IStore _store;
    private readonly IActorRef _writer;
    private readonly StateKeys _keys;
    private readonly StateOffer _offer;
    private readonly int _chunkBytes;
    private readonly long _bytesPerSecond;
    private readonly IClock _clock;
    private readonly TimeSpan _retryAfter;
    private readonly Action<FetchState> _send;

    private StateCursor _at = StateCursor.Start;    // everything before it is as offered
    private HeldRange? _held;                       // what the last fetch says to be here already, from there on
    private byte[] _value = [];                     // the beginning of a value that comes in pieces
    private int _writing;                           // writes that are not done
    private bool _askWhenWritten;
    private bool _askedAgain;                       // for what follows _at, because a chunk of it was lost
    private bool _whole;
    private TimeSpan _due;                          // when what has come would have come at the rate that is allowed

    public StateReceiver(IStore store, IActorRef writer, StateKeys keys, StateOffer offer, GroupSettings settings, IClock clock, Action<FetchState> send)
    {
        (_store, _writer, _keys, _offer, _clock, _send) = (store, writer, keys, offer, clock, send);
        (_chunkBytes, _bytesPerSecond, _retryAfter) = (settings.TransferChunkBytes, settings.TransferBytesPerSecond, settings.ElectionTimeout);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props Props(IStore store, IActorRef writer, StateKeys keys, StateOffer offer, GroupSettings settings, IClock clock, Action<FetchState> send)
        => Akka.Actor.Props.Create(() => new StateReceiver(store, writer, keys, offer, settings, clock, send));

    protected override void PreStart() => Fetch();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case StateChunk m: OnChunk(m); break;
            case Written: OnWritten(); break;
            case RetryTick: Fetch(); break;
            case StoreFailed m: throw new StoreFailedException(m.Reason);
            default: Unhandled(message); break;
        }
    }

    private void Fetch()
    {
        if (_whole)
            return;
        _askWhenWritten = _writing > 0;     // what is compared must be in the store
        if (_askWhenWritten)
            return;
        _held = _at.Offset > 0 ? null : Held();
        _send(new FetchState(_offer.Group, _offer.Epoch, _offer.To, _offer.Position, _at, _held));
        Timers.StartSingleTimer(RetryTick.Instance, RetryTick.Instance, _retryAfter);
    }

    /// <summary>Fetches what follows, when as much has come as may have by now. A timer is not worth less than its own grain.</summary>
    private void FetchInTime()
    {
        var early = _due - _clock.Elapsed;
        if (early < TimerGrain)
            Fetch();
        else
            Timers.StartSingleTimer(RetryTick.Instance, RetryTick.Instance, early);
    }

    private HeldRange? Held() => StateRange.Hash(
        _store.Scan(Table.State, _keys.Of(_at.Key.Span), _keys.End).Select(p => new KeyValuePair<byte[], byte[]>(_keys.Inner(p.Key), p.Value)),
        StateRange.ChunksPerFetch * _chunkBytes);

    private void OnChunk(StateChunk m)
    {
        if (_whole || m.Position != _offer.Position || m.Checksum != StateRange.Checksum(m.Pieces))
            return;
        if (!m.At.Is(_at))
        {
            // The last chunk of a fetch, and one before it was lost; there is no other to wait for. But a chunk that was here before is a copy: whoever
            // asks again for each of those doubles what is on its way with every copy that a link makes.
            if (m.Left == 0 && m.At.IsAfter(_at) && !_askedAgain)
            {
                _askedAgain = true;
                Fetch();
            }

            return;
        }

        if (m.SameAs is null)
            Write(m);
        else if (m.SameAs != _held?.Hash || m.Next is not { Offset: 0 } end || !end.Key.Span.SequenceEqual(_held.End))
            return;     // it answers an earlier receiver, of whose writes a crash may have left less
        (_at, _whole, _askedAgain) = (m.Next ?? _at, m.Next is null, false);
        if (_whole && _writing == 0)
            Finish();
        else if (m.Left == 0)
            FetchInTime();
        else
            Timers.StartSingleTimer(RetryTick.Instance, RetryTick.Instance, _retryAfter);
    }

    private void Write(StateChunk m)
    {
        // Where the chunk has nothing, nothing may stay. A value that is still incomplete is left out until its last piece is here.
        var earliest = _clock.Elapsed - Arrears;
        _due = (_due > earliest ? _due : earliest) + TimeSpan.FromSeconds((double)m.Pieces.Sum(piece => piece.Bytes.Length) / _bytesPerSecond);
        var writes = new WriteSet();
        var from = _keys.Of(m.At.Key.Span);
        var to = m.Next is { } next ? _keys.Of(next.Key.Span) : _keys.End;
        writes.DeleteRange(Table.State, from, to);
        foreach (var piece in m.Pieces)
        {
            if (piece.Offset == 0)
                _value = new byte[piece.Total];
            InvariantViolation.Require(piece.Total == _value.Length, $"a value of {_value.Length} bytes goes on as one of {piece.Total} within one snapshot");
            piece.Bytes.CopyTo(_value.AsMemory(piece.Offset));
            if (piece.EndsValue)
                writes.Put(Table.State, _keys.Of(piece.Key.Span), _value);
        }

        _writing++;
        _writer.Tell(new StoreWrite(writes, m.Left == 0, Self, Written.Instance));     // what a fetch has brought survives a crash
    }

    private void OnWritten()
    {
        _writing--;
        if (_writing > 0)
            return;
        if (_whole)
            Finish();
        else if (_askWhenWritten)
            Fetch();
    }

    private void Finish()
    {
        Timers.CancelAll();
        Context.Parent.Tell(new StateReceived(_offer));
    }

    private sealed class Written : INoSerializationVerificationNeeded
    {
        public static readonly Written Instance = new();
    }

    private sealed class RetryTick : INoSerializationVerificationNeeded
    {
        public static readonly RetryTick Instance = new();
    }
}
