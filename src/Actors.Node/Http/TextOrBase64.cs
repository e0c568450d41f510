using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Actors.Node.Http;

/// <summary>Bytes in JSON: a member <c>key</c> when they are UTF-8 text, otherwise a member <c>keyBase64</c>.</summary>
internal static class TextOrBase64
{
    private const string Suffix = "Base64";

    public static void WriteBytes(this Utf8JsonWriter json, string name, ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
            json.WriteString(name, bytes);
        else
            json.WriteBase64String(name + Suffix, bytes);
    }

    /// <exception cref="FormatException">The member is missing, there twice over, or not a text.</exception>
    public static byte[] ReadBytes(this JsonElement json, string name)
    {
        if (json.ValueKind is not JsonValueKind.Object)
            throw new FormatException("it is not a JSON object");
        var (isText, isBase64) = (json.TryGetProperty(name, out var text), json.TryGetProperty(name + Suffix, out var base64));
        if (isText == isBase64)
            throw new FormatException($"exactly one of {name} and {name}{Suffix} must be there");
        return (isText ? text : base64) switch
        {
            { ValueKind: not JsonValueKind.String } => throw new FormatException($"{name} is not a text"),
            var member when isText => Text(member, name),
            var member when member.TryGetBytesFromBase64(out var bytes) => bytes,
            _ => throw new FormatException($"{name}{Suffix} is not base64"),
        };
    }

    private static byte[] Text(JsonElement member, string name)
    {
        try
        {
            return Encoding.UTF8.GetBytes(member.GetString()!);
        }
        catch (InvalidOperationException)
        {
            throw new FormatException($"{name} holds half a surrogate pair: it is not text");
        }
    }
}
