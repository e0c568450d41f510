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
    public async Task GetAsync(HttpContext context, KeyValueClient group)
    {
        var query = new Query(context, "prefix", "after");
        var prefix = query.Bytes("prefix");
        if (prefix.Length > KeyValueLimits.MaxKeyBytes)
            throw new ProblemException(Problem.TooLarge($"prefix of {prefix.Length} bytes is over the limit of {KeyValueLimits.MaxKeyBytes} bytes"));
        var resume = EventStream.ResumeAfter(context.Request, query);
        // Without an index to resume after, the watch begins where this replica stands now: whatever is written once the answer has begun is seen.
        var after = resume ?? await PresentIndexAsync(group, prefix);

        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            await EventStream.WriteAsync(context.Response, group.WatchAsync(prefix, after, end.Token), after, isResumed: resume is not null, Write, end);
        }
        catch (CompactedException e) when (!context.Response.HasStarted)
        {
            throw new ProblemException(new Problem(410, "compacted", e.Message));
        }
        catch (CompactedException e)
        {
            await EventStream.WriteAsync(context.Response, $"event: compacted\ndata: {e.Message}\n\n", context.RequestAborted);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The client left, or the node stops: the client resumes elsewhere.
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

    private static async Task<long> PresentIndexAsync(KeyValueClient group, byte[] prefix)
    {
        var present = await group.ScanAsync(prefix, limit: 1, keysOnly: true, mode: ReadMode.Stale);
        KeysEndpoints.ThrowUnlessOk(present);
        return present.Index;
    }
}
