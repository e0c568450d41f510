using Actors.Membership;

namespace Actors.Broadcast;

/// <summary>Who the members of a group are: which lives count. Each view but the first follows from the one before, as a register holds it.</summary>
/// <param name="Number">1 for the first; each change makes it one higher.</param>
/// <param name="Members">The lives that count, by name; of each node one.</param>
/// <param name="Whole">How many members the last view had that was whole: each of them had all that any of them had when it began.</param>
/// <param name="Gone">How many were removed since.</param>
/// <param name="IsFounding">True when these members had nothing before: it is whole as it begins.</param>
/// <remarks>
/// What a member delivered because enough of its view had it is with a member of the next whole view, as long as not too many are gone by then. So a node comes only into a
/// view that is whole, and one after the other leaves only while those that are gone could all have crashed.
/// </remarks>
internal sealed record GroupView(long Number, IReadOnlyList<ParticipantId> Members, int Whole, int Gone, bool IsFounding)
{
    /// <summary>A view that follows from none: the first, or one after all lives of the last are over.</summary>
    public static GroupView Found(long number, IEnumerable<ParticipantId> members, bool haveNothing = true)
    {
        ParticipantId[] founders = [.. members.Order()];
        return new GroupView(number, founders, founders.Length, 0, haveNothing);
    }

    /// <summary>Total order: the last place that any founder had when the group was founded anew.</summary>
    public LogPosition After { get; init; }

    /// <summary>True when a life of the node is a member.</summary>
    public bool Has(NodeId node) => Members.Any(member => member.Node == node);

    /// <summary>The next view, with <paramref name="life"/> in it, in place of an earlier life of its node when there is one.</summary>
    /// <param name="life">Who joins.</param>
    /// <param name="isWhole">True when this view is whole.</param>
    /// <param name="spec">What the group promises.</param>
    /// <param name="refusal">Why there is none.</param>
    public GroupView? With(ParticipantId life, bool isWhole, BroadcastSpec spec, out string refusal)
    {
        refusal = Members.Contains(life) ? $"{life.Node} is a member already"
            : !isWhole ? "the members do not all have yet what the others had at the last change: try again, or remove the one that is down"
            : "";
        return refusal.Length > 0 ? null : Next([.. Members.Where(member => member.Node != life.Node).Append(life)], Has(life.Node) ? 1 : 0, isWhole, spec, out refusal);
    }

    /// <summary>The next view, without <paramref name="node"/>.</summary>
    /// <inheritdoc cref="With"/>
    public GroupView? Without(NodeId node, bool isWhole, BroadcastSpec spec, out string refusal)
    {
        refusal = !Has(node) ? $"{node} is not a member: {string.Join(", ", Members.Select(member => member.Node))} are"
            : Members.Count == 1 ? $"{node} is the last member"
            : "";
        return refusal.Length > 0 ? null : Next([.. Members.Where(member => member.Node != node)], 1, isWhole, spec, out refusal);
    }

    private GroupView? Next(ParticipantId[] members, int leave, bool isWhole, BroadcastSpec spec, out string refusal)
    {
        var (whole, gone) = isWhole ? (Members.Count, leave) : (Whole, Gone + leave);
        refusal = leave > 0 && (spec.NeedsMajority ? 2 * gone >= whole : gone >= whole)
            ? $"{gone} of {whole} members would be gone before the others have what only they may have: try again when the last change is complete"
            : "";
        if (refusal.Length > 0)
            return null;
        try
        {
            spec.RequireMembers(members.Length);
        }
        catch (ArgumentException e)
        {
            refusal = e.Message;
            return null;
        }

        return new GroupView(Number + 1, [.. members.Order()], whole, gone, IsFounding: false);
    }
}
