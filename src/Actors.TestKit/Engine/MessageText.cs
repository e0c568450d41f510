using System.Collections;
using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>A message as a person reads it: what kind it is and what is in it, lists and bytes too; nothing of what is empty.</summary>
/// <remarks>What a record prints of itself names the type of a list where a reader looks for the items. A type that says by itself how it reads is believed.</remarks>
internal static class MessageText
{
    private const int MaxDepth = 5;
    private const int MaxItems = 20;
    private const int MaxBytes = 40;

    private static readonly ConcurrentDictionary<Type, PropertyInfo[]?> Parts = [];     // of a record; null for a type with a text of its own

    public static string Of(object? value) => Of(value, 0);

    private static string Of(object? value, int depth) => value switch
    {
        null => "null",
        string text => text,
        byte[] bytes => Bytes(bytes),
        ReadOnlyMemory<byte> bytes => Bytes(bytes.Span),
        UInt128 hash => hash.ToString("x32", CultureInfo.InvariantCulture)[..8] + "..",
        TimeSpan time => $"{time.TotalMilliseconds.ToString("0.###", CultureInfo.InvariantCulture)} ms",
        IActorRef actor => SimNode.AddressOf(actor) ?? actor.Path.Name,
        ICollection items => Items(items, depth),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => PartsOf(value.GetType()) is not { } parts ? value.ToString() ?? ""
            : parts.Length == 0 || depth == MaxDepth ? NameOf(value.GetType())
            : Record(value, parts, depth),
    };

    private static string Record(object value, PropertyInfo[] parts, int depth)
    {
        var texts = parts.Select(part => (part.Name, Value: part.GetValue(value))).Where(part => !IsEmpty(part.Value)).Select(part => $"{part.Name} = {Of(part.Value, depth + 1)}");
        return $"{NameOf(value.GetType())} {{ {string.Join(", ", texts)} }}";
    }

    private static string Items(ICollection items, int depth)
    {
        var texts = items.Cast<object?>().Take(MaxItems).Select(item => Of(item, depth + 1)).ToList();
        if (items.Count > MaxItems)
            texts.Add($"{items.Count - MaxItems} more");
        return $"[{string.Join(", ", texts)}]";
    }

    private static string Bytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxBytes)
            return $"{bytes.Length} bytes";
        foreach (var one in bytes)
        {
            if (one is < 0x20 or > 0x7e)
                return Convert.ToHexStringLower(bytes);
        }

        return $"'{System.Text.Encoding.ASCII.GetString(bytes)}'";
    }

    private static bool IsEmpty(object? value) => value switch
    {
        null or "" or Delegate => true,
        ReadOnlyMemory<byte> bytes => bytes.IsEmpty,
        ICollection items => items.Count == 0,
        ValueType => PartsOf(value.GetType()) is { Length: 0 },     // a structure of which there is nothing to say
        _ => false,
    };

    private static PropertyInfo[]? PartsOf(Type type) => Parts.GetOrAdd(type, static type =>
    {
        if (type.IsPrimitive || type.IsEnum)
            return null;
        var text = type.GetMethod(nameof(ToString), Type.EmptyTypes)!;
        if (text.IsDefined(typeof(CompilerGeneratedAttribute)))
            return [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(part => part.GetIndexParameters().Length == 0).OrderBy(part => Ancestors(part.DeclaringType))];
        return text.DeclaringType == typeof(object) || text.DeclaringType == typeof(ValueType) ? [] : null;
    });

    // What a record has of its base comes first, as it prints it itself.
    private static int Ancestors(Type? type) => type is null ? 0 : 1 + Ancestors(type.BaseType);

    private static string NameOf(Type type) => type.Name.Split('`')[0];
}
