using System.Runtime.CompilerServices;
using Actors.Membership;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>What must hold of a group whose views come from the directory, a chain or a primary and its backups, judged by its messages and disks.</summary>
/// <remarks>Replication rules, 5.6; of a chain also the Update Propagation Invariant of van Renesse and Schneider (OSDI 2004, section 3.2).</remarks>
internal sealed class DirectedInvariants(Simulation simulation, GroupKeys keys, Protocol protocol)
{
    private const string Repaired = "a chain went on after a change of its view";
    private const string Grew = "a learner became the tail";
    private const string OneLeft = "one link was left";
    private const string WentOn = "a group went on in a view of the directory";
    private const string LastOne = "the last eligible replica went on alone";
    private const string ReadsOn = "a tail that was left out answered by its lease";

    private readonly bool _isChain = protocol is Protocol.Chain;
    private readonly SortedDictionary<Epoch, View> _views = [];
    private readonly Dictionary<Epoch, Life?> _leaders = [];      // in a star the life of the primary that has sent in it
    private readonly Dictionary<LogPosition, UInt128> _entries = [];
    private readonly Dictionary<MemberId, Epoch> _acted = [];
    private readonly HashSet<MemberId> _departed = [];
    private readonly Dictionary<MemberId, (Life? Life, Epoch Epoch, long Commit)> _told = [];      // how far its successor has told a link, in this epoch of this life, that all is committed
    private (Epoch Epoch, View? View) _active;
    private (long Index, UInt128 Hash) _answered;       // the highest entry that a client was told of
    private long _committed;
    private (long Index, UInt128 Hash) _known;          // the highest entry that any link has said to be committed
    private Epoch _spoken;      // the latest epoch whose tail has committed or answered something

    /// <summary>What a good sweep sees.</summary>
    public void Expect()
    {
        string[] ofChain = [Repaired, Grew, OneLeft, ReadsOn];
        foreach (var name in _isChain ? ofChain : [WentOn, LastOne])
            simulation.Sometimes(name);
    }

    /// <summary>The authority has decided on a view, or heard of one who has joined it.</summary>
    public void OnView(AuthorityRequest request, GroupRecord record)
    {
        if (_views.TryGetValue(record.Epoch, out var known))
        {
            Require(known.SameAs(record.View), "One View", $"epoch {record.Epoch} has two views, {known} and {record.View}");
        }
        else
        {
            Require(request is not ChangeView change || change.Expected.Next() == record.Epoch, "Compare And Swap", $"{record.View} was meant to follow another view than that before epoch {record.Epoch}");
            _views.Add(record.Epoch, record.View);
            if (record.IsAfterLoss)
                (_active, _answered) = (default, default);      // what was true of the group before it is no more
        }

        if (record.IsActive && record.Epoch > _active.Epoch)
            OnActive(record);
    }

    private void OnActive(GroupRecord record)
    {
        if (_active.View is { } before)
        {
            simulation.Reached(_isChain ? Repaired : WentOn);
            Require(before.Members.Intersect(record.View.Members).Any(), "Views Intersect", $"{record.View} follows {before}");
            if (_isChain && before.Learners.Intersect(record.View.Members).Any())
                simulation.Reached(Grew);
            _departed.UnionWith(before.Members.Except(record.View.Members));
        }

        if (record.View.Members.Count == 1)
            simulation.Reached(_isChain ? OneLeft : LastOne);
        var returned = record.View.Members.FirstOrDefault(_departed.Contains);
        Require(returned.IsNone, "Kicked For Ever", $"{returned} is back in {record.View}");
        foreach (var member in record.View.Members)
            Require(Holds(member, _answered.Index, _answered.Hash), "Answers Survive", $"{member} is in the active view {record.Epoch} without entry {_answered.Index}, which was answered");
        _active = (record.Epoch, record.View);
        if (_isChain)
            simulation.Moment(GroupMoment.Tail, record.View.Members[^1].Node);
    }

    /// <summary>A link forwards, or a primary sends.</summary>
    public void OnAppend(Append m)
    {
        OnAct(m.From, m.Epoch, m.Commit);
        if (!_isChain)
            OnLed(m);
        foreach (var entry in m.Entries)
        {
            if (!_entries.TryAdd(entry.Position, entry.Hash))
                Require(_entries[entry.Position] == entry.Hash, "Log Matching", $"there are two entries {entry.Position}");
        }

        if (_isChain && m.Entries.Count > 0)
            Require(Holds(m.From, m.Entries[^1].Index, m.Entries[^1].Hash), "Forwarded Is Durable", $"{m.From} forwards entry {m.Entries[^1].Position}, which a crash now would take away");
    }

    private void OnLed(Append m)
    {
        var life = simulation.Node(m.From.Node).CurrentLife;
        Require(_views.GetValueOrDefault(m.Epoch)?.Members[0] == m.From, "The View Names The Primary", $"{m.From} leads epoch {m.Epoch}, whose view is {_views.GetValueOrDefault(m.Epoch)}");
        if (!_leaders.TryAdd(m.Epoch, life))
            Require(_leaders[m.Epoch] == life, "One Life Leads An Epoch", $"{m.From} leads epoch {m.Epoch} after it was started again");
        OnCommit(m.From, m.Epoch, m.Commit);
    }

    // In a view that is not active yet it speaks of the last one.
    private void OnCommit(MemberId from, Epoch epoch, long commit)
    {
        foreach (var member in epoch == _active.Epoch ? _views[epoch].Members : [])
            Require(Unknown(member) || Log(member.Node).HoldsDurably(commit), "Commit By All", $"{from} says that {commit} is committed in {_views[epoch]}, {member} does not hold it");
    }

    /// <summary>A link acknowledges to the one before it. The founding entry is nobody's: all have it from the authority.</summary>
    public void OnAppended(Appended m)
    {
        OnAct(m.From, m.Epoch, m.Commit);
        if (!_views.TryGetValue(m.Epoch, out var view) || !view.IsMember(m.From))
            return;
        if (_isChain && m.Durable > 1 && !Unknown(m.From) && Log(m.From.Node).DurableAt(m.Durable) is { } entry)
        {
            foreach (var upper in view.Members.TakeWhile(id => id != m.From))
                Require(Holds(upper, m.Durable, entry.Hash), "Update Propagation", $"{m.From} has entry {entry.Position}, {upper} before it has not");
        }

        if (view.Members[^1] == m.From && m.Commit > _committed)
            (_committed, _spoken) = (m.Commit, Later(_spoken, m.Epoch));

        OnCommit(m.From, m.Epoch, m.Commit);
    }

    /// <summary>A client is answered, by a link that has promised <paramref name="epoch"/>.</summary>
    public void OnReplies(Replies m, Epoch epoch)
    {
        var isTail = _views.TryGetValue(epoch, out var view) && view.Members[^1].Node == m.From;
        foreach (var reply in m.Items)
        {
            if (reply.Kind is RequestKind.Read)
            {
                // What was under way when a machine stopped leaves as it goes on; its lease was looked at before, and a late answer does no harm.
                var isLate = simulation.World.ToldAt < simulation.Now.Ticks;
                Require(isLate || epoch >= _spoken, "Removed Readers Are Silent", $"{m.From} answers a read by its lease of epoch {epoch} after the tail of epoch {_spoken} has answered or committed something");
                if (_views.Last().Value.Members.All(id => id.Node != m.From))
                    simulation.Reached(ReadsOn);
            }

            if (isTail && reply.Result.Outcome is Outcome.Ok && reply.Kind is RequestKind.Command or RequestKind.Read or RequestKind.BarrierRead)
                _spoken = Later(_spoken, epoch);
            if (reply.Kind is RequestKind.Command && reply.Result.Index > _answered.Index && Log(m.From).At(reply.Result.Index) is { } entry)
                _answered = (entry.Index, entry.Hash);
        }
    }

    /// <summary>A link begins to handle what its successor tells it. A link that is the tail learns nothing from the learner behind it.</summary>
    public void OnHandled(Life life, Appended m)
    {
        if (!_isChain || !_views.TryGetValue(m.Epoch, out var view) || view.Members.TakeWhile(id => id != m.From).LastOrDefault() is not { IsNone: false } link || !view.IsMember(m.From))
            return;
        var told = _told.GetValueOrDefault(link);
        if (told.Life == life && told.Epoch == m.Epoch)
            _told[link] = told with { Commit = Math.Max(told.Commit, m.Commit) };
    }

    /// <summary>True when the log of <paramref name="node"/>'s replica goes as far as <paramref name="applied"/> and all that was told to be committed, and is the same up to there. False where that cannot be known.</summary>
    public bool HoldsAllCommitted(NodeId node, long applied)
        => applied <= _known.Index && new LogOnDisk(simulation.Node(node), keys).DurableAt(_known.Index)?.Hash == _known.Hash;

    private void OnAct(MemberId from, Epoch epoch, long commit)
    {
        if (commit > _known.Index && Log(from.Node).At(commit) is { } entry)
            _known = (commit, entry.Hash);
        Require(epoch >= _acted.GetValueOrDefault(from), "Promises Never Regress", $"{from} acts in epoch {epoch} after it acted in {_acted.GetValueOrDefault(from)}");
        _acted[from] = epoch;
        var (life, told) = (simulation.Node(from.Node).CurrentLife, _told.GetValueOrDefault(from));
        if (told.Life == life && told.Epoch == epoch)
            Require(commit >= told.Commit, "Commits Run Up", $"{from} was told that {told.Commit} is committed, and says {commit}");
        else
            _told[from] = (life, epoch, 0);     // it is in this epoch: from now on it heeds what it is told there
    }

    private static Epoch Later(Epoch a, Epoch b) => a > b ? a : b;

    private bool Holds(MemberId id, long index, UInt128 hash)
    {
        if (index == 0 || Unknown(id))
            return true;
        return Log(id.Node).DurableAt(index) is { } entry ? entry.Hash == hash : Log(id.Node).HoldsDurably(index);
    }

    // A damaged disk tells nothing of what its replica held, nor does one whose replica has another id by now.
    private bool Unknown(MemberId id) => simulation.Node(id.Node).Disk.WasDamaged || Log(id.Node).Member != id;

    private LogOnDisk Log(NodeId node) => new(simulation.Node(node), keys);

    private void Require(bool holds, string property, [InterpolatedStringHandlerArgument(nameof(holds))] ref TextIfBroken detail)
        => simulation.World.Require(holds, property, ref detail);
}
