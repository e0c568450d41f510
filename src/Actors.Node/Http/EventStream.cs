using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary>Server-sent events of what has a place: the event id is the place, and <c>Last-Event-ID</c> resumes after it.</summary>
internal static class EventStream
{
    /// <summary>A comment this often tells both ends that the other is still there.</summary>
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);

    /// <summary>How long to wait for "no longer held" before the answer begins as 200; later it comes as an event.</summary>
    private static readonly TimeSpan RefusalNotice = TimeSpan.FromMilliseconds(250);

    private const int MaxPacketBytes = 64 << 10;

    /// <summary>Writes the events as they come, in one packet those that are there at once, and a heartbeat when none comes.</summary>
    /// <param name="after">The id of the first, empty event; null when there is no place to resume after yet.</param>
    /// <param name="isResumed">True when the events may be held no longer: then an early exception of theirs comes before the answer begins.</param>
    public static async Task WriteAsync<T>(HttpResponse response, IAsyncEnumerable<T> events, long? after, bool isResumed, Action<ArrayBufferWriter<byte>, T> write, CancellationTokenSource end)
    {
        await using var each = events.GetAsyncEnumerator(end.Token);
        var next = each.MoveNextAsync().AsTask();
        try
        {
            if (isResumed && await Task.WhenAny(next, Task.Delay(RefusalNotice, end.Token)) == next && next.IsFaulted)
                await next;
            response.ContentType = "text/event-stream";
            response.Headers.CacheControl = "no-store";
            await WriteAsync(response, after is null ? ": begins\n\n" : string.Create(CultureInfo.InvariantCulture, $"id: {after}\n\n"), end.Token);
            var packet = new ArrayBufferWriter<byte>();
            while (await NextOrHeartbeatAsync(response, next, end.Token))
            {
                write(packet, each.Current);
                next = each.MoveNextAsync().AsTask();
                if (next.IsCompleted && packet.WrittenCount < MaxPacketBytes)
                    continue;
                await response.Body.WriteAsync(packet.WrittenMemory, end.Token);
                await response.Body.FlushAsync(end.Token);
                packet.ResetWrittenCount();
            }
        }
        finally
        {
            // An enumerator can only be disposed when it is at rest.
            if (!next.IsCompleted)
                await end.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public static async Task WriteAsync(HttpResponse response, string text, CancellationToken end)
    {
        await response.WriteAsync(text, end);
        await response.Body.FlushAsync(end);
    }

    /// <summary>The place of <c>Last-Event-ID</c>, which a reconnecting client sends, or of the parameter <c>after</c>; null when there is neither.</summary>
    public static long? ResumeAfter(HttpRequest request, Query query)
    {
        var header = request.Headers["Last-Event-ID"].ToString();
        if (header.Length == 0)
            return query.Number("after", 0, long.MaxValue, -1) is >= 0 and var after ? after : null;
        return long.TryParse(header, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? index
            : throw new ProblemException(Problem.BadParameter("Last-Event-ID", "must be the id of an event of this watch, a whole number"));
    }

    private static async Task<bool> NextOrHeartbeatAsync(HttpResponse response, Task<bool> next, CancellationToken end)
    {
        while (true)
        {
            try
            {
                return await next.WaitAsync(Heartbeat, end);
            }
            catch (TimeoutException)
            {
                await WriteAsync(response, ": alive\n\n", end);
            }
        }
    }
}
