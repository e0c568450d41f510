using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Actors.Node.Http;

/// <summary>The bytes that a client percent-encoded into its request target, exactly.</summary>
/// <remarks>
/// The server's own decoding cannot be used for keys: it leaves <c>%2F</c> alone, so that <c>a%2Fb</c> and <c>a%252Fb</c> become one, it resolves
/// <c>..</c>, and it turns bytes into text. So the key is taken from the raw target before routing, and the route sees a fixed word in its place.
/// </remarks>
internal static class RequestTarget
{
    private const string Groups = "/v1/groups/";
    private const string Keys = "/keys/";

    /// <summary>Middleware in front of routing: moves the key from the path into a feature of the request.</summary>
    public static Task TakeKey(HttpContext context, RequestDelegate next)
    {
        var path = RawPath(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        if (path.StartsWith(Groups, StringComparison.Ordinal))
        {
            var groupEnd = path.IndexOf('/', Groups.Length);
            if (groupEnd > 0 && path.AsSpan(groupEnd).StartsWith(Keys))
            {
                context.Features.Set(new KeyFeature(path[(groupEnd + Keys.Length)..]));
                context.Request.Path = path[..groupEnd] + Keys + "key";
            }
        }

        return next(context);
    }

    /// <summary>The key that <see cref="TakeKey"/> found, decoded.</summary>
    public static byte[] Key(HttpContext context) => Decode(context.Features.GetRequiredFeature<KeyFeature>().Encoded, plusIsSpace: false, "key");

    /// <summary>True when the request asks for a change of a key.</summary>
    public static bool IsKeyWrite(HttpContext context) =>
        context.Features.Get<KeyFeature>() is not null && !HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method);

    /// <summary>Percent-decodes <paramref name="text"/>; <paramref name="name"/> is what an error calls it.</summary>
    public static byte[] Decode(ReadOnlySpan<char> text, bool plusIsSpace, string name)
    {
        var bytes = new byte[text.Length];    // a request line is ASCII: the server refuses any other
        var count = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                bytes[count++] = text[i] == '+' && plusIsSpace ? (byte)' ' : (byte)text[i];
                continue;
            }

            if (i + 2 >= text.Length || !byte.TryParse(text.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[count++]))
                throw new ProblemException(Problem.BadParameter(name, "holds a '%' that is not followed by two hexadecimal digits"));
            i += 2;
        }

        return bytes.AsSpan(0, count).ToArray();
    }

    /// <summary>Percent-encodes every byte that is not a letter or digit.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length + 16);
        foreach (var b in bytes)
        {
            if (char.IsAsciiLetterOrDigit((char)b))
                text.Append((char)b);
            else
                text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    /// <summary>The target without query, and without scheme and host when a client sent them.</summary>
    private static string RawPath(string target)
    {
        var query = target.IndexOf('?');
        var path = query < 0 ? target : target[..query];
        if (path.StartsWith('/'))
            return path;
        var scheme = path.IndexOf("://", StringComparison.Ordinal);
        var slash = scheme < 0 ? -1 : path.IndexOf('/', scheme + 3);
        return slash < 0 ? "/" : path[slash..];
    }

    private sealed record KeyFeature(string Encoded);
}
