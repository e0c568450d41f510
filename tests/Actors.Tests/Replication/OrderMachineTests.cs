using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Order;
using Actors.Tests.KeyValue;

namespace Actors.Tests.ReplicationTests;

/// <summary>The order that a replicated log keeps for a broadcast group, without a log.</summary>
public sealed class OrderMachineTests
{
    private static readonly NodeId N1 = new("n1"), N2 = new("n2");

    private readonly OrderMachine _machine = new();
    private readonly MemorySpace _space = new();
    private long _kept = 1000, _keptBytes = 1 << 20, _index;

    [Fact]
    public void Entries_get_places_in_the_order_in_which_they_came()
    {
        Order(N1, 7, 1, "a", "b");
        var run = Order(N2, 9, 1, "c")!;

        Assert.Equal((3, N2, 9, 1), (run.First, run.Node, run.Incarnation, run.FirstNumber));
        Assert.Equal(["a", "b", "c"], Texts(Page(0)));
        Assert.Equal(["c"], Texts(Page(2)));
        Assert.Equal(3, Page(3).Last);
    }

    [Fact]
    public void A_request_that_comes_again_gives_no_entry_a_second_place()
    {
        Order(N1, 7, 1, "a", "b");

        Assert.Null(Order(N1, 7, 1, "a", "b"));
        var run = Order(N1, 7, 2, "b", "c")!;

        Assert.Equal((3, 3, 1), (run.First, run.FirstNumber, run.Entries.Count));
        Assert.Equal(["a", "b", "c"], Texts(Page(0)));
    }

    [Fact]
    public void What_an_earlier_life_asked_for_is_refused_and_so_is_what_leaves_a_gap()
    {
        Order(N1, 7, 1, "a");
        Order(N1, 8, 1, "b");

        Assert.Equal("n1 has begun a later life", Assert.Throws<CommandRejectedException>(() => Order(N1, 7, 2, "c")).Message);
        Assert.Equal("number 3 of n1 comes before 2", Assert.Throws<CommandRejectedException>(() => Order(N1, 8, 3, "d")).Message);
        Assert.Equal(["a", "b"], Texts(Page(0)));
    }

    [Theory]
    [InlineData(2, 1 << 20)]
    [InlineData(1000, 100)]
    public void What_is_more_than_shall_be_kept_is_forgotten_and_whoever_asks_for_it_is_told(long kept, long keptBytes)
    {
        (_kept, _keptBytes) = (kept, keptBytes);
        for (var i = 1; i <= 10; i++)
            Order(N1, 7, i, $"m{i}");

        var page = Page(3);
        Assert.Equal((8, 10), (page.Forgotten, page.Last));
        Assert.Equal(["m9", "m10"], Texts(page));
        Assert.Equal(4, _space.Scan([], null).Count());     // two runs, one node, the reach
    }

    [Fact]
    public void A_long_order_is_read_page_by_page()
    {
        for (var i = 1; i <= 5; i++)
            Order(N1, 7, i, new string('x', 30_000));

        var texts = new List<string>();
        for (var page = Page(0); page.Entries.Count > 0; page = Page(page.Entries[^1].Last))
        {
            Assert.Single(page.Entries);
            texts.AddRange(Texts(page));
        }

        Assert.Equal(5, texts.Count);
    }

    [Fact]
    public void Garbage_is_refused()
    {
        foreach (var garbage in new byte[][] { [], new byte[16], Encoding.ASCII.GetBytes("a command that is none of the order's, and long enough to be one") })
            Assert.Throws<CommandRejectedException>(() => Apply(garbage));
        Assert.Throws<CommandRejectedException>(() => Apply(OrderCodec.WriteCommand(new OrderedEntries(0, N1, 1, 1, []), 1, 1)));
        Assert.Empty(_space.Scan([], null));
    }

    private OrderedEntries? Order(NodeId node, long incarnation, long first, params string[] texts)
    {
        var entries = texts.Select(text => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(text)).ToList();
        var published = Apply(OrderCodec.WriteCommand(new OrderedEntries(0, node, incarnation, first, entries), _kept, _keptBytes));
        return published.Count == 0 ? null : OrderCodec.ReadRun(Assert.Single(published).Payload);
    }

    private List<GroupEvent> Apply(byte[] command)
    {
        var context = new TestContext(_space, ++_index);
        _machine.Apply(command, context, new ArrayBufferWriter<byte>());
        return context.Published;
    }

    private OrderPage Page(long after)
    {
        var query = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(query, after);
        var reply = new ArrayBufferWriter<byte>();
        _machine.Query(query, _space, reply);
        return OrderCodec.ReadPage(reply.WrittenMemory);
    }

    private static IEnumerable<string> Texts(OrderPage page) => page.Entries.SelectMany(run => run.Entries).Select(entry => Encoding.ASCII.GetString(entry.Span));
}
