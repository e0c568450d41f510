using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Actors.Broadcast;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Actors.Node.Http;

/// <summary>The name of a message that was broadcast.</summary>
internal sealed record BroadcastAnswer(string Origin, long Incarnation, long Sequence);

/// <summary><c>/v1/broadcast/{group}</c>: POST broadcasts the body's bytes, GET sends what this node delivers as server-sent events.</summary>
internal sealed class BroadcastEndpoint(IHostApplicationLifetime lifetime)
{
    /// <summary>How long to wait until this node has delivered it, which may need a majority.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async Task PostAsync(HttpContext context, IBroadcastGroup group)
    {
        _ = new Query(context);
        var limit = group.Settings.MaxMessageBytes;
        var payload = await RequestBody.ReadAsync(context.Request, limit, "message");
        var (result, id) = await OutcomeAsync(group, payload, context.RequestAborted);
        if (result is not BroadcastResult.Delivered)
            throw new ProblemException(ProblemOf(result, limit));
        await context.Response.WriteAsJsonAsync(new BroadcastAnswer(id.Origin.Node.Value, id.Origin.Incarnation, id.Sequence), context.RequestAborted);
    }

    public async Task GetAsync(HttpContext context, IBroadcastGroup group)
    {
        var after = EventStream.ResumeAfter(context.Request, new Query(context, "after"));
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            await EventStream.WriteAsync(context.Response, group.ListenAsync(after, end.Token), after, isResumed: after is not null, Write, end);
        }
        catch (NotKeptException e) when (!context.Response.HasStarted)
        {
            throw new ProblemException(new Problem(410, "compacted", e.Message));
        }
        catch (NotKeptException e)
        {
            await EventStream.WriteAsync(context.Response, $"event: compacted\ndata: {e.Message}\n\n", context.RequestAborted);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The client left, or the node stops: the client resumes elsewhere.
        }
    }

    private static async Task<(BroadcastResult Result, MessageId Id)> OutcomeAsync(IBroadcastGroup group, ReadOnlyMemory<byte> payload, CancellationToken end)
    {
        try
        {
            return await group.BroadcastAsync(payload).WaitAsync(Patience, end);
        }
        catch (TimeoutException)
        {
            return (BroadcastResult.Unknown, default);
        }
    }

    private static Problem ProblemOf(BroadcastResult result, int limit) => result switch
    {
        BroadcastResult.TooLong => Problem.TooLarge($"message is over the limit of {limit} bytes"),
        BroadcastResult.Overloaded => new Problem(429, "overloaded", "more messages of this node are on their way than its window allows") { RetryAfter = 1 },
        BroadcastResult.NotAMember => new Problem(409, "not-a-member", "this node is not a member of the group, or not yet: broadcast at a member, or let it join"),
        _ => new Problem(504, "no-answer", $"this node has not delivered it within {Patience.TotalSeconds} s: too few members answer; it may still be delivered") { Write = WriteFate.Unknown },
    };

    private static void Write(ArrayBufferWriter<byte> packet, Delivered delivered)
    {
        packet.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"id: {delivered.Position}\nevent: {(delivered.Missed > 0 ? "missed" : "message")}\ndata: ")));
        using (var json = new Utf8JsonWriter(packet, ScanEndpoint.Readable))
        {
            json.WriteStartObject();
            json.WriteString("origin", delivered.Id.Origin.Node.Value);
            json.WriteNumber("incarnation", delivered.Id.Origin.Incarnation);
            json.WriteNumber("sequence", delivered.Id.Sequence);
            if (delivered.Missed > 0)
                json.WriteNumber("missed", delivered.Missed);
            else
                json.WriteBytes("text", delivered.Payload.Span);
            json.WriteEndObject();
        }

        packet.Write("\n\n"u8);
    }
}
