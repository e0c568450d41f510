using System.Diagnostics;

namespace Actors.Cluster.Tests;

/// <summary>Keeps writing through one node, several at a time whatever becomes of the earlier ones, and measures the longest time in which none was acknowledged.</summary>
internal sealed class PauseMeter : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(10);

    private readonly HttpNode _node;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly Task _writing;
    private long _last = Stopwatch.GetTimestamp();
    private TimeSpan _longest;

    public PauseMeter(HttpNode node)
    {
        _node = node;
        _writing = WriteAsync();
    }

    /// <summary>So far; the time since the last acknowledged write counts.</summary>
    public TimeSpan Longest
    {
        get
        {
            lock (_lock)
                return Max(_longest, Stopwatch.GetElapsedTime(_last));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _writing;
        _stop.Dispose();
    }

    private async Task WriteAsync()
    {
        var writes = new List<Task>();
        for (var number = 0; !_stop.IsCancellationRequested; number++)
        {
            writes.RemoveAll(write => write.IsCompleted);
            writes.Add(WriteOneAsync($"pause-{number % 10}"));
            await Task.Delay(Interval);
        }

        await Task.WhenAll(writes);
    }

    private async Task WriteOneAsync(string key)
    {
        if ((await _node.PutAsync(key, "")).Status != 204)
            return;
        lock (_lock)
        {
            _longest = Max(_longest, Stopwatch.GetElapsedTime(_last));
            _last = Stopwatch.GetTimestamp();
        }
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
