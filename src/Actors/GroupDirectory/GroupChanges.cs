using Actors.Membership;
using Actors.Replication;

namespace Actors.GroupDirectory;

/// <summary>The changes that a group's record may go through; each refusal is one line.</summary>
/// <remarks>Replication rules, 5.2 rules 4 to 7.</remarks>
internal static class GroupChanges
{
    /// <summary>The first view: of members that were all empty.</summary>
    public static GroupRecord Found(IReadOnlyList<MemberId> members, int minInView, ReadOnlyMemory<byte> genesis)
        => new(new Epoch(1), new View(members, []), [], members, minInView, genesis) { Reader = members[^1] };

    /// <summary><paramref name="id"/> has joined the view of <paramref name="epoch"/>; when all have, the view is active.</summary>
    public static GroupRecord WithJoined(this GroupRecord record, Epoch epoch, MemberId id)
    {
        if (epoch != record.Epoch || !record.View.IsMember(id) || record.Joined.Contains(id))
            return record;
        var joined = record with { Joined = [.. record.Joined, id] };
        return joined.IsActive ? joined with { Serving = record.View.Members, Reader = record.View.Members[^1] } : joined;
    }

    /// <summary>A machine asks for a membership: a learner behind the others, and its earlier ids go in the same step.</summary>
    /// <param name="record">The group.</param>
    /// <param name="node">The machine.</param>
    /// <param name="incarnation">Its data folder.</param>
    /// <param name="index">The index of the request in the directory's log: with the epoch it makes an id that nobody had.</param>
    /// <param name="refusal">Why nothing changed; empty when there is no more to it than that it must wait.</param>
    public static GroupRecord WithLearner(this GroupRecord record, NodeId node, Incarnation incarnation, long index, out string refusal)
    {
        refusal = "";
        if (!record.View.Of(node, incarnation).IsNone)
            return record;
        if (!record.View.Nodes.Contains(node))
            return record;      // an operator decides on that
        if (!record.IsActive || record.View.Learners.Any(l => l.Node != node))
            return record;      // one change at a time, one learner at a time
        var members = record.View.Members.Where(m => m.Node != node).ToList();
        if (members.Count == 0)
        {
            refusal = $"{node} was the last replica of group '{record.View}' and lost its data: nobody else holds it";
            return record;
        }

        var epoch = record.Epoch.Next();
        return record with
        {
            Epoch = epoch,
            View = new View(members, [new MemberId(node, incarnation, new LogPosition(epoch, index))]) { Nodes = record.View.Nodes },
            Joined = [],
            Serving = members,
        };
    }

    /// <summary>Another view, if it is one step from the present one, or the same one in a later epoch, for a primary that was started again.</summary>
    public static GroupRecord WithView(this GroupRecord record, Epoch expected, View next, out string refusal)
    {
        refusal = "";
        if (expected != record.Epoch)
            return record;      // somebody else was faster; the record says how
        var promoted = next.Members.Except(record.View.Members).ToList();
        var stay = next.Members.Except(promoted).ToList();
        refusal = promoted.Count > 1 || promoted.Exists(id => !record.IsActive || !record.View.Learners.Contains(id)) ? $"{string.Join(", ", promoted)} may not become a member: only the learner of an active view may"
            : !next.Members.SequenceEqual([.. record.View.Members.Where(stay.Contains), .. promoted]) ? "the members must keep their order, a new one comes last"
            : next.Learners.Except(record.View.Learners).Any() || next.Learners.Intersect(next.Members).Any() ? "a learner enters by asking to be taken in"
            : !stay.Intersect(record.Serving).Any() ? $"the view must keep a member that served in the last active one: {string.Join(", ", record.Serving)}"
            : "";
        return refusal.Length > 0 ? record : record with { Epoch = record.Epoch.Next(), View = next with { Nodes = record.View.Nodes }, Joined = [] };
    }

    /// <summary>An operator says that the group goes on from one data folder alone. Whoever else served may have had more, and is out, with its member id.</summary>
    /// <param name="record">The group.</param>
    /// <param name="order">From which one, and in which epoch that was decided.</param>
    /// <param name="index">As in <see cref="WithLearner"/>.</param>
    /// <param name="refusal">Why nothing changed.</param>
    public static GroupRecord WithLoss(this GroupRecord record, GoOnFrom order, long index, out string refusal)
    {
        refusal = order.Expected != record.Epoch ? $"the view is another one by now, that of epoch {record.Epoch}: look at the status again"
            : !record.View.Nodes.Contains(order.Node) ? $"{order.Node} does not belong to the group: {string.Join(", ", record.View.Nodes)} do"
            : "";
        if (refusal.Length > 0)
            return record;
        var epoch = record.Epoch.Next();
        var known = record.View.Of(order.Node, order.Incarnation);
        var id = known.IsNone ? new MemberId(order.Node, order.Incarnation, new LogPosition(epoch, index)) : known;
        return record with
        {
            Epoch = epoch,
            View = new View([id], []) { Nodes = record.View.Nodes },
            Joined = [],
            Serving = [id],
            Losses = [.. record.Losses.TakeLast(ViewRecord.MaxLosses - 1), new Loss(new LogPosition(epoch, order.Last.Index + 1), 0)],
        };
    }

    /// <summary>An operator says that a node belongs to the group: it may become the learner.</summary>
    public static GroupRecord WithNode(this GroupRecord record, NodeId node, out string refusal)
    {
        refusal = record.View.Members.Any(member => member.Node == node) ? $"{node} is a member already"
            : record.View.Nodes.Count == ViewRecord.MaxMembers && !record.View.Nodes.Contains(node) ? $"{ViewRecord.MaxMembers} nodes belong to the group, which is the most"
            : "";
        return refusal.Length > 0 ? record : record with { View = record.View.WithNode(node) };
    }

    /// <summary>An operator says that a node no longer belongs to the group: the view goes on without it, if it was in there.</summary>
    public static GroupRecord WithoutNode(this GroupRecord record, NodeId node, out string refusal)
    {
        var view = record.View.WithoutNode(node);
        var isSmaller = view.Members.Count < record.View.Members.Count;
        refusal = !record.View.Nodes.Contains(node) ? $"{node} does not belong to the group: {string.Join(", ", record.View.Nodes)} do"
            : view.Members.Count == 0 ? $"{node} is the last member"
            : isSmaller && view.Members.Count < record.MinInView ? $"without {node} there would be {view.Members.Count} of at least {record.MinInView} members (min-in-view)"
            : isSmaller && !record.IsActive ? "another change of the members is under way: try again"
            : "";
        return refusal.Length > 0 ? record
            : view.SameAs(record.View) ? record with { View = view }
            : record with { Epoch = record.Epoch.Next(), View = view, Joined = [] };
    }
}
