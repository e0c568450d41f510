using System.Text;
using System.Text.Json;
using Actors.Node.Http;

namespace Actors.Node.Commands;

/// <summary>How keys and values are printed: one line each, fields separated by tabs, and what would break that written as an escape.</summary>
internal static class Entry
{
    /// <summary>The bytes of a member as text of one line: tab, line feed, carriage return and backslash as <c>\t \n \r \\</c>, what is not UTF-8 as base64 behind <c>base64:</c>.</summary>
    public static string Text(JsonElement json, string name) => json.TryGetProperty(name, out var text)
        ? Escape(text.GetString()!)
        : "base64:" + Convert.ToBase64String(json.ReadBytes(name));

    /// <summary>Text of one line.</summary>
    public static string Escape(string text)
    {
        if (text.AsSpan().IndexOfAny("\\\t\n\r") < 0)
            return text;
        var escaped = new StringBuilder(text.Length + 8);
        foreach (var c in text)
        {
            _ = c switch
            {
                '\\' => escaped.Append(@"\\"),
                '\t' => escaped.Append(@"\t"),
                '\n' => escaped.Append(@"\n"),
                '\r' => escaped.Append(@"\r"),
                _ => escaped.Append(c),
            };
        }

        return escaped.ToString();
    }
}
