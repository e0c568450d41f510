using System.Collections.Concurrent;
using Actors.Membership;
using Akka.Actor;

namespace Actors.TestKit;

/// <summary>Puts a <see cref="FaultyLink"/> in front of every ref that another <see cref="IPeers"/> gives out: for tests on real dispatchers.</summary>
public sealed class FaultyPeers : IPeers
{
    private readonly ActorSystem _system;
    private readonly IPeers _inner;
    private readonly long _seed;
    private readonly ConcurrentDictionary<string, FaultyLink> _links = new(StringComparer.Ordinal);

    /// <summary>Wraps <paramref name="inner"/>; each link draws from its own part of <paramref name="seed"/>.</summary>
    public FaultyPeers(ActorSystem system, IPeers inner, long seed) => (_system, _inner, _seed) = (system, inner, seed);

    /// <summary>The link to the replica of <paramref name="group"/> on <paramref name="node"/>: to set its faults, cut or clog it.</summary>
    public FaultyLink ToReplica(NodeId node, GroupId group) => Link($"{node}/{group}", () => _inner.Replica(node, group));

    /// <summary>The link to the actor behind a return address.</summary>
    public FaultyLink ToClient(string address) => Link(address, () => _inner.Client(address));

    /// <inheritdoc/>
    public IActorRef Replica(NodeId node, GroupId group) => ToReplica(node, group);

    /// <inheritdoc/>
    public IActorRef Participant(NodeId node, GroupId group) => Link($"{node}/broadcast/{group}", () => _inner.Participant(node, group));

    /// <inheritdoc/>
    public IActorRef Client(string address) => ToClient(address);

    /// <inheritdoc/>
    public string AddressOf(IActorRef local) => _inner.AddressOf(local);

    private FaultyLink Link(string key, Func<IActorRef> target) =>
        _links.GetOrAdd(key, _ => new FaultyLink(_system, target(), _seed ^ (long)Fnv.Hash(key)));
}
