using Actors.Membership;
using Actors.Replication;
using Actors.Storage;

namespace Actors.TestKit;

/// <summary>Elections and commits, judged by the votes and acknowledgements that were sent: whatever a primary believes, nobody else can have agreed.</summary>
/// <remarks>
/// Replication rules, 5.2 rule 1 and 5.6: each needs a majority of the last committed view, and each view up to a commit a majority of its own,
/// so that committed views intersect; and an entry is committed by its own epoch, or together with a later entry (Ongaro and Ousterhout,
/// ATC 2014, section 5.4.2).
/// </remarks>
internal sealed class QuorumInvariants(Simulation simulation, GroupKeys keys, GroupSightings sightings)
{
    private readonly Dictionary<(Epoch Epoch, MemberId From), long> _acknowledged = [];
    private readonly Dictionary<(Epoch Epoch, MemberId From), MemberId> _votes = [];
    private readonly Dictionary<MemberId, Epoch> _promised = [];
    private readonly SortedDictionary<Epoch, MemberId> _primaries = [];
    private readonly Dictionary<long, LogEntry> _sent = [];     // by index, of the latest epoch: no other one can be committed there
    private View? _view;        // the last committed one
    private long _commit;       // the highest commit index checked

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
        if (!_votes.TryAdd((m.Epoch, m.From), candidate))
            Require(_votes[(m.Epoch, m.From)] == candidate, "One Vote", $"{m.From} voted for {_votes[(m.Epoch, m.From)]} and for {candidate} in epoch {m.Epoch}");
    }

    /// <summary>A member asks for votes: it has given itself its own.</summary>
    public void OnCandidate(MemberId from, Epoch epoch)
    {
        OnAct(from, epoch);
        Require(_votes.GetValueOrDefault((epoch, from), from) == from, "One Vote", $"{from} asks for votes in epoch {epoch}, where it voted for another");
    }

    /// <summary>A primary says what is committed.</summary>
    public void OnAppend(Append m)
    {
        OnAct(m.From, m.Epoch);
        if (_view is null)
            Begin();
        foreach (var entry in m.Entries)
        {
            if (entry.Epoch >= _sent.GetValueOrDefault(entry.Index, entry).Epoch)
                _sent[entry.Index] = entry;
        }

        if (_primaries.TryAdd(m.Epoch, m.From))
            OnElected(m.From, m.Epoch);
        if (m.Commit > _commit)
            OnCommit(m.Commit);
    }

    // The founding entry is never sent as an entry; it is on every member's disk from the beginning.
    private void Begin()
    {
        var genesis = LogEntry.FromFrame(simulation.Nodes.Select(node => node.Disk.Get(Table.Log, keys.Entry(1))).First(frame => frame is not null));
        _sent[1] = genesis;
        (_view, _commit) = (ViewRecord.Decode(genesis.Payload).View, 1);
    }

    private void OnAct(MemberId from, Epoch epoch) => Require(
        epoch >= _promised.GetValueOrDefault(from), "Promises Never Regress", $"{from} acts in epoch {epoch} after a promise of epoch {_promised.GetValueOrDefault(from)}");

    private void OnPromised(MemberId from, Epoch epoch)
    {
        OnAct(from, epoch);
        _promised[from] = epoch;
    }

    // The primary may know of commits that it never told: each view that its predecessor has agreed to may be the one in force.
    private void OnElected(MemberId primary, Epoch epoch)
    {
        var view = _view!;
        for (var index = _commit + 1; !IsMajority(view, Agrees); index++)
        {
            if (!_sent.TryGetValue(index, out var entry))
            {
                RequireMajority(view, Agrees, "Election Quorum", $"{primary} is primary of epoch {epoch}");
                return;
            }

            if (entry.Kind is EntryKind.View && IsMajority(view, id => Holds(id, entry.Position, epoch)))
                view = ViewRecord.Decode(entry.Payload).View;
        }

        bool Agrees(MemberId id) => id == primary || _votes.GetValueOrDefault((epoch, id)) == primary;
    }

    // A commit index that nobody has told of before was found by the primary of the epoch of its entry. Commits before it may have gone
    // untold: a view must have agreed up to the next view entry, and that view from there on.
    private void OnCommit(long index)
    {
        var last = _sent[index].Position;
        for (; _commit < index; _commit++)
        {
            var entry = _sent[_commit + 1];
            if (entry.Kind is not EntryKind.View)
                continue;
            RequireMajority(_view!, id => Holds(id, entry.Position, last.Epoch), "Commit Quorum", $"view entry {entry.Position} is committed");
            var view = ViewRecord.Decode(entry.Payload).View;
            sightings.OnView(_view!, view);
            _view = view;
        }

        RequireMajority(_view!, id => Holds(id, last, last.Epoch), "Commit Quorum", $"entry {last} is committed");
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
        var disk = simulation.Node(node).Disk;
        return disk.WasDamaged || disk.GetDurable(Table.Log, keys.Entry(index)) is not null;
    }

    private static bool IsMajority(View view, Func<MemberId, bool> agrees) => view.Members.Count(agrees) >= Quorum.Majority(view.Members.Count);

    private void RequireMajority(View view, Func<MemberId, bool> agrees, string property, string what)
        => Require(IsMajority(view, agrees), property, $"{what} by {view.Members.Count(agrees)} of {view}");

    private void Require(bool holds, string property, string detail)
    {
        if (!holds)
            simulation.World.Fail(property, detail);
    }
}
