using Actors.Delivery;
using Actors.Membership;
using Akka.Actor;

namespace Actors.Broadcast;

/// <summary>A member of a group without total order: sends, passes on, acknowledges, orders and delivers.</summary>
/// <remarks>
/// Cachin, Guerraoui and Rodrigues, chapter 3: best-effort, lazy and eager reliable, all-ack and majority-ack uniform broadcast. In place of a relay for each crash,
/// members that hold a message until all have it tell each other what they have, and whoever misses something fetches it (see the Repair part).
/// </remarks>
internal sealed partial class SpreadParticipant : Participant
{
    /// <summary>Bytes of payload in one message to a peer, unless one item alone has more.</summary>
    private const int MaxBatchBytes = 48 << 10;

    private readonly MessageStreams _streams;
    private readonly MessageStream _own;
    private readonly DeliveryOrder _order;
    private readonly Holdings _holdings = new();
    private readonly List<Item> _outgoing = [];                                 // own messages that leave at the next flush
    private readonly SortedDictionary<NodeId, List<MessageId>> _toAcknowledge = [];     // best effort: to their senders; uniform: to all, under this node's name
    private long _sequence;

    public SpreadParticipant(BroadcastEnvironment environment, BroadcastSettings settings, Lives lives) : base(environment, settings, lives)
    {
        _streams = new MessageStreams(Nodes, settings.Window);
        _own = _streams.Of(Id, out _)!;
        _order = new DeliveryOrder(settings.Spec.Ordering);
    }

    private BroadcastSpec Spec => Settings.Spec;

    private bool IsBestEffort => Spec.Reliability is Reliability.BestEffort;

    /// <summary>Best effort over links that lose messages: recipients acknowledge, the sender repeats.</summary>
    private bool IsAcknowledged => IsBestEffort && Spec.Faults is not FaultModel.CrashStop;

    private bool IsEager => Spec.Dissemination.Kind is DisseminationKind.Eager;

    protected override void PreStart()
    {
        base.PreStart();
        if (Peers.Count == 0 && !ViewsChange)
            return;
        if (!IsBestEffort)
            Timers.StartPeriodicTimer(DigestTick.Instance, DigestTick.Instance, Settings.DigestInterval * (0.5 + Random.NextDouble()), Settings.DigestInterval);
        Timers.StartPeriodicTimer(RepairTick.Instance, RepairTick.Instance, Settings.MinRetransmit);
    }

    protected override void OnMessage(Peer peer, BroadcastMessage message)
    {
        switch (message)
        {
            case Data m: OnData(peer, m); break;
            case Received m: OnReceived(peer, m); break;
            case Digest m: OnDigest(peer, m); break;
            case Pull m: OnPull(peer, m); break;
            case Cut m: OnCut(peer, m); break;
            case Lacking m: OnLacking(peer, m); break;
            case Present m: OnPresent(peer, m); break;
            default: Refuse("not of this group's order", message.GetType().Name); break;
        }
    }

    protected override void OnOther(object message)
    {
        switch (message)
        {
            case DigestTick: OnDigestTick(); break;
            case RepairTick: OnRepairTick(); break;
            default: Unhandled(message); break;
        }
    }

    protected override (LogPosition At, IReadOnlyList<Extent> Delivered) Standing => (default, [.. _order.Delivered]);

    protected override void OnFounded()
    {
        // Of what waits this member is a holder now; what was known of lives that founded the group before says nothing of these.
        _holdings.Drop(ulong.MaxValue);
        if (Counts)
            _holdings.AddToItems(1UL << RankOf(Id.Node));
        DeliverWhatIsReady();
    }

    protected override MessageId? Broadcast(ReadOnlyMemory<byte> payload)
    {
        if (!HasRoom())
            return null;
        var item = new Item(new MessageId(Id, ++_sequence), _order.TakeDependencies(Id), payload);
        _outgoing.Add(item);
        QueueFlush(Settings.BatchDelay);
        return item.Id;
    }

    protected override void Flush()
    {
        Acknowledge();
        if (_outgoing.Count > 0)
        {
            Item[] items = [.. _outgoing];
            _outgoing.Clear();
            foreach (var item in items)
                _own.Add(item, hold: !IsBestEffort || IsAcknowledged, Now);
            SendOwn(items);
            foreach (var item in items)
                TakeIn(item, from: null);
        }

        DeliverWhatIsReady();
    }

    private void SendOwn(Item[] items)
    {
        IEnumerable<Peer> receivers = Spec.Dissemination.Kind is DisseminationKind.Tree ? ChildrenIn(Id.Node) : Peers;
        foreach (var peer in receivers)
            SendItems(peer, items, again: false);
        if (IsAcknowledged)
            NoteSent(items);
        else if (IsBestEffort)
            _own.Forget(_sequence);     // links lose nothing: nobody will ask for it
    }

    private void OnData(Peer peer, Data m)
    {
        var fresh = new List<Item>();
        foreach (var item in m.Items)
        {
            if (item.Payload.Length > Settings.MaxMessageBytes)
            {
                Refuse("too long", item.Id);
                continue;
            }

            if (StreamOf(item.Id.Origin) is not { } stream)
                continue;
            if (_order.WaitingOf(item.Id.Origin) >= Settings.Window)
            {
                Refuse("too many wait for what goes before them", item.Id);
                continue;
            }

            switch (stream.Add(item, hold: !IsBestEffort, Now))
            {
                case Arrival.New:
                    fresh.Add(item);
                    break;
                case Arrival.Duplicate:
                    CountDuplicate();
                    OnDuplicate(peer, item.Id);
                    break;
                case Arrival.TooFar:
                    Refuse("too far ahead", item.Id);
                    stream.Announce(item.Id.Sequence, Now);
                    break;
            }
        }

        if (m.Again)
            OnAnswer(peer);
        // Before anything is delivered: whoever delivers has passed it on.
        if (!m.Again && fresh.Count > 0)
            PassOn(peer, fresh);
        foreach (var item in fresh)
        {
            TakeIn(item, peer);
            AcknowledgeLater(item.Id, wasPassedOn: !m.Again && IsEager);
        }

        DeliverWhatIsReady();
        CountFresh(fresh.Count);
    }

    private void PassOn(Peer source, List<Item> items)
    {
        if (IsEager)
        {
            // Of uniform broadcast the copy is the acknowledgement, so the source gets it too.
            foreach (var peer in Peers.Where(peer => peer != source || Spec.IsUniform))
                SendItems(peer, items, again: false);
        }
        else if (Spec.Dissemination.Kind is DisseminationKind.Tree)
        {
            foreach (var origin in items.GroupBy(item => item.Id.Origin.Node))
            {
                foreach (var child in ChildrenIn(origin.Key))
                    SendItems(child, [.. origin], again: false);
            }
        }
    }

    /// <summary>The children of this member in the tree whose root is <paramref name="root"/>: the members by name, those before the root behind the others. None when the root is no member any more.</summary>
    private IEnumerable<Peer> ChildrenIn(NodeId root)
    {
        var members = Members.ToList();
        var (count, first, here, degree) = (members.Count, members.IndexOf(root), members.IndexOf(Id.Node), Spec.Dissemination.Degree);
        if (first < 0 || here < 0)
            yield break;
        var place = (here - first + count) % count;
        for (var child = (long)place * degree + 1; child <= (long)place * degree + degree && child < count; child++)
        {
            var node = members[(int)((first + child) % count)];
            yield return Peers.First(peer => peer.Node == node);
        }
    }

    /// <summary>A message that was not here before; from here on it is on its way to its delivery.</summary>
    private void TakeIn(Item item, Peer? from)
    {
        if (!Spec.IsUniform)
        {
            _order.Add(item);
            return;
        }

        // Where views change a copy does not say in which of them its origin was: that must speak for itself.
        var origin = ViewsChange ? null : Peers.FirstOrDefault(peer => peer.Node == item.Id.Origin.Node && peer.Incarnation == item.Id.Origin.Incarnation);
        _holdings.Add(item, BitOfHolder(from) | BitOf(origin) | (Counts ? 1UL << RankOf(Id.Node) : 0), Now);
    }

    private void OnReceived(Peer peer, Received m)
    {
        foreach (var id in m.Ids)
        {
            if (IsAcknowledged)
                NoteAcknowledged(peer, id);
            else
                NoteHolder(peer, id);
        }

        DeliverWhatIsReady();
    }

    private void OnDuplicate(Peer peer, MessageId id)
    {
        if (Spec.IsUniform)
            NoteHolder(peer, id);
        if (IsAcknowledged)
            AcknowledgeLater(id, wasPassedOn: false);
    }

    private void NoteHolder(Peer peer, MessageId id)
    {
        if (!Spec.IsUniform || StreamOf(id.Origin) is not { } stream)
            return;
        if (id.Sequence > stream.UpTo + Settings.Window)
        {
            Refuse("too far ahead", id);
            return;
        }

        if (stream.Contains(id.Sequence) && !_holdings.Has(id))
            return;     // enough had it before
        _holdings.Add(id, BitOfHolder(peer), Now);
        stream.Announce(id.Sequence, Now);
    }

    private void AcknowledgeLater(MessageId id, bool wasPassedOn)
    {
        NodeId to;
        if (IsAcknowledged && id.Origin.Node != Id.Node)
            to = id.Origin.Node;
        else if (Spec.IsUniform && Counts && !wasPassedOn)
            to = Id.Node;
        else
            return;
        if (!_toAcknowledge.TryGetValue(to, out var ids))
            _toAcknowledge.Add(to, ids = []);
        ids.Add(id);
        QueueFlush(TimeSpan.Zero);
    }

    private void Acknowledge()
    {
        foreach (var (to, ids) in _toAcknowledge)
        {
            var received = new Received(Settings.Id, Id, [.. ids]);
            if (to == Id.Node)
                SendToAll(received);
            else
                Send(Peers.First(peer => peer.Node == to), received);
        }

        _toAcknowledge.Clear();
    }

    private void DeliverWhatIsReady()
    {
        if (Spec.IsUniform && !_holdings.IsEmpty && Founders.Count > 0)
        {
            foreach (var item in _holdings.TakeReady(IsEnough))
                _order.Add(item);
        }

        while (_order.Next() is { } item)
        {
            if (item.IsLost)
                Miss(item.Id.Origin, item.Id.Sequence, 1);
            else
                Deliver(item);
        }
    }

    /// <summary>True when so many have a message that it cannot be lost any more.</summary>
    private bool IsEnough(ulong members)
    {
        if (ViewsChange && !IsMember)
            return false;
        if (Spec.Acknowledgement is Acknowledgement.Majority)
            return IsMajority(members);
        var needed = Counts ? 1UL << RankOf(Id.Node) : 0;
        foreach (var peer in Peers)
            needed |= peer.IsSuspected ? 0 : BitOf(peer);
        return (members & needed) == needed;
    }

    /// <summary>The bit of a member that counts.</summary>
    private ulong BitOf(Peer? peer) => peer is not null && CountsAsFounder(peer) ? peer.Bit : 0;

    /// <summary>The same for one that says that it has a message. The word of a member that is in a later view does not count here: it may have come to have the message in that.</summary>
    private ulong BitOfHolder(Peer? peer) => peer is not null && IsAhead(peer) ? 0 : BitOf(peer);

    /// <summary>The stream of <paramref name="origin"/>; null, and counted, for a life that is not told apart any more.</summary>
    private MessageStream? StreamOf(ParticipantId origin)
    {
        var stream = _streams.Of(origin, out var dropped);
        if (dropped is { } gone)
        {
            Refuse("more lives of a member than are told apart", gone);
            _order.Remove(gone);
            foreach (var peer in Peers)
                peer.Has.Remove(gone);
            _holdings.TakeUpTo(gone, long.MaxValue);
            _lackedBy.Remove(gone);
        }

        if (stream is null)
            Refuse(RankOf(origin.Node) < 0 ? "not a member" : "an old incarnation", origin);
        return stream;
    }

    private void SendItems(Peer peer, IReadOnlyList<Item> items, bool again)
    {
        var batch = new List<Item>();
        var bytes = 0;
        foreach (var item in items)
        {
            if (batch.Count > 0 && bytes + item.Payload.Length > MaxBatchBytes)
            {
                Send(peer, new Data(Settings.Id, Id, again, batch));
                (batch, bytes) = ([], 0);
            }

            batch.Add(item);
            bytes += item.Payload.Length + BytesOfHead(item);
        }

        if (batch.Count > 0)
            Send(peer, new Data(Settings.Id, Id, again, batch));
    }

    private static int BytesOfHead(Item item) => (1 + item.After.Count) * 96;     // at most: a name of 64 bytes, and numbers

    private sealed class DigestTick : INoSerializationVerificationNeeded
    {
        public static readonly DigestTick Instance = new();
    }

    private sealed class RepairTick : INoSerializationVerificationNeeded
    {
        public static readonly RepairTick Instance = new();
    }
}
