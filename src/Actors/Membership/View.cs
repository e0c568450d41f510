namespace Actors.Membership;

/// <summary>Who a group consists of from one log position on.</summary>
/// <param name="Members">Those who vote and acknowledge, in the order in which they joined; at least one.</param>
/// <param name="Learners">Those who receive the log and count in no quorum.</param>
/// <remarks>An immutable value; equality of members and learners is by content through <see cref="SameAs"/>.</remarks>
public sealed record View(IReadOnlyList<MemberId> Members, IReadOnlyList<MemberId> Learners)
{
    private readonly IReadOnlyList<NodeId>? _nodes;

    /// <summary>The nodes that belong to the group, whether they are members at present or not: only these are taken in. By default those of members and learners.</summary>
    public IReadOnlyList<NodeId> Nodes
    {
        get => _nodes ?? [.. Members.Concat(Learners).Select(id => id.Node).Distinct()];
        init => _nodes = value;
    }

    /// <summary>True when <paramref name="id"/> votes in this view.</summary>
    public bool IsMember(MemberId id) => Members.Contains(id);

    /// <summary>True when <paramref name="id"/> votes or learns in this view.</summary>
    public bool Includes(MemberId id) => IsMember(id) || Learners.Contains(id);

    /// <summary>The id under which a data folder votes or learns in this view; none when it does not.</summary>
    public MemberId Of(NodeId node, Incarnation incarnation)
        => Members.Concat(Learners).FirstOrDefault(id => id.Node == node && id.Incarnation == incarnation);

    /// <summary>This view without <paramref name="id"/>.</summary>
    public View Without(MemberId id) => new([.. Members.Where(m => m != id)], [.. Learners.Where(m => m != id)]) { Nodes = Nodes };

    /// <summary>This view, where the node belongs to the group and may be taken in.</summary>
    public View WithNode(NodeId node) => this with { Nodes = [.. Nodes.Where(n => n != node), node] };

    /// <summary>This view without the node: no id of it is left, and it no longer belongs to the group.</summary>
    public View WithoutNode(NodeId node) => new([.. Members.Where(m => m.Node != node)], [.. Learners.Where(m => m.Node != node)]) { Nodes = [.. Nodes.Where(n => n != node)] };

    /// <summary>This view with the new learner <paramref name="id"/>, in place of any other learner on the same node.</summary>
    public View WithLearner(MemberId id) => this with { Learners = [.. Learners.Where(m => m.Node != id.Node), id] };

    /// <summary>This view with the learner <paramref name="id"/> made a member, in place of any other member on the same node: a wiped machine replaces itself.</summary>
    public View WithPromoted(MemberId id) => new([.. Members.Where(m => m.Node != id.Node), id], [.. Learners.Where(m => m != id)]) { Nodes = Nodes };

    /// <summary>Equality by content.</summary>
    public bool SameAs(View other) => other is not null && Members.SequenceEqual(other.Members) && Learners.SequenceEqual(other.Learners);

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join(", ", Members)}]{(Learners.Count == 0 ? "" : $" learning [{string.Join(", ", Learners)}]")}";
}

/// <summary>Arithmetic of majorities.</summary>
public static class Quorum
{
    /// <summary>The smallest number of votes that any two quorums of <paramref name="members"/> share one of: more than half.</summary>
    public static int Majority(int members) => members / 2 + 1;

    /// <summary>The highest value that a majority of <paramref name="values"/> has reached.</summary>
    /// <exception cref="ArgumentException">There are no values.</exception>
    public static long ReachedByMajority(Span<long> values)
    {
        if (values.Length == 0)
            throw new ArgumentException("a majority of nobody is not defined", nameof(values));
        values.Sort();
        return values[values.Length - Majority(values.Length)];
    }
}
