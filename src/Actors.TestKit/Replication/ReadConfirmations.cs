using Actors.Membership;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>
/// That a primary answers a barrier read only when a majority (all, of a view of the directory) has answered a message that it sent after the read had come, and a read by its lease only while
/// nobody else leads; judged by the messages.
/// </summary>
/// <remarks>
/// Replication rules, 5.3. Whether the value was old is another question: to be wrong, a successor must have answered a write just then.
/// A reply does not name its client, so reads with the same number count as answered in the order in which they came; those of clients on
/// the primary's own node are left aside, as their replies cross no network.
/// </remarks>
internal sealed class ReadConfirmations(Simulation simulation)
{
    private readonly Dictionary<(Epoch Epoch, long Number), long> _sent = [];       // each message's place in the order of all events
    private readonly Dictionary<(Epoch Epoch, MemberId From), long> _answered = []; // the place of the last message that a member has answered
    private readonly Dictionary<(NodeId At, long Sequence), List<long>> _asked = [];
    private readonly Dictionary<NodeId, (Epoch Epoch, MemberId Id, View? View, long Index)> _reigns = [];  // the last one of each node, with the newest view that it has sent in it, and where that stands
    private readonly SortedDictionary<Epoch, TimeSpan> _began = [];     // when each reign was first heard of, in true time
    private readonly Dictionary<NodeId, TimeSpan> _queried = [];        // when a replica last had read its state: whatever it looked at before it answered, it did not do it earlier
    private readonly Dictionary<Epoch, View> _views = [];               // of the directory
    private long _order;

    /// <summary>A replica has read its state for a query.</summary>
    public void OnQuery(NodeId node) => _queried[node] = simulation.Now;

    /// <summary>A replica begins to handle requests.</summary>
    public void OnRequests(NodeId at, Requests m)
    {
        if (m.ReplyTo.StartsWith($"{at}/", StringComparison.Ordinal))
            return;
        _order++;
        foreach (var request in m.Items)
        {
            if (request.Kind is not (RequestKind.BarrierRead or RequestKind.Read))
                continue;
            if (!_asked.TryGetValue((at, request.Sequence), out var asked))
                _asked.Add((at, request.Sequence), asked = []);
            asked.Add(_order);
        }
    }

    /// <summary>The replica is the whole group: until it has somebody to send to, it asks nobody, and the view of its last reign says nothing any more.</summary>
    public void OnLossAccepted(NodeId node) => _reigns.Remove(node);

    /// <summary>The directory has begun a view.</summary>
    public void OnView(Epoch epoch, View view) => _views[epoch] = view;

    /// <summary>A primary sends to a backup.</summary>
    public void OnAppend(Append m)
    {
        _sent.TryAdd((m.Epoch, m.Number), ++_order);
        _began.TryAdd(m.Epoch, simulation.Now);
        var node = m.From.Node;
        if (m.Epoch > _reigns.GetValueOrDefault(node).Epoch)
            _reigns[node] = (m.Epoch, m.From, _views.GetValueOrDefault(m.Epoch), 0);
        foreach (var entry in m.Entries)
        {
            // An older one goes again to who is behind.
            if (entry.Kind is EntryKind.View && entry.Epoch == m.Epoch && _reigns[node].Epoch == m.Epoch && entry.Index > _reigns[node].Index)
                _reigns[node] = (m.Epoch, m.From, ViewRecord.Decode(entry.Payload).View, entry.Index);
        }
    }

    /// <summary>A member answers message <paramref name="number"/> of the primary of <paramref name="epoch"/>.</summary>
    public void OnAnswer(Epoch epoch, MemberId from, long number)
        => _answered[(epoch, from)] = Math.Max(_answered.GetValueOrDefault((epoch, from)), _sent.GetValueOrDefault((epoch, number)));

    /// <summary>A replica answers a client.</summary>
    public void OnReplies(Replies m)
    {
        foreach (var reply in m.Items)
        {
            if (reply is { Kind: RequestKind.Read, Result.Outcome: Outcome.Ok or Outcome.Failed })
                RequireAlone(m.From);
            if (reply.Kind is not (RequestKind.BarrierRead or RequestKind.Read) || !_asked.TryGetValue((m.From, reply.Sequence), out var asked) || asked.Count == 0)
                continue;
            var first = reply is { Kind: RequestKind.BarrierRead, Result.Outcome: Outcome.Ok or Outcome.Failed };       // of those that wait; what is refused, or read by a lease, is answered as it comes
            var at = asked[first ? 0 : ^1];
            asked.RemoveAt(first ? 0 : asked.Count - 1);
            if (!first || _reigns.GetValueOrDefault(m.From) is not { View: { } view } reign || IsAloneAfter(m.From, reign.Epoch))
                continue;
            var confirm = view.Members.Count(id => id == reign.Id || _answered.GetValueOrDefault((reign.Epoch, id)) > at);
            var needed = _views.ContainsKey(reign.Epoch) ? view.Members.Count : Quorum.Majority(view.Members.Count);
            simulation.World.Require(
                confirm >= needed, "Reads Are Confirmed", $"{reign.Id} answers read {reply.Sequence} in epoch {reign.Epoch}, which {confirm} of {view} have confirmed since it came");
        }
    }

    // Whoever is alone in a view of the directory asks nobody, so that nothing is seen of its reign.
    private bool IsAloneAfter(NodeId primary, Epoch epoch) => _views.Any(v => v.Key > epoch && v.Value.Members is [var only] && only.Node == primary);

    // Replication rules, 5.6 number 3: whether the value was old is another question, as the successor need not have answered a write yet.
    private void RequireAlone(NodeId primary)
    {
        if (!_reigns.TryGetValue(primary, out var reign))
            return;
        var read = _queried.GetValueOrDefault(primary);
        foreach (var (epoch, began) in _began)
        {
            simulation.World.Require(
                epoch <= reign.Epoch || began > read, "Leases Exclude Other Primaries", $"{primary} answers a read by its lease of epoch {reign.Epoch} as of {read.TotalMilliseconds} ms, where epoch {epoch} has a primary since {began.TotalMilliseconds} ms");
        }
    }
}
