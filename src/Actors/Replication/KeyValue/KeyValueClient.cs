using System.Runtime.CompilerServices;

namespace Actors.Replication.KeyValue;

/// <summary>Speaks to a group that replicates a <see cref="KeyValueMachine"/>; keys and values are bytes, <see cref="KeyValueText"/> adds texts.</summary>
/// <remarks>
/// Safe for use from several threads if the group is. What went wrong is in the result, not thrown: a request over <see cref="KeyValueLimits"/> ends as
/// <see cref="Outcome.TooLarge"/> (an empty key or a limit out of range as <see cref="Outcome.Failed"/>) and nothing is sent.
/// </remarks>
/// <param name="group">The group's client.</param>
public sealed class KeyValueClient(IReplicatedGroup group)
{
    private readonly IReplicatedGroup _group = group ?? throw new ArgumentNullException(nameof(group));

    /// <summary>Sets a key to a value.</summary>
    /// <param name="key">1 to 1024 bytes.</param>
    /// <param name="value">0 to 65,536 bytes.</param>
    /// <param name="condition">What must be true of the key; nothing by default.</param>
    /// <param name="token">An idempotency token; see <see cref="IReplicatedGroup.SubmitAsync"/>.</param>
    /// <param name="timeout">Counted from now; null for the configured request time-out.</param>
    public async Task<WriteResult> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, Precondition condition = default, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null) =>
        Written(await SubmitAsync(new KeyValueCommand { Op = KeyValueOp.Put, Key = key.Span, Condition = condition, Value = value.Span }, token, timeout).ConfigureAwait(false));

    /// <summary>Removes a key; a missing key is not an error, the result then says that nothing changed.</summary>
    /// <inheritdoc cref="PutAsync"/>
    public async Task<WriteResult> DeleteAsync(ReadOnlyMemory<byte> key, Precondition condition = default, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null) =>
        Written(await SubmitAsync(new KeyValueCommand { Op = KeyValueOp.Delete, Key = key.Span, Condition = condition }, token, timeout).ConfigureAwait(false));

    /// <summary>Sets a key to <paramref name="value"/> if its present value is <paramref name="expected"/>.</summary>
    /// <param name="key">1 to 1024 bytes. A missing key has no value: use <see cref="PutAsync"/> with <see cref="Precondition.IfMissing"/>.</param>
    /// <param name="expected">The value that must be there; together with <paramref name="value"/> at most 65,536 bytes. For larger ones put by revision.</param>
    /// <param name="value">The new value.</param>
    /// <param name="token">An idempotency token; see <see cref="IReplicatedGroup.SubmitAsync"/>.</param>
    /// <param name="timeout">Counted from now; null for the configured request time-out.</param>
    public async Task<WriteResult> CompareAndSetAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> value, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null) =>
        Written(await SubmitAsync(new KeyValueCommand { Op = KeyValueOp.CompareAndSet, Key = key.Span, Expected = expected.Span, Value = value.Span }, token, timeout).ConfigureAwait(false));

    /// <summary>Adds <paramref name="delta"/> to the number that the value spells in decimal digits; a missing key counts as 0.</summary>
    /// <remarks>Ends as <see cref="Outcome.Failed"/> when the value is not a signed 64-bit number or the sum would not be one.</remarks>
    /// <param name="key">1 to 1024 bytes.</param>
    /// <param name="delta">May be negative.</param>
    /// <param name="token">An idempotency token; see <see cref="IReplicatedGroup.SubmitAsync"/>.</param>
    /// <param name="timeout">Counted from now; null for the configured request time-out.</param>
    public async Task<IncrementResult> IncrementAsync(ReadOnlyMemory<byte> key, long delta = 1, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null)
    {
        var reply = await SubmitAsync(new KeyValueCommand { Op = KeyValueOp.Increment, Key = key.Span, Delta = delta }, token, timeout).ConfigureAwait(false);
        return KeyValueResult.From(reply, Outcome.Unknown, r => new IncrementResult(r), KeyValueCodec.ReadIncrementReply);
    }

    /// <summary>Reads a key.</summary>
    /// <param name="key">1 to 1024 bytes.</param>
    /// <param name="mode">How fresh the answer must be; linearizable by default.</param>
    /// <param name="timeout">Counted from now; null for the configured request time-out.</param>
    public async Task<GetResult> GetAsync(ReadOnlyMemory<byte> key, ReadMode mode = ReadMode.Linearizable, TimeSpan? timeout = null)
    {
        var reply = await QueryAsync(new KeyValueQuery { Op = KeyValueOp.Get, Key = key.Span }, mode, timeout).ConfigureAwait(false);
        return KeyValueResult.From(reply, Outcome.Failed, r => new GetResult(r), KeyValueCodec.ReadGetReply);
    }

    /// <summary>Reads one page of the keys that begin with <paramref name="prefix"/>, in ascending order.</summary>
    /// <remarks>
    /// A page is linearizable by itself: it shows the keys as they stood together at its index. Several pages are not: a key that exists
    /// throughout is on exactly one of them, one that comes or goes meanwhile may be on one or on none.
    /// </remarks>
    /// <param name="prefix">0 to 1024 bytes; empty for all keys.</param>
    /// <param name="after">The last key of the page before, which need not exist any more; empty to begin.</param>
    /// <param name="limit">The most entries, 1 to 1000; a page also ends at 65,536 bytes.</param>
    /// <param name="keysOnly">Leaves the values out.</param>
    /// <param name="mode">How fresh the answer must be. Stale pages may come from different replicas, a later page then from an earlier index.</param>
    /// <param name="timeout">Counted from now; null for the configured request time-out.</param>
    public async Task<ScanPage> ScanAsync(
        ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> after = default, int limit = KeyValueLimits.MaxPageEntries, bool keysOnly = false, ReadMode mode = ReadMode.Linearizable, TimeSpan? timeout = null)
    {
        var query = new KeyValueQuery { Op = KeyValueOp.Scan, Prefix = prefix.Span, After = after.Span, Limit = limit, KeysOnly = keysOnly };
        var reply = await QueryAsync(query, mode, timeout).ConfigureAwait(false);
        return KeyValueResult.From(reply, Outcome.Failed, r => new ScanPage(r), KeyValueCodec.ReadPage);
    }

    /// <summary>Reads page after page until there are no more; each is as fresh as <paramref name="mode"/> says when it is read.</summary>
    /// <remarks>To follow all changes from here on, watch after the index of the first page.</remarks>
    /// <inheritdoc cref="ScanAsync"/>
    /// <exception cref="ScanFailedException">A page could not be read.</exception>
    public async IAsyncEnumerable<ScanPage> ScanPagesAsync(
        ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> after = default, int limit = KeyValueLimits.MaxPageEntries, bool keysOnly = false, ReadMode mode = ReadMode.Linearizable,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ScanPage page;
        do
        {
            cancellation.ThrowIfCancellationRequested();
            page = await ScanAsync(prefix, after, limit, keysOnly, mode).ConfigureAwait(false);
            if (page.Outcome is not Outcome.Ok)
                throw new ScanFailedException(page);
            yield return page;
            after = page.More ? page.Entries[^1].Key : default;
        }
        while (page.More);
    }

    /// <summary>The changes of keys that begin with <paramref name="prefix"/>, as this node applies them.</summary>
    /// <param name="prefix">Empty for all keys; no key begins with more than 1024 bytes.</param>
    /// <param name="after">Only changes with a higher revision; null for from now on.</param>
    /// <param name="cancellation">Ends the watch.</param>
    /// <exception cref="CompactedException">Changes after <paramref name="after"/> are no longer held; scan, then watch after the index of the first page.</exception>
    /// <exception cref="CommandRejectedException">The group's events are not those of a key-value machine.</exception>
    public async IAsyncEnumerable<KeyValueChange> WatchAsync(ReadOnlyMemory<byte> prefix, long? after = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (var change in _group.WatchAsync(prefix, after, cancellation).ConfigureAwait(false))
            yield return KeyValueCodec.ReadChange(change);
    }

    private static WriteResult Written(GroupReply reply) =>
        KeyValueResult.From(reply, Outcome.Unknown, r => new WriteResult(r), KeyValueCodec.ReadWriteReply);

    private Task<GroupReply> SubmitAsync(in KeyValueCommand command, ReadOnlyMemory<byte> token, TimeSpan? timeout) =>
        KeyValueLimits.Refusal(command) is { } refused ? Task.FromResult(refused) : _group.SubmitAsync(KeyValueCodec.WriteCommand(command), token, timeout);

    private Task<GroupReply> QueryAsync(in KeyValueQuery query, ReadMode mode, TimeSpan? timeout) =>
        KeyValueLimits.Refusal(query) is { } refused ? Task.FromResult(refused) : _group.QueryAsync(KeyValueCodec.WriteQuery(query), mode, timeout);
}
