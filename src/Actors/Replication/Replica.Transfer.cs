using Actors.Membership;
using Actors.Replication.Transfer;
using Actors.Storage;
using Akka.Actor;
using Akka.Event;

namespace Actors.Replication;

/// <summary>The log is cut below what the stored state covers; whoever lacks what was cut is sent the state.</summary>
internal abstract partial class Replica
{
    protected readonly SortedDictionary<MemberId, (IActorRef Actor, StateOffer Offer)> _senders = [];      // of a primary
    protected (IActorRef Actor, StateOffer? Offer) _receiver = (ActorRefs.Nobody, null);

    // ---- Cutting ----

    // A transfer that is under way needs the log from its position on.
    protected void CutLog()
    {
        if (_genesis.IsEmpty)
            return;
        var covered = Math.Min(Math.Min(_applier.FlushedIndex, _commit), KeptFrom);     // the state of a lossy group's primary may be ahead
        foreach (var (_, offer) in _senders.Values)
            covered = Math.Min(covered, offer.Position.Index);
        _log.Cut(covered);
        Save();
    }

    /// <summary>The log after this index is kept, for somebody who gets the state up to there from another replica.</summary>
    protected virtual long KeptFrom => long.MaxValue;

    // ---- Primary ----

    /// <summary>Tells a replica whose log ends before this one begins to fetch the state; repeated by every heartbeat until it has it.</summary>
    protected virtual void OfferState(Progress progress)
    {
        progress.LacksState = true;
        OfferState(progress.Id);
    }

    protected void OfferState(MemberId to)
    {
        if (!_senders.TryGetValue(to, out var sender))
        {
            var keys = _keys.State(_log.Base.Generation);
            var snapshot = _environment.Store.Snapshot();
            var (position, _, _) = Applier.ReadStamp(snapshot.Scan(Table.State, keys.Of(Applier.PositionKey), keys.End).First().Value);
            var offer = new StateOffer(_settings.Id, _promise.Epoch, _self, to, position, _genesis);
            var (peers, group, node) = (_environment.Peers, _settings.Id, to.Node);
            sender = (Context.ActorOf(StateSender.Props(snapshot, keys, offer, _settings.TransferChunkBytes, chunk => peers.Replica(node, group).Tell(chunk, ActorRefs.NoSender))), offer);
            _senders.Add(to, sender);
            _logger.Info("[{0}] {1} lacks what is cut from the log; offering it the state at {2}", _settings.Id, to, position);
        }

        Send(to.Node, sender.Offer);
    }

    protected void OnFetchState(FetchState m)
    {
        if (_senders.TryGetValue(m.From, out var sender))
            sender.Actor.Tell(m);
    }

    protected void EndTransferTo(Progress progress)
    {
        progress.LacksState = false;
        StopSender(progress.Id);
    }

    protected void StopSender(MemberId receiver)
    {
        if (_senders.Remove(receiver, out var sender))
            Context.Stop(sender.Actor);
    }

    protected void StopSenders()
    {
        foreach (var (actor, _) in _senders.Values)
            Context.Stop(actor);
        _senders.Clear();
    }

    // ---- Receiver ----

    /// <summary>True for a replica whose state is good enough.</summary>
    protected virtual bool MayOffer(MemberId from) => from.Node == Source;

    protected void OnStateOffer(StateOffer m)
    {
        if (m.To != _self || !MayOffer(m.From) || m.Position.Index <= _commit || (_receiver.Offer is { } present && present.Position == m.Position && present.From == m.From))
            return;
        StopReceiver();
        _logger.Info("[{0}] {1} fetches the state at {2} from {3}", _settings.Id, _environment.Node, m.Position, m.From.Node);
        var (peers, group, from) = (_environment.Peers, _settings.Id, m.From.Node);
        var actor = Context.ActorOf(StateReceiver.Props(
            _environment.Store, _writer, _keys.State(OtherGeneration), m, _settings, _environment.Clock, fetch => peers.Replica(from, group).Tell(fetch, ActorRefs.NoSender)));
        _receiver = (actor, m);
    }

    protected void OnStateChunk(StateChunk m)
    {
        if (m.To == _self)
            _receiver.Actor.Tell(m);
    }

    protected void StopReceiver()
    {
        if (_receiver.Offer is not null)
            Context.Stop(_receiver.Actor);
        _receiver = (ActorRefs.Nobody, null);
    }

    protected byte OtherGeneration => (byte)(1 - _log.Base.Generation);

    /// <summary>The state is here: one atomic write puts it in the place of log and state as they were, and a new incarnation starts from that.</summary>
    protected void OnStateReceived(StateReceived m)
    {
        if (m.Offer != _receiver.Offer)
            return;
        StopReceiver();
        var (received, used) = (_keys.State(OtherGeneration), _keys.State(_log.Base.Generation));
        var (position, hash, timestamp) = Applier.ReadStamp(_environment.Store.Get(Table.State, received.Of(Applier.PositionKey))
            ?? throw new InvariantViolation($"the state received from {m.Offer.From} does not say where it stands"));
        InvariantViolation.Require(position == m.Offer.Position, $"{m.Offer.From} offered the state at {m.Offer.Position} and sent the one at {position}");
        if (position.Index <= _commit)
            return;     // the log has come that far meanwhile

        Save();
        var writes = new WriteSet();
        writes.DeleteRange(Table.Log, _keys.Entry(0), _keys.Entry(long.MaxValue));
        writes.DeleteRange(Table.State, used.Of([]), used.End);
        writes.Put(Table.Meta, _keys.Base, new LogBase(position, hash, timestamp, OtherGeneration).Encode());
        writes.Put(Table.Meta, _keys.Genesis, m.Offer.Genesis);
        writes.Put(Table.Meta, _keys.Membership, new MembershipRecord(_self, position.Index, _leftOutBy).Encode());
        ChangeOver(writes, () => { });
    }

    /// <summary>Puts <paramref name="writes"/> in the place of what this incarnation stands on: it does nothing more, and ends when they are durable; the next one starts from them.</summary>
    protected void ChangeOver(WriteSet writes, Action done)
    {
        _writer.Tell(new StoreWrite(writes, true, Self, new ChangedOver(done)));
        Timers.CancelAll();
        _table = ChangingOver;
    }

    private void ChangingOver(object message)
    {
        switch (message)
        {
            case ChangedOver m: m.Done(); Context.Stop(Self); break;
            case StoreFailed m: throw new StoreFailedException(m.Reason);
            case StatusRequest m: OnStatusRequest(m); break;
        }
    }

    private sealed record ChangedOver(Action Done) : INoSerializationVerificationNeeded;
}
