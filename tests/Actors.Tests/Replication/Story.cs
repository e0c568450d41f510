using System.Text;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Client;
using Actors.Replication.KeyValue;
using Actors.Replication.Operations;
using Actors.TestKit;
using Akka.Actor;

namespace Actors.Tests.ReplicationTests;

/// <summary>An answer that may still be on its way.</summary>
internal sealed class Answer(Func<TimeSpan> now)
{
    private readonly TimeSpan _asked = now();

    public GroupReply? Reply { get; private set; }

    public TimeSpan Took { get; private set; }

    public bool HasCome => Reply is not null;

    public Outcome Outcome => Reply!.Value.Outcome;

    public void Complete(GroupReply reply)
    {
        Assert.Null(Reply);
        (Reply, Took) = (reply, now() - _asked);
    }
}

/// <summary>A simulated group with clients on its nodes, told what to do step by step. The group's invariants are checked throughout.</summary>
internal sealed class Story : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SimGroup _group;

    /// <param name="nodes">The initial members.</param>
    /// <param name="change">Other settings than the defaults.</param>
    /// <param name="spares">Nodes that have a replica too, and do not belong to the group.</param>
    /// <param name="directoryNodes">Members of the directory, if the group needs one.</param>
    /// <param name="hesitations">The share of queries in the middle of which whoever reads by a lease stops for a while.</param>
    public Story(int nodes, Func<GroupSettings, GroupSettings>? change = null, int spares = 0, int directoryNodes = 3, double hesitations = 0)
    {
        var wiring = new SimGroupOptions();
        Simulation = new Simulation(seed: 1, wiring.Apply());
        Simulation.HintFaults = new HintFaults { Missing = 1 };     // the group's own heartbeats must do, unless a story says otherwise
        var settings = new GroupSettings
        {
            Id = new GroupId("story"),
            InitialMembers = [.. Enumerable.Range(1, nodes).Select(i => new NodeId($"n{i}"))],
            MinInView = Math.Min(2, nodes),
            StateMachine = () => new KeyValueMachine(),
        };
        _group = new SimGroup(Simulation, change?.Invoke(settings) ?? settings, wiring, started: null, spares, directoryNodes) { Hesitations = hesitations };
        var invariants = wiring.Observer;
        wiring.Observer = message =>
        {
            invariants(message);
            Messages?.Invoke(message);
        };
    }

    public Simulation Simulation { get; }

    public GroupSettings Settings => _group.Settings;

    public Epoch Epoch => _group.Epoch;

    /// <summary>Sees every message that leaves a node.</summary>
    public Action<ReplicationMessage>? Messages { get; set; }

    public NodeId Primary => _group.Primary;

    public NodeId Backup => Backups[0];

    public IReadOnlyList<NodeId> Backups => [.. _group.Nodes.Where(n => n != Primary)];

    public SimNode Node(NodeId id) => Simulation.Node(id);

    /// <summary>Waits for the first primary and for a write that it answers.</summary>
    public Story Begin()
    {
        Simulation.RunUntil(() => !Primary.IsNone, Patience);
        Assert.Equal(Outcome.Ok, Ended(Put(Primary, "begin", "1")).Outcome);
        return this;
    }

    public Answer Put(NodeId at, string key, string value, string token = "", TimeSpan? timeout = null) =>
        Submit(at, new KeyValueCommand { Op = KeyValueOp.Put, Key = Encoding.UTF8.GetBytes(key), Value = Encoding.UTF8.GetBytes(value) }, token, timeout);

    public Answer Increment(NodeId at, string key, string token = "") =>
        Submit(at, new KeyValueCommand { Op = KeyValueOp.Increment, Key = Encoding.UTF8.GetBytes(key), Delta = 1 }, token, null);

    public Answer Get(NodeId at, string key, ReadMode mode = ReadMode.Linearizable, TimeSpan? timeout = null)
    {
        var answer = new Answer(() => Simulation.Now);
        _group.ClientOn(at)(new Query(KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Get, Key = Encoding.UTF8.GetBytes(key) }), mode, timeout, answer.Complete));
        return answer;
    }

    public string? Value(Answer got)
    {
        var result = KeyValueCodec.ReadGetReply(Ended(got).Reply!.Value);
        return result.Found ? Encoding.UTF8.GetString(result.Value.Span) : null;
    }

    /// <summary>What an application on <paramref name="at"/> has of the group.</summary>
    public GroupHandle Handle(NodeId at) => new(Settings.Id, _group.ClientOn(at), replica: null);

    /// <summary>Waits for <paramref name="answer"/>.</summary>
    public Answer Ended(Answer answer)
    {
        Simulation.RunUntil(() => answer.HasCome, Patience);
        return answer;
    }

    /// <summary>What a node's own replica says of itself, cut off or not.</summary>
    public ReplicaStatus Status(NodeId node) => Statuses(node).Single(s => s.Node == node);

    /// <summary>What the replicas that <paramref name="at"/> can reach say of themselves.</summary>
    public IReadOnlyList<ReplicaStatus> Statuses(NodeId at)
    {
        IReadOnlyList<ReplicaStatus>? statuses = null;
        _group.ClientOn(at)(new CollectStatus(TimeSpan.FromMilliseconds(100), s => statuses = s));
        Simulation.RunUntil(() => statuses is not null, Patience);
        return statuses!;
    }

    public string Transfer(NodeId at, NodeId target)
    {
        string? refusal = null;
        _group.ClientOn(at)(new Transfer(Primary, target, r => refusal = r));
        Simulation.RunUntil(() => refusal is not null, Patience);
        return refusal!;
    }

    /// <summary>Asks the primary to take <paramref name="node"/> in, or to do without it; its refusal, empty when that is committed.</summary>
    public string Change(NodeId node, bool join)
    {
        string? refusal = null;
        _group.ClientOn(Primary)(new ChangeMembers(Primary, node, join, r => refusal = r));
        Simulation.RunUntil(() => refusal is not null, Patience);
        return refusal!;
    }

    /// <summary>Tells a replica that the group goes on from it alone; its refusal, empty when it does.</summary>
    public string AcceptLoss(NodeId node, LogPosition last)
    {
        string? refusal = null;
        Node(node).Actor(ReplicationNode.Name).Tell(new ForReplica(Settings.Id, new AcceptLoss(last, r => refusal = r)), ActorRefs.NoSender);
        Simulation.RunUntil(() => refusal is not null, Patience);
        return refusal!;
    }

    /// <summary>Has an operation ordered, as an operator's client would.</summary>
    public Answer Operate(NodeId at, Operation operation)
    {
        var answer = new Answer(() => Simulation.Now);
        _group.ClientOn(at)(new Submit(operation.Encode(), default, null, answer.Complete, IsOperation: true));
        return answer;
    }

    /// <summary>Waits until every node is a member again and one of them leads.</summary>
    public void Whole() => Repeatedly(() =>
    {
        var statuses = Statuses(_group.Nodes.First(n => Node(n).IsUp));
        return statuses.Count == _group.Nodes.Count && statuses.All(s => s.Members.Count == _group.Nodes.Count && s.Learners.Count == 0 && s.Role is ReplicaRole.Primary or ReplicaRole.Backup or ReplicaRole.Head or ReplicaRole.Middle or ReplicaRole.Tail);
    });

    public void Repeatedly(Func<bool> until)
    {
        for (var i = 0; i < 300; i++)
        {
            if (until())
                return;
            Simulation.RunFor(TimeSpan.FromMilliseconds(100));
        }

        Assert.Fail("it did not happen within 30 s");
    }

    /// <summary>A client outside the group that shows every message.</summary>
    public RawClient Outside()
    {
        var received = new List<ReplicationMessage>();
        SimNodeContext? context = null;
        IActorRef? actor = null;
        Simulation.AddNode("outside", node =>
        {
            context = node;
            actor = SimulationTests.TestActors.Act(node, "raw", (_, message) => received.Add((ReplicationMessage)message));
        });
        return new RawClient(Simulation, Settings.Id, context!.Peers, context.Peers.AddressOf(actor!), received);
    }

    public void Dispose() => Simulation.Dispose();

    private Answer Submit(NodeId at, KeyValueCommand command, string token, TimeSpan? timeout)
    {
        var answer = new Answer(() => Simulation.Now);
        _group.ClientOn(at)(new Submit(KeyValueCodec.WriteCommand(command), Encoding.UTF8.GetBytes(token), timeout, reply =>
        {
            _group.OnAnswer(reply);
            answer.Complete(reply);
        }));
        return answer;
    }
}

/// <summary>Sends requests exactly as told, and keeps what comes back.</summary>
internal sealed class RawClient(Simulation simulation, GroupId group, IPeers peers, string address, List<ReplicationMessage> received)
{
    private Requests? _last;

    public IEnumerable<Reply> Replies => received.OfType<Replies>().SelectMany(r => r.Items);

    public IEnumerable<Redirect> Redirects => received.OfType<Redirect>();

    /// <summary>Sends <paramref name="requests"/> to the life of <paramref name="to"/> that was heard last.</summary>
    public void Send(NodeId to, LogPosition session, params IReadOnlyList<Request> requests)
    {
        _last = new Requests(group, address, (_last?.Number ?? 0) + 1, session, 1, requests) { Life = LifeOf(to) };
        Repeat(to);
    }

    /// <summary>A copy of the last message comes to <paramref name="to"/>.</summary>
    public void Repeat(NodeId to) => peers.Replica(to, group).Tell(_last!, ActorRefs.NoSender);

    private long LifeOf(NodeId node) => received.Select(m => m switch
    {
        Replies r when r.From == node => r.Life,
        Redirect r when r.From == node => r.Life,
        _ => 0,
    }).LastOrDefault(life => life != 0);

    public LogPosition Register(NodeId at)
    {
        Send(at, default, new Request(RequestKind.Register, 0, default, default));
        simulation.RunUntil(() => Replies.Any(r => r.Kind is RequestKind.Register), TimeSpan.FromSeconds(10));
        return Replies.First(r => r.Kind is RequestKind.Register).Session;
    }

    public static Request Increment(long sequence, string key) => new(
        RequestKind.Command, sequence, default, KeyValueCodec.WriteCommand(new KeyValueCommand { Op = KeyValueOp.Increment, Key = Encoding.UTF8.GetBytes(key), Delta = 1 }));
}
