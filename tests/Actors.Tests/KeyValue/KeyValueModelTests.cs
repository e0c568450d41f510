using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;
using Actors.Replication;
using Actors.Replication.KeyValue;
using CsCheck;

namespace Actors.Tests.KeyValue;

public sealed partial class KeyValueModelTests
{
    private enum Verb { Put, Delete, CompareAndSet, Increment, Get, Scan }

    /// <summary>What a conditional write asks for: any key that exists, none, or one of a revision, seen from the present one.</summary>
    private enum Asks { Nothing, Any, Missing, Present, Older }

    private sealed record Step(Verb Verb, string Key, Asks Asks, string Expected, string Value, long Delta, int Limit)
    {
        public override string ToString() => $"{Verb} {Key} {Asks} '{Expected}' '{Value}' {Delta} {Limit}";
    }

    // Few keys and values, so that they meet; keys are hexadecimal: their order is that of the bytes, and 00 and FF are among them.
    private static readonly Gen<string> GenKey = Gen.OneOf("61", "62", "00", "FF").Array[1, 3].Select(string.Concat);
    private static readonly Gen<string> GenValue = Gen.OneOf("", "0", "7", "-3", "007", "+1", "-0", "x", "9223372036854775807", "-9223372036854775808");
    private static readonly Gen<Step> GenStep = Gen.Select(
        Gen.Enum<Verb>(), GenKey, Gen.Enum<Asks>(), GenValue, GenValue, Gen.OneOf(Gen.Long[-2, 2], Gen.OneOf(long.MinValue, long.MaxValue)), Gen.Int[1, 4],
        (verb, key, asks, expected, value, delta, limit) => new Step(verb, key, asks, expected, value, delta, limit));

    [Fact]
    public Task Every_answer_and_the_state_agree_with_a_naive_model() => GenStep.Array[0, 60].SampleAsync(
        async steps =>
        {
            var group = new DirectGroup();
            var client = new KeyValueClient(group);
            var model = new Model();
            foreach (var step in steps)
            {
                var answer = await Ask(client, step, model.Condition(step));
                Assert.Equal((step, model.Answer(step)), (step, answer));
            }

            var page = await client.ScanAsync(default);
            Assert.Equal(model.Pairs.Select(p => (p.Key, p.Value.Text, p.Value.Revision)), page.Entries.Select(e => (Convert.ToHexString(e.Key.Span), e.Value.ToText(), e.Revision)));
            Assert.Equal(model.Changes, group.Events.Select(KeyValueCodec.ReadChange).Select(c => $"{Convert.ToHexString(c.Key.Span)} {(c.Deleted ? "deleted" : c.Value.ToText())} {c.Revision}"));
        },
        iter: 2000, print: steps => string.Join("\n", steps.AsEnumerable()));

    private static async Task<string> Ask(KeyValueClient client, Step step, Precondition condition)
    {
        var key = Convert.FromHexString(step.Key);
        switch (step.Verb)
        {
            case Verb.Put: return Show(await client.PutAsync(key, Utf8(step.Value), condition));
            case Verb.Delete: return Show(await client.DeleteAsync(key, condition));
            case Verb.CompareAndSet: return Show(await client.CompareAndSetAsync(key, Utf8(step.Expected), Utf8(step.Value)));
            case Verb.Increment:
                var sum = await client.IncrementAsync(key, step.Delta);
                return sum.Outcome is Outcome.Ok ? $"{sum.Number} at {sum.Revision}" : "rejected";
            case Verb.Get:
                var got = await client.GetAsync(key);
                return got.Found ? $"'{got.Value.ToText()}' at {got.Revision}" : "missing";
            default:
                var page = await client.ScanAsync(key.AsMemory(0, key.Length - 1), key, step.Limit);
                return $"{string.Join(",", page.Entries.Select(e => Convert.ToHexString(e.Key.Span)))} more {page.More}";
        }
    }

    private static string Show(WriteResult result) =>
        $"{(result.Changed ? "changed" : result.ConditionFailed ? "failed" : "unchanged")} at {result.Revision}{(result.PresentValue is { } value ? $" is '{value.ToText()}'" : "")}";

    private static byte[] Utf8(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    /// <summary>What the machine should do, written for reading.</summary>
    private sealed partial class Model
    {
        private long _index;

        public SortedDictionary<string, (string Text, long Revision)> Pairs { get; } = new(StringComparer.Ordinal);
        public List<string> Changes { get; } = [];

        public Precondition Condition(Step step) => step.Asks switch
        {
            Asks.Any => Precondition.IfPresent,
            Asks.Missing => Precondition.IfMissing,
            Asks.Present => Precondition.IfRevision(Revision(step.Key)),
            Asks.Older => Precondition.IfRevision(Math.Max(0, Revision(step.Key) - 1)),
            _ => Precondition.None,
        };

        public string Answer(Step step)
        {
            if (step.Verb is not (Verb.Get or Verb.Scan))
                _index++;
            var exists = Pairs.TryGetValue(step.Key, out var present);
            var holds = step.Asks is Asks.Nothing or Asks.Present || exists == step.Asks is Asks.Any;
            switch (step.Verb)
            {
                case Verb.Put when holds:
                case Verb.CompareAndSet when exists && present.Text == step.Expected:
                    Set(step.Key, step.Value);
                    return $"changed at {_index}";
                case Verb.CompareAndSet:
                    return exists ? $"failed at {present.Revision} is '{present.Text}'" : "failed at 0";
                case Verb.Put or Verb.Delete when !holds:
                    return $"failed at {Revision(step.Key)}";
                case Verb.Delete:
                    if (exists)
                        Changes.Add($"{step.Key} deleted {_index}");
                    return Pairs.Remove(step.Key) ? "changed at 0" : "unchanged at 0";
                case Verb.Increment:
                    var text = exists ? present.Text : "0";
                    if (!Number().IsMatch(text))
                        return "rejected";
                    var sum = BigInteger.Parse(text, CultureInfo.InvariantCulture) + step.Delta;
                    if (sum < long.MinValue || sum > long.MaxValue)
                        return "rejected";
                    Set(step.Key, sum.ToString(CultureInfo.InvariantCulture));
                    return $"{sum} at {_index}";
                case Verb.Get:
                    return exists ? $"'{present.Text}' at {present.Revision}" : "missing";
                default:
                    var rest = Pairs.Keys.Where(k => k.StartsWith(step.Key[..^2], StringComparison.Ordinal) && string.CompareOrdinal(k, step.Key) > 0).ToArray();
                    return $"{string.Join(",", rest.Take(step.Limit))} more {rest.Length > step.Limit}";
            }
        }

        private long Revision(string key) => Pairs.GetValueOrDefault(key).Revision;

        private void Set(string key, string text)
        {
            Pairs[key] = (text, _index);
            Changes.Add($"{key} {text} {_index}");
        }

        [GeneratedRegex("^(0|-?[1-9][0-9]*)\\z")]
        private static partial Regex Number();
    }
}
