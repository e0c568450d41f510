using Actors.Membership;
using Actors.Wire;

namespace Actors.Delivery;

/// <summary>The layout of every message of a link: one letter that names it, then its fields in the order of their record.</summary>
/// <remarks>Rules as in the replication protocol: little-endian, every length and count checked before anything is allocated, later fields ignored, nothing polymorphic.</remarks>
internal static class DeliveryCodec
{
    /// <summary>Payload bytes in one message, unless one item alone is larger: with the rest it fits a default Akka.Remote frame of 128,000 bytes.</summary>
    public const int MaxFrameBytes = 56 << 10;

    /// <summary>Items in one message.</summary>
    public const int MaxFrameItems = 1024;

    /// <summary>The longest reply of a consumer.</summary>
    public const int MaxReplyBytes = 48 << 10;

    private const int SmallestItem = 8 + 1 + 1 + 4;
    private const int SmallestResult = 8 + 8 + 1 + 4;

    [ThreadStatic]
    private static ByteWriter? Scratch;

    /// <summary>The letter of <paramref name="message"/>.</summary>
    public static string Manifest(DeliveryMessage message) => message switch
    {
        Open => "O",
        Opened => "o",
        Data => "D",
        Ack => "a",
        Refused => "r",
        Close => "C",
        _ => throw new ArgumentException($"no codec for {message.GetType().Name}"),
    };

    public static byte[] Encode(DeliveryMessage message)
    {
        var w = Scratch ??= new ByteWriter(2 * MaxFrameBytes);
        w.Truncate(0);
        w.Text(message.Origin.Value);
        w.UInt128(message.Incarnation.Value);
        switch (message)
        {
            case Open m:
                w.Text(m.ReplyTo);
                w.Byte(m.Attempt);
                w.Int64(m.Lowest);
                w.Byte((byte)m.Guarantee);
                w.Byte((byte)m.Level);
                break;
            case Opened m:
                w.Int64(m.Session);
                w.Byte(m.Attempt);
                w.Int64(m.Received);
                w.Int32(m.WindowMessages);
                w.Int64(m.WindowBytes);
                break;
            case Data m:
                w.Int64(m.Session);
                w.Text(m.ReplyTo);
                w.Int64(m.Lowest);
                w.Int32(m.Items.Count);
                foreach (var item in m.Items)
                {
                    w.Int64(item.Sequence);
                    w.Byte(item.Attempt);
                    w.Byte((byte)item.Flags);
                    w.Block(item.Payload.Span);
                }

                break;
            case Ack m:
                w.Int64(m.Session);
                w.Int64(m.Received);
                w.Int32(m.Bitmap.Count);
                foreach (var word in m.Bitmap)
                    w.Int64((long)word);
                w.Int64(m.Delivered);
                w.Int64(m.Echo);
                w.Byte(m.EchoAttempt);
                w.Int64(m.Delay.Ticks);
                w.Int32(m.Results.Count);
                foreach (var result in m.Results)
                {
                    w.Int64(result.First);
                    w.Int64(result.Last);
                    w.Byte((byte)result.Kind);
                    w.Block(result.Reply.Span);
                }

                break;
            case Refused m:
                w.Int64(m.Session);
                w.Byte((byte)m.Reason);
                w.Text(m.Detail);
                break;
            case Close m:
                w.Int64(m.Session);
                break;
            default:
                throw new ArgumentException($"no codec for {message.GetType().Name}");
        }

        return w.ToArray();
    }

    /// <summary>The message in <paramref name="bytes"/>, whose blocks it keeps as slices.</summary>
    /// <exception cref="MalformedException">The bytes are no such message.</exception>
    public static DeliveryMessage Decode(string manifest, ReadOnlyMemory<byte> bytes)
    {
        var r = new ByteReader(bytes);
        var name = r.Text();
        var origin = Name.IsValid(name) ? new NodeId(name) : throw new MalformedException("the name of an origin is not valid");
        var incarnation = new Incarnation(r.UInt128());
        return manifest switch
        {
            "O" => new Open(origin, incarnation, r.Text(), r.Byte(), Sequence(ref r), Guarantee(ref r), Level(ref r)),
            "o" => new Opened(origin, incarnation, r.Int64(), r.Byte(), Sequence(ref r), r.Int32(), r.Int64()),
            "D" => new Data(origin, incarnation, r.Int64(), r.Text(), Sequence(ref r), Items(ref r)),
            "a" => new Ack(origin, incarnation, r.Int64(), Sequence(ref r), Bitmap(ref r), Sequence(ref r), r.Int64(), r.Byte(), new TimeSpan(r.Int64()), Results(ref r)),
            "r" => new Refused(origin, incarnation, r.Int64(), Reason(ref r), r.Text()),
            "C" => new Close(origin, incarnation, r.Int64()),
            _ => throw new MalformedException($"'{manifest}' names no message of a link"),
        };
    }

    private static DataItem[] Items(ref ByteReader r) => ByteReader.Array(ref r, SmallestItem, (ref ByteReader r) => new DataItem(Sequence(ref r), r.Byte(), Flags(ref r), r.Block()));

    private static ulong[] Bitmap(ref ByteReader r) => ByteReader.Array(ref r, 8, (ref ByteReader r) => (ulong)r.Int64());

    private static Result[] Results(ref ByteReader r) => ByteReader.Array(ref r, SmallestResult, (ref ByteReader r) => new Result(Sequence(ref r), Sequence(ref r), Kind(ref r), r.Block()));

    private static long Sequence(ref ByteReader r) => r.Int64() is >= 0 and < long.MaxValue / 2 and var sequence ? sequence : throw new MalformedException("a sequence number is out of range");

    private static ItemFlags Flags(ref ByteReader r) =>
        (ItemFlags)r.Byte() is >= ItemFlags.Whole and <= ItemFlags.Settled and var known ? known : throw new MalformedException("the flags of an item are unknown");

    private static Guarantee Guarantee(ref ByteReader r) =>
        (Guarantee)r.Byte() is >= Delivery.Guarantee.AtMostOnce and <= Delivery.Guarantee.EffectivelyOnce and var known ? known : throw new MalformedException("a guarantee is unknown");

    private static AckLevel Level(ref ByteReader r) =>
        (AckLevel)r.Byte() is >= AckLevel.Received and <= AckLevel.Processed and var known ? known : throw new MalformedException("an ack level is unknown");

    private static ResultKind Kind(ref ByteReader r) =>
        (ResultKind)r.Byte() is >= ResultKind.Confirmed and <= ResultKind.ReplyLost and var known ? known : throw new MalformedException("the kind of a result is unknown");

    private static Refusal Reason(ref ByteReader r) =>
        (Refusal)r.Byte() is >= Refusal.UnknownSession and <= Refusal.NoRoom and var known ? known : throw new MalformedException("the reason of a refusal is unknown");
}
