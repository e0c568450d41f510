using Akka.Actor;

namespace Actors.Membership;

/// <summary>Return addresses of an actor system as the paths of its actors, by whatever provider it has. Thread-safe.</summary>
internal sealed class SystemPeers(ExtendedActorSystem system) : IPeers
{
    private readonly IActorRefProvider _provider = system.Provider;

    /// <summary>Nobody: a system by itself knows no nodes.</summary>
    public IActorRef Replica(NodeId node, GroupId group) => _provider.DeadLetters;

    /// <summary>Nobody, for the same reason.</summary>
    public IActorRef Participant(NodeId node, GroupId group) => _provider.DeadLetters;

    public IActorRef Client(string address) => Parse(address) is { } path ? _provider.ResolveActorRef(path) : _provider.DeadLetters;

    // With its uid: after a restart of this process another actor has the same path, and must not get the answers to this one.
    public string AddressOf(IActorRef local) => local.Path.ToSerializationFormatWithAddress(_provider.DefaultAddress);

    /// <summary>The path that <paramref name="address"/> names; null for text from the wire that names none.</summary>
    internal static ActorPath? Parse(string address)
    {
        try
        {
            return ActorPath.TryParse(address, out var path) ? path : null;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            return null;    // what TryParse makes of a uid that is not a number
        }
    }
}
