using Akka.Actor;

namespace Actors.Membership;

/// <summary>A membership event says that <paramref name="Node"/> is gone (or back): a hint that makes a replica or a participant look, never a vote.</summary>
public sealed record PeerHint(NodeId Node, bool Suspected) : INoSerializationVerificationNeeded;
