using Actors.Membership;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>The rare things that a good sweep of a replicated group sees, told from its messages and disks.</summary>
internal sealed class GroupSightings
{
    private const string Transferred = "a state was sent to the end";
    private const string Resumed = "a transfer went on where an earlier one had ended";
    private const string Promoted = "a learner became a member";
    private const string Kicked = "a member was kicked";
    private const string TooSlow = "a member that answered but lagged was kicked";
    private const string Removed = "a node was removed by an operator";
    private const string Joined = "a node was taken in by an operator";
    private const string DiskFull = "a full disk took a replica out of service";
    private const string GaveWay = "a primary with a stalled disk gave way";
    private const string CameBack = "a wiped node became a member again";
    private const string Truncated = "a log suffix was replaced";
    private const string SteppedDown = "a primary stepped down for lack of a quorum";
    private const string HandedOver = "a hand-over was done";
    private const string Repeated = "a command was answered twice";
    private const string Expired = "a session had expired";

    private const string ReadByLease = "a read was answered by a lease";
    private const string LeaseWasOver = "a lease had run out and the read waited for a confirmation";
    private const string LeaseEndedInPause = "a lease expired in a pause";

    private readonly Simulation _simulation;
    private readonly GroupSettings _settings;
    private readonly GroupKeys _keys;
    private readonly Dictionary<MemberId, (long Durable, TimeSpan At)> _advanced = [];     // the last acknowledgement of something new
    private readonly HashSet<(LogPosition Session, long Sequence)> _answered = [];
    private readonly Dictionary<Epoch, (MemberId Id, Life? Life)> _primaries = [];
    private readonly HashSet<(MemberId To, LogPosition Position)> _fresh = [];      // transfers that began with nothing
    private IReadOnlyList<NodeId> _belong = [];
    private readonly HashSet<long> _barriers = [];       // numbers of reads that asked for a round
    private TimeSpan _blockedUntil;                     // the latest long stop of a primary in the middle of a query
    private TakeOver? _takeOver;

    public GroupSightings(Simulation simulation, GroupSettings settings, GroupKeys keys)
    {
        (_simulation, _settings, _keys) = (simulation, settings, keys);
        string[] all = [Transferred, Resumed, Repeated, Expired, Removed, Joined];
        string[] ofPrimaryBackup = [Promoted, Kicked, TooSlow, GaveWay, CameBack, Truncated, SteppedDown, HandedOver, ReadByLease, LeaseWasOver, LeaseEndedInPause];
        simulation.Sometimes(DiskFull, () => simulation.Nodes.Any(node => node.Disk is { IsFull: true, HasFailed: true }));
        string[] ofChain = [.. all, ReadByLease];
        foreach (var name in settings.Protocol is Protocol.Chain ? ofChain : settings.Authority is ViewAuthority.Directory ? all : [.. all, .. ofPrimaryBackup])
            simulation.Sometimes(name);
    }

    /// <summary>A message leaves a node.</summary>
    public void OnMessage(ReplicationMessage message)
    {
        switch (message)
        {
            case Append m: OnAppend(m); break;
            case Appended m: OnAppended(m); break;
            case RequestVote { Pre: true } m: OnPreVote(m); break;
            case TakeOver m: _takeOver = m; break;
            case Requests m: OnRequests(m); break;
            case FetchState m: OnFetchState(m); break;
            case StateChunk m: OnStateChunk(m); break;
            case Replies m: OnReplies(m); break;
        }
    }

    /// <summary>The committed view changes.</summary>
    public void OnView(View before, View after)
    {
        foreach (var id in after.Members.Except(before.Members))
        {
            _simulation.Reached(Promoted);
            if (before.Members.Any(m => m.Node == id.Node && m.Incarnation != id.Incarnation))
                _simulation.Reached(CameBack);
        }

        OnNodes(before.Nodes);
        OnNodes(after.Nodes);
        if (before.Members.Any(m => after.Nodes.Contains(m.Node) && after.Members.All(a => a.Node != m.Node)))
            _simulation.Reached(Kicked);
        if (before.Members.Except(after.Members).Any(id => after.Nodes.Contains(id.Node) && after.Members.All(a => a.Node != id.Node) && _simulation.Now - _advanced.GetValueOrDefault(id).At < _settings.ElectionTimeout))
            _simulation.Reached(TooSlow);
    }

    /// <summary>These belong to the group from now on.</summary>
    public void OnNodes(IReadOnlyList<NodeId> nodes)
    {
        if (_belong.Except(nodes).Any())
            _simulation.Reached(Removed);
        if (_belong.Count > 0 && nodes.Except(_belong).Any())
            _simulation.Reached(Joined);
        _belong = nodes;
    }

    private void OnAppended(Appended m)
    {
        if (m.Durable > _advanced.GetValueOrDefault(m.From).Durable)
            _advanced[m.From] = (m.Durable, _simulation.Now);
    }

    private void OnAppend(Append m)
    {
        if (_primaries.TryAdd(m.Epoch, (m.From, _simulation.Node(m.From.Node).CurrentLife)) && _takeOver is { } order && order.To == m.From && order.Epoch.Next() == m.Epoch)
            _simulation.Reached(HandedOver);
        if (m.Entries.Count > 0 && !_simulation.Node(m.To.Node).Disk.IsRotten && new LogOnDisk(_simulation.Node(m.To.Node), _keys).At(m.Entries[0].Index) is { } there && there.Position < m.Entries[0].Position)
            _simulation.Reached(Truncated);
    }

    // Who led the epoch before the one it asks about, and was not restarted meanwhile, has given it up by itself.
    private void OnPreVote(RequestVote m)
    {
        var led = new Epoch(m.Epoch.Value - 1);
        if (_primaries.TryGetValue(led, out var last) && last.Id != m.From && last.Life is { IsDead: false, IsPaused: false } && _simulation.Now - _simulation.Node(last.Id.Node).Disk.SyncingSince >= _settings.KickAfter)
            _simulation.Reached(GaveWay);
        if (_primaries.TryGetValue(led, out var primary) && primary.Id == m.From && primary.Life == _simulation.Node(m.From.Node).CurrentLife)
            _simulation.Reached(SteppedDown);
    }

    private void OnFetchState(FetchState m)
    {
        if (m.Held is null && m.At.Key.IsEmpty)
            _fresh.Add((m.From, m.Position));
    }

    private void OnStateChunk(StateChunk m)
    {
        if (m.Next is null)
            _simulation.Reached(Transferred);
        if (m.SameAs is not null && !_fresh.Contains((m.To, m.Position)))
            _simulation.Reached(Resumed);
    }

    private void OnReplies(Replies m)
    {
        foreach (var reply in m.Items)
        {
            if (reply.Kind is RequestKind.Read)
                _simulation.Reached(ReadByLease);
            else if (reply.Kind is RequestKind.BarrierRead && _settings is { Reads: ReadGuard.Lease, Protocol: Protocol.PrimaryBackup } && !_barriers.Contains(reply.Sequence))
                OnLeaseOver(m.From);
            if (reply.Kind is not RequestKind.Command)
                continue;
            if (reply.Result.Outcome is Outcome.Expired)
                _simulation.Reached(Expired);
            else if (reply.Result.Outcome is Outcome.Ok && !_answered.Add((reply.Session, reply.Sequence)))
                _simulation.Reached(Repeated);
        }
    }

    private void OnRequests(Requests m)
    {
        foreach (var request in m.Items)
        {
            if (request.Kind is RequestKind.BarrierRead)
                _barriers.Add(request.Sequence);
        }
    }

    /// <summary>The primary has stopped for so long in the middle of a query, up to this moment.</summary>
    public void OnBlocked(TimeSpan duration)
    {
        if (duration >= _settings.LeaseDuration)
            _blockedUntil = _simulation.Now;
    }

    private void OnLeaseOver(NodeId primary)
    {
        _simulation.Reached(LeaseWasOver);
        var life = _simulation.Node(primary).CurrentLife;
        var resumed = new TimeSpan(Math.Max(life?.PausedUntil ?? 0, _blockedUntil.Ticks));
        if (resumed > TimeSpan.Zero && _simulation.Now - resumed < _settings.LeaseDuration)
            _simulation.Reached(LeaseEndedInPause);
    }
}
