using Actors.Replication;
using Actors.Storage;
using CsCheck;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

public sealed class StateSpaceTests
{
    private enum Verb { Put, Delete, Begin, Commit, Undo, TakeFlush, WriteFlush, Crash }

    private sealed record Step(Verb Verb, byte[] Key, byte[] Value);

    // Few keys, so that they meet; with the bytes that mark the ends of the byte order.
    private static readonly Gen<byte[]> GenKey = Gen.OneOf((byte)0, (byte)1, (byte)255).Array[0, 2];

    private static readonly Gen<Step> GenStep = Gen.Select(
        Gen.Frequency(
            (8, Gen.Const(Verb.Put)), (4, Gen.Const(Verb.Delete)), (3, Gen.Const(Verb.Begin)), (2, Gen.Const(Verb.Commit)), (2, Gen.Const(Verb.Undo)),
            (2, Gen.Const(Verb.TakeFlush)), (2, Gen.Const(Verb.WriteFlush)), (1, Gen.Const(Verb.Crash))),
        GenKey, Gen.Byte.Array[0, 3], (verb, key, value) => new Step(verb, key, value));

    [Fact]
    public void Through_commands_undone_flushes_and_crashes_it_agrees_with_a_sorted_dictionary() =>
        Gen.Select(GenStep.Array[1, 80], GenKey, GenKey).Sample((steps, from, to) =>
        {
            var store = new InMemoryStore();
            var space = new StateSpace(store, Keys.State(0));
            var (model, stored, before) = (NewModel(), NewModel(), NewModel());
            (WriteSet Writes, SortedDictionary<byte[], byte[]> Then)? flush = null;
            var inCommand = false;
            foreach (var step in steps)
            {
                switch (step.Verb)
                {
                    case Verb.Put:
                        space.Put(step.Key, step.Value);
                        model[step.Key] = step.Value;
                        break;
                    case Verb.Delete:
                        space.Delete(step.Key);
                        model.Remove(step.Key);
                        break;
                    case Verb.Begin when !inCommand:
                        (inCommand, before) = (true, Copy(model));
                        space.Begin();
                        break;
                    case Verb.Commit when inCommand:
                        inCommand = false;
                        space.Commit();
                        break;
                    case Verb.Undo when inCommand:
                        (inCommand, model) = (false, before);
                        space.Undo();
                        break;
                    case Verb.TakeFlush when !inCommand && !space.IsFlushing:
                        flush = (space.TakeFlush(), Copy(model));
                        Assert.Equal((0, 0), (space.Changes, space.ChangedBytes));
                        break;
                    case Verb.WriteFlush when flush is { } ready:
                        store.Write(ready.Writes, sync: false);
                        space.Flushed();
                        (stored, flush) = (ready.Then, null);
                        break;
                    case Verb.Crash:
                        (space, model, flush, inCommand) = (new StateSpace(store, Keys.State(0)), Copy(stored), null, false);
                        break;
                }

                Assert.InRange(space.ChangedBytes, 0, long.MaxValue);
                Assert.Equal(Text(model), Text(space.Scan([], null)));
            }

            Assert.Equal(Text(model.Where(p => Between(p.Key, from, to))), Text(space.Scan(from, to)));
            Assert.Equal(Text(model.Where(p => Between(p.Key, from, null))), Text(space.Scan(from, null)));
            Assert.Equal(model.GetValueOrDefault(from), space.Get(from));
        });

    [Fact]
    public void A_second_flush_before_the_first_has_ended_is_a_broken_invariant()
    {
        var space = new StateSpace(new InMemoryStore(), Keys.State(0));
        space.TakeFlush();
        Assert.Throws<InvariantViolation>(() => space.TakeFlush());
    }

    [Fact]
    public void The_state_of_one_group_is_invisible_to_another_whose_name_begins_alike()
    {
        var store = new InMemoryStore();
        var spaces = ((string[])["a", "ab", "b"]).Select(name => new StateSpace(store, new GroupKeys(new(name)).State(0))).ToList();
        foreach (var (i, space) in spaces.Index())
        {
            space.Put("k"u8.ToArray(), [(byte)i]);
            store.Write(space.TakeFlush(), sync: false);
            space.Flushed();
        }

        foreach (var (i, space) in spaces.Index())
            Assert.Equal([(byte)i], Assert.Single(space.Scan([], null)).Value);
    }

    [Fact]
    public void A_user_scan_to_the_end_meets_no_bookkeeping()
    {
        var space = new StateSpace(new InMemoryStore(), Keys.State(0));
        foreach (var owner in (byte[])[StateSpace.CoreSpace, StateSpace.SessionSpace, StateSpace.TokenSpace, StateSpace.TokenAgeSpace])
            space.Set([owner, 1], [1]);
        space.Put([255, 255], [2]);
        Assert.Equal([255, 255], Assert.Single(space.Scan([], null)).Key);
    }

    private static SortedDictionary<byte[], byte[]> NewModel() => new(BytesComparer.Instance);

    private static SortedDictionary<byte[], byte[]> Copy(SortedDictionary<byte[], byte[]> model) => new(model, BytesComparer.Instance);

    private static bool Between(byte[] key, byte[] from, byte[]? to) =>
        BytesComparer.Instance.Compare(key, from) >= 0 && (to is null || BytesComparer.Instance.Compare(key, to) < 0);

    private static string Text(IEnumerable<KeyValuePair<byte[], byte[]>> pairs) =>
        string.Join(' ', pairs.Select(p => $"{Convert.ToHexString(p.Key)}={Convert.ToHexString(p.Value)}"));
}
