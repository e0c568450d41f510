using Actors.Membership;
using Actors.Wire;

namespace Actors.Replication;

/// <summary>What a view authority outside the group knows of it: the view in force, who has joined it, and who served the last one.</summary>
/// <remarks>
/// Replication rules, 5.2 rules 5 to 7: a view is active once all its members have durably joined it; nobody serves before. Every view keeps a
/// member that served in the last active one, so whoever asks all members of an old view meets one that has joined the new one first.
/// </remarks>
/// <param name="Epoch">The number of <paramref name="View"/>; each change makes it one higher.</param>
/// <param name="View">The members in their order, in a chain head first, and at most one learner.</param>
/// <param name="Joined">The members that have durably joined it.</param>
/// <param name="Serving">The members of the last active view: each holds every committed entry.</param>
/// <param name="MinInView">The members below which nothing is written.</param>
/// <param name="Genesis">The frame of the group's first entry.</param>
internal sealed record GroupRecord(
    Epoch Epoch, View View, IReadOnlyList<MemberId> Joined, IReadOnlyList<MemberId> Serving, int MinInView, ReadOnlyMemory<byte> Genesis)
{
    /// <summary>The last member of the last active view: in a chain it may answer reads by a lease, and know of no later view.</summary>
    public MemberId Reader { get; init; }

    /// <summary>Where operators have accepted that the group goes on without what was lost, oldest first, at most <see cref="ViewRecord.MaxLosses"/>: the epoch of the view, the first index in it.</summary>
    public IReadOnlyList<Loss> Losses { get; init; } = [];

    /// <summary>True for the view that an operator has the group go on from: its one member keeps all that it has.</summary>
    public bool IsAfterLoss => Losses.Count > 0 && Losses[^1].At.Epoch == Epoch;

    /// <summary>True once all members have joined.</summary>
    public bool IsActive => Joined.Count == View.Members.Count;

    /// <summary>True while there are too few copies to write.</summary>
    public bool IsBelowMin => View.Members.Count < MinInView;

    public void Write(ByteWriter writer)
    {
        writer.Int64(Epoch.Value);
        ViewRecord.WriteIds(writer, View.Members);
        ViewRecord.WriteIds(writer, View.Learners);
        ViewRecord.WriteNodes(writer, View.Nodes);
        ViewRecord.WriteIds(writer, Joined);
        ViewRecord.WriteIds(writer, Serving);
        writer.Int32(MinInView);
        writer.Block(Genesis.Span);
        ViewRecord.WriteId(writer, Reader);
        ViewRecord.WriteLosses(writer, Losses);
    }

    public byte[] Encode()
    {
        var writer = new ByteWriter();
        Write(writer);
        return writer.ToArray();
    }

    /// <exception cref="MalformedException">The bytes are no record.</exception>
    public static GroupRecord Read(ref ByteReader reader)
    {
        var epoch = new Epoch(reader.Int64());
        var members = ViewRecord.ReadIds(ref reader);
        if (members.Count == 0 || epoch.Value < 1)
            throw new MalformedException("a group's record has no view");
        var view = new View(members, ViewRecord.ReadIds(ref reader)) { Nodes = ViewRecord.ReadNodes(ref reader) };
        return new GroupRecord(
            epoch, view, ViewRecord.ReadIds(ref reader), ViewRecord.ReadIds(ref reader), reader.Int32(), reader.Block())
        {
            Reader = ViewRecord.ReadId(ref reader),
            Losses = ViewRecord.ReadLosses(ref reader),
        };
    }

    public static GroupRecord Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        return Read(ref reader);
    }
}
