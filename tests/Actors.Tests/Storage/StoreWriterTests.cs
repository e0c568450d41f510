using System.Diagnostics.Metrics;
using Actors.Storage;
using Actors.Timing;
using Akka.Actor;

namespace Actors.Tests.StorageTests;

public sealed class StoreWriterTests : Akka.TestKit.Xunit2.TestKit
{
    private readonly RecordingStore _store = new();
    private readonly SteppingClock _clock = new();

    public StoreWriterTests() : base("akka.loglevel = OFF")
    {
    }

    [Fact]
    public void Writes_that_queue_up_while_it_syncs_share_the_next_sync_in_order()
    {
        var writer = Writer();
        HeldInTheFirstWrite(writer, () =>
        {
            for (var i = 1; i <= 100; i++)
                writer.Tell(Write(i));
        });
        for (var i = 0; i <= 100; i++)
            ExpectMsg(i);
        Assert.Equal([[0], [.. Enumerable.Range(1, 100)]], _store.Batches);
        Assert.Equal([true, true], _store.Syncs);
    }

    [Fact]
    public void Completions_come_after_the_sync_and_never_before()
    {
        var writer = Writer();
        _store.OnWrite = () => Assert.False(HasMessages);
        writer.Tell(Write(1));
        ExpectMsg(1);
        writer.Tell(Write(2));      // not before: it may share the first one's sync, or find its completion here
        ExpectMsg(2);
    }

    [Fact]
    public void A_batch_is_synced_when_one_of_its_writes_asks_for_it_and_not_otherwise()
    {
        var writer = Writer();
        HeldInTheFirstWrite(writer, () =>
        {
            writer.Tell(Write(1, sync: false));
            writer.Tell(Write(2, sync: true));
            writer.Tell(Write(3, sync: false));
        });
        ReceiveN(4);
        writer.Tell(Write(4, sync: false));
        ExpectMsg(4);
        Assert.Equal([[0], [1, 2, 3], [4]], _store.Batches);
        Assert.Equal([true, true, false], _store.Syncs);
    }

    [Fact]
    public void A_batch_is_written_early_when_its_bytes_reach_the_bound()
    {
        var writer = Writer();
        HeldInTheFirstWrite(writer, () =>
        {
            for (var i = 1; i <= 5; i++)
                writer.Tell(Write(i, bytes: (int)(StoreWriter.MaxBatchBytes / 2)));
        });
        ReceiveN(6);
        Assert.Equal([[0], [1, 2], [3, 4], [5]], _store.Batches);
    }

    [Fact]
    public void After_a_failure_all_who_wait_and_all_who_come_are_told_and_nothing_is_written_again()
    {
        var writer = Writer();
        HeldInTheFirstWrite(writer, () =>
        {
            _store.Failure = new StoreFailedException("data folder /d: write failed: no space");
            writer.Tell(Write(1));
            writer.Tell(Write(2));
        });
        ExpectMsg(0);
        ExpectMsg(new StoreFailed("data folder /d: write failed: no space"));
        ExpectMsg(new StoreFailed("data folder /d: write failed: no space"));

        _store.Failure = null;
        writer.Tell(Write(3));
        ExpectMsg(new StoreFailed("data folder /d: write failed: no space"));
        Assert.Equal([[0], [1, 2]], _store.Batches);
    }

    [Fact]
    public void The_failure_of_the_very_first_write_is_told_too()
    {
        _store.Failure = new InvalidOperationException("no such disk");
        Writer().Tell(Write(1));
        ExpectMsg(new StoreFailed("no such disk"));
    }

    [Fact]
    public void It_measures_its_syncs_in_seconds_and_its_batches_in_requests()
    {
        var measured = new List<(string Name, double Value)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == "Actors" && instrument.Name.StartsWith("actors.store.", StringComparison.Ordinal))
                l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.Start();

        var writer = Writer();
        _store.OnWrite = () => _clock.Elapsed += TimeSpan.FromSeconds(1234.5);
        HeldInTheFirstWrite(writer, () =>
        {
            for (var i = 1; i <= 77; i++)
                writer.Tell(Write(i));
        });
        ReceiveN(78);
        lock (measured)
        {
            Assert.Contains(("actors.store.sync.duration", 1234.5), measured);
            Assert.Contains(("actors.store.batch.writes", 77), measured);
        }

        void Add(string name, double value)
        {
            lock (measured)
                measured.Add((name, value));
        }
    }

    private IActorRef Writer() => Sys.ActorOf(StoreWriter.Props(_store, _clock));

    /// <summary>Writes number 0, and runs <paramref name="whileHeld"/> while the store is busy with it.</summary>
    private void HeldInTheFirstWrite(IActorRef writer, Action whileHeld)
    {
        using var begun = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var onWrite = _store.OnWrite;
        _store.OnWrite = () =>
        {
            _store.OnWrite = onWrite;
            begun.Set();
            go.Wait(TimeSpan.FromSeconds(10));
        };
        writer.Tell(Write(0));
        Assert.True(begun.Wait(TimeSpan.FromSeconds(10)));
        whileHeld();
        go.Set();
    }

    private StoreWrite Write(int number, bool sync = true, int bytes = 0)
    {
        var writes = new WriteSet();
        writes.Put(Table.Log, BitConverter.GetBytes(number), new byte[bytes]);
        return new StoreWrite(writes, sync, TestActor, number);
    }

    private sealed class RecordingStore : IStore
    {
        public List<int[]> Batches { get; } = [];

        public List<bool> Syncs { get; } = [];

        public Action? OnWrite { get; set; }

        public Exception? Failure { get; set; }

        public void Write(WriteSet writes, bool sync)
        {
            Batches.Add([.. writes.Operations.Select(o => BitConverter.ToInt32(o.Key.Span))]);
            Syncs.Add(sync);
            if (Failure is { } failure)
                throw failure;
            OnWrite?.Invoke();
        }

        public byte[]? Get(Table table, ReadOnlySpan<byte> key) => throw new NotSupportedException();

        public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(Table table, byte[] from, byte[]? to) => throw new NotSupportedException();

        public IStoreSnapshot Snapshot() => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }

    private sealed class SteppingClock : IClock
    {
        public TimeSpan Elapsed { get; set; }

        public DateTimeOffset UtcNow => DateTimeOffset.UnixEpoch;
    }
}
