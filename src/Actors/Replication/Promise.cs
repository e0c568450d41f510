using Actors.Membership;
using Actors.Wire;

namespace Actors.Replication;

/// <summary>What a replica has promised: nothing of an epoch below <paramref name="Epoch"/>, and its vote there. Durable before any answer that rests on it.</summary>
/// <param name="Epoch">The highest epoch it has seen.</param>
/// <param name="VotedFor">Who got its vote in that epoch; none when nobody did.</param>
internal readonly record struct Promise(Epoch Epoch, MemberId VotedFor)
{
    public byte[] Encode()
    {
        var writer = new ByteWriter(64);
        writer.Int64(Epoch.Value);
        ViewRecord.WriteId(writer, VotedFor);
        return writer.ToArray();
    }

    public static Promise Decode(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return new Promise(new Epoch(reader.Int64()), ViewRecord.ReadId(ref reader));
    }
}

/// <summary>Who a replica is in its group, and the highest index that it knew to be committed when it wrote this.</summary>
internal readonly record struct MembershipRecord(MemberId Id, long Commit)
{
    public byte[] Encode()
    {
        var writer = new ByteWriter(64);
        ViewRecord.WriteId(writer, Id);
        writer.Int64(Commit);
        return writer.ToArray();
    }

    public static MembershipRecord Decode(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return new MembershipRecord(ViewRecord.ReadId(ref reader), reader.Int64());
    }
}
