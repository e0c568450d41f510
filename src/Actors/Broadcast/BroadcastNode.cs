using Actors.Membership;
using Actors.Timing;
using Akka.Actor;
using Akka.Event;

namespace Actors.Broadcast;

/// <summary>Local → node: pass <paramref name="Message"/> to the node's participant of the group.</summary>
internal sealed record ForParticipant(GroupId Group, object Message) : INoSerializationVerificationNeeded;

/// <summary>One node's part in all broadcast groups: supervises a participant per group.</summary>
/// <remarks>A participant that throws is restarted by Akka's default strategy: each start is a new life with a name of its own, so nothing is taken for what it was before.</remarks>
public sealed class BroadcastNode : UntypedActor
{
    /// <summary>The name of the actor at top level.</summary>
    public const string Name = "broadcast";

    private readonly BroadcastEnvironment _environment;
    private readonly IReadOnlyList<BroadcastSettings> _groups;
    private readonly SortedDictionary<GroupId, IActorRef> _participants = [];
    private readonly Lives _lives = new();
    private readonly ILoggingAdapter _log = Context.GetLogger();

    /// <summary>See <see cref="Props"/>.</summary>
    public BroadcastNode(BroadcastEnvironment environment, IReadOnlyList<BroadcastSettings> groups)
    {
        _environment = environment;
        _groups = [.. groups.Select(group => group.Validated())];
    }

    /// <summary>The actor of a node; create it at top level under <see cref="Name"/>, so that other nodes find its participants.</summary>
    /// <exception cref="ArgumentException">A setting is out of range (as an ActorInitializationException when it starts).</exception>
    public static Props Props(BroadcastEnvironment environment, IReadOnlyList<BroadcastSettings> groups) =>
        Akka.Actor.Props.Create(() => new BroadcastNode(environment, groups)).WithDispatcher(ActorsConfig.RelayDispatcher);

    /// <inheritdoc/>
    protected override void PreStart()
    {
        foreach (var group in _groups)
        {
            var props = group.Spec.OrderedBy is Orderer.Log
                ? Akka.Actor.Props.Create(() => new LogParticipant(_environment, group, _lives))
                : group.Spec.IsTotal
                ? Akka.Actor.Props.Create(() => new SequencedParticipant(_environment, group, _lives))
                : Akka.Actor.Props.Create(() => new SpreadParticipant(_environment, group, _lives));
            _participants[group.Id] = Context.ActorOf(props.WithDispatcher(ActorsConfig.ReplicaDispatcher), $"g-{group.Id}");
        }
    }

    /// <inheritdoc/>
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case BroadcastMessage m: Pass(m.Group, m); break;
            case ForParticipant m: Pass(m.Group, m.Message); break;
            case PeerHint m: PassToAll(m); break;
            default: Unhandled(message); break;
        }
    }

    private void Pass(GroupId group, object message)
    {
        if (_participants.TryGetValue(group, out var participant))
            participant.Tell(message, ActorRefs.NoSender);
        else
            Participant.CountRefused(default, "an unknown group", _log, group);      // its name comes from outside: no tag of its own
    }

    private void PassToAll(object message)
    {
        foreach (var participant in _participants.Values)
            participant.Tell(message, ActorRefs.NoSender);
    }
}

/// <summary>Names the lives of a node's participants: by the wall clock, and never twice the same.</summary>
internal sealed class Lives
{
    private long _last;

    public long Next(IClock clock) => _last = Math.Max(_last + 1, clock.UtcNow.UtcTicks);
}
