using Actors.Membership;
using Actors.Replication;
using Actors.Wire;

namespace Actors.GroupDirectory;

/// <summary>The layout of what is asked of the directory and what it answers: a letter, then the fields in the order of their record.</summary>
internal static class DirectoryCodec
{
    public static byte[] Write(AuthorityRequest request)
    {
        var w = new ByteWriter();
        w.Byte((byte)(request switch
        {
            FoundGroup => 'F',
            TakeIn => 'T',
            ChangeView => 'C',
            HasJoined => 'J',
            ChangeNodes => 'N',
            GoOnFrom => 'L',
            ReadRecord => 'R',
            ReadEpochs => 'E',
            _ => throw new ArgumentException($"no codec for {request.GetType().Name}"),
        }));
        w.Text(request.Group.Value);
        switch (request)
        {
            case FoundGroup m:
                w.Text(m.Node.Value);
                w.UInt128(m.Incarnation.Value);
                w.Int32(m.Members.Count);
                foreach (var member in m.Members)
                    w.Text(member.Value);
                w.Int32(m.MinInView);
                m.Limits.Write(w);
                break;
            case TakeIn m:
                w.Text(m.Node.Value);
                w.UInt128(m.Incarnation.Value);
                break;
            case ChangeView m:
                w.Int64(m.Expected.Value);
                ViewRecord.WriteIds(w, m.Next.Members);
                ViewRecord.WriteIds(w, m.Next.Learners);
                break;
            case HasJoined m:
                w.Int64(m.Epoch.Value);
                ViewRecord.WriteId(w, m.Id);
                break;
            case ChangeNodes m:
                w.Text(m.Node.Value);
                w.Bool(m.Join);
                break;
            case GoOnFrom m:
                w.Int64(m.Expected.Value);
                w.Text(m.Node.Value);
                w.UInt128(m.Incarnation.Value);
                w.Int64(m.Last.Epoch.Value);
                w.Int64(m.Last.Index);
                break;
            case ReadEpochs m:
                w.Int32(m.Groups.Count);
                foreach (var group in m.Groups)
                    w.Text(group.Value);
                break;
        }

        return w.ToArray();
    }

    /// <exception cref="MalformedException">The bytes are no request.</exception>
    public static AuthorityRequest ReadRequest(ReadOnlyMemory<byte> bytes)
    {
        var r = new ByteReader(bytes);
        var letter = (char)r.Byte();
        var group = Group(ref r);
        return letter switch
        {
            'F' => new FoundGroup(group, Node(ref r), new Incarnation(r.UInt128()), Nodes(ref r), r.Int32(), GroupLimits.Read(ref r)),
            'T' => new TakeIn(group, Node(ref r), new Incarnation(r.UInt128())),
            'C' => new ChangeView(group, new Epoch(r.Int64()), new View(ViewRecord.ReadIds(ref r), ViewRecord.ReadIds(ref r))),
            'J' => new HasJoined(group, new Epoch(r.Int64()), ViewRecord.ReadId(ref r)),
            'N' => new ChangeNodes(group, Node(ref r), r.Bool()),
            'L' => new GoOnFrom(group, new Epoch(r.Int64()), Node(ref r), new Incarnation(r.UInt128()), new LogPosition(new Epoch(r.Int64()), r.Int64())),
            'R' => new ReadRecord(group),
            'E' => new ReadEpochs(Groups(ref r)),
            _ => throw new MalformedException($"the directory knows no request '{letter}'"),
        };
    }

    /// <summary>The record, or nothing when the group is not known; for the state and for replies.</summary>
    public static byte[] Write(GroupRecord? record) => record?.Encode() ?? [];

    public static GroupRecord? Record(ReadOnlyMemory<byte> bytes) => bytes.Length == 0 ? null : GroupRecord.Decode(bytes);

    /// <summary>The answer to <see cref="ReadEpochs"/>.</summary>
    public static byte[] Write(IReadOnlyList<Epoch> epochs)
    {
        var w = new ByteWriter();
        w.Int32(epochs.Count);
        foreach (var epoch in epochs)
            w.Int64(epoch.Value);
        return w.ToArray();
    }

    public static IReadOnlyList<Epoch> Epochs(ReadOnlyMemory<byte> bytes)
    {
        var r = new ByteReader(bytes);
        return ByteReader.Array(ref r, 8, (ref ByteReader r) => new Epoch(r.Int64()));
    }

    private static GroupId Group(ref ByteReader r)
    {
        var name = r.Text();
        return Name.IsValid(name) ? new GroupId(name) : throw new MalformedException("a group name is not valid");
    }

    private static GroupId[] Groups(ref ByteReader r)
    {
        var groups = ByteReader.Array(ref r, 4 + 1, Group);
        return groups.Length <= ReadEpochs.MaxGroups ? groups : throw new MalformedException($"{groups.Length} epochs are asked for at once; at most {ReadEpochs.MaxGroups} are told");
    }

    private static NodeId Node(ref ByteReader r)
    {
        var node = ViewRecord.ReadNode(ref r);
        return node.IsNone ? throw new MalformedException("a node name is missing") : node;
    }

    private static List<NodeId> Nodes(ref ByteReader r)
    {
        var count = r.Count(4 + 1);
        if (count is 0 or > ViewRecord.MaxMembers)
            throw new MalformedException($"a group of {count} members; 1 to {ViewRecord.MaxMembers} are allowed");
        var nodes = new List<NodeId>(count);
        for (var i = 0; i < count; i++)
            nodes.Add(Node(ref r));
        return nodes;
    }
}
