using Actors.Membership;

namespace Actors.Broadcast;

/// <summary>The part that makes a view whole: its members tell each other all that they have, and fetch what they lack of it.</summary>
internal sealed partial class SpreadParticipant
{
    private const int MaxBehindGaps = 512;      // a member with more of them waits until they are fewer

    private readonly SortedDictionary<NodeId, Present> _present = [];      // what each other member of the view had in it first
    private readonly SortedSet<NodeId> _haveAll = [];
    private bool _hasAll;
    private bool _isWhole = true;

    protected override bool IsWhole => _isWhole;

    protected override void OnView(GroupView? before)
    {
        var isOther = 0UL;      // lives that were not in the view before: what was known of an earlier one says nothing of them
        foreach (var member in View!.Members)
            isOther |= before?.Members.Contains(member) is true ? 0 : 1UL << RankOf(member.Node);
        _holdings.Drop(isOther);
        if (Counts)
            _holdings.AddToItems(1UL << RankOf(Id.Node));
        _present.Clear();
        _haveAll.Clear();
        _lackedBy.Clear();
        (_hasAll, _isWhole) = (View.IsFounding, View.IsFounding);
        MakeWhole();
        if (Counts && !_isWhole)
            TellAll(asks: true);
        DeliverWhatIsReady();
    }

    protected override void OnViewTick()
    {
        base.OnViewTick();
        if (Counts && !_isWhole)
            TellAll(asks: true);
    }

    private void TellAll(bool asks)
    {
        foreach (var peer in Peers)
            Tell(peer, asks);
    }

    private void Tell(Peer peer, bool asks)
    {
        MessageId[] behindGaps = [.. _streams.All.SelectMany(stream => stream.BehindGap()).Take(MaxBehindGaps + 1)];
        if (behindGaps.Length <= MaxBehindGaps)
            Send(peer, new Present(Settings.Id, Id, _hasAll, asks, ExtentsNow(), behindGaps));
    }

    private void OnPresent(Peer peer, Present m)
    {
        if (View is null || m.InView != View.Number)
        {
            SayHello(peer.Node, asks: View is null || m.InView > View.Number);
            return;
        }

        if (!CountsAsFounder(peer))
            return;
        Take(peer, m.Extents);
        foreach (var id in m.BehindGaps)
        {
            NoteHolder(peer, id);
            StreamOf(id.Origin)?.Announce(id.Sequence, Now);
        }

        _present.TryAdd(peer.Node, m);
        if (m.HasAll && _haveAll.Add(peer.Node))
            peer.IsCutOff = false;
        MakeWhole();
        if (m.Asks && Counts)
            Tell(peer, asks: false);
        DeliverWhatIsReady();
    }

    private void MakeWhole()
    {
        if (_isWhole || !Counts)
            return;
        if (!_hasAll && Peers.All(peer => _present.TryGetValue(peer.Node, out var present) && HasAllOf(present)))
        {
            _hasAll = true;
            TellAll(asks: true);
        }

        _isWhole = _hasAll && Peers.All(peer => _haveAll.Contains(peer.Node));
    }

    // A stream that is not there is that of a life which is not told apart any more.
    private bool HasAllOf(Present present) =>
        present.Extents.All(extent => _streams.Find(extent.Origin) is not { } stream || stream.UpTo >= extent.UpTo)
        && present.BehindGaps.All(id => _streams.Find(id.Origin) is not { } stream || stream.Contains(id.Sequence));
}
