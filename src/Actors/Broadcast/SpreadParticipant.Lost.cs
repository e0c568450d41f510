namespace Actors.Broadcast;

/// <summary>The part that gives up what is lost: what nobody has any more although somebody went on after it.</summary>
/// <remarks>
/// Who took a state, or was told of a cut in causal order, counts as having messages that it never had. When those that had them have crashed, the others miss them for ever, and with them
/// all that follows. So who is asked for messages of a life that is over says which of them it lacks. When every member has said that of one, and all hear the same lives, it is lost:
/// a member takes messages from these lives alone, and the first of them to get it after its word would need another one that has it.
/// </remarks>
internal sealed partial class SpreadParticipant
{
    private readonly SortedDictionary<ParticipantId, Dictionary<long, ulong>> _lackedBy = [];   // which members have said so, of what is missing here; since a life or the view changed
    private bool _lacksOnlyLost;        // the state is asked for as something is lost: all the rest can be had as messages

    private bool HasLeft(ParticipantId life) => !Members.Contains(life.Node) || IsOver(life);

    private bool Lacks(Peer peer, MessageStream stream) => (LackedBy(stream, stream.UpTo + 1) & peer.Bit) != 0;

    private ulong LackedBy(MessageStream stream, long sequence) => _lackedBy.TryGetValue(stream.Origin, out var lacked) ? lacked.GetValueOrDefault(sequence) : 0;

    private void SayLacking(Peer peer, MessageStream stream, IReadOnlyList<long> asked)
    {
        if (!HasLeft(stream.Origin))
            return;
        long[] lacking = [.. asked.Where(sequence => sequence > stream.Forgotten && stream.Find(sequence) is null)];
        if (lacking.Length > 0)
            Send(peer, new Lacking(Settings.Id, Id, stream.Origin, lacking, Heard));
    }

    private void OnLacking(Peer peer, Lacking m)
    {
        if (_streams.Find(m.Origin) is not { } stream || !HasLeft(m.Origin) || !m.Lives.SequenceEqual(Heard))
            return;
        if (!_lackedBy.TryGetValue(m.Origin, out var lacked))
            _lackedBy.Add(m.Origin, lacked = []);
        foreach (var sequence in m.Sequences.Where(stream.IsMissing))
            lacked[sequence] = lacked.GetValueOrDefault(sequence) | peer.Bit;
        OnAnswer(peer);
    }

    private void GiveUpWhatIsLost(MessageStream stream)
    {
        if (!_lackedBy.TryGetValue(stream.Origin, out var lacked))
            return;
        foreach (var sequence in stream.Missing(MaxPulled))
        {
            if (Peers.FirstOrDefault(peer => peer.Has.GetValueOrDefault(stream.Origin) >= sequence) is not { } ahead || Peers.Any(peer => (lacked.GetValueOrDefault(sequence) & peer.Bit) == 0))
                continue;
            if (TakesState && CoveredOf(stream.Origin) < sequence)
            {
                if (LacksState)
                    return;
                _lacksOnlyLost = true;
                NeedState(ahead);       // what it has made of the messages may include it
                return;
            }

            var id = new MessageId(stream.Origin, sequence);
            lacked.Remove(sequence);
            stream.GiveUp(sequence, Now);
            _holdings.Remove(id);
            _order.Add(new Item(id, [], default) { IsLost = true });
        }
    }
}
