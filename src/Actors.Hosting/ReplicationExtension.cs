using Actors.Broadcast;
using Actors.GroupDirectory;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Actors.Replication.Order;
using Actors.Storage;
using Actors.Timing;
using Akka;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Event;

namespace Actors.Hosting;

/// <summary>What <c>WithReplication</c> hands to the actor system that is about to start.</summary>
internal sealed class ReplicationSetup(NodeSettings settings, RocksDbStore store) : Setup
{
    public NodeSettings Settings { get; } = settings;

    public RocksDbStore Store { get; } = store;
}

/// <summary>The replication of one actor system: started when it is first asked for, stopped with the system.</summary>
internal sealed class ReplicationExtension : IExtension
{
    /// <summary>How long the host waits for the hand-over when it stops; the replicas give up a little earlier.</summary>
    private static readonly TimeSpan HandOverLimit = TimeSpan.FromSeconds(4);

    /// <exception cref="ConfigurationException">The system was not given replication, or listens elsewhere than its node's address says.</exception>
    public ReplicationExtension(ExtendedActorSystem system)
    {
        var setup = system.Settings.Setup.Get<ReplicationSetup>();
        if (!setup.HasValue)
            throw new ConfigurationException($"actor system '{system.Name}' replicates nothing: call WithReplication(...) in AddAkka(...)");
        var store = setup.Value.Store;
        system.RegisterOnTermination(store.Dispose);

        Settings = setup.Value.Settings;
        Listening.RequireListening(system, Settings);
        if (Settings is { Tls: null, IsLoopback: false })
            system.Log.Warning("insecure = on: connections of {0} are neither encrypted nor authenticated; whoever reaches {1} can read and write everything", Settings.Node, Settings.Address);
        if (Settings.Tls is not null)
            RefusedPeers.Survive(system);
        Peers = new RemotePeers(system, Settings.Nodes);
        var environment = new ReplicationEnvironment
        {
            Cluster = Settings.Cluster,
            Node = Settings.Node,
            Nodes = [.. Settings.Nodes.Keys],
            Incarnation = store.Incarnation,
            Store = store,
            Peers = Peers,
            Clock = SystemClock.Instance,
            Seed = Random.Shared.Next(),
            Labels = Labels(Settings),
            ViewAuthority = client => new DirectoryClient(client),
        };
        if (Settings.Warning is { } warning)
            system.Log.Warning("{0}", warning);
        (Handle, Node) = ReplicationHandle.Start(system, environment, Settings.Groups, Settings.Client);
        (Broadcast, var broadcast) = BroadcastHandle.Start(
            system,
            new BroadcastEnvironment
            {
                Node = Settings.Node,
                Peers = Peers,
                Clock = SystemClock.Instance,
                Seed = Random.Shared.Next(),
                Orderer = group => new ReplicatedOrderer(ReplicatedOrderer.NameFor(group.Id), Node, group.DeliveredKept, group.MaxBufferedBytes),
                Views = new ReplicatedRegister(Node),
            },
            Settings.BroadcastGroups);
        system.ActorOf(MembershipHints.Props(Peers, Node, broadcast), "replication-hints");
        CoordinatedShutdown.Get(system).AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, "replication-hand-over", () => HandOver(system));
    }

    public NodeSettings Settings { get; }

    public IReplication Replication => Handle;

    /// <summary>The same, with what the catalog needs.</summary>
    public ReplicationHandle Handle { get; }

    public IBroadcast Broadcast { get; }

    /// <summary>The actor that supervises the replicas.</summary>
    public IActorRef Node { get; }

    public RemotePeers Peers { get; }

    public static ReplicationExtension Of(ActorSystem system) => system.WithExtension<ReplicationExtension, Id>();

    private async Task<Done> HandOver(ActorSystem system)
    {
        // A system that was aborted has nobody left to answer.
        await Task.WhenAny(Node.Ask<ReadyToStop>(PrepareToStop.Instance, HandOverLimit), system.WhenTerminated).ConfigureAwait(false);
        return Done.Instance;
    }

    private static Dictionary<string, string> Labels(NodeSettings settings)
    {
        var labels = new Dictionary<string, string> { ["pid"] = Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture) };
        if (settings.Http is { } http)
            labels["http"] = $"{(settings.Tls is null ? "http" : "https")}://{http}";
        return labels;
    }

    private sealed class Id : ExtensionIdProvider<ReplicationExtension>
    {
        public override ReplicationExtension CreateExtension(ExtendedActorSystem system) => new(system);
    }
}
