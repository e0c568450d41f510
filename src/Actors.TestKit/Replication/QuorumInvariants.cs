using System.Runtime.CompilerServices;
using Actors.Membership;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>Elections and commits, judged by the votes and acknowledgements that were sent: whatever a primary believes, nobody else can have agreed.</summary>
/// <remarks>
/// Replication rules, 5.2 rule 1 and 5.6: each needs a majority of the last committed view, and each view up to a commit a majority of its own,
/// so that committed views intersect; and an entry is committed by its own epoch, or together with a later entry (Ongaro and Ousterhout,
/// ATC 2014, section 5.4.2).
/// </remarks>
internal sealed class QuorumInvariants(Simulation simulation, GroupKeys keys, SentLogs sent, GroupSightings sightings)
{
    private readonly Dictionary<(Epoch Epoch, MemberId From), long> _acknowledged = [];
    private readonly Dictionary<(Epoch Epoch, NodeId Node, Incarnation Folder), MemberId> _votes = [];      // a data folder votes, under whatever member id
    private readonly Dictionary<MemberId, Epoch> _promised = [];
    private readonly SortedDictionary<Epoch, MemberId> _primaries = [];
    private readonly HashSet<MemberId> _departed = [];          // left out by a committed view
    private View? _view;        // the last committed one
    private long _commit;       // the highest commit index checked
    private readonly List<(Epoch By, View View, long Index)> _views = [];       // all committed ones, each with the reign in which it was, and where it stands
    private (long Index, UInt128 Hash, Epoch By) _answered;     // the highest entry that a client was told of, and in whose reign
    private (Epoch Epoch, long Commit) _told;                   // what the latest primary last told
    private LogPosition _newestView;
    private View? _proposed;    // there

    /// <summary>The members of the smallest view that was ever proposed.</summary>
    public int FewestMembers { get; private set; } = int.MaxValue;

    /// <summary>A primary tells a client of entries that are committed.</summary>
    public void OnReplies(Replies m)
    {
        var reign = sent.LastReign(m.From);
        foreach (var reply in m.Items)
        {
            if (reply.Kind is RequestKind.Command && reply.Result.Index > _answered.Index && sent.At(reply.Result.Index, reign) is { } entry)
                _answered = (entry.Index, entry.Hash, reign);
        }
    }

    /// <summary>A member acknowledges.</summary>
    public void OnAppended(Appended m)
    {
        OnPromised(m.From, m.Epoch);
        var id = (m.Epoch, m.From);
        _acknowledged[id] = Math.Max(m.Durable, _acknowledged.GetValueOrDefault(id));
    }

    /// <summary>A member votes for <paramref name="candidate"/>.</summary>
    public void OnVote(Vote m, MemberId candidate)
    {
        OnPromised(m.From, m.Epoch);
        if (!_votes.TryAdd(Vote(m.Epoch, m.From), candidate))
            Require(_votes[Vote(m.Epoch, m.From)] == candidate, "One Vote", $"{m.From} voted for {_votes[Vote(m.Epoch, m.From)]} and for {candidate} in epoch {m.Epoch}");
    }

    /// <summary>A member asks for votes: it has given itself its own.</summary>
    public void OnCandidate(MemberId from, Epoch epoch)
    {
        OnAct(from, epoch);
        Require(_votes.GetValueOrDefault(Vote(epoch, from), from) == from, "One Vote", $"{from} asks for votes in epoch {epoch}, where it voted for another");
    }

    /// <summary>A primary says what is committed; returns the view that it proposes, when nobody has seen that before.</summary>
    public View? OnAppend(Append m)
    {
        OnAct(m.From, m.Epoch);
        if (_view is null)
        {
            var genesis = sent.Begin();
            _commit = genesis.Index;
            OnCommitted(ViewRecord.Decode(genesis.Payload).View, genesis.Epoch, _commit);
        }

        sent.Add(m);
        View? proposal = null;
        foreach (var entry in m.Entries)
            proposal = OnSent(entry, m.Epoch) ?? proposal;

        if (_primaries.TryAdd(m.Epoch, m.From))
        {
            RequireComplete(m);
            OnElected(m.From, m.Epoch);
        }

        if (m.Epoch >= _told.Epoch)
        {
            Require(m.Epoch > _told.Epoch || m.Commit >= _told.Commit, "Commits Never Regress", $"{m.From} told of commit {m.Commit} after {_told.Commit}");
            _told = (m.Epoch, m.Commit);
        }

        if (m.Commit > _commit)
            OnCommit(m.Commit, m.Epoch);
        return proposal;
    }

    private View? OnSent(in LogEntry entry, Epoch epoch)
    {
        Require(sent.IsOnlyOne(entry), "Log Matching", $"there are two entries {entry.Position}");
        if (entry.Kind is not EntryKind.View || entry.Epoch != epoch || entry.Position <= _newestView)
            return null;
        var view = ViewRecord.Decode(entry.Payload).View;
        (_newestView, _proposed) = (entry.Position, view);
        FewestMembers = Math.Min(FewestMembers, view.Members.Count);
        return view;
    }

    /// <summary>True when the replica of <paramref name="node"/> is a member whose log goes as far as <paramref name="applied"/> and all that was told to be committed, and is the same up to there.</summary>
    public bool HoldsAllCommitted(NodeId node, long applied)
    {
        var (log, index) = (new LogOnDisk(simulation.Node(node), keys), Math.Max(applied, _commit));
        return _view?.IsMember(log.Member) == true && log.HoldsDurably(index)
            && (log.DurableAt(index) is not { } own || (sent.At(index) is { } committed && own.Hash == committed.Hash));     // what is cut was committed: it is the same everywhere
    }

    /// <summary>An operator has decided what is committed: everything in the log of <paramref name="node"/>, up to this view, which has one member.</summary>
    public void OnLossAccepted(NodeId node, in LogEntry entry)
    {
        sent.GoOnFrom(node, entry);
        _commit = entry.Index;
        OnCommitted(ViewRecord.Decode(entry.Payload).View, entry.Epoch, _commit);
        (_newestView, _proposed) = (entry.Position, _view);
    }

    // Whoever leads has every entry that a client was told of in an earlier reign (Ongaro and Ousterhout, section 5.4.3); the hash names all before it.
    private void RequireComplete(Append m)
    {
        if (m.Epoch <= _answered.By)
            return;     // its votes came late: another one leads already
        Require(m.Previous.Index >= _answered.Index, "Leader Completeness", $"{m.From} leads epoch {m.Epoch} with a log up to {m.Previous}, entry {_answered.Index} was answered");
        var disk = simulation.Node(m.From.Node).Disk;
        if (!disk.IsRotten && new LogOnDisk(simulation.Node(m.From.Node), keys).At(_answered.Index) is { } entry)
            Require(entry.Hash == _answered.Hash, "Leader Completeness", $"{m.From} leads epoch {m.Epoch} with another entry {_answered.Index} than the one that was answered");
    }

    private void OnAct(MemberId from, Epoch epoch) => Require(
        epoch >= _promised.GetValueOrDefault(from), "Promises Never Regress", $"{from} acts in epoch {epoch} after a promise of epoch {_promised.GetValueOrDefault(from)}");

    private void OnPromised(MemberId from, Epoch epoch)
    {
        OnAct(from, epoch);
        _promised[from] = epoch;
    }

    // The primary may know of commits that it never told: each view that its predecessor has agreed to may be the one in force.
    // When its votes came late, it knows of none in later reigns.
    private void OnElected(MemberId primary, Epoch epoch)
    {
        var isLate = epoch <= _views[^1].By;
        var (_, view, index) = _views.FindLast(v => v.By < epoch);
        foreach (var entry in sent.After(isLate ? index : _commit, epoch) ?? [])
        {
            if (IsMajority(view, Agrees))
                return;
            if (entry.Kind is EntryKind.View && entry.Epoch < epoch && IsMajority(view, id => Holds(id, entry.Position, epoch)))
                view = ViewRecord.Decode(entry.Payload).View;
        }

        RequireMajority(view, Agrees, "Election Quorum", new LogPosition(epoch, _commit));

        bool Agrees(MemberId id) => id == primary || _votes.GetValueOrDefault(Vote(epoch, id)) == primary;
    }

    // A commit index that nobody has told of before was found by the primary of the epoch of its entry. Commits before it may have gone
    // untold: a view must have agreed up to the next view entry, and that view from there on.
    private void OnCommit(long index, Epoch epoch)
    {
        if (sent.After(_commit, epoch) is not { } entries || entries.Count < index - _commit)
            return;     // the next message tells more
        var last = entries[(int)(index - _commit) - 1].Position;
        var before = _view!;
        foreach (var entry in entries.Take((int)(index - _commit)))
        {
            if (entry.Kind is not EntryKind.View)
                continue;
            RequireMajority(_view!, id => Holds(id, entry.Position, last.Epoch), "Commit Quorum", entry.Position);
            var view = ViewRecord.Decode(entry.Payload).View;
            sightings.OnView(_view!, view);
            RequireOneStep(_view!, view);
            OnCommitted(view, last.Epoch, entry.Index);
        }

        _commit = index;
        RequireNoReturn(before, _view!);
        RequireMajority(_view!, id => Holds(id, last, last.Epoch), "Commit Quorum", last);
    }

    private void OnCommitted(View view, Epoch by, long index)
    {
        _view = view;
        _views.Add((by, view, index));
    }

    // Replication rules, 5.6 number 7.
    private void RequireOneStep(View before, View after)
    {
        var (left, entered) = (before.Members.Except(after.Members).ToList(), after.Members.Except(before.Members).ToList());
        Require(left.Count <= 1 && entered.Count <= 1 && left.Count < before.Members.Count, "Views Intersect", $"{after} follows {before}");
    }

    // Replication rules, 5.2 rule 4. Views that are committed together count as one: what an earlier one of them says was never in force alone.
    private void RequireNoReturn(View before, View after)
    {
        _departed.UnionWith(before.Members.Except(after.Members));
        var returned = after.Members.Concat(after.Learners).FirstOrDefault(_departed.Contains);
        Require(returned.IsNone, "Kicked For Ever", $"{returned} is back in {after}, which follows {before}");
    }

    /// <summary>True when <paramref name="id"/> vouched for the entry in its own epoch or in a later one up to <paramref name="until"/>.</summary>
    private bool Holds(MemberId id, LogPosition entry, Epoch until)
    {
        for (var epoch = entry.Epoch; epoch <= until; epoch = epoch.Next())
        {
            if (_acknowledged.GetValueOrDefault((epoch, id)) >= entry.Index || (_primaries.GetValueOrDefault(epoch) == id && HasOnDisk(id.Node, entry.Index)))
                return true;
        }

        return false;
    }

    private bool HasOnDisk(NodeId node, long index)
    {
        var at = simulation.Node(node);
        return at.Disk.WasDamaged || new LogOnDisk(at, keys).HoldsDurably(index);
    }

    private static (Epoch, NodeId, Incarnation) Vote(Epoch epoch, MemberId id) => (epoch, id.Node, id.Incarnation);

    private static bool IsMajority(View view, Func<MemberId, bool> agrees)
    {
        var missing = view.Members.Count - Quorum.Majority(view.Members.Count);
        foreach (var member in view.Members)
        {
            if (!agrees(member) && --missing < 0)
                return false;
        }

        return true;
    }

    private void RequireMajority(View view, Func<MemberId, bool> agrees, string property, LogPosition at)
        => Require(IsMajority(view, agrees), property, $"{at} rests on {view.Members.Count(agrees)} of {view}");

    private void Require(bool holds, string property, [InterpolatedStringHandlerArgument(nameof(holds))] ref TextIfBroken detail)
        => simulation.World.Require(holds, property, ref detail);
}
