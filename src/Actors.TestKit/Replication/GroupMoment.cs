namespace Actors.TestKit;

/// <summary>What a replicated group does that faults of its swarm wait for: <see cref="FaultMoment.Name"/>.</summary>
internal static class GroupMoment
{
    /// <summary>A member votes.</summary>
    public const string Vote = "vote";

    /// <summary>A primary proposes a view of other members.</summary>
    public const string Proposal = "proposal";

    /// <summary>A primary proposes to take a machine in.</summary>
    public const string TakingIn = "proposal of a learner";

    /// <summary>A link tells of a view with a new tail, which not all have joined.</summary>
    public const string Promotion = "promotion of a learner";

    /// <summary>A view is active: its tail may serve.</summary>
    public const string Tail = "new view of a tail";

    /// <summary>A command is refused, as there are too few members.</summary>
    public const string Refusal = "refusal";

    /// <summary>The primary sends something to a backup; in a chain, the link that faults aim at sends something to its neighbour.</summary>
    public const string Message = "message";

    /// <summary>A primary answers a command.</summary>
    public const string Answer = "answer";
}
