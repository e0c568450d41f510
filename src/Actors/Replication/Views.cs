using Actors.Membership;

namespace Actors.Replication;

/// <summary>The views in a replica's log: the last one known to be committed, and those appended after it.</summary>
/// <remarks>
/// Joint until committed (replication rules, 5.2 rule 1): while a view entry is not known to be committed, elections and commits need a
/// majority of the last committed view and of every view after it; under <see cref="CommitRule.All"/> a commit also needs
/// every member of the newest view. Two neighbouring views thus never decide apart from each other, whatever they have in common.
/// </remarks>
internal sealed class Views
{
    private readonly List<(long Index, View View)> _views = [];

    /// <summary>Before the first view entry there is nobody to ask.</summary>
    public bool IsEmpty => _views.Count == 0;

    /// <summary>The last view known to be committed.</summary>
    public View Committed => _views[0].View;

    /// <summary>The index of <see cref="Committed"/>; 0 when it is the first view and not yet known to be committed.</summary>
    public long CommittedIndex { get; private set; }

    /// <summary>The view in force: the last one appended.</summary>
    public View Newest => _views[^1].View;

    /// <summary>The index of <see cref="Newest"/>.</summary>
    public long NewestIndex => _views[^1].Index;

    /// <summary>True while <see cref="Newest"/> is not known to be committed.</summary>
    public bool IsPending => CommittedIndex != NewestIndex;

    /// <summary>True when no change of the voting members is under way: only then may another one begin.</summary>
    public bool MembersSettled => _views.TrueForAll(v => v.View.Members.SequenceEqual(Committed.Members));

    /// <summary>Every member or learner of any view in force, once.</summary>
    public IEnumerable<MemberId> Everyone => _views.SelectMany(v => v.View.Members.Concat(v.View.Learners)).Distinct();

    /// <summary>Starts from a view known to be committed.</summary>
    public void Recover(long index, View view)
    {
        _views.Clear();
        _views.Add((index, view));
        CommittedIndex = index;
    }

    /// <summary>A view entry was appended at <paramref name="index"/>.</summary>
    public void Append(long index, View view)
    {
        InvariantViolation.Require(IsEmpty || index > NewestIndex, $"view {index} appended after view {(IsEmpty ? 0 : NewestIndex)}");
        _views.Add((index, view));
    }

    /// <summary>The entries from <paramref name="index"/> on were removed.</summary>
    public void Truncate(long index)
    {
        InvariantViolation.Require(index > CommittedIndex, $"committed view {CommittedIndex} removed");
        _views.RemoveAll(v => v.Index >= index);
    }

    /// <summary>Everything up to <paramref name="index"/> is committed.</summary>
    public void Commit(long index)
    {
        var last = _views.FindLastIndex(v => v.Index <= index);
        if (last < 0)
            return;
        _views.RemoveRange(0, last);
        CommittedIndex = _views[0].Index;
    }

    /// <summary>True when <paramref name="id"/> votes in a view in force, the newest one or one before it that is still joint with it.</summary>
    public bool IsVoter(MemberId id) => _views.Exists(v => v.View.IsMember(id));

    /// <summary>True when a member on <paramref name="node"/> votes in a view in force, whatever life of it.</summary>
    public bool IsSeat(NodeId node) => _views.Exists(v => v.View.Members.Any(m => m.Node == node));

    /// <summary>True when a data folder votes in a view in force, under whatever member id.</summary>
    public bool IsVoter(NodeId node, Incarnation folder) => _views.Exists(v => v.View.Members.Any(m => m.Node == node && m.Incarnation == folder));

    /// <summary>True when those for whom <paramref name="agrees"/> holds may decide: an election, or that an epoch still holds.</summary>
    public bool IsQuorum(Func<MemberId, bool> agrees)
    {
        foreach (var (_, view) in _views)
        {
            if (view.Members.Count(agrees) < Quorum.Majority(view.Members.Count))
                return false;
        }

        return !IsEmpty;
    }

    /// <summary>The highest value that a quorum has reached, where a member's value is <paramref name="reached"/>.</summary>
    public long ReachedByQuorum(Func<MemberId, long> reached)
    {
        var result = long.MaxValue;
        Span<long> buffer = stackalloc long[ViewRecord.MaxMembers];
        foreach (var (_, view) in _views)
        {
            var values = buffer[..view.Members.Count];
            for (var i = 0; i < view.Members.Count; i++)
                values[i] = reached(view.Members[i]);
            result = Math.Min(result, Quorum.ReachedByMajority(values));
        }

        return result;
    }

    /// <summary>The highest index that is committed, where <paramref name="durable"/> gives the highest index that a member holds durably.</summary>
    public long Committable(CommitRule rule, Func<MemberId, long> durable)
    {
        var index = ReachedByQuorum(durable);
        if (rule == CommitRule.All)
        {
            foreach (var member in Newest.Members)
                index = Math.Min(index, durable(member));
        }

        return index;
    }

    /// <summary>
    /// True when <paramref name="id"/> was taken out by a view that is known to be committed at or below <paramref name="committed"/>, or stood only in a view that was
    /// given up for that: it can never come back.
    /// </summary>
    public bool IsRemoved(MemberId id, LogPosition committed) => CommittedIndex > 0 && id.Joined <= committed && !_views.Any(v => v.View.Includes(id));
}
