using System.Diagnostics;
using Actors.Benchmarks.Load;

namespace Actors.Benchmarks.Failover;

/// <summary>Keeps writing, a new write every 5 ms whatever became of the earlier ones, and notices the first that is acknowledged again after a fault.</summary>
/// <remarks>Because no write waits for another, the answer does not depend on how long a client's own time-outs are.</remarks>
internal sealed class WriteProbe : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);
    private readonly ILoadClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sending;
    private volatile Waiter? _waiter;

    public WriteProbe(ILoadClient client)
    {
        _client = client;
        _sending = SendAsync();
    }

    /// <summary>Completes with the time (of <see cref="Stopwatch"/>) at which the first write that was sent after <paramref name="moment"/> was acknowledged.</summary>
    public Task<long> AcknowledgedAfterAsync(long moment)
    {
        var waiter = new Waiter(moment);
        _waiter = waiter;
        return waiter.Acknowledged.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _sending;
        _stop.Dispose();
    }

    private async Task SendAsync()
    {
        using var timer = new PeriodicTimer(Interval);
        while (!_stop.IsCancellationRequested)
        {
            _ = WriteAsync();
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    private async Task WriteAsync()
    {
        var sent = Stopwatch.GetTimestamp();
        try
        {
            await _client.WriteAsync(Random.Shared.Next(LoadClients.Keys));
        }
        catch (Exception)
        {
            return; // during a failover writes fail; the next one is on its way
        }

        var acknowledged = Stopwatch.GetTimestamp();
        if (_waiter is { } waiter && sent > waiter.Moment)
            waiter.Acknowledged.TrySetResult(acknowledged);
    }

    private sealed class Waiter(long moment)
    {
        public long Moment => moment;

        public TaskCompletionSource<long> Acknowledged { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
