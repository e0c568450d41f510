using System.Globalization;
using System.Text;
using Actors.Membership;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary>The query parameters of a request: each known, named once, and in its range, or the request is answered 400.</summary>
internal sealed class Query
{
    private readonly Dictionary<string, byte[]> _values = [];

    /// <summary>Reads the parameters; only those in <paramref name="known"/> may be there.</summary>
    public Query(HttpContext context, params ReadOnlySpan<string> known)
    {
        foreach (var pair in context.Request.QueryString.Value?.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries) ?? [])
        {
            var equals = pair.IndexOf('=');
            var name = equals < 0 ? pair : pair[..equals];
            if (!known.Contains(name))
                throw Bad(name, known.IsEmpty ? "is not a parameter here: there are none" : $"is not a parameter here: there are {string.Join(", ", known!)}");
            if (!_values.TryAdd(name, equals < 0 ? [] : RequestTarget.Decode(pair.AsSpan(equals + 1), plusIsSpace: true, name)))
                throw Bad(name, "is given twice");
        }
    }

    /// <summary>The bytes of a parameter; empty when it is not there.</summary>
    public byte[] Bytes(string name) => _values.GetValueOrDefault(name, []);

    /// <summary>A whole number from <paramref name="min"/> to <paramref name="max"/>; <paramref name="absent"/> when it is not there.</summary>
    public long Number(string name, long min, long max, long absent)
    {
        if (!_values.TryGetValue(name, out var value))
            return absent;
        if (!long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) || number < min || number > max)
            throw Bad(name, $"must be a whole number from {min} to {max}");
        return number;
    }

    /// <summary>One of <paramref name="allowed"/>; the first one when it is not there.</summary>
    public string OneOf(string name, params ReadOnlySpan<string> allowed)
    {
        if (!_values.TryGetValue(name, out var value))
            return allowed[0];
        var text = Encoding.UTF8.GetString(value);
        return allowed.Contains(text) ? text : throw Bad(name, $"must be {string.Join(" or ", allowed!)}");
    }

    /// <summary>A parameter that must be there, as text.</summary>
    public string Required(string name, string meaning) =>
        _values.TryGetValue(name, out var value) && value.Length > 0 ? Encoding.UTF8.GetString(value) : throw Bad(name, $"is missing: {meaning}");

    /// <summary>A parameter that must be there and name a node.</summary>
    public NodeId Node(string name, string meaning) => NodeNamed(name, Required(name, meaning));

    /// <summary>A parameter that names a group; null when it is not there.</summary>
    public GroupId? Group(string name)
    {
        if (!_values.TryGetValue(name, out var value))
            return null;
        try
        {
            return new GroupId(Encoding.UTF8.GetString(value));
        }
        catch (ArgumentException e)
        {
            throw Bad(name, $"names no group: {e.Message}");
        }
    }

    /// <summary>The node named <paramref name="text"/>, which came as <paramref name="parameter"/> of the query or the path.</summary>
    public static NodeId NodeNamed(string parameter, string text)
    {
        try
        {
            return new NodeId(text);
        }
        catch (ArgumentException e)
        {
            throw Bad(parameter, $"names no node: {e.Message}");
        }
    }

    private static ProblemException Bad(string name, string rule) => new(Problem.BadParameter(name, rule));
}
