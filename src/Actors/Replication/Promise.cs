using Actors.Membership;
using Actors.Wire;

namespace Actors.Replication;

/// <summary>What a replica has promised: nothing of an epoch below <paramref name="Epoch"/>, and its vote there. Durable before any answer that rests on it.</summary>
/// <param name="Epoch">The highest epoch it has seen.</param>
/// <param name="VotedFor">Who got its vote in that epoch; none when nobody did.</param>
/// <param name="NoVoteFor">The longest time for which it ever promised to vote for nobody; zero when it never did.</param>
internal readonly record struct Promise(Epoch Epoch, MemberId VotedFor, TimeSpan NoVoteFor = default)
{
    public byte[] Encode()
    {
        var writer = new ByteWriter(64);
        writer.Int64(Epoch.Value);
        ViewRecord.WriteId(writer, VotedFor);
        writer.Int64(NoVoteFor.Ticks);
        return writer.ToArray();
    }

    public static Promise Decode(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return new Promise(new Epoch(reader.Int64()), ViewRecord.ReadId(ref reader), reader.Remaining > 0 ? new TimeSpan(reader.Int64()) : default);
    }
}

/// <summary>Where a replica's log begins: the entry before its first one, which the state covers.</summary>
/// <param name="Position">The position of that entry; zero while the log is whole.</param>
/// <param name="Hash">Its hash.</param>
/// <param name="Timestamp">Its log time.</param>
/// <param name="Generation">The generation of the state, 0 or 1; it changes when a state is taken over from another replica.</param>
internal readonly record struct LogBase(LogPosition Position, UInt128 Hash, long Timestamp, byte Generation)
{
    public byte[] Encode()
    {
        var writer = new ByteWriter(48);
        writer.Int64(Position.Epoch.Value);
        writer.Int64(Position.Index);
        writer.UInt128(Hash);
        writer.Int64(Timestamp);
        writer.Byte(Generation);
        return writer.ToArray();
    }

    public static LogBase Decode(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return new LogBase(new LogPosition(new Epoch(reader.Int64()), reader.Int64()), reader.UInt128(), reader.Int64(), reader.Byte());
    }
}

/// <summary>Who a replica is in its group, and what it knew to be committed when it wrote this.</summary>
/// <param name="Id">Its member id; none when it has none, or was told that it is out.</param>
/// <param name="Commit">The highest index that it knew to be committed.</param>
/// <param name="LeftOutBy">The latest committed view that it was told to have left out a member id of this data folder; zero when there was none.</param>
internal readonly record struct MembershipRecord(MemberId Id, long Commit, LogPosition LeftOutBy)
{
    public byte[] Encode()
    {
        var writer = new ByteWriter(64);
        ViewRecord.WriteId(writer, Id);
        writer.Int64(Commit);
        writer.Int64(LeftOutBy.Epoch.Value);
        writer.Int64(LeftOutBy.Index);
        return writer.ToArray();
    }

    public static MembershipRecord Decode(byte[] bytes)
    {
        var reader = new ByteReader(bytes);
        return new MembershipRecord(ViewRecord.ReadId(ref reader), reader.Int64(), new LogPosition(new Epoch(reader.Int64()), reader.Int64()));
    }
}
