using Actors.Membership;

namespace Actors.TestKit;

/// <summary>What is the same in every run of a swarm, in place of what each seed chooses.</summary>
public sealed record SwarmOptions
{
    /// <summary>The largest group that a seed chooses.</summary>
    public const int MaxNodes = 7;

    private readonly int? _nodes;
    private readonly int _down;
    private readonly double? _loss, _duplicate;

    /// <summary>The protocol of the group; primary-backup by default.</summary>
    public Actors.Replication.Protocol Protocol { get; init; }

    /// <summary>Who decides on the views of a primary-backup group; null (default) for what the seed chooses. With the directory it commits by all.</summary>
    public Actors.Replication.ViewAuthority? Authority { get; init; }

    /// <summary>True: the group is in memory and commits by one, which only primary-backup can. False by default.</summary>
    public bool IsLossy { get; init; }

    /// <summary>Members of the group: 1 to 7; null (default) for what the seed chooses.</summary>
    public int? Nodes
    {
        get => _nodes;
        init => _nodes = value is null or (>= 1 and <= MaxNodes) ? value : throw new ArgumentOutOfRangeException(nameof(Nodes), $"Nodes is {value}; it must be 1 to {MaxNodes}");
    }

    /// <summary>Members that do not come back when all else heals: 0 (default) to the largest minority of <see cref="Nodes"/>; the others must go on without them.</summary>
    public int Down
    {
        get => _down;
        init => _down = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(Down), $"Down is {value}; it must be at least 0");
    }

    /// <summary>The share of messages that are lost: 0 to 1; null (default) for what the seed chooses.</summary>
    public double? Loss { get => _loss; init => _loss = value is { } rate ? Rate.Checked(rate, nameof(Loss)) : null; }

    /// <summary>The share of messages that arrive twice: 0 to 1; null (default) for what the seed chooses.</summary>
    public double? Duplicate { get => _duplicate; init => _duplicate = value is { } rate ? Rate.Checked(rate, nameof(Duplicate)) : null; }

    /// <summary>How many of <paramref name="nodes"/> may stay down: more, and there is no majority left that could go on.</summary>
    public static int MostDown(int nodes) => nodes - Quorum.Majority(nodes);

    /// <exception cref="ArgumentException">A majority would never heal.</exception>
    internal void Check()
    {
        var most = Nodes is { } nodes ? MostDown(nodes) : 0;
        if (Down > most)
            throw new ArgumentException($"Down is {Down}; it must be 0 to {most}, a minority of {(Nodes is null ? "Nodes, which is not set" : $"the {Nodes} nodes")}");
    }

    internal FaultPlan Change(FaultPlan plan) => plan with
    {
        Link = plan.Link with { Loss = Loss ?? plan.Link.Loss, Duplicate = Duplicate ?? plan.Link.Duplicate },
    };
}
