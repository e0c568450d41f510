using Akka.Actor;

namespace Actors.Membership;

/// <summary>Turns names into the ActorRefs of other nodes: the one place where links are rewired.</summary>
/// <remarks>
/// Every message that crosses nodes goes through a ref obtained here, and <c>Sender</c> is never used across nodes. In production the refs
/// are those of Akka.Remote; in a simulation or a fault-injection test they are links that delay, lose, duplicate and cut.
/// A ref stays usable when the process behind it restarts. Sends are at most once and in order per pair of actors.
/// </remarks>
public interface IPeers
{
    /// <summary>The replica of <paramref name="group"/> on <paramref name="node"/>; a dead-letter ref when the node is not known.</summary>
    IActorRef Replica(NodeId node, GroupId group);

    /// <summary>The participant of broadcast group <paramref name="group"/> on <paramref name="node"/>; a dead-letter ref when the node is not known.</summary>
    IActorRef Participant(NodeId node, GroupId group);

    /// <summary>The actor behind a return address that came with a request; see <see cref="AddressOf"/>.</summary>
    IActorRef Client(string address);

    /// <summary>The return address under which others can reach <paramref name="local"/>, for use in a request: its own, never that of a later actor of the same name.</summary>
    string AddressOf(IActorRef local);
}
