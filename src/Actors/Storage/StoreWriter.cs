using System.Diagnostics.Metrics;
using Actors.Timing;
using Akka.Actor;
using Akka.Event;

namespace Actors.Storage;

/// <summary>Asks the <see cref="StoreWriter"/> to write; the sender leaves <paramref name="Writes"/> alone from then on.</summary>
/// <param name="Writes">What to write, atomically and after everything asked for before.</param>
/// <param name="Sync">True when the completion must mean durable, not only written.</param>
/// <param name="ReplyTo">Gets <paramref name="Completion"/>, or <see cref="StoreFailed"/>.</param>
/// <param name="Completion">The message that says it is done.</param>
internal sealed record StoreWrite(WriteSet Writes, bool Sync, IActorRef ReplyTo, object Completion) : INoSerializationVerificationNeeded;

/// <summary>The write may or may not be on disk, and no later one will be: the store has failed.</summary>
/// <param name="Reason">One line that says what failed and where.</param>
internal sealed record StoreFailed(string Reason) : INoSerializationVerificationNeeded;

/// <summary>Owns the writes of a node's store and does group commit: whatever has queued up while it was syncing shares the next sync.</summary>
/// <remarks>
/// It blocks while the disk works, so in production it wants a thread of its own: the caller chooses the dispatcher. After a failure it
/// never writes again: a repeated fsync can report success for data that the kernel has already dropped (cockroachdb#37102).
/// When it is stopped, writes that wait are dropped without an answer, as a crash would drop them.
/// </remarks>
internal sealed class StoreWriter : UntypedActor
{
    /// <summary>Gathered bytes that force a write before the mailbox is drained; bounds memory and the time of one sync.</summary>
    public const long MaxBatchBytes = 4 * 1024 * 1024;

    private static readonly Meter Meter = new("Actors");
    private static readonly Histogram<double> SyncDuration = Meter.CreateHistogram<double>(
        "actors.store.sync.duration", "s", "Time of one synced write of the store");
    private static readonly Histogram<int> BatchWrites = Meter.CreateHistogram<int>(
        "actors.store.batch.writes", "{write}", "Requests that shared one write of the store");

    private readonly IStore _store;
    private readonly IClock _clock;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly WriteSet _batch = new();           // the writes of all that wait, in order
    private readonly List<StoreWrite> _waiting = [];    // asked for, not yet written
    private bool _flushQueued;                          // a Flush is in the mailbox
    private StoreFailed? _failure;

    public StoreWriter(IStore store, IClock clock)
    {
        _store = store;
        _clock = clock;
    }

    public static Props Props(IStore store, IClock clock) => Akka.Actor.Props.Create(() => new StoreWriter(store, clock));

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case StoreWrite write when _failure is not null: write.ReplyTo.Tell(_failure); break;
            case StoreWrite write: OnWrite(write); break;
            case Flush: OnFlush(); break;
            default: Unhandled(message); break;
        }
    }

    private void OnWrite(StoreWrite write)
    {
        _waiting.Add(write);
        _batch.Append(write.Writes);
        if (_batch.Bytes >= MaxBatchBytes)
            Commit();
        else if (!_flushQueued)
        {
            _flushQueued = true;
            Self.Tell(Flush.Instance);  // lands behind everything that is queued by now
        }
    }

    private void OnFlush()
    {
        _flushQueued = false;
        if (_waiting.Count > 0)
            Commit();
    }

    private void Commit()
    {
        var sync = _waiting.Exists(w => w.Sync);
        var start = _clock.Elapsed;
        try
        {
            _store.Write(_batch, sync);
            if (sync)
                SyncDuration.Record((_clock.Elapsed - start).TotalSeconds);
            BatchWrites.Record(_waiting.Count);
        }
        catch (Exception e)
        {
            _failure = new StoreFailed(e.Message);
            _log.Error(e, "the store takes no more writes: {0}", e.Message);
        }

        foreach (var write in _waiting)
            write.ReplyTo.Tell(_failure ?? write.Completion);
        _waiting.Clear();
        _batch.Clear();
    }

    private sealed class Flush : INoSerializationVerificationNeeded
    {
        public static readonly Flush Instance = new();
    }
}
