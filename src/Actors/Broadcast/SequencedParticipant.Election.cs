using Actors.Membership;
using Akka.Actor;
using Akka.Event;

namespace Actors.Broadcast;

/// <summary>The part that chooses sequencers, and keeps the present one heard.</summary>
internal sealed partial class SequencedParticipant
{
    protected override void OnFounded()
    {
        // Somebody must begin; should it not, the others do after their time.
        if (MayStand && !View!.IsFounding)
            StandSoon();
        else if (MayStand && Founders.Min(founder => founder.Node) == Id.Node)
            Stand();
        else
            PutElectionOff();
    }

    protected override void OnPeerChanged(Peer peer)
    {
        if (_followers.ContainsKey(peer.Node) && !peer.Met)
        {
            _followers[peer.Node] = new Follower { Next = _log.Last.Index + 1 };
            SendOrder(peer, evenIfNothing: true);
        }

        if (peer == _sequencer && (peer.IsSuspected || !peer.Met))
        {
            _sequencer = peer.IsSuspected ? _sequencer : null;
            StandSoon();
        }

        LeadWhenPromised();
    }

    /// <summary>Only who cannot have forgotten a promise may give one.</summary>
    private bool MayPromise => IsUniform ? Counts : Founders.Count > 0;

    /// <summary>Nor may anybody stand who lacks what one of the founders had when the group was founded anew.</summary>
    private bool MayStand => MayPromise && _log.Last >= View!.After;

    /// <summary>Crash-stop: only when the sequencer has crashed is there to be another one; silence means nothing.</summary>
    private bool IsSequencerGone => _sequencer is null || _sequencer.IsSuspected || IsUniform;

    private void OnHeartbeatTick()
    {
        if (_isSequencer)
        {
            foreach (var peer in Peers.Where(peer => Now - _followers[peer.Node].SentAt >= Settings.HeartbeatInterval))
                SendOrder(peer, evenIfNothing: true);
            ForgetAsSequencer();
            return;
        }

        if (_sequencer is not null && _unordered.Count > 0 && Now - _submittedAt >= _sequencer.RoundTrip.Timeout)
            SubmitAgain(_sequencer);
        if (MayStand && IsSequencerGone && Now >= _electionDueAt)
            Stand();
    }

    private void SubmitAgain(Peer sequencer)
    {
        sequencer.RoundTrip.Expired();
        _wasSubmittedAgain = true;
        _submitted = _log.OrderedOf(Id);
        _submittedAt = Now;
        Submit();
    }

    private void PutElectionOff() => _electionDueAt = Now + Settings.ElectionTimeout * (1 + Random.NextDouble());

    private void StandSoon() => _electionDueAt = Now + Settings.HeartbeatInterval * Random.NextDouble();

    private void Stand()
    {
        Enter(_epoch.Next(), sequencer: null);
        _promisedTo = Id.Node;
        _promises = 1UL << RankOf(Id.Node);
        PutElectionOff();
        SendToAll(new Propose(Settings.Id, Id, _epoch, _log.Last));
        LeadWhenPromised();
    }

    private void OnPropose(Peer peer, Propose m)
    {
        var isNew = m.Epoch > _epoch;
        if (isNew && IsUniform && _sequencer is { IsSuspected: false } && _sequencer != peer && Now - _heardSequencerAt < Settings.ElectionTimeout)
            return;     // it is well: who was cut off for a while must not unseat it
        if (isNew)
            Enter(m.Epoch, sequencer: null);
        var granted = (isNew || _promisedTo == peer.Node) && MayPromise && !_isSequencer && m.Last >= _log.Last && m.Last >= View!.After;
        if (granted)
        {
            _promisedTo = peer.Node;
            PutElectionOff();
        }
        else if (m.Last < _log.Last)
        {
            StandSoon();
        }

        Send(peer, new Promised(Settings.Id, Id, _epoch, granted));
    }

    private void OnPromised(Peer peer, Promised m)
    {
        if (m.Epoch > _epoch)
        {
            Enter(m.Epoch, sequencer: null);
            PutElectionOff();
            return;
        }

        if (!m.Granted || _promisedTo != Id.Node || _isSequencer || (IsUniform && !CountsAsFounder(peer)))
            return;
        _promises |= peer.Bit;
        LeadWhenPromised();
    }

    private void LeadWhenPromised()
    {
        if (_isSequencer || _promisedTo != Id.Node || _sequencer is not null)
            return;
        // Without uniformity a place is final with the first that has it: nobody who is there may be missing.
        var isEnough = IsUniform ? IsMajority(_promises) : Peers.All(peer => !peer.Met || peer.IsSuspected || (_promises & peer.Bit) != 0);
        if (isEnough)
            Lead();
    }

    private void Lead()
    {
        if (_epoch == Epoch.Zero)
            _epoch = _epoch.Next();
        _isSequencer = true;
        foreach (var peer in Peers)
            _followers[peer.Node] = new Follower { Next = _log.Last.Index + 1 };
        Log.Info("[{0}] {1} is the sequencer of epoch {2}", Settings.Id, Id.Node, _epoch);
        _log.Append(new Place(_epoch, null));
        _commitIsNews = true;
        Order();
    }

    /// <summary>The only door into an epoch.</summary>
    private void Enter(Epoch epoch, Peer? sequencer)
    {
        (_epoch, _sequencer, _isSequencer) = (epoch, sequencer, false);
        (_promisedTo, _promises) = (default, 0);
        (_submitted, _acknowledged) = (0, 0);
        _followers.Clear();
    }

    private void Follow(Peer sequencer, Epoch epoch)
    {
        if (epoch > _epoch || _sequencer != sequencer)
        {
            Enter(epoch, sequencer);
            QueueFlush(TimeSpan.Zero);      // all that is not delivered yet, before anything newer
        }

        _heardSequencerAt = Now;
        PutElectionOff();
    }

    /// <summary>What the sequencer knows of another member.</summary>
    private sealed class Follower
    {
        /// <summary>Its order is the sequencer's up to here.</summary>
        public long Match { get; set; }

        /// <summary>What is sent to it next.</summary>
        public long Next { get; set; }

        /// <summary>It has delivered up to here.</summary>
        public long Delivered { get; set; }

        public TimeSpan SentAt { get; set; }

        public TimeSpan? RewoundAt { get; set; }
    }

    private sealed class HeartbeatTick : INoSerializationVerificationNeeded
    {
        public static readonly HeartbeatTick Instance = new();
    }
}
