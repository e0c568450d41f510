using System.Globalization;
using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace Actors.Hosting.Configuration;

/// <summary>One HOCON block, read strictly: every key must be known, every value must have the form that its setting asks for.</summary>
/// <remarks>All errors are <see cref="ConfigurationException"/> with one line that begins with the path of the setting.</remarks>
internal sealed class SettingsBlock
{
    private static readonly Dictionary<string, double> MillisecondsPerUnit = new()
    {
        ["ms"] = 1,
        ["s"] = 1_000,
        ["m"] = 60_000,
        ["h"] = 3_600_000,
        ["d"] = 86_400_000,
    };

    private static readonly Dictionary<string, long> BytesPerUnit = new()
    {
        [""] = 1,
        ["B"] = 1,
        ["kB"] = 1_000,
        ["KiB"] = 1 << 10,
        ["MB"] = 1_000_000,
        ["MiB"] = 1 << 20,
        ["GB"] = 1_000_000_000,
        ["GiB"] = 1 << 30,
    };

    private readonly string _path;
    private readonly IReadOnlyDictionary<string, HoconValue> _values;

    private SettingsBlock(string path, IReadOnlyDictionary<string, HoconValue> values)
    {
        _path = path;
        _values = values;
    }

    /// <summary>The block at <paramref name="path"/> of <paramref name="config"/>; it may hold the keys <paramref name="known"/>.</summary>
    public static SettingsBlock Of(Config config, string path, params string[] known)
    {
        var value = config.IsEmpty ? null : config.GetValue(path);
        if (value is null)
            throw new ConfigurationException($"{path} is missing: it holds the settings of this node");
        return Of(value, path, known);
    }

    /// <summary>Where it stands, such as <c>actors.groups.default</c>.</summary>
    public string Path => _path;

    /// <summary>The names in this block, which are the user's own, in alphabetical order.</summary>
    public IReadOnlyList<string> Names => [.. _values.Keys.Order(StringComparer.Ordinal)];

    /// <summary>True when <paramref name="key"/> is set.</summary>
    public bool Has(string key) => _values.ContainsKey(key);

    /// <summary>The block under <paramref name="key"/>; empty when it is not set. No known keys means that its keys are names.</summary>
    public SettingsBlock Block(string key, params string[] known) =>
        _values.TryGetValue(key, out var value) ? Of(value, PathOf(key), known) : new SettingsBlock(PathOf(key), new Dictionary<string, HoconValue>());

    /// <summary>The text under <paramref name="key"/>.</summary>
    /// <param name="key">The setting.</param>
    /// <param name="meaning">What it is, with an example, for the case that it is missing.</param>
    public string Text(string key, string meaning) =>
        _values.TryGetValue(key, out var value) ? TextOf(key, value) : throw Fault(key, $"is missing: {meaning}");

    /// <summary>A duration such as <c>300 ms</c>; a number without unit is refused, as nobody can know what was meant.</summary>
    public TimeSpan Duration(string key, TimeSpan otherwise)
    {
        if (!Has(key))
            return otherwise;
        var (text, number, unit) = Quantity(key);
        if (number is not null && unit.Length == 0)
            throw Fault(key, $"= {text} has no unit: write {text} ms, or another of ms, s, m, h, d");
        if (number is null || !MillisecondsPerUnit.TryGetValue(unit, out var milliseconds))
            throw Fault(key, $"= {text} is not a duration: write a number and ms, s, m, h or d, such as 300 ms");
        if (number.Value * milliseconds > TimeSpan.MaxValue.TotalMilliseconds / 2)
            throw Fault(key, $"= {text} is too long");
        return TimeSpan.FromMilliseconds(number.Value * milliseconds);
    }

    /// <summary>A number of bytes, such as <c>65536</c> or <c>16 MiB</c>.</summary>
    public long Bytes(string key, long otherwise)
    {
        if (!Has(key))
            return otherwise;
        var (text, number, unit) = Quantity(key);
        if (number is null || !BytesPerUnit.TryGetValue(unit, out var bytes))
            throw Fault(key, $"= {text} is not a number of bytes: write such as 65536, 64 KiB or 16 MiB");
        if (number.Value * bytes > long.MaxValue / 2)
            throw Fault(key, $"= {text} is too large");
        return (long)(number.Value * bytes);
    }

    /// <summary>A number of bytes that fits into 32 bits.</summary>
    public int SmallBytes(string key, int otherwise)
    {
        var bytes = Bytes(key, otherwise);
        return bytes <= int.MaxValue ? (int)bytes : throw Fault(key, $"= {TextOf(key, _values[key])} is too large: at most {int.MaxValue} bytes");
    }

    /// <summary>A whole number.</summary>
    public int Count(string key, int otherwise)
    {
        if (!Has(key))
            return otherwise;
        var text = TextOf(key, _values[key]);
        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count)
            ? count
            : throw Fault(key, $"= {text} is not a whole number from {int.MinValue} to {int.MaxValue}");
    }

    /// <summary>A part of the whole, from 0 to 1.</summary>
    public double Share(string key, double otherwise)
    {
        if (!Has(key))
            return otherwise;
        var text = TextOf(key, _values[key]);
        return double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var share) && share <= 1
            ? share
            : throw Fault(key, $"= {text} is not a share: write a number from 0 to 1, such as 0.01");
    }

    /// <summary>on or off.</summary>
    public bool Switch(string key, bool otherwise)
    {
        if (!Has(key))
            return otherwise;
        return TextOf(key, _values[key]) switch
        {
            "on" or "true" or "yes" => true,
            "off" or "false" or "no" => false,
            var text => throw Fault(key, $"= {text} is not a switch: write on or off"),
        };
    }

    /// <summary>The texts of a list such as <c>[n1, n2]</c>.</summary>
    public IReadOnlyList<string> List(string key)
    {
        var value = _values[key];
        if (value.IsString() || value.IsObject())
            throw Fault(key, "is not a list: write [n1, n2]");
        return [.. value.GetArray().Where(v => !v.IsEmpty).Select(v => TextOf(key, v))];
    }

    /// <summary>The complaint about <paramref name="key"/>.</summary>
    public ConfigurationException Fault(string key, string what) => new($"{PathOf(key)} {what}");

    /// <summary>The block <paramref name="value"/>, which complaints call <paramref name="path"/>.</summary>
    public static SettingsBlock Of(HoconValue value, string path, string[] known)
    {
        if (!value.IsObject())
            throw new ConfigurationException($"{path} is not a block: write {path} {{ ... }}");
        var items = value.GetObject().Items;
        if (known.Length > 0 && items.Keys.Order(StringComparer.Ordinal).FirstOrDefault(k => !known.Contains(k)) is { } unknown)
        {
            var nearest = Nearest.To(unknown, known);
            throw new ConfigurationException($"{path}.{unknown} is not a setting; " + (nearest is null ? $"known are {string.Join(", ", known)}" : $"did you mean {nearest}?"));
        }

        return new SettingsBlock(path, items);
    }

    private (string Text, double? Number, string Unit) Quantity(string key)
    {
        var text = TextOf(key, _values[key]);
        var digits = text.TakeWhile(c => char.IsAsciiDigit(c) || c == '.').Count();
        var isNumber = double.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number);
        return (text, isNumber ? number : null, text[digits..].Trim());
    }

    private string TextOf(string key, HoconValue value)
    {
        if (!value.IsString())
            throw Fault(key, value.IsObject() ? "is a block where a single value belongs" : "is a list where a single value belongs");
        return value.GetString() is { Length: > 0 } text ? text : throw Fault(key, "is empty");
    }

    private string PathOf(string key) => $"{_path}.{key}";
}
