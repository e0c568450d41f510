using System.Globalization;
using Actors.TestKit;
using CsCheck;
using Op = Actors.TestKit.KeyValueOperation;

namespace Actors.Tests.SimulationTests;

public class LinearizabilityTests
{
    private static readonly KeyValueResult Ok = new(true);

    [Fact]
    public void An_empty_history_is_linearizable() => Assert.True(Check(Begin()).IsLinearizable);

    [Fact]
    public void A_read_after_a_write_sees_it()
    {
        Assert.True(Check(Begin().Do(1, new Op.Put("k", "a"), Ok).Do(2, new Op.Get("k"), new(true, "a"))).IsLinearizable);
        Assert.False(Check(Begin().Do(1, new Op.Put("k", "a"), Ok).Do(2, new Op.Get("k"), new(true, null))).IsLinearizable);
    }

    [Fact]
    public void A_read_beside_a_write_may_see_either_but_never_goes_back()
    {
        var both = Begin();
        var put = both.Begin(1, new Op.Put("k", "a"));
        both.Do(2, new Op.Get("k"), new(true, null)).Do(2, new Op.Get("k"), new(true, "a")).Done(put, Ok);
        Assert.True(Check(both).IsLinearizable);

        var back = Begin();
        put = back.Begin(1, new Op.Put("k", "a"));
        back.Do(2, new Op.Get("k"), new(true, "a")).Do(3, new Op.Get("k"), new(true, null)).Done(put, Ok);
        Assert.False(Check(back).IsLinearizable);
    }

    [Fact]
    public void A_write_of_unknown_outcome_may_take_effect_late_or_never()
    {
        var late = Begin();
        late.Begin(1, new Op.Put("k", "a"));
        late.Do(2, new Op.Get("k"), new(true, null)).Do(2, new Op.Put("k", "b"), Ok).Do(2, new Op.Get("k"), new(true, "b")).Do(2, new Op.Get("k"), new(true, "a"));
        Assert.True(Check(late).IsLinearizable);

        var never = Begin();
        never.Begin(1, new Op.Put("k", "a"));
        never.Do(2, new Op.Get("k"), new(true, null));
        Assert.True(Check(never).IsLinearizable);

        var twice = Begin();
        twice.Begin(1, new Op.Put("k", "a"));
        twice.Do(2, new Op.Get("k"), new(true, "a")).Do(2, new Op.Put("k", "b"), Ok).Do(2, new Op.Get("k"), new(true, "a"));
        Assert.False(Check(twice).IsLinearizable);
    }

    [Fact]
    public void A_write_that_was_certainly_not_applied_must_not_be_seen()
    {
        var history = Begin();
        history.NotApplied(history.Begin(1, new Op.Put("k", "a")));
        history.Do(2, new Op.Get("k"), new(true, "a"));

        Assert.False(Check(history).IsLinearizable);
    }

    [Fact]
    public void An_operation_cannot_take_effect_before_it_began()
    {
        var history = Begin().Do(1, new Op.Get("k"), new(true, "a"));
        history.Begin(2, new Op.Put("k", "a"));

        Assert.False(Check(history).IsLinearizable);
    }

    [Fact]
    public void Increments_count_once_each()
    {
        Assert.True(Check(Begin().Do(1, new Op.Increment("k", 1), new(true, "1")).Do(2, new Op.Increment("k", 1), new(true, "2"))).IsLinearizable);
        Assert.False(Check(Begin().Do(1, new Op.Increment("k", 1), new(true, "1")).Do(2, new Op.Increment("k", 1), new(true, "3"))).IsLinearizable);
        Assert.True(Check(Begin().Do(1, new Op.Put("k", "x"), Ok).Do(1, new Op.Increment("k", 1), new(false))).IsLinearizable);
        Assert.True(Check(Begin().Do(1, new Op.Put("k", "9223372036854775807"), Ok).Do(1, new Op.Increment("k", 1), new(false))).IsLinearizable);
    }

    [Fact]
    public void Of_two_compare_and_sets_at_once_only_one_succeeds()
    {
        foreach (var second in (bool[])[false, true])
        {
            var history = Begin();
            var (a, b) = (history.Begin(1, new Op.CompareAndSet("k", null, "a")), history.Begin(2, new Op.CompareAndSet("k", null, "b")));
            history.Done(a, Ok);
            history.Done(b, new(second));

            Assert.Equal(!second, Check(history).IsLinearizable);
        }
    }

    [Fact]
    public void Keys_are_independent()
    {
        var history = Begin().Do(1, new Op.Put("a", "1"), Ok).Do(1, new Op.Put("b", "2"), Ok).Do(2, new Op.Get("a"), new(true, "1")).Do(2, new Op.Get("b"), new(true, "1"));

        var result = Check(history);

        Assert.False(result.IsLinearizable);
        Assert.StartsWith("key b: 1 of 2 operations", result.Explanation, StringComparison.Ordinal);
        Assert.Contains("Get { Key = b } = KeyValueResult { Ok = True, Value = 1 }", result.Explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void A_search_that_grows_too_large_is_given_up_and_says_so()
    {
        var history = Begin();
        for (var i = 0; i < 25; i++)
            history.Begin(i, new Op.Increment("k", 1L << i));       // 2^25 sums are possible
        history.Do(100, new Op.Get("k"), new(true, "no sum"));

        var result = Linearizability.Check(new KeyValueModel(), history, maxStates: 10_000);

        Assert.Equal(LinearizabilityVerdict.Undecided, result.Verdict);
        Assert.Contains("10000 states", result.Explanation, StringComparison.Ordinal);
    }

    [Theory, Seeds(10)]
    public void A_long_history_of_a_correct_store_is_linearizable_and_one_wrong_read_in_it_is_found(int seed)
    {
        var good = Concurrent(seed, operations: 5_000, keys: 5, clients: 10, wrongReadAt: -1);
        var bad = Concurrent(seed, operations: 5_000, keys: 5, clients: 10, wrongReadAt: 2_500);

        Assert.Equal(LinearizabilityVerdict.Linearizable, Check(good).Verdict);
        Assert.Equal(LinearizabilityVerdict.NotLinearizable, Check(bad).Verdict);
    }

    [Fact]
    public void The_verdict_on_tiny_histories_is_that_of_trying_every_order()
    {
        var verdicts = new int[2];
        var operation = Gen.Select(Gen.Int[0, 3], Gen.Int[1, 2], Gen.Int[0, 2], Gen.Int[0, 3], Gen.Int[0, 9], Gen.Int[0, 9]);
        operation.Array[1, 6].Sample(drawn =>
        {
            var history = Tiny(drawn);
            var expected = BruteForce(history);
            verdicts[expected ? 1 : 0]++;
            Assert.Equal(expected, Check(history).IsLinearizable);
        }, iter: 20_000);

        Assert.All(verdicts, count => Assert.True(count > 1_000, $"{count} of one kind: the histories are too much alike"));
    }

    [Fact]
    public void An_operation_ends_once()
    {
        var history = Begin();
        var put = history.Begin(1, new Op.Put("k", "a"));
        history.Done(put, Ok);

        Assert.Throws<InvalidOperationException>(() => history.NotApplied(put));
    }

    private static History<Op, KeyValueResult> Begin() => new(() => TimeSpan.Zero);

    private static LinearizabilityResult Check(History<Op, KeyValueResult> history) => Linearizability.Check(new KeyValueModel(), history);

    /// <summary>What clients of one correct store see: each operation takes effect at an instant between its begin and its end.</summary>
    internal static History<Op, KeyValueResult> Concurrent(long seed, int operations, int keys, int clients, int wrongReadAt)
    {
        var random = new SeededRandom(seed);
        var model = new KeyValueModel();
        var states = new Dictionary<string, KeyValueState>();
        var history = Begin();
        var pending = new (HistoryEntry<Op, KeyValueResult>? Entry, KeyValueResult? Result)[clients];
        for (var begun = 0; begun < operations || pending.Any(p => p.Entry is not null);)
        {
            var client = random.Next(clients);
            ref var mine = ref pending[client];
            if (mine.Entry is null)
            {
                if (begun < operations)
                    mine.Entry = history.Begin(client, Draw(random, keys, begun++));
            }
            else if (mine.Result is null)
            {
                var key = mine.Entry.Operation.Key;
                var (next, result) = model.Apply(states.GetValueOrDefault(key), mine.Entry.Operation);
                states[key] = next;
                mine.Result = mine.Entry.BeganOrder > wrongReadAt * 2 && wrongReadAt >= 0 && mine.Entry.Operation is Op.Get ? new KeyValueResult(true, "never written") : result;
                if (mine.Result != result)
                    wrongReadAt = -1;
            }
            else
            {
                if (!random.Chance(0.01))   // else its answer is lost
                    history.Done(mine.Entry, mine.Result.Value);
                mine = default;
            }
        }

        return history;
    }

    private static Op Draw(SeededRandom random, int keys, int number)
    {
        var (key, value) = ($"k{random.Next(keys)}", number.ToString(CultureInfo.InvariantCulture));
        return random.Next(5) switch
        {
            0 => new Op.Put(key, value),
            1 => new Op.Delete(key),
            2 => new Op.CompareAndSet(key, random.Chance(0.5) ? null : "1", value),
            3 => new Op.Increment(key, 1),
            _ => new Op.Get(key),
        };
    }

    /// <summary>A history of one key from drawn numbers: kind, value, result, outcome, and two instants in either order.</summary>
    private static History<Op, KeyValueResult> Tiny((int Kind, int Value, int Result, int Outcome, int A, int B)[] drawn)
    {
        var history = Begin();
        var entries = new HistoryEntry<Op, KeyValueResult>[drawn.Length];
        var events = drawn.SelectMany((d, i) => new[] { (At: Math.Min(d.A, d.B), IsEnd: false, I: i), (At: Math.Max(d.A, d.B), IsEnd: true, I: i) });
        foreach (var (_, isEnd, i) in events.OrderBy(e => e.At).ThenBy(e => e.IsEnd))
        {
            var (kind, value, result, outcome, _, _) = drawn[i];
            var text = value.ToString(CultureInfo.InvariantCulture);
            var told = result == 0 ? null : result.ToString(CultureInfo.InvariantCulture);
            if (!isEnd)
                entries[i] = history.Begin(i, kind switch { 0 => new Op.Put("k", text), 1 => new Op.CompareAndSet("k", told, text), 2 => new Op.Increment("k", value), _ => new Op.Get("k") });
            else if (outcome < 3)
                history.Done(entries[i], kind switch { 0 => Ok, 1 => new(outcome == 0), _ => new(true, told) });
        }

        return history;
    }

    private static bool BruteForce(History<Op, KeyValueResult> history)
    {
        var model = new KeyValueModel();
        return Place([.. history.Entries], model.Initial);

        bool Place(List<HistoryEntry<Op, KeyValueResult>> left, KeyValueState state)
        {
            if (left.TrueForAll(entry => entry.Outcome == OperationOutcome.Unknown))
                return true;
            var firstEnd = left.Min(entry => entry.EndedOrder);
            return left.Where(entry => entry.BeganOrder < firstEnd).ToList().Exists(entry =>
            {
                var (next, result) = model.Apply(state, entry.Operation);
                return (entry.Outcome == OperationOutcome.Unknown || entry.Result == result) && Place([.. left.Where(other => other != entry)], next);
            });
        }
    }
}

internal static class HistoryExtensions
{
    /// <summary>An operation that begins and ends with nothing in between.</summary>
    public static History<Op, KeyValueResult> Do(this History<Op, KeyValueResult> history, int client, Op operation, KeyValueResult result)
    {
        history.Done(history.Begin(client, operation), result);
        return history;
    }
}
