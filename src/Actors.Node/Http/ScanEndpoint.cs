using System.Text.Encodings.Web;
using System.Text.Json;
using Actors.Replication.KeyValue;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary><c>GET /v1/groups/{group}/keys?prefix=&amp;after=&amp;limit=&amp;values=&amp;read=</c>: one page of entries in the order of their keys, linearizable by itself.</summary>
internal static class ScanEndpoint
{
    /// <summary>Text as it is: nothing here is put into a web page.</summary>
    internal static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const int DefaultLimit = 100;

    public static async Task GetAsync(HttpContext context, KeyValueClient group, string groupName)
    {
        var query = new Query(context, "prefix", "after", "limit", "values", "read");
        var prefix = query.Bytes("prefix");
        var limit = (int)query.Number("limit", 1, KeyValueLimits.MaxPageEntries, DefaultLimit);
        var values = query.OneOf("values", "true", "false");
        var mode = KeysEndpoints.ReadModeOf(query);

        var page = await group.ScanAsync(prefix, query.Bytes("after"), limit, keysOnly: values == "false", mode);
        KeysEndpoints.Describe(context.Response, page, mode);
        KeysEndpoints.ThrowUnlessOk(page);

        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter, Readable);
        json.WriteStartObject();
        json.WriteNumber("index", page.Index);
        json.WriteStartArray("entries");
        foreach (var entry in page.Entries)
        {
            json.WriteStartObject();
            json.WriteBytes("key", entry.Key.Span);
            json.WriteNumber("revision", entry.Revision);
            if (values == "true")
                json.WriteBytes("value", entry.Value.Span);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (page.More)
            json.WriteString("next", $"/v1/groups/{groupName}/keys?prefix={RequestTarget.Encode(prefix)}&after={RequestTarget.Encode(page.Entries[^1].Key.Span)}&limit={limit}&values={values}&read={mode.ToString().ToLowerInvariant()}");
        else
            json.WriteNull("next");
        json.WriteEndObject();
    }
}
