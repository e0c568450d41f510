using Actors.Membership;
using Actors.Storage;
using Akka.Actor;

namespace Actors.Replication.Transfer;

/// <summary>Sender → its replica: nothing was fetched for a while; <paramref name="Receiver"/> gets a new offer when it asks again.</summary>
internal sealed record ReceiverSilent(MemberId Receiver) : INoSerializationVerificationNeeded;

/// <summary>Primary's side of one state transfer: a snapshot of the store, from which it answers what the receiver fetches.</summary>
/// <remarks>
/// It keeps nothing but the snapshot: every fetch says where it stands, so a lost or doubled message costs a repetition and nothing else. An
/// actor of its own, so that reading the disk delays no heartbeat. It says so when its receiver has been silent for <see cref="Patience"/>.
/// </remarks>
internal sealed class StateSender : UntypedActor, IWithTimers
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly IStoreSnapshot _snapshot;
    private readonly StateKeys _keys;
    private readonly StateOffer _offer;
    private readonly int _chunkBytes;
    private readonly Action<StateChunk> _send;

    public StateSender(IStoreSnapshot snapshot, StateKeys keys, StateOffer offer, int chunkBytes, Action<StateChunk> send)
        => (_snapshot, _keys, _offer, _chunkBytes, _send) = (snapshot, keys, offer, chunkBytes, send);

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props Props(IStoreSnapshot snapshot, StateKeys keys, StateOffer offer, int chunkBytes, Action<StateChunk> send)
        => Akka.Actor.Props.Create(() => new StateSender(snapshot, keys, offer, chunkBytes, send));

    protected override void PreStart() => StartPatience();

    protected override void PostStop() => _snapshot.Dispose();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case FetchState m when m.Position == _offer.Position: OnFetch(m); break;
            case FetchState: break;     // of an offer before this one
            case PatienceTick: Context.Parent.Tell(new ReceiverSilent(_offer.To)); break;
            default: Unhandled(message); break;
        }
    }

    private void OnFetch(FetchState m)
    {
        StartPatience();
        if (m.Held is { } held && IsSame(m.At.Key, held))
        {
            Send(0, m.At, new StateCursor(held.End, 0), sameAs: held.Hash, []);
            return;
        }

        using var pairs = Pairs(m.At.Key, default).GetEnumerator();
        StateCursor? from = m.At;
        if (!pairs.MoveNext())
        {
            Send(0, m.At, null, sameAs: null, []);
            return;
        }

        if (!pairs.Current.Key.AsSpan().SequenceEqual(m.At.Key.Span))
            from = m.At with { Offset = 0 };
        for (var left = StateRange.ChunksPerFetch - 1; left >= 0 && from is { } start; left--)
        {
            var pieces = new List<StatePiece>();
            from = StateRange.Take(pairs, start, _chunkBytes, pieces);
            Send(from is null ? 0 : left, start, from, sameAs: null, pieces);
        }
    }

    // Bounded: whatever was put between since then makes it another range soon enough.
    private bool IsSame(ReadOnlyMemory<byte> from, HeldRange held)
        => StateRange.Hash(Pairs(from, held.End), 2 * StateRange.ChunksPerFetch * _chunkBytes + StateRange.MaxValueBytes)?.Hash == held.Hash;

    private IEnumerable<KeyValuePair<byte[], byte[]>> Pairs(ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> to)
    {
        foreach (var (key, value) in _snapshot.Scan(Table.State, _keys.Of(from.Span), to.Length == 0 ? _keys.End : _keys.Of(to.Span)))
            yield return new(_keys.Inner(key), value);
    }

    private void Send(int left, StateCursor from, StateCursor? next, UInt128? sameAs, IReadOnlyList<StatePiece> pieces)
        => _send(new StateChunk(_offer.Group, _offer.Epoch, _offer.From, _offer.To, _offer.Position, left, from, next, sameAs, pieces, StateRange.Checksum(pieces)));

    private void StartPatience() => Timers.StartSingleTimer(PatienceTick.Instance, PatienceTick.Instance, Patience);

    private sealed class PatienceTick : INoSerializationVerificationNeeded
    {
        public static readonly PatienceTick Instance = new();
    }
}
