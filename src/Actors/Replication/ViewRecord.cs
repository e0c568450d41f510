using Actors.Membership;
using Actors.Wire;

namespace Actors.Replication;

/// <summary>What the entries of a group need to know in order to be applied the same everywhere; it travels in view entries, not in configuration files.</summary>
/// <param name="MaxSessions">Sessions kept.</param>
/// <param name="SessionTimeoutMs">Log time in milliseconds after which an unused session expires.</param>
/// <param name="MaxTokens">Tokens remembered.</param>
/// <param name="TokenRetentionMs">Log time in milliseconds for which a token is remembered.</param>
internal sealed record GroupLimits(int MaxSessions, long SessionTimeoutMs, int MaxTokens, long TokenRetentionMs)
{
    public static GroupLimits Of(GroupSettings settings) => new(
        settings.MaxSessions,
        (long)settings.SessionTimeout.TotalMilliseconds,
        settings.MaxTokens,
        (long)settings.TokenRetention.TotalMilliseconds);

    public void Write(ByteWriter writer)
    {
        writer.Int32(MaxSessions);
        writer.Int64(SessionTimeoutMs);
        writer.Int32(MaxTokens);
        writer.Int64(TokenRetentionMs);
    }

    public static GroupLimits Read(ref ByteReader reader) => new(reader.Int32(), reader.Int64(), reader.Int32(), reader.Int64());
}

/// <summary>The payload of a view entry: who, by which rule, within which limits.</summary>
internal sealed record ViewRecord(View View, CommitRule Rule, GroupLimits Limits)
{
    /// <summary>The most members, and the most learners, that a view may have.</summary>
    public const int MaxMembers = 32;

    /// <summary>The most losses that are kept on record, the latest ones.</summary>
    public const int MaxLosses = 32;

    /// <summary>Where the group went on without what was lost, oldest first; every later view carries it on.</summary>
    public IReadOnlyList<Loss> Losses { get; init; } = [];

    public byte[] Encode()
    {
        var writer = new ByteWriter();
        Write(writer);
        return writer.ToArray();
    }

    public void Write(ByteWriter writer)
    {
        writer.Byte((byte)Rule);
        Limits.Write(writer);
        WriteIds(writer, View.Members);
        WriteIds(writer, View.Learners);
        WriteLosses(writer, Losses);
        WriteNodes(writer, View.Nodes);
    }

    public static void WriteLosses(ByteWriter writer, IReadOnlyList<Loss> losses)
    {
        writer.Int32(losses.Count);
        foreach (var loss in losses)
        {
            writer.Int64(loss.At.Epoch.Value);
            writer.Int64(loss.At.Index);
            writer.Int64(loss.AtLeast);
        }
    }

    public static ViewRecord Decode(ReadOnlyMemory<byte> payload)
    {
        var reader = new ByteReader(payload);
        return Read(ref reader);
    }

    public static ViewRecord Read(ref ByteReader reader)
    {
        var rule = (CommitRule)reader.Byte();
        if (rule is not (CommitRule.All or CommitRule.Majority or CommitRule.One))
            throw new MalformedException($"a view has the unknown commit rule {(byte)rule}");
        var limits = GroupLimits.Read(ref reader);
        var members = ReadIds(ref reader);
        if (members.Count == 0)
            throw new MalformedException("a view has no members");
        var view = new View(members, ReadIds(ref reader));
        var losses = ReadLosses(ref reader);
        return new ViewRecord(view with { Nodes = ReadNodes(ref reader) }, rule, limits) { Losses = losses };
    }

    public static Loss[] ReadLosses(ref ByteReader reader)
    {
        var losses = new Loss[reader.Count(24)];
        if (losses.Length > MaxLosses)
            throw new MalformedException($"a view lists {losses.Length} losses; at most {MaxLosses} are kept");
        for (var i = 0; i < losses.Length; i++)
            losses[i] = new Loss(new LogPosition(new Epoch(reader.Int64()), reader.Int64()), reader.Int64());
        return losses;
    }

    public static void WriteId(ByteWriter writer, MemberId id)
    {
        writer.Text(id.Node.Value);
        writer.UInt128(id.Incarnation.Value);
        writer.Int64(id.Joined.Epoch.Value);
        writer.Int64(id.Joined.Index);
    }

    public static MemberId ReadId(ref ByteReader reader)
    {
        var node = ReadNode(ref reader);
        return new MemberId(node, new Incarnation(reader.UInt128()), new LogPosition(new Epoch(reader.Int64()), reader.Int64()));
    }

    public static NodeId ReadNode(ref ByteReader reader)
    {
        var name = reader.Text();
        if (name.Length == 0)
            return default;
        return Name.IsValid(name) ? new NodeId(name) : throw new MalformedException("a node name is not valid");
    }

    public static void WriteIds(ByteWriter writer, IReadOnlyList<MemberId> ids)
    {
        writer.Int32(ids.Count);
        foreach (var id in ids)
            WriteId(writer, id);
    }

    public static void WriteNodes(ByteWriter writer, IReadOnlyList<NodeId> nodes)
    {
        writer.Int32(nodes.Count);
        foreach (var node in nodes)
            writer.Text(node.Value);
    }

    public static List<NodeId> ReadNodes(ref ByteReader reader)
    {
        var count = reader.Count(4);
        if (count > MaxMembers)
            throw new MalformedException($"a view lists {count} nodes; at most {MaxMembers} are allowed");
        var nodes = new List<NodeId>(count);
        for (var i = 0; i < count; i++)
            nodes.Add(ReadNode(ref reader));
        return nodes;
    }

    public static List<MemberId> ReadIds(ref ByteReader reader)
    {
        const int SmallestId = 4 + 16 + 16;
        var count = reader.Count(SmallestId);
        if (count > MaxMembers)
            throw new MalformedException($"a view lists {count} ids; at most {MaxMembers} are allowed");
        var ids = new List<MemberId>(count);
        for (var i = 0; i < count; i++)
            ids.Add(ReadId(ref reader));
        return ids;
    }
}
