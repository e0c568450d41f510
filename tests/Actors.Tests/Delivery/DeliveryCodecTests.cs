using Actors.Delivery;
using Actors.Membership;
using Actors.Wire;
using Akka.Actor;
using Akka.Serialization;
using CsCheck;

namespace Actors.Tests.DeliveryTests;

public sealed class DeliveryCodecTests
{
    private static readonly NodeId Origin = new("n1");
    private static readonly Incarnation Life = new(17);

    public static IEnumerable<object[]> Messages => new DeliveryMessage[]
    {
        new Open(Origin, Life, "akka://a/user/b#1", 3, 42, Guarantee.EffectivelyOnce, AckLevel.Processed),
        new Opened(Origin, Life, 99, 3, 41, 1024, 4 << 20),
        new Data(Origin, Life, 99, "akka://a/user/b#1", 42, [new DataItem(42, 1, ItemFlags.More, "ab"u8.ToArray()), new DataItem(43, 2, ItemFlags.Continues, "c"u8.ToArray()), new DataItem(44, 1, ItemFlags.Settled, default)]),
        new Ack(Origin, Life, 99, 44, [5, ulong.MaxValue], 43, 44, 1, TimeSpan.FromMilliseconds(3), [new Result(1, 7, ResultKind.Confirmed, default), new Result(8, 8, ResultKind.Replied, "yes"u8.ToArray())]),
        new Refused(Origin, Life, 99, Refusal.TooFar, "message 9 is outside"),
        new Close(Origin, Life, 99),
    }.Select(message => new object[] { message });

    [Theory]
    [MemberData(nameof(Messages))]
    internal void A_message_comes_out_as_it_went_in(DeliveryMessage message)
    {
        var bytes = DeliveryCodec.Encode(message);
        var again = DeliveryCodec.Decode(DeliveryCodec.Manifest(message), bytes);

        Assert.Equal(message.GetType(), again.GetType());
        Assert.Equal(bytes, DeliveryCodec.Encode(again));
    }

    [Theory]
    [MemberData(nameof(Messages))]
    internal void What_is_cut_short_or_damaged_is_refused_or_read_as_something_but_never_more(DeliveryMessage message)
    {
        var (manifest, bytes) = (DeliveryCodec.Manifest(message), DeliveryCodec.Encode(message));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<MalformedException>(() => DeliveryCodec.Decode(manifest, bytes.AsMemory(0, length)));
        Gen.Int[0, bytes.Length - 1].Select(Gen.Byte).Sample((at, value) =>
        {
            var damaged = (byte[])bytes.Clone();
            damaged[at] = value;
            try
            {
                DeliveryCodec.Decode(manifest, damaged);
            }
            catch (MalformedException)
            {
            }
        });
    }

    [Fact]
    public void A_count_that_does_not_fit_the_bytes_is_refused_before_anything_is_allocated()
    {
        var bytes = DeliveryCodec.Encode(new Data(Origin, Life, 1, "", 1, []));
        bytes.AsSpan(bytes.Length - 4).Fill(0x7f);

        Assert.Throws<MalformedException>(() => DeliveryCodec.Decode("D", bytes));
    }

    [Fact]
    public void Akka_finds_the_serializer_of_every_message()
    {
        using var system = ActorSystem.Create("codec", ActorsConfig.Default);
        var message = new Close(Origin, Life, 99);
        var serializer = Assert.IsType<DeliverySerializer>(system.Serialization.FindSerializerFor(message), exactMatch: true);

        Assert.Equal(1641, serializer.Identifier);
        Assert.Equal(message, ((SerializerWithStringManifest)serializer).FromBinary(serializer.ToBinary(message), serializer.Manifest(message)));
    }
}
