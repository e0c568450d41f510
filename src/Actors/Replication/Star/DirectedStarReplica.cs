using Actors.Membership;
using Actors.Replication.Directed;
using Akka.Actor;

namespace Actors.Replication.Star;

/// <summary>One replica of a primary-backup group whose views come from the directory: the first of the view is the primary, nobody votes.</summary>
/// <remarks>
/// An entry is committed when every member of the view holds it durably; so each of them may be the next primary, and the last one that is left is enough to go on from
/// (replication rules, 5.1: Star × All × Directory). A primary leads an epoch in one life only: what it sent and did not hold durably itself, and what was asked in
/// its reads, says nothing to the life after it, which asks the directory for a later epoch.
/// </remarks>
internal sealed class DirectedStarReplica : DirectedReplica
{
    private readonly SortedDictionary<MemberId, Progress> _progress = [];      // of a primary: all others
    private readonly ReadQueue _reads = new();

    public DirectedStarReplica(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer, IViewAuthority authority) : base(environment, settings, writer, authority)
    {
    }

    public static Props Props(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer, IViewAuthority authority)
        => Akka.Actor.Props.Create(() => new DirectedStarReplica(environment, settings, writer, authority));

    private IEnumerable<Progress> Backups => _progress.Values.Where(p => _record!.View.IsMember(p.Id));

    /// <summary>While a member is in the view of this primary it follows no other one: what all of them have answered is as new as anything.</summary>
    protected override TimeSpan Age => Now - (_serving && IsHead ? Backups.Select(p => p.HeardAt).DefaultIfEmpty(Now).Min() : _freshAt);

    private void Primary(object message)
    {
        switch (message)
        {
            case Requests m when !IsCutOff: OnRequests(m); break;
            case Pump: OnPump(); break;
            case Appended m: OnAppended(m); break;
            case Mismatch m: OnMismatch(m); break;
            case FetchState m: OnFetchState(m); break;
            default: Common(message); break;
        }
    }

    private void Backup(object message)
    {
        switch (message)
        {
            case Append m: OnAppend(m); break;
            case AckDue: OnAckDue(); break;
            default: Common(message); break;
        }
    }

    // ---- Views ----

    protected override bool MayGoOn(GroupRecord record) => record.View.Members[0] != _self;

    // Whoever led the view that it knows cannot lead it again. If there is a later one already, the answer is that.
    protected override AuthorityRequest WayOn() => IsHead ? new ChangeView(_settings.Id, _record!.Epoch, _record.View) : base.WayOn();

    protected override void Unlink()
    {
        base.Unlink();
        _progress.Clear();
        foreach (var client in _reads.Clear().Distinct())
            Redirect(client, 0);
    }

    protected override void Link(GroupRecord record, bool isOld)
    {
        if (!IsHead)
        {
            _predecessor = record.View.Members[0];
            return;
        }

        foreach (var id in record.View.Members.Concat(record.View.Learners).Where(id => id != _self))
            _progress.Add(id, new Progress(id, _log.Last.Index + 1, new Lag(_settings, Now), Now));
    }

    protected override void Serve(GroupRecord record)
    {
        if (IsHead)
            Play(ReplicaRole.Primary, Primary);
        else
            Play(ReplicaRole.Backup, Backup);
    }

    protected override void Beat()
    {
        ShipToAll(greet: true);
        AdvanceReads();
        MeasureLag(_progress.Values);
    }

    protected override MemberId SilentFollower => _progress.Values.FirstOrDefault(IsSilent)?.Id ?? default;

    // ---- Entries ----

    private void OnPump()
    {
        _pumping = false;
        Save();
        var confirm = _reads.MayBegin(AnsweredByAll());
        if (confirm)
            _reads.Begin(_number);
        ShipToAll(greet: confirm);
        AdvanceReads();
    }

    private void ShipToAll(bool greet)
    {
        if (!MaySend)
            return;
        foreach (var progress in _progress.Values)
            Ship(progress, greet);
    }

    protected override void OnDurable()
    {
        AdvanceCommit();
        if (!_predecessor.IsNone)
            AcknowledgeSoon();
        Pursue();
    }

    protected override void OnAppended(Appended m)
    {
        if (!_progress.TryGetValue(m.From, out var progress))
            return;
        Note(progress, m);
        _suspected.Remove(m.From.Node);
        AdvanceCommit();
        AdvanceReads();
        if (MaySend)
            Ship(progress, greet: false);
        if (_serving)
            PromoteIfCaughtUp(progress);
    }

    protected override void OnMismatch(Mismatch m)
    {
        if (MaySend && _progress.TryGetValue(m.From, out var progress))
            GoBack(progress, m);
    }

    protected override void AdvanceCommit()
    {
        if (!_serving || !IsHead || !PromiseIsDurable)
            return;
        var index = Backups.Select(p => p.Match).Append(_log.Durable).Min();
        if (index > _commit)
            CommitAndAnswer(index);
    }

    // ---- Reads ----

    protected override Reply? QueueRead(Requests m, in Request request)
    {
        if (_reads.Count >= _settings.MaxPendingEntries)
            return Refused(m, request, Outcome.Overloaded, $"{_reads.Count} reads are waiting already");
        _reads.Add(_number, m.ReplyTo, request);
        PumpSoon();
        return null;
    }

    /// <summary>Every member has answered since the read came: one of them is in any later view, and would have joined that first. What earlier views committed must be applied here.</summary>
    private void AdvanceReads()
    {
        if (!_serving || _reads.Count == 0 || _commit < _entered)
            return;
        var answered = AnsweredByAll();
        foreach (var (client, items) in _reads.Answer(answered, request => ReadNow(request, TimeSpan.Zero)))
            SendReplies(client, 0, items);
        if (_reads.MayBegin(answered))
            PumpSoon();
    }

    private long AnsweredByAll() => Backups.Select(p => p.Answered).Append(long.MaxValue).Min();
}
