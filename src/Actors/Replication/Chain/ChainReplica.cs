using Actors.Membership;
using Actors.Replication.Directed;
using Akka.Actor;

namespace Actors.Replication.Chain;

/// <summary>One link of a chain: the head orders, each link makes durable and forwards, the tail commits and answers.</summary>
/// <remarks>
/// van Renesse and Schneider, OSDI 2004. Its views are those of every <see cref="DirectedReplica"/>. This file holds the tables and the wiring;
/// <c>ChainReplica.Links.cs</c> what runs along the chain, <c>ChainReplica.Lease.cs</c> how the tail reads without asking, <c>ChainReplica.Transfer.cs</c> who sends a new tail the state.
/// </remarks>
internal sealed partial class ChainReplica : DirectedReplica
{
    private MemberId _successor;        // none at the tail of a chain without a learner
    private Progress? _down;            // what is known of the successor; null while there is none
    private bool _greeted;              // the successor was sent to in this view

    public ChainReplica(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer, IViewAuthority authority) : base(environment, settings, writer, authority)
    {
    }

    public static Props Props(ReplicationEnvironment environment, GroupSettings settings, IActorRef writer, IViewAuthority authority)
        => Akka.Actor.Props.Create(() => new ChainReplica(environment, settings, writer, authority));

    protected override TimeSpan Age => _serving && IsHead && IsTail ? TimeSpan.Zero : Now - _freshAt;

    private bool IsTail => _record?.View.Members[^1] == _self;

    // ---- Tables ----

    private void Head(object message)
    {
        switch (message)
        {
            case Requests m when !IsCutOff: OnRequests(m); break;
            case Pump: OnPump(); break;
            case Appended m: OnAppended(m); break;
            case Mismatch m: OnMismatch(m); break;
            case FetchState m: OnFetchState(m); break;
            case ReadsPassed m: OnReadsPassed(m); break;
            default: Common(message); break;
        }
    }

    // A tail gets the same: what differs is what it does when something is durable or passes.
    private void Middle(object message)
    {
        switch (message)
        {
            case Append m: OnAppend(m); break;
            case AckDue: OnAckDue(); break;
            case PassReads m: OnPassReads(m); break;
            case Requests m when IsTail: OnRequestsAtTail(m); break;
            case LendState m: OnLendState(m); break;
            case Appended m: OnAppended(m); break;
            case Mismatch m: OnMismatch(m); break;
            case FetchState m: OnFetchState(m); break;
            default: Common(message); break;
        }
    }

    protected override void Common(object message)
    {
        switch (message)
        {
            case LeaseRenewed m: OnLeaseRenewed(m); break;
            default: base.Common(message); break;
        }
    }

    // ---- Wiring ----

    protected override void Unlink()
    {
        if (_serving)
            Context.Parent.Tell(new ReadsByLease(_settings.Id, false));
        (_successor, _down, _greeted, _leaseUntil) = (default, null, false, TimeSpan.Zero);
        base.Unlink();
        ForgetReads();
    }

    /// <summary>A learner stands behind the tail.</summary>
    protected override void Link(GroupRecord record, bool isOld)
    {
        List<MemberId> line = [.. record.View.Members, .. record.View.Learners];
        var place = line.IndexOf(_self);
        _predecessor = place > 0 ? line[place - 1] : default;
        _successor = place + 1 < line.Count ? line[place + 1] : default;
        _down = _successor.IsNone ? null : new Progress(_successor, _log.Durable + 1, new Lag(_settings, Now), Now);
        if (IsTail && (isOld || !record.View.IsMember(record.Reader)))
            BeSilentForALease();        // whether the life before has waited is not known
    }

    protected override void Serve(GroupRecord record)
    {
        if (IsHead)
            Play(ReplicaRole.Head, Head);
        else if (IsTail)
            Play(ReplicaRole.Tail, Middle);
        else
            Play(ReplicaRole.Middle, Middle);
        if (UsesLeases && IsTail)
            Context.Parent.Tell(new ReadsByLease(_settings.Id, true));
    }

    protected override void Beat()
    {
        GiveUpLostBatch();
        Forward(greet: true);
        AdvanceCommit();        // it may have been silent for a lease
    }

    protected override MemberId SilentFollower => _down is not null && IsSilent(_down) ? _successor : default;
}
