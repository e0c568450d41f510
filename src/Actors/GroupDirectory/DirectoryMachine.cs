using System.Buffers;
using Actors.Membership;
using Actors.Replication;
using Actors.Wire;

namespace Actors.GroupDirectory;

/// <summary>The view authority of other groups, as a state machine: the record of each, changed by compare-and-swap on its epoch.</summary>
/// <remarks>
/// Off the data path: a group asks it only when a member fails, comes or is about to. Lives on a primary-backup group that commits by majority.
/// Vertical Paxos (Lamport, Malkhi and Zhou, PODC 2009) with a stricter activation: replication rules, 5.2 rule 7.
/// </remarks>
internal sealed class DirectoryMachine : IStateMachine
{
    /// <summary>The group of a directory on <paramref name="members"/>: an odd number of nodes, best three or five.</summary>
    public static GroupSettings Group(IReadOnlyList<NodeId> members)
    {
        ArgumentNullException.ThrowIfNull(members);
        return new GroupSettings
        {
            Id = GroupSettings.Directory,
            InitialMembers = members,
            Commit = CommitRule.Majority,
            MinInView = 1,
            StateMachine = () => new DirectoryMachine(),
        };
    }

    /// <inheritdoc/>
    public void Apply(ReadOnlySpan<byte> command, ApplyContext context, IBufferWriter<byte> reply)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(reply);
        var request = Read(command);
        var before = Record(context.State, request.Group);
        var refusal = "";
        var after = request switch
        {
            FoundGroup m => before ?? Found(m, context),
            TakeIn m => before?.WithLearner(m.Node, m.Incarnation, context.Index, out refusal),
            ChangeView m => before?.WithView(m.Expected, m.Next, out refusal),
            HasJoined m => before?.WithJoined(m.Epoch, m.Id),
            GoOnFrom m => before?.WithLoss(m, context.Index, out refusal),
            ChangeNodes m => m.Join ? before?.WithNode(m.Node, out refusal) : before?.WithoutNode(m.Node, out refusal),
            _ => throw new CommandRejectedException($"{request.GetType().Name} is a query"),
        };
        if (refusal.Length > 0)
            throw new CommandRejectedException(refusal);
        if (after is not null && !ReferenceEquals(after, before))
            context.State.Put(Key('g', request.Group), after.Encode());
        reply.Write(DirectoryCodec.Write(after));
    }

    /// <inheritdoc/>
    public void Query(ReadOnlySpan<byte> query, IStateReader state, IBufferWriter<byte> reply)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(reply);
        reply.Write(Read(query) switch
        {
            ReadEpochs m => DirectoryCodec.Write([.. m.Groups.Select(group => Record(state, group)?.Epoch ?? Epoch.Zero)]),
            var m => DirectoryCodec.Write(Record(state, m.Group)),
        });
    }

    // Wiped machines never found a second group: the directory remembers the first.
    private static GroupRecord? Found(FoundGroup m, ApplyContext context)
    {
        var folders = Founders(context.State, m);
        folders[m.Node] = m.Incarnation;
        if (!m.Members.All(folders.ContainsKey))
        {
            SaveFounders(context.State, m, folders);
            return null;
        }

        context.State.Delete(Key('f', m.Group));
        var members = m.Members.Select(n => new MemberId(n, folders[n], LogPosition.Zero)).ToList();
        var view = new ViewRecord(new View(members, []), CommitRule.All, m.Limits);
        var draft = new EntryDraft(EntryKind.View, default, 0, 0, default, view.Encode());
        var genesis = LogEntry.Create(new LogPosition(new Epoch(1), 1), default, context.Timestamp.ToUnixTimeMilliseconds(), draft);
        return GroupChanges.Found(members, m.MinInView, genesis.Frame);
    }

    private static SortedDictionary<NodeId, Incarnation> Founders(IStateReader state, FoundGroup m)
    {
        var folders = new SortedDictionary<NodeId, Incarnation>();
        if (state.Get(Key('f', m.Group)) is not { } bytes)
            return folders;
        var reader = new ByteReader(bytes);
        var members = reader.Text();
        if (members != Text(m.Members))
            throw new CommandRejectedException($"group '{m.Group}' is being founded by {members}; {m.Node} is configured with {Text(m.Members)}");
        for (var i = reader.Count(4 + 16); i > 0; i--)
            folders.Add(ViewRecord.ReadNode(ref reader), new Incarnation(reader.UInt128()));
        return folders;
    }

    private static void SaveFounders(IStateSpace state, FoundGroup m, SortedDictionary<NodeId, Incarnation> folders)
    {
        var writer = new ByteWriter();
        writer.Text(Text(m.Members));
        writer.Int32(folders.Count);
        foreach (var (node, incarnation) in folders)
        {
            writer.Text(node.Value);
            writer.UInt128(incarnation.Value);
        }

        state.Put(Key('f', m.Group), writer.ToArray());
    }

    private static string Text(IReadOnlyList<NodeId> members) => $"[{string.Join(", ", members)}]";

    private static GroupRecord? Record(IStateReader state, GroupId group) => DirectoryCodec.Record(state.Get(Key('g', group)));

    private static AuthorityRequest Read(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return DirectoryCodec.ReadRequest(bytes.ToArray());
        }
        catch (MalformedException e)
        {
            throw new CommandRejectedException(e.Message);
        }
    }

    private static byte[] Key(char space, GroupId group) => System.Text.Encoding.ASCII.GetBytes($"{space}{group}");
}
