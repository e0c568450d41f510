using Actors.Membership;
using Actors.Wire;
using Akka.Actor;
using Akka.Serialization;

namespace Actors.Broadcast;

/// <summary>The layout of every broadcast message: one letter that names it, then its fields in the order of their record.</summary>
/// <remarks>
/// As the layout of replication messages: little-endian, every length and count checked against the bytes at hand before anything is allocated,
/// nothing polymorphic. A message that breaks a rule of its fields is refused here, so the participant sees positive sequence numbers only.
/// </remarks>
internal static class BroadcastCodec
{
    private const int SmallestParticipant = 4 + 8;
    private const int SmallestId = SmallestParticipant + 8;
    private const int SmallestItem = SmallestId + 4 + 4;

    public static string Manifest(BroadcastMessage message) => message switch
    {
        Hello => "h",
        Present => "e",
        Data => "D",
        Received => "r",
        Digest => "g",
        Pull => "p",
        Cut => "c",
        Lacking => "l",
        AskState => "q",
        StatePart => "s",
        Submit => "S",
        Ordered => "O",
        Resume => "R",
        OrderAck => "a",
        Propose => "V",
        Promised => "v",
        _ => throw new ArgumentException($"no codec for {message.GetType().Name}"),
    };

    public static byte[] Encode(BroadcastMessage message)
    {
        var w = new ByteWriter();
        w.Text(message.Group.Value);
        Write(w, message.From);
        w.Int64(message.InView);
        if (message is OrderMessage order)
            w.Int64(order.Epoch.Value);
        switch (message)
        {
            case Hello m:
                w.Bool(m.Asks);
                w.Bool(m.View is not null);
                if (m.View is not null)
                    Write(w, m.View);
                Write(w, m.Founders, Write);
                Write(w, m.Last);
                break;
            case Present m:
                w.Bool(m.HasAll);
                w.Bool(m.Asks);
                Write(w, m.Extents, Write);
                Write(w, m.BehindGaps, Write);
                break;
            case Data m:
                w.Bool(m.Again);
                Write(w, m.Items, Write);
                break;
            case Received m:
                Write(w, m.Ids, Write);
                break;
            case Digest m:
                w.Bool(m.Asks);
                Write(w, m.Extents, Write);
                break;
            case Pull m:
                Write(w, m.Origin);
                Write(w, m.Sequences, static (w, sequence) => w.Int64(sequence));
                break;
            case Cut m:
                w.Int64(m.Forgotten);
                Write(w, m.Extents, Write);
                break;
            case Lacking m:
                Write(w, m.Origin);
                Write(w, m.Sequences, static (w, sequence) => w.Int64(sequence));
                Write(w, m.Lives, Write);
                break;
            case AskState m:
                w.Int64(m.Transfer);
                w.Int32(m.Offset);
                break;
            case StatePart m:
                w.Int64(m.Transfer);
                Write(w, m.At);
                Write(w, m.Delivered, Write);
                w.Int32(m.Total);
                w.Int32(m.Offset);
                w.Block(m.Bytes.Span);
                break;
            case Submit m:
                Write(w, m.Items, Write);
                break;
            case Ordered m:
                Write(w, m.Previous);
                w.Int64(m.Committed);
                w.Int64(m.Forgotten);
                Write(w, m.Places, Write);
                break;
            case Resume m:
                Write(w, m.At);
                Write(w, m.Extents, Write);
                break;
            case OrderAck m:
                w.Bool(m.Matches);
                w.Int64(m.UpTo);
                w.Int64(m.Delivered);
                break;
            case Propose m:
                Write(w, m.Last);
                break;
            case Promised m:
                w.Bool(m.Granted);
                break;
        }

        return w.ToArray();
    }

    /// <exception cref="MalformedException">These are not the bytes of a message.</exception>
    public static BroadcastMessage Decode(string manifest, ReadOnlyMemory<byte> bytes)
    {
        var r = new ByteReader(bytes);
        var group = new GroupId(Name(ref r));
        var from = Participant(ref r);
        var inView = NotNegative(ref r);
        var message = Decode(manifest, group, from, ref r);
        return inView == 0 ? message : message with { InView = inView };
    }

    private static BroadcastMessage Decode(string manifest, GroupId group, ParticipantId from, ref ByteReader r)
    {
        switch (manifest)
        {
            case "h": return new Hello(group, from, r.Bool(), r.Bool() ? View(ref r) : null, Participants(ref r), Position(ref r));
            case "e": return new Present(group, from, r.Bool(), r.Bool(), Extents(ref r), Ids(ref r));
            case "D": return new Data(group, from, r.Bool(), Items(ref r));
            case "r": return new Received(group, from, Ids(ref r));
            case "g": return new Digest(group, from, r.Bool(), Extents(ref r));
            case "p": return new Pull(group, from, Participant(ref r), Sequences(ref r));
            case "q": return new AskState(group, from, r.Int64(), Offset(ref r));
            case "s": return new StatePart(group, from, r.Int64(), Position(ref r), Extents(ref r), r.Int32(), Offset(ref r), r.Block());
            case "l": return new Lacking(group, from, Participant(ref r), Sequences(ref r), Participants(ref r));
            case "c": return new Cut(group, from, SequenceOrNone(ref r), Extents(ref r));
        }

        var epoch = new Epoch(NotNegative(ref r));
        return manifest switch
        {
            "S" => new Submit(group, from, epoch, Items(ref r)),
            "O" => new Ordered(group, from, epoch, Position(ref r), NotNegative(ref r), NotNegative(ref r), Places(ref r)),
            "R" => new Resume(group, from, epoch, Position(ref r), Extents(ref r)),
            "a" => new OrderAck(group, from, epoch, r.Bool(), NotNegative(ref r), NotNegative(ref r)),
            "V" => new Propose(group, from, epoch, Position(ref r)),
            "v" => new Promised(group, from, epoch, r.Bool()),
            _ => throw new MalformedException($"'{manifest}' names no broadcast message"),
        };
    }

    /// <summary>A view as a register holds it.</summary>
    public static byte[] Encode(GroupView view)
    {
        var w = new ByteWriter();
        Write(w, view);
        return w.ToArray();
    }

    /// <exception cref="MalformedException">These are not the bytes of a view.</exception>
    public static GroupView DecodeView(ReadOnlyMemory<byte> bytes)
    {
        var r = new ByteReader(bytes);
        return View(ref r);
    }

    private static void Write<T>(ByteWriter w, IReadOnlyList<T> list, Action<ByteWriter, T> write)
    {
        w.Int32(list.Count);
        foreach (var item in list)
            write(w, item);
    }

    private static void Write(ByteWriter w, ParticipantId id)
    {
        w.Text(id.Node.Value);
        w.Int64(id.Incarnation);
    }

    private static void Write(ByteWriter w, GroupView view)
    {
        w.Int64(view.Number);
        Write(w, view.Members, Write);
        w.Int32(view.Whole);
        w.Int32(view.Gone);
        w.Bool(view.IsFounding);
        Write(w, view.After);
    }

    private static void Write(ByteWriter w, LogPosition position)
    {
        w.Int64(position.Epoch.Value);
        w.Int64(position.Index);
    }

    private static void Write(ByteWriter w, MessageId id)
    {
        Write(w, id.Origin);
        w.Int64(id.Sequence);
    }

    private static void Write(ByteWriter w, Item item)
    {
        Write(w, item.Id);
        Write(w, item.After, Write);
        w.Block(item.Payload.Span);
    }

    private static void Write(ByteWriter w, Place place)
    {
        w.Int64(place.Epoch.Value);
        w.Bool(place.Item is not null);
        if (place.Item is not null)
            Write(w, place.Item);
    }

    private static void Write(ByteWriter w, Extent extent)
    {
        Write(w, extent.Origin);
        w.Int64(extent.UpTo);
        w.Int64(extent.Top);
    }

    private static string Name(ref ByteReader r)
    {
        var name = r.Text();
        return Membership.Name.IsValid(name) ? name : throw new MalformedException("a name holds what names do not");
    }

    private static ParticipantId Participant(ref ByteReader r) => new(new NodeId(Name(ref r)), r.Int64());

    private static MessageId Id(ref ByteReader r) => new(Participant(ref r), Sequence(ref r));

    private static LogPosition Position(ref ByteReader r) => new(new Epoch(NotNegative(ref r)), NotNegative(ref r));

    private static long NotNegative(ref ByteReader r) => r.Int64() is >= 0 and var value ? value : throw new MalformedException("a number is negative");

    private static int Offset(ref ByteReader r) => r.Int32() is >= 0 and var value ? value : throw new MalformedException("an offset is negative");

    private static long SequenceOrNone(ref ByteReader r) => r.Int64() is >= 0 and < long.MaxValue / 2 and var value ? value : throw new MalformedException("a sequence number is negative");

    private static long Sequence(ref ByteReader r) => r.Int64() is > 0 and < long.MaxValue / 2 and var value ? value : throw new MalformedException("a sequence number is not positive");

    private static Item Item(ref ByteReader r) => new(Id(ref r), Ids(ref r), r.Block());

    private static Item[] Items(ref ByteReader r) => ByteReader.Array(ref r, SmallestItem, Item);

    private static Place[] Places(ref ByteReader r) => ByteReader.Array(ref r, 8 + 1, (ref ByteReader r) => new Place(new Epoch(NotNegative(ref r)), r.Bool() ? Item(ref r) : null));

    private static MessageId[] Ids(ref ByteReader r) => ByteReader.Array(ref r, SmallestId, Id);

    private static Extent[] Extents(ref ByteReader r) => ByteReader.Array(ref r, SmallestParticipant + 16, (ref ByteReader r) => new Extent(Participant(ref r), SequenceOrNone(ref r), SequenceOrNone(ref r)));

    private static GroupView View(ref ByteReader r) => new(Sequence(ref r), Participants(ref r), Offset(ref r), Offset(ref r), r.Bool()) { After = Position(ref r) };

    private static ParticipantId[] Participants(ref ByteReader r) => ByteReader.Array(ref r, SmallestParticipant, Participant);

    private static long[] Sequences(ref ByteReader r) => ByteReader.Array(ref r, 8, Sequence);
}

/// <summary>Akka's door to <see cref="BroadcastCodec"/>; the manifest is the message's letter.</summary>
internal sealed class BroadcastSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Akka 1.6 takes the ids up to 80; 1000 and above are for libraries.</summary>
    public override int Identifier => 1642;

    public override string Manifest(object o) => BroadcastCodec.Manifest((BroadcastMessage)o);

    public override byte[] ToBinary(object obj) => BroadcastCodec.Encode((BroadcastMessage)obj);

    public override object FromBinary(byte[] bytes, string manifest)
    {
        try
        {
            return BroadcastCodec.Decode(manifest, bytes);
        }
        catch (MalformedException)
        {
            BroadcastMetrics.Refused(default, "malformed");     // the remote transport writes the line
            throw;
        }
    }
}
