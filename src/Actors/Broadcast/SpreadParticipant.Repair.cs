using Actors.Membership;
using Akka.Event;

namespace Actors.Broadcast;

/// <summary>The part that makes up for what was lost: acknowledgements and repetition of best effort; digests, fetching and forgetting of the rest.</summary>
internal sealed partial class SpreadParticipant
{
    private const int MaxPulled = 512;                  // messages asked for at a time
    private const int MaxAnswerBytes = 512 << 10;       // of one answer

    private readonly SortedDictionary<long, Sent> _unacknowledged = [];         // best effort: own messages, by number
    private readonly SortedDictionary<ParticipantId, (TimeSpan AgainAt, long UpTo)> _asked = [];     // what was asked for last, of each life
    private int _freshSinceDigest;
    private TimeSpan _askedForHoldersAt;

    // ---- best effort over lossy links: every recipient acknowledges to the sender

    private void NoteSent(Item[] items)
    {
        var all = 0UL;
        foreach (var peer in Peers)
            all |= peer.Bit;
        foreach (var item in items)
            _unacknowledged.Add(item.Id.Sequence, new Sent(item, all, Now));
    }

    private void NoteAcknowledged(Peer peer, MessageId id)
    {
        if (id.Origin != Id || !_unacknowledged.TryGetValue(id.Sequence, out var sent))
            return;
        if (!sent.WasRepeated)
            peer.RoundTrip.Sample(Now - sent.At);
        sent.Missing &= ~peer.Bit;
        peer.IsCutOff = false;
        DropAcknowledged();
    }

    private void DropAcknowledged()
    {
        foreach (var done in _unacknowledged.Where(sent => sent.Value.Missing == 0).Select(sent => sent.Key).ToArray())
            _unacknowledged.Remove(done);
        _own.Forget(_unacknowledged.Count > 0 ? _unacknowledged.First().Key - 1 : _sequence - _outgoing.Count);
    }

    private void Repeat()
    {
        foreach (var peer in Peers)
        {
            if (IsLeftOut(peer))
            {
                foreach (var sent in _unacknowledged.Values)
                    sent.Missing &= ~peer.Bit;
                continue;
            }

            var bytes = 0L;
            var again = new List<Item>();
            foreach (var sent in _unacknowledged.Values.Where(sent => (sent.Missing & peer.Bit) != 0 && Now - sent.At >= peer.RoundTrip.Timeout))
            {
                if ((bytes += sent.Item.Payload.Length) > MaxAnswerBytes)
                    break;
                again.Add(sent.Item);
            }

            if (again.Count == 0)
                continue;
            foreach (var item in again)
                _unacknowledged[item.Id.Sequence].Repeat(Now);
            peer.RoundTrip.Expired();
            SendItems(peer, again, again: true);
        }

        DropAcknowledged();
        if (_own.Bytes > Settings.MaxBufferedBytes && Peers.FirstOrDefault(peer => peer.IsSuspected && !IsLeftOut(peer)) is { } suspected)
            suspected.IsCutOff = true;
    }

    // ---- digests

    private Digest DigestNow(bool asks) => new(Settings.Id, Id, asks, ExtentsNow());

    private IReadOnlyList<Extent> ExtentsNow() => [.. _streams.All.Where(stream => stream.Top > 0).Select(stream => stream.Extent)];

    private void OnDigestTick()
    {
        var candidates = Peers.Where(peer => !peer.IsSuspected).ToList();
        if (candidates.Count > 0)
            Send(candidates[Random.Next(candidates.Count)], DigestNow(asks: false));
        // Whoever has been silent for long may only have had nobody's turn: ask before it is left out.
        foreach (var peer in Peers.Where(peer => Now - peer.HeardAt > Settings.StabilityTimeout / 2))
            Send(peer, DigestNow(asks: true));
        Forget();
    }

    /// <summary>So that senders need not wait for a turn when many messages come.</summary>
    private void CountFresh(int count)
    {
        if (IsBestEffort || (_freshSinceDigest += count) < Settings.Window / 4)
            return;
        _freshSinceDigest = 0;
        SendToAll(DigestNow(asks: false));
    }

    private void OnDigest(Peer peer, Digest m)
    {
        Take(peer, m.Extents);
        if (m.Asks)
            Answer(peer);
        DeliverWhatIsReady();
        Forget();
    }

    /// <summary>That is what <paramref name="peer"/> has.</summary>
    private void Take(Peer peer, IReadOnlyList<Extent> extents)
    {
        foreach (var extent in extents)
        {
            if (extent.Origin.Node == Id.Node && extent.Origin.Incarnation > Id.Incarnation)
                throw new InvalidOperationException($"the wall clock stands before the start of this member's earlier life {extent.Origin}: its messages would be taken for old ones");
            if (StreamOf(extent.Origin) is not { } stream)
                continue;
            if (Math.Max(extent.Top, extent.UpTo) > stream.UpTo + Settings.Window)
                Refuse("too far ahead", extent);        // what is within the window is taken from it: this member may only be behind
            peer.Has[extent.Origin] = Math.Max(peer.Has.GetValueOrDefault(extent.Origin), extent.UpTo);
            stream.Announce(Math.Max(extent.Top, extent.UpTo), Now);
            if (Spec.IsUniform)
                _holdings.AddUpTo(extent.Origin, extent.UpTo, BitOfHolder(peer));
        }

        if (peer.IsCutOff)
            peer.IsCutOff = _streams.All.Any(stream => peer.Has.GetValueOrDefault(stream.Origin) < stream.Forgotten);
    }

    private void Answer(Peer peer)
    {
        Send(peer, DigestNow(asks: false));
        if (!Spec.IsUniform || !Counts)
            return;
        // A digest does not say what there is behind a gap, which nobody may ever fill; this was told once, to those who were there.
        foreach (var stream in _streams.All)
        {
            foreach (var ids in stream.BehindGap().Chunk(MaxPulled))
                Send(peer, new Received(Settings.Id, Id, ids));
        }
    }

    protected override void OnPeerChanged(Peer peer)
    {
        _lackedBy.Clear();      // it may be another life
        if (IsBestEffort)
        {
            // A new life begins after what is forgotten, whatever its earlier life had acknowledged. It is there, whatever the membership service says by then.
            if (!peer.Met && peer.Incarnation > 0)
            {
                if (_own.Forgotten > 0)
                    Send(peer, CutOf(_own));
                foreach (var sent in _unacknowledged.Values)
                    sent.Missing |= peer.Bit;
            }
        }
        else if (peer.IsSuspected)
        {
            SendToAll(DigestNow(asks: false));      // of what it sent last, some may know nothing
        }
        else
        {
            Send(peer, DigestNow(asks: true));
        }

        DeliverWhatIsReady();
    }

    // ---- fetching

    private void OnRepairTick()
    {
        if (IsAcknowledged)
            Repeat();
        MakeWhole();
        // Best effort over links that lose nothing: what is missing is on its way, and its sender has forgotten it.
        foreach (var stream in IsBestEffort && !IsAcknowledged ? [] : _streams.All)
        {
            GiveUpWhatIsLost(stream);
            if (stream.MissingSince is { } since)
            {
                Fetch(stream, since);
                continue;
            }

            _asked.Remove(stream.Origin);
            _lackedBy.Remove(stream.Origin);
        }

        DeliverWhatIsReady();

        if (Spec.IsUniform && _holdings.Oldest is { } oldest && Now - oldest > 4 * Settings.MinRetransmit && Now - _askedForHoldersAt > 4 * Settings.MinRetransmit)
        {
            _askedForHoldersAt = Now;
            SendToAll(DigestNow(asks: true));
        }
    }

    private void Fetch(MessageStream stream, TimeSpan missingSince)
    {
        if (SourceFor(stream) is not { } source)
            return;
        var due = _asked.TryGetValue(stream.Origin, out var asked) ? asked.AgainAt : missingSince + source.RoundTrip.Timeout;
        if (Now < due)
            return;
        var missing = stream.Missing(MaxPulled);
        if (missing.Count == 0)
            return;
        if (source.AskedAt is not null)
            source.RoundTrip.Expired();
        source.AskedAt = Now;
        _asked[stream.Origin] = (Now + source.RoundTrip.Timeout, missing[^1]);
        Send(source, new Pull(Settings.Id, Id, stream.Origin, missing));
    }

    /// <summary>Somebody who has said that it has what is missing first; otherwise the origin itself, or anybody. Who has said to lack it is asked when all have.</summary>
    private Peer? SourceFor(MessageStream stream)
    {
        var origin = Peers.FirstOrDefault(peer => peer.Node == stream.Origin.Node && peer.Incarnation == stream.Origin.Incarnation && !peer.IsSuspected);
        if (IsBestEffort)
            return origin;
        var any = Peers.Where(peer => !peer.IsSuspected && !Lacks(peer, stream)).ToList();
        if (any.Count == 0)
            any = [.. Peers.Where(peer => !peer.IsSuspected)];
        var having = any.Where(peer => peer.Has.GetValueOrDefault(stream.Origin) > stream.UpTo).ToList();
        if (having.Count > 0)
            return having[Random.Next(having.Count)];
        return origin ?? (any.Count > 0 ? any[Random.Next(any.Count)] : null);
    }

    private void OnPull(Peer peer, Pull m)
    {
        if (StreamOf(m.Origin) is not { } stream)
            return;
        if (m.Sequences.Any(sequence => sequence <= stream.Forgotten))
            Send(peer, CutOf(stream));
        var bytes = 0L;
        var items = new List<Item>();
        foreach (var sequence in m.Sequences)
        {
            if (stream.Find(sequence) is not { } item)
                continue;
            items.Add(item);
            if ((bytes += item.Payload.Length) > MaxAnswerBytes)
                break;
        }

        SendItems(peer, items, again: true);
        SayLacking(peer, stream, m.Sequences);
    }

    /// <summary>Something that was asked for has come; when all of it has and more is missing, that is asked for at once.</summary>
    private void OnAnswer(Peer peer)
    {
        if (peer.AskedAt is not { } asked)
            return;
        peer.RoundTrip.Sample(Now - asked);
        peer.AskedAt = null;
        foreach (var stream in _streams.All)
        {
            // An answer may come in parts: to ask after each of them would bring the same again and again.
            if (!_asked.TryGetValue(stream.Origin, out var last) || stream.UpTo < last.UpTo)
                continue;
            _asked.Remove(stream.Origin);
            if (stream.MissingSince is not null)
                Fetch(stream, TimeSpan.MinValue / 2);
        }
    }

    private Cut CutOf(MessageStream stream)
    {
        var delivered = Spec.Ordering.HasFlag(Ordering.Causal) ? _order.Delivered.ToList() : [];
        var upTo = delivered.Find(extent => extent.Origin == stream.Origin) is { UpTo: > 0 } asked ? asked.UpTo : stream.Forgotten;
        return new Cut(Settings.Id, Id, stream.Forgotten, [new Extent(stream.Origin, upTo, upTo), .. delivered.Where(extent => extent.Origin != stream.Origin)]);
    }

    private void OnCut(Peer peer, Cut m)
    {
        if (m.Extents.Count == 0 || StreamOf(m.Extents[0].Origin) is not { } asked)
            return;
        if (m.Forgotten <= asked.UpTo)
        {
            Refuse("a cut of what is not missing", asked.Origin);       // one that was asked for may only be late
            return;
        }

        if (TakesState && CoveredOf(asked.Origin) < m.Forgotten)
        {
            _lacksOnlyLost = false;
            NeedState(peer);        // it is asked for again, and told again, when the state is here
            return;
        }

        GoOnAfter(m.Extents);
        // Of the others it was only said that one member has delivered them: some may still have to get them, from those who have them.
        asked.Forget(m.Forgotten);

        DeliverWhatIsReady();
    }

    protected override void OnStateTaken(Peer from, LogPosition at, IReadOnlyList<Extent> delivered)
    {
        // Causal order: only after all of it is nothing missing that others follow from. FIFO order: what is not forgotten comes as a message too, as others may need it.
        if (Spec.Ordering.HasFlag(Ordering.Causal) && !_lacksOnlyLost)
            GoOnAfter(delivered);
        _lacksOnlyLost = false;
        DeliverWhatIsReady();
    }

    private void GoOnAfter(IReadOnlyList<Extent> extents)
    {
        foreach (var extent in extents)
        {
            if (extent.Origin != Id && StreamOf(extent.Origin) is { } stream)
                GoOnAfter(stream, extent.UpTo);
        }
    }

    private void GoOnAfter(MessageStream stream, long upTo)
    {
        if (upTo <= Math.Min(stream.UpTo, _order.DeliveredOf(stream.Origin)))
            return;
        foreach (var item in _holdings.TakeUpTo(stream.Origin, upTo))
            _order.Add(item);       // others have delivered it
        var missed = stream.Cut(upTo, Now) + _order.Skip(stream.Origin, upTo);
        if (missed > 0)
            Miss(stream.Origin, upTo, missed);
    }

    // ---- forgetting

    /// <summary>True for a member that nobody waits for: it crashed, has been silent for too long, or is so slow that it was cut off.</summary>
    private bool IsLeftOut(Peer peer) =>
        peer.IsCutOff || (Spec.Faults is FaultModel.CrashStop && peer.IsSuspected) || Now - peer.HeardAt > Settings.StabilityTimeout;

    /// <summary>True when one more own message may be on its way.</summary>
    private bool HasRoom()
    {
        if (IsBestEffort)
        {
            return _unacknowledged.Count + _outgoing.Count < Settings.Window
                || _unacknowledged.Values.Count(sent => Peers.Any(peer => !peer.IsSuspected && (sent.Missing & peer.Bit) != 0)) + _outgoing.Count < Settings.Window;
        }

        var slowest = _sequence;
        foreach (var peer in Peers)
        {
            if (!peer.IsSuspected && !IsLeftOut(peer))
                slowest = Math.Min(slowest, peer.Has.GetValueOrDefault(Id));
        }

        return _sequence - slowest < Settings.Window;
    }

    private void Forget()
    {
        if (ViewsChange && !IsMember)
            return;     // should it come back, the others may lack what it sent last
        foreach (var stream in _streams.All)
        {
            var everywhere = Math.Min(Math.Min(stream.UpTo, _order.DeliveredOf(stream.Origin)), _holdings.FirstOf(stream.Origin) - 1);
            foreach (var peer in Peers)
            {
                if (!IsLeftOut(peer))
                    everywhere = Math.Min(everywhere, peer.Has.GetValueOrDefault(stream.Origin));
            }

            stream.Forget(everywhere);
        }

        if (_streams.Bytes > Settings.MaxBufferedBytes && Peers.Where(peer => !IsLeftOut(peer)).MinBy(peer => peer.Has.Values.Sum()) is { } slowest)
        {
            Log.Warning("[{0}] {1} is cut off: {2} bytes wait for it, more than max-buffered-bytes", Settings.Id, slowest.Node, _streams.Bytes);
            slowest.IsCutOff = true;
            Forget();
        }
    }

    private sealed class Sent(Item item, ulong missing, TimeSpan at)
    {
        public Item Item { get; } = item;

        public ulong Missing { get; set; } = missing;

        public TimeSpan At { get; private set; } = at;

        public bool WasRepeated { get; private set; }

        public void Repeat(TimeSpan now) => (At, WasRepeated) = (now, true);
    }
}
