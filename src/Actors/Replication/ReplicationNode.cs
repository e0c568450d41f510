using System.IO.Hashing;
using System.Text;
using Actors.Membership;
using Actors.Replication.Chain;
using Actors.Replication.Client;
using Actors.Replication.Operations;
using Actors.Replication.Star;
using Actors.Storage;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication;

/// <summary>Replica → its supervisor: the part it plays now.</summary>
internal sealed record RoleChanged(GroupId Group, ReplicaRole Role) : INoSerializationVerificationNeeded;

/// <summary>Replica → its supervisor: reads of the group are answered here by a lease, which the machine keeps renewing; or no more.</summary>
internal sealed record ReadsByLease(GroupId Group, bool Does) : INoSerializationVerificationNeeded;

/// <summary>Node → replica: the group was in <paramref name="Epoch"/> at some moment after <paramref name="AskedAt"/>.</summary>
internal sealed record LeaseRenewed(GroupId Group, Epoch Epoch, TimeSpan AskedAt) : INoSerializationVerificationNeeded;

/// <summary>Local → node: pass <paramref name="Message"/> to the node's client of the group, whichever incarnation lives.</summary>
internal sealed record ForClient(GroupId Group, object Message) : INoSerializationVerificationNeeded;

/// <summary>Local → node: pass <paramref name="Message"/> to the node's replica of the group, whichever incarnation lives.</summary>
internal sealed record ForReplica(GroupId Group, object Message) : INoSerializationVerificationNeeded;

/// <summary>Local → node: one group more; nothing happens when it is there.</summary>
internal sealed record StartGroup(GroupSettings Settings) : INoSerializationVerificationNeeded;

/// <summary>Asks a node's replicas to hand over what they lead; answered with <see cref="ReadyToStop"/> when they did, or when it took too long.</summary>
public sealed class PrepareToStop : INoSerializationVerificationNeeded
{
    /// <summary>The one instance.</summary>
    public static readonly PrepareToStop Instance = new();
}

/// <summary>This node leads no group any more.</summary>
public sealed class ReadyToStop : INoSerializationVerificationNeeded
{
    /// <summary>The one instance.</summary>
    public static readonly ReadyToStop Instance = new();
}

/// <summary>One node's part in all groups: supervises the store's writer, a replica and a client per group.</summary>
/// <remarks>
/// Crash handling (replication rules, 5.2 rule 11): a replica that throws is stopped, never restarted in place, because a restart forgets memory
/// under the same identity. A new incarnation of it recovers from its own log, after a pause that doubles. Damage, a failed store
/// and a broken invariant take the replica out of service instead: it would only crash again, or make things worse.
/// </remarks>
public sealed class ReplicationNode : UntypedActor, IWithTimers
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan HandOverLimit = TimeSpan.FromSeconds(3);

    private readonly ReplicationEnvironment _environment;
    private readonly ClientSettings _client;
    private readonly SortedDictionary<GroupId, GroupSettings> _groups = [];
    private readonly SortedDictionary<GroupId, ReplicaRole> _roles = [];
    private readonly Dictionary<GroupId, IActorRef> _clients = [];
    private readonly SortedDictionary<GroupId, IActorRef> _replicas = [];       // of each group the present incarnation, or what stands in for it
    private readonly SortedDictionary<GroupId, TimeSpan> _pauses = [];
    private readonly Dictionary<string, Exception> _failures = [];      // by child name, until its end is seen
    private readonly Dictionary<GroupId, Incarnation> _memories = [];   // of each lossy group the life of what it has in memory
    private readonly ILoggingAdapter _logger = Context.GetLogger();
    private readonly NodeBeats _beats = new();
    private readonly long _started;
    private int _memoriesBegun;
    private long _life;             // see NodeBeat
    private TimeSpan _beatInterval;
    private IActorRef _writer = ActorRefs.Nobody;
    private IActorRef _stopper = ActorRefs.Nobody;
    private readonly SortedSet<GroupId> _readers = [];      // groups whose tail here reads by its lease

    /// <summary>See <see cref="Props"/>.</summary>
    public ReplicationNode(ReplicationEnvironment environment, IReadOnlyList<GroupSettings> groups, ClientSettings client)
    {
        _environment = environment with { Store = new VolatileStore(environment.Store) };
        _client = client;
        _life = _started = environment.Clock.UtcNow.ToUnixTimeMilliseconds();      // higher than that of the process before
        foreach (var group in groups)
            _groups.Add(group.Id, group.Validated());
        if (groups.FirstOrDefault(g => g.Authority is ViewAuthority.Directory) is { } ruled && (!_groups.ContainsKey(GroupSettings.Directory) || environment.ViewAuthority is null))
            throw new ArgumentException($"group '{ruled.Id}': its views come from group '{GroupSettings.Directory}', which is not configured");
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>The actor of a node; create it at top level under <see cref="Name"/>, so that other nodes find its replicas.</summary>
    /// <exception cref="ArgumentException">A setting is out of range (as an ActorInitializationException when it starts).</exception>
    public static Props Props(ReplicationEnvironment environment, IReadOnlyList<GroupSettings> groups, ClientSettings client)
        => Akka.Actor.Props.Create(() => new ReplicationNode(environment, groups, client)).WithDispatcher(ActorsConfig.RelayDispatcher);

    /// <summary>The name of the actor at top level.</summary>
    public const string Name = "replication";

    /// <summary>The name of a group's replica under this actor.</summary>
    public static string ReplicaName(GroupId group) => $"g-{group}";

    /// <inheritdoc/>
    protected override void PreStart()
    {
        _writer = Context.ActorOf(StoreWriter.Props(_environment.Store, _environment.Clock).WithDispatcher(ActorsConfig.StoreDispatcher), "store");
        foreach (var (id, _) in _groups)
        {
            if (Holds(id))
                StartReplica(id);
            StartClient(id);
        }
    }

    private void OnStartGroup(GroupSettings group)
    {
        if (!_groups.TryAdd(group.Id, group))
            return;
        StartReplica(group.Id);
        StartClient(group.Id);
    }

    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(failure =>
    {
        _failures[Sender.Path.Name] = failure is ActorInitializationException { InnerException: { } inner } ? inner : failure;
        return Directive.Stop;
    });

    /// <inheritdoc/>
    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case NodeBeat m: OnNodeBeat(m); break;
            case ReplicationMessage m: ReplicaOf(m.Group).Tell(m, ActorRefs.NoSender); break;
            case StartGroup m: OnStartGroup(m.Settings); break;
            case ForClient m: _clients[m.Group].Tell(m.Message); break;
            case ForReplica m: ReplicaOf(m.Group).Tell(m.Message); break;
            case Rests m: OnRests(m); break;
            case Stirs m: _beats.Stir(m.Group); break;
            case BeatTick: OnBeatTick(); break;
            case ReadsByLease m: OnReadsByLease(m); break;
            case RenewTick: OnRenewTick(); break;
            case LeaseRenewed m: ReplicaOf(m.Group).Tell(m); break;
            case RoleChanged m: OnRoleChanged(m); break;
            case Terminated m: OnTerminated(m.ActorRef); break;
            case EndOfPause m when _groups[m.Group].IsLossy: Forget(m.Group); break;
            case EndOfPause m: StartReplica(m.Group); break;
            case StartAgain m: StartReplica(m.Group); break;
            case StoreFailed: break;        // no replica of this node goes on
            case PeerHint: ForwardToReplicas(message); break;
            case PrepareToStop: OnPrepareToStop(); break;
            case StopTimeout: OnStopTimeout(); break;
            default: Unhandled(message); break;
        }
    }

    private IActorRef ReplicaOf(GroupId group) => _replicas.GetValueOrDefault(group, ActorRefs.Nobody);

    // The directory lives on its members alone; any other group has a replica on each node that has it in its configuration, whether that node belongs to it or not.
    private bool Holds(GroupId group) => group != GroupSettings.Directory || _groups[group].InitialMembers.Contains(_environment.Node);

    private void StartReplica(GroupId group)
    {
        var settings = _groups[group];
        var environment = _environment with { Life = _life, Incarnation = settings.IsLossy ? Memory(group) : _environment.Incarnation };
        var props = settings.Authority is ViewAuthority.Self ? StarReplica.Props(environment, settings, _writer)
            : settings.Protocol is Protocol.Chain ? ChainReplica.Props(environment, settings, _writer, Authority())
            : DirectedStarReplica.Props(environment, settings, _writer, Authority());
        Context.Watch(_replicas[group] = Context.ActorOf(props.WithDispatcher(ActorsConfig.ReplicaDispatcher), ReplicaName(group)));
    }

    private Incarnation Memory(GroupId group)
    {
        if (!_memories.TryGetValue(group, out var memory))
            _memories.Add(group, memory = NewMemory(group));
        return memory;
    }

    // Never one that was there before: of another process by its start and seed, of this one by the count.
    private Incarnation NewMemory(GroupId group)
    {
        var name = $"{_environment.Incarnation} {group} {_started} {_environment.Seed} {_memoriesBegun++}";
        return new Incarnation(XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(name)));
    }

    /// <summary>A replica in memory that failed is a new member when it comes back: it begins with nothing (replication rules, 5.2 rule 11).</summary>
    private void Forget(GroupId group)
    {
        _memories.Remove(group);
        var (keys, writes) = (new GroupKeys(group, isVolatile: true), new WriteSet());
        foreach (var table in Enum.GetValues<Table>())
            writes.DeleteRange(table, keys.Begin, keys.End);
        _writer.Tell(new StoreWrite(writes, false, Self, new StartAgain(group)));
    }

    private IViewAuthority Authority()
    {
        var self = Self;
        return _environment.ViewAuthority!(message => self.Tell(new ForClient(GroupSettings.Directory, message), ActorRefs.NoSender));
    }

    // Calls that a failed client had were answered when it stopped; its successor opens a session of its own.
    private void StartClient(GroupId group)
    {
        var (nodes, home) = group == GroupSettings.Directory ? (_groups[group].InitialMembers, Holds(group) ? _environment.Node : default) : (_environment.Nodes, _environment.Node);
        var props = GroupClient.Props(group, nodes, home, _environment.Peers, _environment.Clock, _client);
        Context.Watch(_clients[group] = Context.ActorOf(props, $"c-{group}"));
    }

    // ---- Heartbeats for all groups that rest ----

    private TimeSpan Now => _environment.Clock.Elapsed;

    private void OnRests(Rests m)
    {
        foreach (var node in m.On)
            _beats.Rest(m.Group, node, m.Life, m.Limit, Now);
        if (m.Life == 0)
            ReplicaOf(m.Group).Tell(new RestUnder(_life));
        WakeBroken();
        if (_beats.Interval is not { } interval || (Timers.IsTimerActive(BeatTick.Instance) && interval >= _beatInterval))
            return;
        _beatInterval = interval;
        Timers.StartPeriodicTimer(BeatTick.Instance, BeatTick.Instance, TimeSpan.Zero, interval);
    }

    private void OnBeatTick()
    {
        if (_beats.Interval is null)
            Timers.Cancel(BeatTick.Instance);
        foreach (var (node, group) in _beats.Due)
            _environment.Peers.Replica(node, group).Tell(new NodeBeat(group, _environment.Node, _life), ActorRefs.NoSender);
        WakeBroken();
    }

    private void OnNodeBeat(NodeBeat m)
    {
        _beats.Heard(m.From, m.Life, Now);
        WakeBroken();
    }

    private void WakeBroken()
    {
        foreach (var (group, node, heardAt) in _beats.TakeBroken(Now))
            ReplicaOf(group).Tell(new WakeUp(node, heardAt));
    }

    // ---- The lease of this machine, for all its groups ----

    private void OnReadsByLease(ReadsByLease m)
    {
        if (m.Does)
            _readers.Add(m.Group);
        else
            _readers.Remove(m.Group);
        if (_readers.Count == 0)
            Timers.Cancel(RenewTick.Instance);
        else if (m.Does)
            Timers.StartPeriodicTimer(RenewTick.Instance, RenewTick.Instance, TimeSpan.Zero, ShortestLease / 3);       // one lost question costs no lease
    }

    private TimeSpan ShortestLease => _readers.Min(group => _groups[group].LeaseDuration);

    private void OnRenewTick()
    {
        var (self, askedAt, timeout) = (Self, Now, ShortestLease);
        foreach (var groups in _readers.Chunk(ReadEpochs.MaxGroups))
        {
            Authority().Ask(new ReadEpochs(groups), timeout, epochs =>
            {
                for (var i = 0; i < epochs?.Count; i++)
                    self.Tell(new LeaseRenewed(groups[i], epochs[i], askedAt), ActorRefs.NoSender);
            });
        }
    }

    private void OnRoleChanged(RoleChanged m)
    {
        if (m.Role is not ReplicaRole.Primary && _roles.GetValueOrDefault(m.Group) is ReplicaRole.Primary)
            _life++;
        _roles[m.Group] = m.Role;
        if (m.Role is ReplicaRole.Primary or ReplicaRole.Backup or ReplicaRole.Head or ReplicaRole.Middle or ReplicaRole.Tail)
            _pauses.Remove(m.Group);        // it works again
        StopWhenNothingIsLed();
    }

    private void OnTerminated(IActorRef child)
    {
        if (_clients.FirstOrDefault(c => c.Value.Equals(child)) is { Value: not null } client)
        {
            _failures.Remove(child.Path.Name, out var why);
            _logger.Error(why, "[{0}] client failed; a new one starts", client.Key);
            StartClient(client.Key);
            return;
        }

        OnReplicaTerminated(child);
    }

    private void OnReplicaTerminated(IActorRef replica)
    {
        var group = _replicas.First(r => r.Value.Equals(replica)).Key;
        _failures.Remove(replica.Path.Name, out var failure);
        _beats.Stir(group);
        _life++;
        OnReadsByLease(new ReadsByLease(group, false));
        if (failure is StoreFailedException or InvariantViolation)
        {
            _logger.Error("[{0}] replica out of service: {1}", group, failure.Message);
            _roles[group] = ReplicaRole.OutOfService;
            _replicas[group] = Context.ActorOf(RetiredReplica.Props(_environment, group, failure.Message), ReplicaName(group));
            StopWhenNothingIsLed();
            return;
        }

        if (failure is null)
        {
            StartReplica(group);        // it has taken a state over, and begins anew from that
            return;
        }

        var pause = _pauses.GetValueOrDefault(group, FirstPause);
        _pauses[group] = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        _roles[group] = ReplicaRole.Joining;
        if (failure is SupersededException)
            _logger.Warning("[{0}] {1}; it forgets everything and joins anew in {2} ms", group, failure.Message, pause.TotalMilliseconds);
        else
            _logger.Error(failure, "[{0}] replica failed; a new incarnation starts in {1} ms", group, pause.TotalMilliseconds);
        Timers.StartSingleTimer(group, new EndOfPause(group), pause);
    }

    private void ForwardToReplicas(object message)
    {
        foreach (var replica in _replicas.Values)
            replica.Tell(message);
    }

    private void OnPrepareToStop()
    {
        _stopper = Sender;
        foreach (var group in Led)
            ReplicaOf(group).Tell(new TransferRequest(group, _environment.Peers.AddressOf(Self), 0, default));

        Timers.StartSingleTimer(StopTimeout.Instance, StopTimeout.Instance, HandOverLimit);
        StopWhenNothingIsLed();
    }

    /// <summary>The groups that are led here and hand over; where views come from the directory nothing does.</summary>
    private IEnumerable<GroupId> Led => _roles.Where(r => r.Value is ReplicaRole.Primary && _groups[r.Key].Authority is ViewAuthority.Self).Select(r => r.Key);

    private void StopWhenNothingIsLed()
    {
        if (!_stopper.IsNobody() && !Led.Any())
            OnStopTimeout();
    }

    private void OnStopTimeout()
    {
        Timers.Cancel(StopTimeout.Instance);
        _stopper.Tell(ReadyToStop.Instance);
        _stopper = ActorRefs.Nobody;
    }

    private sealed record EndOfPause(GroupId Group) : INoSerializationVerificationNeeded;

    private sealed record StartAgain(GroupId Group) : INoSerializationVerificationNeeded;

    private sealed class BeatTick : INoSerializationVerificationNeeded
    {
        public static readonly BeatTick Instance = new();
    }

    private sealed class RenewTick : INoSerializationVerificationNeeded
    {
        public static readonly RenewTick Instance = new();
    }

    private sealed class StopTimeout : INoSerializationVerificationNeeded
    {
        public static readonly StopTimeout Instance = new();
    }
}

/// <summary>Stands in for a replica that is out of service: says why, and sends clients elsewhere. It votes for nobody and acknowledges nothing.</summary>
internal sealed class RetiredReplica(ReplicationEnvironment environment, GroupId group, string fault) : UntypedActor
{
    private readonly ReplicaMeter _meter = new(group, environment.Node);

    public static Props Props(ReplicationEnvironment environment, GroupId group, string fault)
        => Akka.Actor.Props.Create(() => new RetiredReplica(environment, group, fault));

    protected override void PreStart() => _meter.Role(ReplicaRole.OutOfService, default);

    protected override void PostStop() => _meter.End();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case StatusRequest m:
                var status = new ReplicaStatus(group, environment.Node, ReplicaRole.OutOfService, default, 0, 0, 0, default, [], [], fault, environment.Labels);
                environment.Peers.Client(m.ReplyTo).Tell(new StatusReply(group, m.Number, status));
                break;
            case AcceptLoss m:
                m.Complete($"the replica on {environment.Node} is out of service: {fault}");
                break;
            case Requests m:
                environment.Peers.Client(m.ReplyTo).Tell(new Redirect(group, environment.Node, default, 0, false));
                break;
        }
    }
}
