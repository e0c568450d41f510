using Actors.Membership;
using Actors.Replication;
using Actors.Storage;
using CsCheck;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

public sealed class ReplicatedLogTests
{
    private const int Large = 1 << 20;
    private const int EntryBytes = LogEntry.HeaderBytes + 100;      // of those that Hundreds appends

    [Fact]
    public void Whatever_is_appended_offered_written_and_lost_the_log_agrees_with_a_plain_list() =>
        Gen.Select(Gen.OneOf(1, 250, Large), GenStep.Array[1, 60]).Sample((cache, steps) =>
        {
            var run = new ModelRun(new InMemoryStore(), cache);
            foreach (var step in steps)
                run.Do(step);
            run.WriteAll();
        });

    [Fact]
    public void A_gap_is_no_match_and_changes_nothing()
    {
        var log = NewLog(new InMemoryStore());
        var primary = Chain(1, default, "a", "b", "c");
        Assert.Equal(Offered.NoMatch, Offer(log, primary[1].Position, primary[1].Hash, [primary[2]]));
        Assert.Equal(LogPosition.Zero, log.Last);
        Assert.False(log.HasWrites);
    }

    [Fact]
    public void Another_epoch_at_the_position_before_is_no_match()
    {
        var log = NewLog(new InMemoryStore());
        Offer(log, LogPosition.Zero, default, Chain(1, default, "a", "b"));
        var other = Chain(2, default, "A", "B", "C");
        Assert.Equal(Offered.NoMatch, Offer(log, other[1].Position, other[1].Hash, [other[2]]));
        Assert.Equal(At(1, 2), log.Last);
    }

    [Fact]
    public void The_same_position_with_two_hashes_is_a_broken_invariant()
    {
        var log = NewLog(new InMemoryStore());
        Offer(log, LogPosition.Zero, default, Chain(1, default, "a"));
        var other = Chain(1, default, "A", "B");
        Assert.Contains("different hashes", Assert.Throws<InvariantViolation>(() => Offer(log, other[0].Position, other[0].Hash, [other[1]])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]     // in the place of the first of three committed entries
    [InlineData(2)]     // of the last
    public void A_primary_that_contradicts_a_committed_entry_is_a_broken_invariant(int at)
    {
        var log = NewLog(new InMemoryStore());
        var mine = Chain(1, default, "a", "b", "c", "d");
        Offer(log, LogPosition.Zero, default, mine);
        var before = at == 0 ? default : (mine[at - 1].Position, mine[at - 1].Hash);
        Assert.Throws<ContradictionException>(() => Offer(log, before.Item1, before.Item2, Chain(2, before, "other"), committed: 3));
        Assert.Equal(mine[3].Position, log.Last);
    }

    [Fact]
    public void A_primary_that_has_another_epoch_before_a_committed_entry_is_a_broken_invariant()
    {
        var log = NewLog(new InMemoryStore());
        Offer(log, LogPosition.Zero, default, Chain(1, default, "a", "b"));
        var other = Chain(2, default, "A", "B", "C");
        Assert.Throws<ContradictionException>(() => Offer(log, other[1].Position, other[1].Hash, [other[2]], committed: 2));
    }

    [Fact]
    public void Entries_before_a_break_in_the_chain_are_kept_and_the_rest_is_dropped()
    {
        var log = NewLog(new InMemoryStore());
        var sent = Chain(1, default, "a", "b");
        var stranger = Chain(1, (sent[1].Position, 12345), "c")[0];
        Assert.Equal(Offered.Broken, Offer(log, LogPosition.Zero, default, [.. sent, stranger]));
        Assert.Equal(At(1, 2), log.Last);
    }

    [Fact]
    public void An_entry_out_of_order_breaks_the_chain()
    {
        var log = NewLog(new InMemoryStore());
        var sent = Chain(1, default, "a", "b", "c");
        Assert.Equal(Offered.Broken, Offer(log, LogPosition.Zero, default, [sent[0], sent[2]]));
        Assert.Equal(At(1, 1), log.Last);
    }

    [Fact]
    public void A_completed_write_vouches_for_nothing_that_was_removed_while_it_was_on_its_way()
    {
        var store = new InMemoryStore();
        var log = NewLog(store);
        var old = Chain(1, default, "a", "b", "c");
        Offer(log, LogPosition.Zero, default, old);
        var first = log.TakeWrites(1);
        var newer = Chain(2, (old[0].Position, old[0].Hash), "B", "C");
        Offer(log, old[0].Position, old[0].Hash, newer);

        store.Write(first, sync: true);
        log.Synced(1);
        Assert.Equal(1, log.Durable);       // b and c are durable, but they are not the log any more

        store.Write(log.TakeWrites(2), sync: true);
        log.Synced(2);
        Assert.Equal(3, log.Durable);
        Assert.Equal(["a", "B", "C"], Recovered(store));
    }

    [Fact]
    public void One_completion_covers_all_tickets_up_to_it()
    {
        var store = new InMemoryStore();
        var log = NewLog(store);
        for (var ticket = 1; ticket <= 3; ticket++)
        {
            log.Append(new Epoch(1), 0, Draft($"{ticket}"));
            store.Write(log.TakeWrites(ticket), sync: true);
        }

        Assert.Equal(0, log.Durable);
        log.Synced(2);
        Assert.Equal(2, log.Durable);
        log.Synced(3);
        Assert.Equal(3, log.Durable);
    }

    [Fact]
    public void A_log_over_its_limit_is_cut_to_half_and_no_further_than_the_state_covers()
    {
        var store = new InMemoryStore();
        var log = NewLog(store, limit: 10_000);
        var entries = Chain(1, default, Enumerable.Repeat(new string('x', 100), 100));     // 174 bytes each
        Offer(log, LogPosition.Zero, default, entries);

        log.Cut(covered: 20);
        Assert.InRange(log.Base.Position.Index, 1, 20);
        log.Cut(covered: 100);
        Assert.InRange(log.Base.Position.Index, 60, 85);
        var at = (int)log.Base.Position.Index;
        Assert.Equal((entries[at - 1].Position, entries[at - 1].Hash), (log.Base.Position, log.Base.Hash));
        Assert.Equal((log.Base.Position, log.Base.Hash), log.At(at));
        Assert.Equal(log.Base.Position, log.LastAtOrBefore(new Epoch(1), 3));
        var cut = log.Base;
        log.Cut(covered: 100);
        Assert.Equal(cut, log.Base);        // it is under the limit

        store.Write(log.TakeWrites(1), sync: true);
        Assert.Equal(100 - at, store.Scan(Table.Log, [], null).Count());
        var again = NewLog(store, limit: 10_000);
        var visited = new List<long>();
        again.Recover(again.Base.Position, again.Base.Hash, again.Base.Timestamp, e => visited.Add(e.Index));
        Assert.Equal(Enumerable.Range(at + 1, 100 - at).Select(i => (long)i), visited);
        Assert.Contains("the log begins behind it", Assert.Throws<StoreFailedException>(() => NewLog(store).Recover(entries[at - 2].Position, entries[at - 2].Hash, 0, _ => { })).Message, StringComparison.Ordinal);
        Assert.Throws<StoreFailedException>(() => NewLog(store).Recover(again.Base.Position, again.Base.Hash + 1, 0, _ => { }));
    }

    [Theory]
    [InlineData(16, 16, 0)]     // the limit
    [InlineData(17, 17, 10)]
    [InlineData(18, 18, 10)]    // exactly half is left
    [InlineData(17, 7, 6)]
    [InlineData(17, 6, 6)]
    [InlineData(17, 1, 0)]
    public void A_log_that_may_have_sixteen_entries_is_cut_at_every_second_one_when_it_has_more(int entries, long covered, long cutAt)
    {
        var log = NewLog(new InMemoryStore(), limit: 16 * EntryBytes);
        var all = Hundreds(log, entries);
        log.TakeWrites(1);

        log.Cut(covered);
        Assert.Equal(cutAt, log.Base.Position.Index);
        Assert.Equal(cutAt > 0, log.HasWrites);
        for (var index = cutAt + 1; index <= entries; index++)      // not yet in the store
            Assert.Equal(all[(int)index - 1].Hash, log.Read(index).Hash);
    }

    [Fact]
    public void What_was_removed_from_the_end_is_cut_no_more_and_the_rest_counts_once()
    {
        var log = NewLog(new InMemoryStore(), limit: 16 * EntryBytes);
        Hundreds(log, 16);
        log.Shorten(15);
        log.Cut(covered: 15);
        Assert.Equal(0, log.Base.Position.Index);

        Hundreds(log, 20);
        log.Shorten(1);
        log.Cut(covered: 1);        // no place for it is left
        Assert.Equal(0, log.Base.Position.Index);
    }

    [Fact]
    public void A_log_that_was_shortened_ends_where_it_was_told_to()
    {
        var store = new InMemoryStore();
        var log = NewLog(store);
        Assert.False(log.HasWrites);
        for (var i = 1; i <= 4; i++)
            log.Append(new Epoch(1), 100 * i, Draft($"{i}"));
        Assert.True(log.HasWrites);
        store.Write(log.TakeWrites(1), sync: true);
        log.Synced(1);
        log.Shorten(9);
        log.Shorten(4);
        Assert.False(log.HasWrites);
        Assert.Equal(4, log.Last.Index);

        log.Shorten(2);
        Assert.Equal((At(1, 2), 200, 2), (log.Last, log.LastTimestamp, log.Durable));
        Assert.Equal(log.Read(2).Hash, log.LastHash);
        store.Write(log.TakeWrites(2), sync: true);
        Assert.Equal(["1", "2"], Recovered(store));
    }

    [Fact]
    public void A_log_that_is_recovered_from_the_middle_counts_what_stands_before_it()
    {
        var store = new InMemoryStore();
        var log = NewLog(store);
        var entries = Hundreds(log, 100);
        store.Write(log.TakeWrites(1), sync: true);

        var again = NewLog(store, limit: 60 * EntryBytes);
        again.Recover(entries[49].Position, entries[49].Hash, 0, _ => { });
        again.Cut(covered: 50);
        Assert.Equal((entries[49].Position, entries[49].Hash), (again.Base.Position, again.Base.Hash));
        store.Write(again.TakeWrites(1), sync: true);

        again = NewLog(store, limit: 60 * EntryBytes);
        again.Recover(entries[54].Position, entries[54].Hash, 0, _ => { });
        again.Cut(covered: 100);
        Assert.Equal(entries[49].Position, again.Base.Position);        // fifty are left, which is under the limit
    }

    [Fact]
    public void Entries_that_contradict_the_base_contradict_what_was_committed()
    {
        var log = NewLog(new InMemoryStore(), limit: 16 * EntryBytes);
        Hundreds(log, 17);
        log.Cut(covered: 17);
        var (at, hash) = (log.Base.Position, log.Base.Hash);
        Assert.Equal(At(1, 10), at);

        var other = Chain(2, default, Enumerable.Repeat("other", 12));
        Assert.Throws<ContradictionException>(() => Offer(log, other[9].Position, other[9].Hash, other.GetRange(10, 2), committed: 10));
        Assert.Throws<ContradictionException>(() => Offer(log, other[4].Position, other[4].Hash, other.GetRange(5, 7), committed: 10));
        var same = Chain(1, default, Enumerable.Repeat("other", 12));
        Assert.Throws<ContradictionException>(() => Offer(log, same[4].Position, same[4].Hash, same.GetRange(5, 7), committed: 10));
        Assert.Throws<InvariantViolation>(() => Offer(log, at, hash + 1, [], committed: 10));
        Assert.Equal(Offered.Taken, Offer(log, at, hash, Chain(2, (at, hash), "next"), committed: 10));
        Assert.Equal(At(2, 11), log.Last);
        Assert.Equal(At(1, 10), log.LastAtOrBefore(new Epoch(1), 11));
        Assert.Equal(At(1, 10), log.LastAtOrBefore(new Epoch(0), 11));      // nothing before the base is known
    }

    [Fact]
    public void The_newest_durable_entries_are_kept_in_memory_up_to_the_limit_and_none_that_is_not_durable_leaves_it()
    {
        var store = new InMemoryStore();
        var log = new ReplicatedLog(store, Keys, cacheBytesLimit: 40 * EntryBytes, limitBytes: 80 * EntryBytes);
        Hundreds(log, 90);
        log.Synced(0);
        Assert.Equal(1, FirstInMemory(log, store));

        store.Write(log.TakeWrites(1), sync: true);
        log.Synced(1);
        Assert.Equal(51, FirstInMemory(log, store));
        log.Shorten(80);
        Hundreds(log, 8);
        store.Write(log.TakeWrites(2), sync: true);
        log.Synced(2);
        Assert.Equal(51, FirstInMemory(log, store));        // 38 are left
        Hundreds(log, 4);
        store.Write(log.TakeWrites(3), sync: true);
        log.Synced(3);
        Assert.Equal(53, FirstInMemory(log, store));
        log.Cut(covered: 92);
        Assert.InRange(log.Base.Position.Index, 53, 75);
        store.Write(log.TakeWrites(4), sync: true);
        log.Synced(4);
        Assert.Equal(log.Base.Position.Index + 1, FirstInMemory(log, store));
    }

    [Fact]
    public void The_last_entry_is_kept_in_memory_however_large_and_every_durable_one_before_it_may_leave()
    {
        var store = new InMemoryStore();
        var log = new ReplicatedLog(store, Keys, cacheBytesLimit: 1, Large);
        Hundreds(log, 1);
        store.Write(log.TakeWrites(1), sync: true);
        log.Synced(1);
        Assert.Equal(1, FirstInMemory(log, store));
        Hundreds(log, 1);
        log.Synced(1);
        Assert.Equal(2, FirstInMemory(log, store));
    }

    [Fact]
    public void A_recovered_log_keeps_no_more_in_memory_than_one_that_was_never_down()
    {
        var store = new InMemoryStore();
        var log = NewLog(store);
        Hundreds(log, 20);
        store.Write(log.TakeWrites(1), sync: true);
        var again = new ReplicatedLog(store, Keys, cacheBytesLimit: 5 * EntryBytes, Large);
        again.Recover(LogPosition.Zero, default, 0, _ => { });
        Assert.Equal(16, FirstInMemory(again, store));
    }

    [Fact]
    public void A_slice_ends_before_the_entry_that_would_exceed_its_bytes_and_has_one_in_any_case()
    {
        var log = NewLog(new InMemoryStore());
        Hundreds(log, 10);
        Assert.Equal([2L, 3L, 4L], log.Slice(2, 10, 3 * EntryBytes).Select(e => e.Index));
        Assert.Equal([2L, 3L], log.Slice(2, 10, (3 * EntryBytes) - 1).Select(e => e.Index));
        Assert.Equal([2L], log.Slice(2, 10, 1).Select(e => e.Index));
        Assert.Equal([9L, 10L], log.Slice(9, 10, Large).Select(e => e.Index));
        Assert.Empty(log.Slice(11, 10, Large));
    }

    [Fact]
    public void A_batch_is_full_when_the_entries_from_its_first_on_have_its_bytes()
    {
        var store = new InMemoryStore();
        var log = new ReplicatedLog(store, Keys, cacheBytesLimit: 5 * EntryBytes, Large);
        Hundreds(log, 10);
        Assert.True(log.HasBatch(8, 3 * EntryBytes));
        Assert.False(log.HasBatch(8, (3 * EntryBytes) + 1));
        Assert.False(log.HasBatch(11, 1));
        Assert.True(log.HasBatch(1, 10 * EntryBytes));
        Assert.False(log.HasBatch(1, (10 * EntryBytes) + 1));
        store.Write(log.TakeWrites(1), sync: true);
        log.Synced(1);
        Assert.False(log.HasBatch(6, (5 * EntryBytes) + 1));
        Assert.True(log.HasBatch(5, (10 * EntryBytes) + 1));        // not in memory any more, so long ago
    }

    [Fact]
    public void Entries_before_the_base_are_passed_over_and_those_after_it_are_taken()
    {
        var log = NewLog(new InMemoryStore(), limit: 2_000);
        var entries = Chain(1, default, Enumerable.Repeat(new string('x', 100), 30));
        Offer(log, LogPosition.Zero, default, entries.GetRange(0, 25));
        log.Cut(covered: 25);
        Assert.True(log.Base.Position.Index > 5);

        Assert.Equal(Offered.Taken, Offer(log, entries[1].Position, entries[1].Hash, entries.GetRange(2, 28), committed: 25));
        Assert.Equal(entries[^1].Hash, log.LastHash);
        Assert.Equal(Offered.Taken, Offer(log, entries[1].Position, entries[1].Hash, entries.GetRange(2, 2), committed: 25));
        Assert.Equal(entries[^1].Hash, log.LastHash);
    }

    [Fact]
    public void A_primary_whose_log_ends_before_the_base_in_a_later_epoch_contradicts_what_is_cut()
    {
        var log = NewLog(new InMemoryStore(), limit: 2_000);
        Offer(log, LogPosition.Zero, default, Chain(1, default, Enumerable.Repeat(new string('x', 100), 30)));
        log.Cut(covered: 30);
        var other = Chain(2, default, "A", "B", "C");
        Assert.True(log.Base.Position.Index > other[2].Index);

        Assert.Throws<ContradictionException>(() => Offer(log, other[2].Position, other[2].Hash, [], committed: 30));
    }

    [Fact]
    public void A_log_is_never_cut_at_an_entry_that_was_replaced()
    {
        var log = NewLog(new InMemoryStore(), limit: 2_000);
        var kept = Chain(1, default, Enumerable.Repeat(new string('x', 100), 3));
        Offer(log, LogPosition.Zero, default, [.. kept, .. Chain(1, (kept[2].Position, kept[2].Hash), Enumerable.Repeat(new string('y', 100), 30))]);
        var entries = Chain(2, (kept[2].Position, kept[2].Hash), Enumerable.Repeat(new string('z', 100), 30));
        Offer(log, kept[2].Position, kept[2].Hash, entries);

        foreach (var covered in (long[])[10, 33])
        {
            log.Cut(covered);
            var at = log.Base.Position;
            Assert.InRange(at.Index, 6, covered);
            Assert.Equal((entries[(int)at.Index - 4].Position, entries[(int)at.Index - 4].Hash), (at, log.Base.Hash));
        }
    }

    [Fact]
    public void A_log_whose_last_entry_was_replaced_is_not_cut_at_the_former_one()
    {
        var log = NewLog(new InMemoryStore(), limit: 16 * EntryBytes);
        Hundreds(log, 4);
        log.Shorten(3);
        for (var i = 0; i < 20; i++)
            log.Append(new Epoch(2), 0, Draft(new string('z', 100)));
        var fourth = log.Read(4);

        log.Cut(covered: 4);
        Assert.Equal((fourth.Position, fourth.Hash), (log.Base.Position, log.Base.Hash));
    }

    [Fact]
    public void Log_time_never_goes_back()
    {
        var log = NewLog(new InMemoryStore());
        log.Append(new Epoch(1), 500, Draft("a"));
        Assert.Equal(500, log.Append(new Epoch(1), 400, Draft("b")).Timestamp);
        Assert.Equal(600, log.Append(new Epoch(2), 600, Draft("c")).Timestamp);
    }

    [Fact]
    public void Recovery_from_an_applied_position_reads_only_what_follows()
    {
        var (store, entries) = Stored("a", "b", "c", "d");
        var log = NewLog(store);
        var visited = new List<string>();
        log.Recover(entries[1].Position, entries[1].Hash, 0, e => visited.Add(e.Text()));
        Assert.Equal(["c", "d"], visited);
        Assert.Equal((4, 4), (log.Last.Index, log.Durable));
        Assert.Equal("a", log.Read(1).Text());
    }

    [Fact]
    public void A_missing_entry_is_a_failed_store()
    {
        var (store, _) = Stored("a", "b", "c");
        Change(store, w => w.Delete(Table.Log, Keys.Entry(2)));
        Assert.Contains("log entry 2 is damaged", Assert.Throws<StoreFailedException>(() => Recovered(store)).Message, StringComparison.Ordinal);
        Assert.Contains("it is missing", Assert.Throws<StoreFailedException>(() => Recover(store, At(1, 2), default)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_entry_in_the_place_of_another_one_is_a_failed_store()
    {
        var (store, _) = Stored("a", "b", "c");
        Change(store, w => w.Put(Table.Log, Keys.Entry(2), store.Get(Table.Log, Keys.Entry(3))!));
        Assert.Contains($"entry {At(1, 3)} stands in its place", Assert.Throws<StoreFailedException>(() => Recovered(store)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bit_that_rotted_in_any_entry_is_a_failed_store() =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[0, int.MaxValue]).Sample((index, draw) =>
        {
            var (store, _) = Stored("alpha", "beta", "gamma");
            var frame = store.Get(Table.Log, Keys.Entry(index))!;
            var bit = draw % (frame.Length * 8);
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
            Change(store, w => w.Put(Table.Log, Keys.Entry(index), frame));
            Assert.Throws<StoreFailedException>(() => Recovered(store));
        });

    [Fact]
    public void An_applied_position_that_the_store_contradicts_is_a_failed_store()
    {
        var (store, entries) = Stored("a", "b", "c");
        Assert.Throws<StoreFailedException>(() => Recover(store, entries[1].Position, entries[1].Hash + 1));
        Assert.Contains($"it is {At(1, 2)} where the state was applied up to {At(2, 2)}", Assert.Throws<StoreFailedException>(() => Recover(store, At(2, 2), entries[1].Hash)).Message, StringComparison.Ordinal);
        Assert.Throws<StoreFailedException>(() => Recover(store, At(1, 9), entries[1].Hash));
    }

    [Fact]
    public void Damage_to_an_entry_that_left_the_cache_is_found_when_it_is_read_for_a_backup()
    {
        var store = new InMemoryStore();
        var log = new ReplicatedLog(store, Keys, cacheBytesLimit: 1, Large);
        foreach (var payload in (string[])["a", "b", "c", "d"])
            log.Append(new Epoch(1), 0, Draft(payload));
        store.Write(log.TakeWrites(1), sync: true);
        log.Synced(1);
        var frame = store.Get(Table.Log, Keys.Entry(2))!;
        frame[^1] ^= 1;
        Change(store, w => w.Put(Table.Log, Keys.Entry(2), frame));

        Assert.Throws<StoreFailedException>(() => log.Read(2));
        Assert.Throws<StoreFailedException>(() => log.Slice(1, 4, Large));
        Assert.Throws<StoreFailedException>(() => log.Slice(2, 4, Large));
        Assert.Equal("d", log.Read(4).Text());
    }

    /// <summary>Appends entries of the same size.</summary>
    private static List<LogEntry> Hundreds(ReplicatedLog log, int count)
        => [.. Enumerable.Range(0, count).Select(_ => log.Append(new Epoch(1), 0, Draft(new string('x', 100))))];

    /// <summary>The first entry that can be read although the store has lost all.</summary>
    private static long FirstInMemory(ReplicatedLog log, InMemoryStore store)
    {
        var frames = store.Scan(Table.Log, [], null).ToList();
        Change(store, w => frames.ForEach(frame => w.Delete(Table.Log, frame.Key)));
        var first = log.Last.Index + 1;
        while (first > log.Base.Position.Index + 1 && CanRead(first - 1))
            first--;
        Change(store, w => frames.ForEach(frame => w.Put(Table.Log, frame.Key, frame.Value)));
        return first;

        bool CanRead(long index)
        {
            try
            {
                return log.Read(index).Index == index;
            }
            catch (StoreFailedException)
            {
                return false;
            }
        }
    }

    private static void Recover(InMemoryStore store, LogPosition from, UInt128 hash) => NewLog(store).Recover(from, hash, 0, _ => { });

    private static ReplicatedLog NewLog(InMemoryStore store, long limit = Large) => new(store, Keys, Large, limit);

    private static Offered Offer(ReplicatedLog log, LogPosition previous, UInt128 hash, IReadOnlyList<LogEntry> entries, long committed = 0)
        => log.Offer(previous, hash, entries, committed, _ => { }, _ => { });

    private static (InMemoryStore Store, List<LogEntry> Entries) Stored(params string[] payloads)
    {
        var store = new InMemoryStore();
        var log = NewLog(store);
        var entries = Chain(1, default, payloads);
        Offer(log, LogPosition.Zero, default, entries);
        store.Write(log.TakeWrites(1), sync: true);
        return (store, entries);
    }

    private static void Change(InMemoryStore store, Action<WriteSet> change)
    {
        var writes = new WriteSet();
        change(writes);
        store.Write(writes, sync: true);
    }

    private static List<string> Recovered(InMemoryStore store)
    {
        var payloads = new List<string>();
        NewLog(store).Recover(LogPosition.Zero, default, 0, e => payloads.Add(e.Text()));
        return payloads;
    }

    private enum Verb { Append, Offer, OfferFromElsewhere, Take, Sync, Crash, Slice }

    private sealed record Step(Verb Verb, int A, int B, int C);

    private static readonly Gen<Step> GenStep = Gen.Select(
        Gen.Frequency(
            (4, Gen.Const(Verb.Append)), (5, Gen.Const(Verb.Offer)), (1, Gen.Const(Verb.OfferFromElsewhere)), (4, Gen.Const(Verb.Take)),
            (3, Gen.Const(Verb.Sync)), (1, Gen.Const(Verb.Crash)), (2, Gen.Const(Verb.Slice))),
        Gen.Int[0, 1000], Gen.Int[0, 4], Gen.Int[0, 4], (verb, a, b, c) => new Step(verb, a, b, c));

    /// <summary>The log under test, the list that it must equal, and the list that the store must hold.</summary>
    private sealed class ModelRun(InMemoryStore store, int cache)
    {
        private readonly Queue<(long Ticket, WriteSet Writes, List<LogEntry> Then)> _inFlight = new();
        private ReplicatedLog _log = new(store, Keys, cache, Large);
        private List<LogEntry> _model = [];
        private List<LogEntry> _stored = [];
        private long _epoch = 1;
        private long _ticket;

        public void Do(Step step)
        {
            switch (step.Verb)
            {
                case Verb.Append: _model.Add(_log.Append(new Epoch(_epoch), step.A, Draft(new string('a', step.B * 10)))); break;
                case Verb.Offer: Offer(step); break;
                case Verb.OfferFromElsewhere: OfferFromElsewhere(step); break;
                case Verb.Take: Take(); break;
                case Verb.Sync: Sync(); break;
                case Verb.Crash: Crash(); break;
                case Verb.Slice: Slice(step); break;
            }

            Check();
        }

        public void WriteAll()
        {
            Take();
            while (_inFlight.Count > 0)
                Sync();
            Assert.Equal(_model.Count, _log.Durable);
            Check();
            Crash();
            Check();
        }

        // Some entries that are here already, then some of a later epoch.
        private void Offer(Step step)
        {
            var from = step.A % (_model.Count + 1);
            var known = Math.Min(step.B, _model.Count - from);
            var before = PositionAt(from + known);
            var fresh = step.C == 0 ? [] : Chain(++_epoch, before, Enumerable.Range(0, step.C).Select(i => new string('o', i * 7)));
            var (appended, truncated) = (new List<long>(), new List<long>());
            var (previous, hash) = PositionAt(from);
            Assert.Equal(Offered.Taken, _log.Offer(previous, hash, [.. _model.Skip(from).Take(known), .. fresh], 0, e => appended.Add(e.Index), truncated.Add));
            Assert.Equal(fresh.Select(e => e.Index), appended);
            Assert.Equal(fresh.Count > 0 && from + known < _model.Count ? [from + known + 1L] : [], truncated);
            if (fresh.Count > 0)
                _model = [.. _model.Take(from + known), .. fresh];
        }

        private void OfferFromElsewhere(Step step)
        {
            var before = (At(_epoch + 1, 1 + step.A % (_model.Count + 2)), (UInt128)step.A);
            Assert.Equal(Offered.NoMatch, _log.Offer(before.Item1, before.Item2, Chain(_epoch + 1, before, "x"), 0, _ => { }, _ => { }));
        }

        private void Take() => _inFlight.Enqueue((++_ticket, _log.TakeWrites(_ticket), [.. _model]));

        private void Sync()
        {
            if (!_inFlight.TryDequeue(out var write))
                return;
            store.Write(write.Writes, sync: true);
            _stored = write.Then;
            _log.Synced(write.Ticket);
        }

        private void Crash()
        {
            _inFlight.Clear();
            _model = [.. _stored];
            _log = new ReplicatedLog(store, Keys, cache, Large);
            var applied = _model.Count == 0 ? 0 : (int)(_ticket % (_model.Count + 1));
            var visited = new List<UInt128>();
            var (position, hash) = PositionAt(applied);
            _log.Recover(position, hash, applied == 0 ? 0 : _model[applied - 1].Timestamp, e => visited.Add(e.Hash));
            Assert.Equal(_model.Skip(applied).Select(e => e.Hash), visited);
            Assert.Equal(_model.Count, _log.Durable);
        }

        private void Slice(Step step)
        {
            var (from, limit) = (1 + step.A % (_model.Count + 1), step.B * 100);
            var slice = _log.Slice(from, _log.Last.Index, limit);
            Assert.Equal(_model.Skip(from - 1).Take(slice.Count).Select(e => e.Hash), slice.Select(e => e.Hash));
            Assert.True(slice.Count <= 1 || slice.Sum(e => e.Bytes) <= limit);
            var next = from - 1 + slice.Count;
            Assert.True(next == _model.Count || (slice.Count > 0 && slice.Sum(e => e.Bytes) + _model[next].Bytes > limit), "a slice ends before it must");
        }

        private void Check()
        {
            Assert.Equal(PositionAt(_model.Count), (_log.Last, _log.LastHash));
            Assert.Equal(_model.Count == 0 ? 0 : _model[^1].Timestamp, _log.LastTimestamp);
            for (var i = 1; i <= _model.Count; i++)
            {
                Assert.Equal(_model[i - 1].Hash, _log.Read(i).Hash);
                Assert.Equal(PositionAt(i), _log.At(i));
            }

            Assert.InRange(_log.Durable, 0, _model.Count);
            Assert.Equal(_model.Take((int)_log.Durable).Select(e => e.Hash), _stored.Take((int)_log.Durable).Select(e => e.Hash));
            var expected = PositionAt(_model.FindLastIndex(e => e.Epoch.Value <= _epoch / 2) + 1).Position;
            Assert.Equal(expected, _log.LastAtOrBefore(new Epoch(_epoch / 2), _model.Count + 3));
        }

        private (LogPosition Position, UInt128 Hash) PositionAt(int index) => index == 0 ? default : (_model[index - 1].Position, _model[index - 1].Hash);
    }
}
