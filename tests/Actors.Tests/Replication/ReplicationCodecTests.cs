using System.Buffers.Binary;
using System.Collections;
using System.Diagnostics;
using System.Reflection;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Transfer;
using Actors.Wire;
using Akka.Actor;
using CsCheck;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

public sealed class ReplicationCodecTests
{
    private static readonly Epoch Epoch = new(3);
    private static readonly MemberId Self = Member("n1");
    private static readonly MemberId Other = Member("n2", 9);
    private static readonly Incarnation Folder = new(UInt128.MaxValue - 5);

    private static readonly ActivityContext Context = new(
        ActivityTraceId.CreateFromString("0af7651916cd43dd8448eb211c80319c"), ActivitySpanId.CreateFromString("b7ad6b7169203331"), ActivityTraceFlags.Recorded);

    private static readonly ReplicationMessage[] Messages =
    [
        new Append(Group, Epoch, Self, Other, 8, At(2, 4), 99, 3, TimeSpan.FromMilliseconds(250), Chain(3, (At(2, 4), 99), "a", "", new string('x', 300))),
        new Append(Group, Epoch, Self, Other, 8, At(2, 4), UInt128.MaxValue, 3, TimeSpan.Zero, []),
        new Append(Group, Epoch, Self, Other, 8, At(2, 4), 99, 3, TimeSpan.Zero, []) { Rest = 77, Traces = [new Traced(5, Context), new Traced(6, Context)] },
        new Append(Group, Epoch, Self, Other, 8, At(2, 4), 99, 3, TimeSpan.Zero, Chain(4, (At(2, 4), 99), "a", "b", "c", "d"))
        {
            Floor = 4,
            Applied = 9,
            Callers = [new Caller("akka://there/client", 5), default, new Caller("akka://elsewhere/client", 6), new Caller("akka://there/client", 7)],
        },
        new Appended(Group, Epoch, Self, 8, 5) { Commit = 4 },
        new PassReads(Group, Epoch, Self, Other, 7, 5, [new CallerRead("akka://there/client", 5, "query"u8.ToArray()), new CallerRead("akka://there/client", 6, default)]),
        new ReadsPassed(Group, Epoch, Self, 7),
        new LendState(Group, Epoch, Self, Other, Member("n3", 4), 70),
        new ViewChanged(Group, Epoch, Self, new GroupRecord(Epoch, new View([Self, Other], [Member("n3", 4)]), [Other], [Self], 2, Chain(1, default, "a")[0].Frame)),
        new Mismatch(Group, Epoch, Self, 8, At(2, 3)),
        new RequestVote(Group, Epoch, Self, true, false, At(2, 3)),
        new RequestVote(Group, Epoch, Self, false, true, At(2, 3)),
        new Vote(Group, Epoch, Self, false, true) { HeardOf = new LogPosition(Epoch, 8) },
        new Stale(Group, Epoch, default),
        new Stir(Group, Epoch, Self),
        new NodeBeat(Group, new NodeId("n1"), 77),
        new NotMember(Group, Epoch, Self, Other, new LogPosition(new Epoch(3), 17)),
        new TakeOver(Group, Epoch, Self, Other),
        new StateOffer(Group, Epoch, Self, Other, At(2, 9), Chain(1, default, "a")[0].Frame),
        new FetchState(Group, Epoch, Self, At(2, 9), new StateCursor("key"u8.ToArray(), 5), null),
        new FetchState(Group, Epoch, Self, At(2, 9), StateCursor.Start, new HeldRange("to"u8.ToArray(), 99)),
        new StateChunk(Group, Epoch, Self, Other, At(2, 9), 3, StateCursor.Start, new StateCursor("key"u8.ToArray(), 5), null,
            [new StatePiece("a"u8.ToArray(), 0, 3, "all"u8.ToArray()), new StatePiece("key"u8.ToArray(), 0, 9, "begin"u8.ToArray())], 77),
        new StateChunk(Group, Epoch, Self, Other, At(2, 9), 0, new StateCursor("key"u8.ToArray(), 5), null, 98, [], 0),
        new Probe(Group, "cluster", new NodeId("n1"), Folder, 12),
        new Probed(Group, "cluster", new NodeId("n1"), Folder, 12, Chain(1, default, "a")[0].Frame),
        new Probed(Group, "", new NodeId("n1"), Folder, -1, default) { Past = new LogPosition(Epoch, 8) },
        new Join(Group, "cluster", new NodeId("n1"), Folder),
        new Requests(Group, "akka://there/client", 5, At(3, 7), 2,
        [
            new Request(RequestKind.Command, 2, "token"u8.ToArray(), "command"u8.ToArray()),
            new Request(RequestKind.Register, 3, default, default),
            new Request(RequestKind.BarrierRead, 4, default, "query"u8.ToArray()),
            new Request(RequestKind.StaleRead, 5, default, "query"u8.ToArray()),
            new Request(RequestKind.Read, 6, default, "query"u8.ToArray()),
        ])
        {
            Life = 1_577_836_800_000,
        },
        new Replies(Group, new NodeId("n1"), 7,
        [
            new Reply(RequestKind.Command, 2, At(3, 7), 0, new Applied(Outcome.Ok, "reply"u8.ToArray(), 11, "")),
            new Reply(RequestKind.StaleRead, 5, default, 250, new Applied(Outcome.Failed, default, 11, "größer")),
        ])
        {
            ReadsHere = true,
            Life = 1_577_836_800_000,
        },
        new Redirect(Group, new NodeId("n1"), default, 5, true),
        new Redirect(Group, new NodeId("n1"), new NodeId("n2"), 0, false),
        new Redirect(Group, new NodeId("n1"), new NodeId("n1"), 5, false) { Life = 1_577_836_800_000 },
        new StatusRequest(Group, "akka://there/client", 5),
        new StatusReply(Group, 5, new ReplicaStatus(
            Group, new NodeId("n1"), ReplicaRole.Backup, Epoch, 5, 4, 6, new NodeId("n2"), [new("n1"), new("n2")], [new("n3")], "a fault",
            new Dictionary<string, string> { ["pid"] = "17", ["http"] = "http://127.0.0.1:8081" })),
        new TransferRequest(Group, "akka://there/client", 5, new NodeId("n2")),
        new TransferReply(Group, 5, "no"),
        new MembersRequest(Group, "akka://there/client", 5, new NodeId("n2"), true),
    ];

    [Fact]
    public void Every_message_comes_back_field_by_field()
    {
        foreach (var message in Messages)
            Assert.Equal(Text(message), Text(ReplicationCodec.Decode(ReplicationCodec.Manifest(message), ReplicationCodec.Encode(message))));
    }

    [Fact]
    public void No_kind_of_message_is_forgotten_in_these_tests_and_each_has_a_letter_of_its_own()
    {
        var kinds = typeof(ReplicationMessage).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(ReplicationMessage)) && !t.IsAbstract).ToHashSet();
        Assert.Equal(kinds.OrderBy(t => t.Name), Messages.Select(m => m.GetType()).Distinct().OrderBy(t => t.Name));
        Assert.Equal(kinds.Count, Messages.Select(ReplicationCodec.Manifest).Distinct().Count());
    }

    [Fact]
    public void A_message_that_breaks_off_anywhere_is_malformed()
    {
        foreach (var message in Messages)
        {
            var bytes = ReplicationCodec.Encode(message);
            for (var length = 0; length < bytes.Length; length++)
                Assert.Throws<MalformedException>(() => ReplicationCodec.Decode(ReplicationCodec.Manifest(message), bytes.AsMemory(0, length)));
        }
    }

    [Fact]
    public void A_trace_comes_back_as_it_was_and_a_message_carries_no_more_of_them_than_allowed()
    {
        var traced = new Requests(Group, "akka://there/client", 5, At(3, 7), 2, []) { Traces = [new Traced(3, Context)] };
        var back = Assert.Single(((Requests)ReplicationCodec.Decode("R", ReplicationCodec.Encode(traced))).Traces);
        Assert.Equal((3, Context.TraceId, Context.SpanId, ActivityTraceFlags.Recorded), (back.At, back.Context.TraceId, back.Context.SpanId, back.Context.TraceFlags));
        Assert.True(back.Context.IsRemote);
        Assert.Contains("traces", Malformed("R", traced with { Traces = [.. Enumerable.Repeat(new Traced(0, Context), Tracing.MaxPerMessage + 1)] }), StringComparison.Ordinal);
    }

    [Fact]
    public void Fields_that_a_later_version_appends_are_ignored()
    {
        foreach (var message in Messages)
        {
            byte[] bytes = [.. ReplicationCodec.Encode(message), 1, 2, 3];
            Assert.Equal(Text(message), Text(ReplicationCodec.Decode(ReplicationCodec.Manifest(message), bytes)));
        }
    }

    [Fact]
    public void Whatever_bytes_come_the_answer_is_a_message_or_malformed_in_memory_of_the_order_of_the_input() =>
        Gen.Select(Gen.Int[0, Messages.Length - 1], Gen.Byte.Array[0, 300]).Sample((which, garbage) => Survives(ReplicationCodec.Manifest(Messages[which]), garbage), iter: 2_000);

    [Fact]
    public void Bytes_flipped_in_a_valid_message_give_a_message_or_malformed() =>
        Gen.Select(Gen.Int[0, Messages.Length - 1], Gen.Select(Gen.Int[0, int.MaxValue], Gen.Byte).Array[1, 6]).Sample(
            (which, flips) =>
            {
                var bytes = ReplicationCodec.Encode(Messages[which]);
                foreach (var (at, to) in flips)
                    bytes[at % bytes.Length] = to;
                Survives(ReplicationCodec.Manifest(Messages[which]), bytes);
            },
            iter: 5_000);

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(100_000_000)]
    [InlineData(1_000)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    public void A_count_that_the_bytes_cannot_hold_is_refused_before_anything_is_allocated_for_it(int count)
    {
        // Every place in every message where a length or a count may stand.
        foreach (var message in Messages)
        {
            var valid = ReplicationCodec.Encode(message);
            for (var at = 0; at + 4 <= valid.Length; at++)
            {
                var bytes = (byte[])valid.Clone();
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), count);
                Survives(ReplicationCodec.Manifest(message), bytes);
            }
        }
    }

    [Fact]
    public void Names_and_kinds_that_no_version_writes_are_malformed()
    {
        Assert.Contains("letter 'X' is unknown", Malformed("X", new Stale(Group, Epoch, Self)), StringComparison.Ordinal);
        Assert.Contains("group name", Malformed("s", new Stale(default, Epoch, Self)), StringComparison.Ordinal);
        Assert.Contains("request kind 9", Malformed("R", new Requests(Group, "", 1, default, 1, [new Request((RequestKind)9, 1, default, default)])), StringComparison.Ordinal);
        Assert.Contains("life -1", Malformed("R", new Requests(Group, "", 1, default, 1, []) { Life = -1 }), StringComparison.Ordinal);
        Assert.Contains("token of 129", Malformed("R", new Requests(Group, "", 1, default, 1, [new Request(RequestKind.Command, 1, new byte[129], default)])), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1, 4)]
    [InlineData(2, -1)]
    public void A_position_before_the_first_is_malformed(long epoch, long index)
    {
        var position = new LogPosition(new Epoch(epoch), index);
        Assert.Contains("position", Malformed("A", new Append(Group, Epoch, Self, Other, 8, position, 0, 3, TimeSpan.Zero, [])), StringComparison.Ordinal);
        Assert.Contains("position", Malformed("m", new Mismatch(Group, Epoch, Self, 8, position)), StringComparison.Ordinal);
        Assert.Contains("position", Malformed("V", new RequestVote(Group, Epoch, Self, false, false, position)), StringComparison.Ordinal);
    }

    [Fact]
    public void Through_Akka_every_message_has_the_library_s_serializer_and_its_letter()
    {
        using var system = ActorSystem.Create("codec", ActorsConfig.Default);
        foreach (var message in Messages)
        {
            var serializer = Assert.IsType<ReplicationSerializer>(system.Serialization.FindSerializerFor(message));
            Assert.Equal(1640, serializer.Identifier);
            var manifest = serializer.Manifest(message);
            Assert.Equal(ReplicationCodec.Manifest(message), manifest);
            Assert.Equal(Text(message), Text(system.Serialization.Deserialize(serializer.ToBinary(message), 1640, manifest)));
        }
    }

    private static void Survives(string manifest, byte[] bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            ReplicationCodec.Decode(manifest, bytes);
        }
        catch (MalformedException)
        {
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated <= 20_000 + 20 * bytes.Length, $"{allocated} bytes were allocated for {bytes.Length} of '{manifest}'");
    }

    private static string Malformed(string manifest, ReplicationMessage message) =>
        Assert.Throws<MalformedException>(() => ReplicationCodec.Decode(manifest, ReplicationCodec.Encode(message))).Message;

    /// <summary>All of a message as text: records compare lists and memory by reference.</summary>
    private static string Text(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        ReadOnlyMemory<byte> bytes => Convert.ToHexString(bytes.Span),
        LogEntry entry => Convert.ToHexString(entry.Frame.Span),
        IDictionary pairs => string.Join(',', pairs.Keys.Cast<object>().Select(k => $"{k}={pairs[k]}").Order()),
        IEnumerable items => $"[{string.Join(", ", items.Cast<object?>().Select(Text))}]",
        ReplicationMessage or ReplicaStatus or Request or Reply or Applied or GroupRecord or Actors.Membership.View or CallerRead => $"{value.GetType().Name} {{ {string.Join(", ", Fields(value))} }}",
        _ => value.ToString()!,
    };

    private static IEnumerable<string> Fields(object value) =>
        value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).OrderBy(p => p.Name).Select(p => $"{p.Name} = {Text(p.GetValue(value))}");
}
