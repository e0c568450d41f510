using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Unicode;

namespace Actors.Replication.KeyValue;

/// <summary>Keys and values as text: UTF-8, and refused when the text is not valid Unicode, for two such texts could become one key.</summary>
public static class KeyValueText
{
    private const int MaxDescribedBytes = 64;
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The bytes as text; what is not UTF-8 shows as replacement characters.</summary>
    public static string ToText(this ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    /// <inheritdoc cref="KeyValueClient.PutAsync"/>
    public static Task<WriteResult> PutAsync(this KeyValueClient client, string key, string value, Precondition condition = default, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null) =>
        client.PutAsync(Bytes(key), Bytes(value), condition, token, timeout);

    /// <inheritdoc cref="KeyValueClient.PutAsync"/>
    public static Task<WriteResult> PutAsync(this KeyValueClient client, string key, ReadOnlyMemory<byte> value, Precondition condition = default, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null) =>
        client.PutAsync(Bytes(key), value, condition, token, timeout);

    /// <inheritdoc cref="KeyValueClient.DeleteAsync"/>
    public static Task<WriteResult> DeleteAsync(this KeyValueClient client, string key, Precondition condition = default, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null) =>
        client.DeleteAsync(Bytes(key), condition, token, timeout);

    /// <inheritdoc cref="KeyValueClient.CompareAndSetAsync"/>
    public static Task<WriteResult> CompareAndSetAsync(this KeyValueClient client, string key, string expected, string value, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null) =>
        client.CompareAndSetAsync(Bytes(key), Bytes(expected), Bytes(value), token, timeout);

    /// <inheritdoc cref="KeyValueClient.IncrementAsync"/>
    public static Task<IncrementResult> IncrementAsync(this KeyValueClient client, string key, long delta = 1, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null) =>
        client.IncrementAsync(Bytes(key), delta, token, timeout);

    /// <inheritdoc cref="KeyValueClient.GetAsync"/>
    public static Task<GetResult> GetAsync(this KeyValueClient client, string key, ReadMode mode = ReadMode.Linearizable, TimeSpan? timeout = null) =>
        client.GetAsync(Bytes(key), mode, timeout);

    /// <inheritdoc cref="KeyValueClient.ScanAsync"/>
    public static Task<ScanPage> ScanAsync(
        this KeyValueClient client, string prefix, string after = "", int limit = KeyValueLimits.MaxPageEntries, bool keysOnly = false, ReadMode mode = ReadMode.Linearizable, TimeSpan? timeout = null) =>
        client.ScanAsync(Bytes(prefix), Bytes(after), limit, keysOnly, mode, timeout);

    /// <inheritdoc cref="KeyValueClient.ScanPagesAsync"/>
    public static IAsyncEnumerable<ScanPage> ScanPagesAsync(
        this KeyValueClient client, string prefix, string after = "", int limit = KeyValueLimits.MaxPageEntries, bool keysOnly = false, ReadMode mode = ReadMode.Linearizable, CancellationToken cancellation = default) =>
        client.ScanPagesAsync(Bytes(prefix), Bytes(after), limit, keysOnly, mode, cancellation);

    /// <inheritdoc cref="KeyValueClient.WatchAsync"/>
    public static IAsyncEnumerable<KeyValueChange> WatchAsync(this KeyValueClient client, string prefix, long? after = null, CancellationToken cancellation = default) =>
        client.WatchAsync(Bytes(prefix), after, cancellation);

    /// <summary>A key as an error names it: quoted where it is text of one line, otherwise in hexadecimal; its first 64 bytes.</summary>
    internal static string Describe(ReadOnlySpan<byte> key)
    {
        var shown = Math.Min(key.Length, MaxDescribedBytes);
        var more = shown < key.Length ? "…" : "";
        if (!Utf8.IsValid(key))
            return $"0x{Convert.ToHexString(key[..shown])}{more}";
        while (shown < key.Length && (key[shown] & 0xC0) == 0x80)
            shown--;    // not in the middle of a character
        var text = Encoding.UTF8.GetString(key[..shown]);
        return text.Any(BreaksLine) ? $"0x{Convert.ToHexString(key[..shown])}{more}" : $"'{text}{more}'";
    }

    private static bool BreaksLine(char c) => char.IsControl(c) || c is '\u2028' or '\u2029';

    private static byte[] Bytes(string text, [CallerArgumentExpression(nameof(text))] string name = "")
    {
        ArgumentNullException.ThrowIfNull(text, name);
        return Strict.GetBytes(text);
    }
}
