using System.Globalization;
using Actors.TestKit;

namespace Actors.Cluster.Tests;

/// <summary>A client that does whatever comes to its mind on a few keys, one operation after the other, and records what it was told.</summary>
/// <param name="id">Its name in the history.</param>
/// <param name="node">The node it talks to, in good days and bad.</param>
/// <param name="history">Shared by all clients.</param>
/// <param name="random">What it does.</param>
internal sealed class RegisterClient(int id, HttpNode node, History<KeyValueOperation, KeyValueResult> history, Random random)
{
    private static readonly TimeSpan AfterRefusal = TimeSpan.FromMilliseconds(30);
    private const int MaxPauseMs = 30;

    private int _values;
    private readonly Dictionary<string, string> _seen = [];     // what a compare-and-set will expect

    /// <summary>The keys of all such clients.</summary>
    public static IReadOnlyList<string> Keys { get; } = ["r0", "r1", "r2", "r3"];

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var answer = await DoAsync(Next());
            await Task.Delay(answer.Status is >= 200 and < 500 ? TimeSpan.FromMilliseconds(random.Next(MaxPauseMs)) : AfterRefusal, CancellationToken.None);
        }
    }

    /// <summary>A linearizable read, as part of the history.</summary>
    public Task<Answer> ReadAsync(string key) => DoAsync(new KeyValueOperation.Get(key));

    /// <summary>One operation, as part of the history.</summary>
    public async Task<Answer> DoAsync(KeyValueOperation operation)
    {
        var entry = history.Begin(id, operation);
        var answer = await SendAsync(operation);
        switch (operation, answer.Status)
        {
            case (KeyValueOperation.Get, 200): history.Done(entry, new(true, _seen[operation.Key] = answer.Body)); break;
            case (KeyValueOperation.Get, 404): history.Done(entry, new(true)); break;
            case (KeyValueOperation.Get, _): history.NotApplied(entry); break;
            case (KeyValueOperation.Increment, 200): history.Done(entry, new(true, answer.Body)); break;
            case (KeyValueOperation.Increment, 409): history.Done(entry, new(false)); break;
            case (KeyValueOperation.Put or KeyValueOperation.Delete or KeyValueOperation.CompareAndSet, 204): history.Done(entry, new(true)); break;
            case (KeyValueOperation.CompareAndSet, 412): history.Done(entry, new(false)); break;
            case (KeyValueOperation.Delete, 404): history.Done(entry, new(false)); break;
            case (_, 429 or 503 or 504 or Answer.NotSent or Answer.Broken): if (answer.NotApplied) history.NotApplied(entry); break;
            default: Assert.Fail($"{operation} was answered {answer}"); break;
        }

        return answer;
    }

    private KeyValueOperation Next()
    {
        var key = Keys[random.Next(Keys.Count)];
        return random.Next(10) switch
        {
            < 4 => new KeyValueOperation.Get(key),
            < 6 => new KeyValueOperation.Put(key, NewValue()),
            < 8 => new KeyValueOperation.CompareAndSet(key, _seen.GetValueOrDefault(key), NewValue()),
            < 9 => new KeyValueOperation.Increment(key, random.Next(1, 10)),
            _ => new KeyValueOperation.Delete(key),
        };
    }

    // A number, so that increments work; different for each write, so that a lost or repeated one shows.
    private string NewValue() => string.Create(CultureInfo.InvariantCulture, $"{id}{++_values:d6}000");

    private Task<Answer> SendAsync(KeyValueOperation operation) => operation switch
    {
        KeyValueOperation.Get get => node.GetAsync(get.Key),
        KeyValueOperation.Put put => node.PutAsync(put.Key, put.Value),
        KeyValueOperation.Delete delete => node.DeleteAsync(delete.Key),
        KeyValueOperation.CompareAndSet { Expected: null } create => node.PutAsync(create.Key, create.Value, ("If-None-Match", "*")),
        KeyValueOperation.CompareAndSet cas => node.CasAsync(cas.Key, cas.Expected, cas.Value),
        KeyValueOperation.Increment increment => node.IncrAsync(increment.Key, increment.Delta),
        _ => throw new ArgumentException($"unknown operation {operation}"),
    };
}
