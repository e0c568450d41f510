using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Actors.Node.Http;

/// <summary><c>GET /v1/groups/{group}/watch?prefix=&amp;after=</c>: the changes as server-sent events; the event id is the index, and <c>Last-Event-ID</c> resumes after it.</summary>
internal sealed class WatchEndpoint(IHostApplicationLifetime lifetime)
{
    /// <summary>A comment this often tells both ends that the other is still there.</summary>
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);

    /// <summary>How long to wait for "no longer held" before the answer begins as 200; later it comes as an event.</summary>
    private static readonly TimeSpan CompactionNotice = TimeSpan.FromMilliseconds(250);

    private const int MaxPacketBytes = 64 << 10;

    public async Task GetAsync(HttpContext context, KeyValueClient group)
    {
        var query = new Query(context, "prefix", "after");
        var prefix = query.Bytes("prefix");
        if (prefix.Length > KeyValueLimits.MaxKeyBytes)
            throw new ProblemException(Problem.TooLarge($"prefix of {prefix.Length} bytes is over the limit of {KeyValueLimits.MaxKeyBytes} bytes"));
        var resume = ResumeAfter(context.Request, query);
        // Without an index to resume after, the watch begins where this replica stands now: whatever is written once the answer has begun is seen.
        var after = resume ?? await PresentIndexAsync(group, prefix);

        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            await StreamAsync(context.Response, group, prefix, after, isResumed: resume is not null, end);
        }
        catch (CompactedException e) when (!context.Response.HasStarted)
        {
            throw new ProblemException(new Problem(410, "compacted", e.Message));
        }
        catch (CompactedException e)
        {
            await WriteAsync(context.Response, $"event: compacted\ndata: {e.Message}\n\n", context.RequestAborted);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The client left, or the node stops: the client resumes elsewhere.
        }
    }

    /// <summary>Writes the changes as they come, in one packet those that are there at once, and a heartbeat when none comes.</summary>
    private static async Task StreamAsync(HttpResponse response, KeyValueClient group, byte[] prefix, long after, bool isResumed, CancellationTokenSource end)
    {
        await using var changes = group.WatchAsync(prefix, after, end.Token).GetAsyncEnumerator(end.Token);
        var next = changes.MoveNextAsync().AsTask();
        try
        {
            if (isResumed && await Task.WhenAny(next, Task.Delay(CompactionNotice, end.Token)) == next && next.IsFaulted)
                await next;
            response.ContentType = "text/event-stream";
            response.Headers.CacheControl = "no-store";
            await WriteAsync(response, string.Create(CultureInfo.InvariantCulture, $"id: {after}\n\n"), end.Token);
            var packet = new ArrayBufferWriter<byte>();
            while (await NextOrHeartbeatAsync(response, next, end.Token))
            {
                Write(packet, changes.Current);
                next = changes.MoveNextAsync().AsTask();
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

    private static void Write(ArrayBufferWriter<byte> packet, KeyValueChange change)
    {
        packet.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"id: {change.Revision}\nevent: {(change.Deleted ? "delete" : "put")}\ndata: ")));
        using (var json = new Utf8JsonWriter(packet, ScanEndpoint.Readable))
        {
            json.WriteStartObject();
            json.WriteBytes("key", change.Key.Span);
            json.WriteNumber("revision", change.Revision);
            if (!change.Deleted)
                json.WriteBytes("value", change.Value.Span);
            json.WriteEndObject();
        }

        packet.Write("\n\n"u8);
    }

    private static async Task WriteAsync(HttpResponse response, string text, CancellationToken end)
    {
        await response.WriteAsync(text, end);
        await response.Body.FlushAsync(end);
    }

    /// <summary>The index of <c>Last-Event-ID</c>, which a reconnecting client sends, or of the parameter <c>after</c>; null when there is neither.</summary>
    private static long? ResumeAfter(HttpRequest request, Query query)
    {
        var header = request.Headers["Last-Event-ID"].ToString();
        if (header.Length == 0)
            return query.Number("after", 0, long.MaxValue, -1) is >= 0 and var after ? after : null;
        return long.TryParse(header, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? index
            : throw new ProblemException(Problem.BadParameter("Last-Event-ID", "must be the id of an event of this watch, a whole number"));
    }

    private static async Task<long> PresentIndexAsync(KeyValueClient group, byte[] prefix)
    {
        var present = await group.ScanAsync(prefix, limit: 1, keysOnly: true, mode: ReadMode.Stale);
        KeysEndpoints.ThrowUnlessOk(present);
        return present.Index;
    }
}
