using Actors.Membership;
using Actors.Storage;
using Actors.Timing;
using Akka.Actor;

namespace Actors.Delivery;

/// <summary>What the two actors of a link are given from outside; a simulation gives others than production does.</summary>
/// <param name="Peers">The refs of the other side.</param>
/// <param name="Clock">This node's clocks.</param>
/// <param name="Random">Draws incarnations, sessions and jitter.</param>
/// <param name="Store">For a durable outbox or inbox; null for none.</param>
internal sealed record DeliveryEnvironment(IPeers Peers, IClock Clock, Random Random, DeliveryStore? Store = null);

/// <summary>A node's store, and the actor that alone writes to it.</summary>
internal sealed record DeliveryStore(IStore Store, IActorRef Writer);
