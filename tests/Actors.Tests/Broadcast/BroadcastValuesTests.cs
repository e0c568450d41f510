using System.Text;
using Actors.Broadcast;
using Actors.Membership;
using Actors.Wire;
using CsCheck;

namespace Actors.Tests.BroadcastTests;

public sealed class BroadcastValuesTests
{
    private static readonly ParticipantId A = new(new NodeId("a"), 1), B = new(new NodeId("b"), 1), C = new(new NodeId("c"), 1);

    [Fact]
    public void Causal_order_is_that_of_a_naive_model_whatever_the_arrival() =>
        Gen.Int[0, 1_000_000].Sample(seed =>
        {
            var random = new Random(seed);
            ParticipantId[] members = [A, B, C];
            var senders = members.ToDictionary(member => member, _ => new DeliveryOrder(Ordering.Causal));
            var pasts = new Dictionary<MessageId, HashSet<MessageId>>();
            var delivered = members.ToDictionary(member => member, _ => new List<MessageId>());
            var onTheWay = members.ToDictionary(member => member, _ => new List<Item>());
            for (var step = 0; step < 60; step++)
            {
                var member = members[random.Next(3)];
                if (random.Next(3) == 0)
                {
                    var id = new MessageId(member, delivered[member].Count(d => d.Origin == member) + 1);
                    var item = new Item(id, senders[member].TakeDependencies(member), default);
                    pasts[id] = [.. delivered[member]];
                    senders[member].Add(item);
                    Drain(member);
                    foreach (var other in members.Where(other => other != member))
                        onTheWay[other].Add(item);
                }
                else if (onTheWay[member].Count > 0)
                {
                    var at = random.Next(onTheWay[member].Count);
                    senders[member].Add(onTheWay[member][at]);
                    onTheWay[member].RemoveAt(at);
                    Drain(member);
                }
            }

            foreach (var member in members)
            {
                foreach (var item in onTheWay[member])
                    senders[member].Add(item);
                Drain(member);
                Assert.Equal(pasts.Count, delivered[member].Count);
                Assert.Equal(0, senders[member].Waiting);
            }

            void Drain(ParticipantId member)
            {
                while (senders[member].Next() is { } item)
                {
                    Assert.Subset(delivered[member].ToHashSet(), pasts[item.Id]);
                    delivered[member].Add(item.Id);
                }
            }
        });

    [Fact]
    public void A_message_names_only_what_does_not_follow_from_the_rest()
    {
        var order = new DeliveryOrder(Ordering.Causal);
        order.Add(new Item(new MessageId(A, 1), [], default));
        Assert.NotNull(order.Next());
        order.Add(new Item(new MessageId(B, 1), [new MessageId(A, 1)], default));
        Assert.NotNull(order.Next());

        Assert.Equal([new MessageId(B, 1)], order.TakeDependencies(C));
        Assert.Empty(order.TakeDependencies(C));
    }

    [Fact]
    public void Nothing_waits_for_what_was_cut()
    {
        var order = new DeliveryOrder(Ordering.Causal);
        order.Add(new Item(new MessageId(A, 3), [], default));
        order.Add(new Item(new MessageId(A, 5), [], default));
        order.Add(new Item(new MessageId(B, 1), [new MessageId(A, 4)], default));
        Assert.Null(order.Next());

        Assert.Equal(1, order.Skip(A, 4));

        Assert.Equal([new MessageId(A, 5), new MessageId(B, 1)], [order.Next()!.Id, order.Next()!.Id]);
    }

    [Fact]
    public void An_order_gives_up_what_another_sequencer_decided_otherwise_but_never_what_is_final()
    {
        var log = new OrderLog();
        log.Merge(LogPosition.Zero, [Place(1, A, 1), Place(1, A, 2), Place(1, B, 1)], final: 0);
        Assert.Equal((2, 1), (log.OrderedOf(A), log.OrderedOf(B)));

        log.Merge(new LogPosition(new Epoch(1), 1), [Place(2, B, 1)], final: 1);

        Assert.Equal(new LogPosition(new Epoch(2), 2), log.Last);
        Assert.Equal((1, 1), (log.OrderedOf(A), log.OrderedOf(B)));
        Assert.Contains("2 places have been delivered", Assert.Throws<InvalidOperationException>(() => log.Merge(new LogPosition(new Epoch(1), 1), [Place(3, A, 2)], final: 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_order_that_forgot_its_beginning_knows_what_was_in_it()
    {
        var log = new OrderLog();
        log.Merge(LogPosition.Zero, [Place(1, A, 1), Place(1, A, 2), Place(1, B, 1)], final: 0);
        log.Forget(2);
        Assert.Equal((2, 3), (log.Base.Index, log.Last.Index));
        Assert.True(log.Has(new LogPosition(new Epoch(1), 1)));

        var other = new OrderLog();
        other.Reset(log.Base, log.OrderedAtBase);

        Assert.Equal((2, 0, 2L), (other.OrderedOf(A), other.OrderedOf(B), other.Last.Index));
    }

    [Fact]
    public void What_is_held_outlives_a_cut_until_all_have_it()
    {
        var stream = new MessageStream(A, window: 64);
        stream.Add(new Item(new MessageId(A, 2), [], new byte[10]), hold: true, TimeSpan.Zero);

        Assert.Equal(2, stream.Cut(3, TimeSpan.Zero));

        Assert.Equal((3, 3, 10), (stream.UpTo, stream.Top, stream.Bytes));
        Assert.NotNull(stream.Find(2));
        stream.Forget(3);
        Assert.Equal((null, 0), (stream.Find(2), stream.Bytes));
    }

    [Fact]
    public void However_far_a_cut_reaches_it_takes_no_time()
    {
        var stream = new MessageStream(A, window: 64);
        stream.Add(new Item(new MessageId(A, 2), [], new byte[10]), hold: true, TimeSpan.Zero);
        var far = long.MaxValue / 2 - 1;

        Assert.Equal(far - 1, stream.Cut(far, TimeSpan.Zero));
        stream.Forget(far);

        Assert.Equal((far, 0), (stream.UpTo, stream.Bytes));
    }

    [Fact]
    public void What_follows_a_lost_message_is_delivered_after_a_mark_of_it()
    {
        var order = new DeliveryOrder(Ordering.Causal);
        order.Add(new Item(new MessageId(B, 1), [new MessageId(A, 1)], default));
        Assert.Null(order.Next());

        order.Add(new Item(new MessageId(A, 1), [], default) { IsLost = true });

        Assert.True(order.Next() is { IsLost: true, Id.Sequence: 1 });
        Assert.Equal(new MessageId(B, 1), order.Next()!.Id);
        Assert.Equal([new MessageId(B, 1)], order.TakeDependencies(C));      // nobody needs to wait for what is lost
    }

    [Fact]
    public void Every_message_comes_back_from_its_bytes_as_it_was()
    {
        var (group, epoch, position) = (new GroupId("g"), new Epoch(3), new LogPosition(new Epoch(2), 7));
        var item = new Item(new MessageId(A, 5), [new MessageId(B, 2), new MessageId(C, 9)], Encoding.UTF8.GetBytes("payload"));
        BroadcastMessage[] messages =
        [
            new Hello(group, A, true, GroupView.Found(2, [A, B]) with { After = position }, [], default), new Hello(group, A, true, null, [A, B], position), new Present(group, A, true, false, [new Extent(B, 3, 5)], [item.Id]) { InView = 3 }, new Data(group, A, true, [item]), new Received(group, A, [item.Id]), new Digest(group, A, true, [new Extent(B, 3, 5)]),
            new Pull(group, A, B, [1, 2]), new Cut(group, A, 3, [new Extent(B, 4, 4)]), new Lacking(group, A, B, [1, 2], [A, C]), new Submit(group, A, epoch, [item]),
            new Ordered(group, A, epoch, position, 6, 5, [new Place(epoch, item), new Place(epoch, null)]), new Resume(group, A, epoch, position, [new Extent(B, 3, 3)]),
            new OrderAck(group, A, epoch, true, 7, 6), new Propose(group, A, epoch, position), new Promised(group, A, epoch, true),
            new AskState(group, A, 2, 100), new StatePart(group, A, 2, position, [new Extent(B, 3, 3)], 300, 100, Encoding.UTF8.GetBytes("state")),
        ];
        Assert.Equal(typeof(BroadcastMessage).Assembly.GetTypes().Count(type => type.IsSubclassOf(typeof(BroadcastMessage)) && !type.IsAbstract), messages.DistinctBy(message => message.GetType()).Count());

        foreach (var message in messages)
        {
            var manifest = BroadcastCodec.Manifest(message);
            var bytes = BroadcastCodec.Encode(message);
            var back = BroadcastCodec.Decode(manifest, bytes);
            Assert.Equal(message.GetType(), back.GetType());
            Assert.Equal(bytes, BroadcastCodec.Encode(back));
            for (var length = 0; length < bytes.Length; length++)
                Assert.Throws<MalformedException>(() => BroadcastCodec.Decode(manifest, bytes.AsMemory(0, length)));
        }
    }

    [Fact]
    public void Garbage_is_refused_before_anything_is_allocated_for_it() =>
        Gen.Byte.Array[0, 100].Sample(bytes =>
        {
            foreach (var manifest in new[] { "h", "D", "r", "g", "p", "c", "l", "q", "s", "S", "O", "R", "a", "V", "v", "?" })
            {
                try
                {
                    BroadcastCodec.Decode(manifest, bytes);
                }
                catch (MalformedException)
                {
                    // That is the refusal.
                }
            }
        });

    private static Place Place(long epoch, ParticipantId origin, long sequence) => new(new Epoch(epoch), new Item(new MessageId(origin, sequence), [], new byte[10]));
}
