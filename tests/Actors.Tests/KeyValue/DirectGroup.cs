using System.Buffers;
using System.Runtime.CompilerServices;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;

namespace Actors.Tests.KeyValue;

/// <summary>A state space in memory, as plain as can be.</summary>
internal sealed class MemorySpace : IStateSpace
{
    private static readonly Comparer<byte[]> ByBytes = Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));

    public SortedDictionary<byte[], byte[]> Pairs { get; private set; } = new(ByBytes);

    public byte[]? Get(ReadOnlySpan<byte> key) => Pairs.GetValueOrDefault(key.ToArray());

    public IEnumerable<KeyValuePair<byte[], byte[]>> Scan(byte[] from, byte[]? to)
    {
        Assert.True(to is null || ByBytes.Compare(from, to) < 0, "a scan from behind its end");
        return Pairs.Where(p => ByBytes.Compare(p.Key, from) >= 0 && (to is null || ByBytes.Compare(p.Key, to) < 0));
    }

    public void Put(byte[] key, byte[] value) => Pairs[key] = value;

    public void Delete(byte[] key) => Pairs.Remove(key);
}

/// <summary>What the machine sees of one command; keeps what it publishes.</summary>
internal sealed class TestContext(IStateSpace state, long index) : ApplyContext
{
    public List<GroupEvent> Published { get; } = [];
    public override IStateSpace State => state;
    public override long Index => index;
    public override DateTimeOffset Timestamp => DateTimeOffset.UnixEpoch;
    public override void Publish(byte[] key, byte[] payload) => Published.Add(new GroupEvent(index, key, payload));
}

/// <summary>A group of one that applies at once: no log, no sessions. A change that an exception left behind fails the test, so nothing is undone here.</summary>
internal sealed class DirectGroup : IReplicatedGroup
{
    private readonly KeyValueMachine _machine = new();

    public MemorySpace Space { get; } = new();
    public List<GroupEvent> Events { get; } = [];
    public long Index { get; private set; }
    public ReadOnlyMemory<byte> Token { get; private set; }
    public TimeSpan? Timeout { get; private set; }
    public ReadMode Mode { get; private set; }
    public int Requests { get; private set; }
    public int LargestRequest { get; private set; }
    public int LargestReply { get; private set; }

    /// <summary>Answered instead of asking the machine.</summary>
    public GroupReply? Canned { get; set; }

    public GroupId Id { get; } = new("default");

    public Task<GroupReply> SubmitAsync(ReadOnlyMemory<byte> command, ReadOnlyMemory<byte> token = default, TimeSpan? timeout = null)
    {
        Token = token;
        var context = new TestContext(Space, Index + 1);
        var before = Space.Pairs.ToArray();
        var reply = Answer(command, timeout, writer => _machine.Apply(command.Span, context, writer));
        if (reply.Outcome is Outcome.Failed)
        {
            Assert.Equal(before, Space.Pairs);
            Assert.Empty(context.Published);
        }

        if (Canned is null)
            Index++;
        Events.AddRange(context.Published);
        return Task.FromResult(reply with { Index = context.Index });
    }

    public Task<GroupReply> QueryAsync(ReadOnlyMemory<byte> query, ReadMode mode = ReadMode.Linearizable, TimeSpan? timeout = null)
    {
        Mode = mode;
        return Task.FromResult(Answer(query, timeout, writer => _machine.Query(query.Span, Space, writer)));
    }

    public async IAsyncEnumerable<GroupEvent> WatchAsync(ReadOnlyMemory<byte> prefix, long? after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask;
        foreach (var change in Events.Where(e => e.Index > (after ?? Index) && e.Key.Span.StartsWith(prefix.Span)))
            yield return change;
    }

    private GroupReply Answer(ReadOnlyMemory<byte> request, TimeSpan? timeout, Action<IBufferWriter<byte>> ask)
    {
        Requests++;
        LargestRequest = Math.Max(LargestRequest, request.Length);
        Timeout = timeout;
        if (Canned is { } canned)
            return canned;
        var writer = new ArrayBufferWriter<byte>();
        try
        {
            ask(writer);
        }
        catch (CommandRejectedException e)
        {
            return new GroupReply(Outcome.Failed, default, Index, TimeSpan.Zero, e.Message);
        }

        LargestReply = Math.Max(LargestReply, writer.WrittenCount);
        return new GroupReply(Outcome.Ok, writer.WrittenMemory, Index, TimeSpan.Zero, "");
    }
}
