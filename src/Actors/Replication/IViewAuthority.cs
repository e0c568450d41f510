using Actors.Membership;

namespace Actors.Replication;

/// <summary>A question or a wish of a replica to the authority that holds its group's views.</summary>
internal abstract record AuthorityRequest(GroupId Group);

/// <summary>An empty data folder is ready to found the group; the view begins when all of <paramref name="Members"/> have said so.</summary>
internal sealed record FoundGroup(GroupId Group, NodeId Node, Incarnation Incarnation, IReadOnlyList<NodeId> Members, int MinInView, GroupLimits Limits) : AuthorityRequest(Group);

/// <summary>A data folder without a membership wants one: as a learner, in a view after the present one.</summary>
internal sealed record TakeIn(GroupId Group, NodeId Node, Incarnation Incarnation) : AuthorityRequest(Group);

/// <summary>Compare and swap: <paramref name="Next"/> in place of the view of epoch <paramref name="Expected"/>.</summary>
internal sealed record ChangeView(GroupId Group, Epoch Expected, View Next) : AuthorityRequest(Group);

/// <summary><paramref name="Id"/> has durably promised <paramref name="Epoch"/>: it does nothing for an earlier one any more.</summary>
internal sealed record HasJoined(GroupId Group, Epoch Epoch, MemberId Id) : AuthorityRequest(Group);

/// <summary>An operator wants the node to belong to the group (<paramref name="Join"/>), or no longer.</summary>
internal sealed record ChangeNodes(GroupId Group, NodeId Node, bool Join) : AuthorityRequest(Group);

/// <summary>An operator lets the group go on from one data folder alone, whatever the others had; only if it still is in epoch <paramref name="Expected"/>.</summary>
/// <param name="Last">Where the log in the folder ends.</param>
internal sealed record GoOnFrom(GroupId Group, Epoch Expected, NodeId Node, Incarnation Incarnation, LogPosition Last) : AuthorityRequest(Group);

/// <summary>What is known of the group?</summary>
internal sealed record ReadRecord(GroupId Group) : AuthorityRequest(Group);

/// <summary>Which epochs are these groups in? One question for all chains whose tails live on a machine.</summary>
internal sealed record ReadEpochs(IReadOnlyList<GroupId> Groups) : AuthorityRequest(GroupSettings.Directory)
{
    /// <summary>More are asked for in several questions.</summary>
    public const int MaxGroups = 512;
}

/// <summary>The answer to every other request: the group's record after it, whether it changed anything or not.</summary>
/// <param name="Record">Null when the group is not founded yet, or when there is an error.</param>
/// <param name="Error">Why there is no answer, or a refusal; empty otherwise.</param>
internal sealed record AuthorityReply(GroupRecord? Record, string Error);

/// <summary>Who decides on a group's views when its own log does not (replication rules, 5.1).</summary>
internal interface IViewAuthority
{
    /// <summary>Asks; <paramref name="complete"/> is called once, within <paramref name="timeout"/>, on another thread: it must only pass the reply on.</summary>
    void Ask(AuthorityRequest request, TimeSpan timeout, Action<AuthorityReply> complete);

    /// <summary>Asks for epochs, in the order of <see cref="ReadEpochs.Groups"/>, zero for an unknown group: each was the newest at some moment after the call. <paramref name="complete"/> as above, with null when there was no answer.</summary>
    void Ask(ReadEpochs request, TimeSpan timeout, Action<IReadOnlyList<Epoch>?> complete);
}
