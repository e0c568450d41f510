using Actors.Membership;

namespace Actors.Broadcast;

/// <summary>The streams of all lives of all members, as far as they matter; those of members alone, and of each only the latest lives.</summary>
internal sealed class MessageStreams(IReadOnlyList<NodeId> members, int window)
{
    /// <summary>Lives of one member whose messages are told apart; what comes of an earlier one is refused.</summary>
    public const int LivesKept = 8;

    private readonly SortedDictionary<ParticipantId, MessageStream> _streams = [];

    public IReadOnlyCollection<MessageStream> All => _streams.Values;

    /// <summary>Bytes of the messages held.</summary>
    public long Bytes => _streams.Values.Sum(stream => stream.Bytes);

    public MessageStream? Find(ParticipantId origin) => _streams.GetValueOrDefault(origin);

    /// <summary>The stream of <paramref name="origin"/>; null when that is no member, or a life earlier than those that are kept.</summary>
    /// <param name="origin">Whose.</param>
    /// <param name="dropped">The life that is given up for it; null for none.</param>
    public MessageStream? Of(ParticipantId origin, out ParticipantId? dropped)
    {
        dropped = null;
        if (_streams.TryGetValue(origin, out var stream))
            return stream;
        if (!members.Contains(origin.Node))
            return null;
        var lives = _streams.Keys.Where(life => life.Node == origin.Node).ToList();     // in the order of their incarnations
        if (lives.Count >= LivesKept)
        {
            if (origin.Incarnation < lives[0].Incarnation)
                return null;
            dropped = lives[0];
            _streams.Remove(lives[0]);
        }

        _streams.Add(origin, stream = new MessageStream(origin, window));
        return stream;
    }
}
