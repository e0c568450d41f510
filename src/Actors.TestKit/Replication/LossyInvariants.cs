using System.Runtime.CompilerServices;
using Actors.Membership;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>What holds of a lossy group all the same, judged by the messages: one primary and one entry to a position, no session id twice, and losses that are owned up to.</summary>
/// <remarks>
/// Replication rules, 5.2 rules 2 and 3, 5.6 number 11. An answered command that the log of a later primary lacks must lie before a loss on that primary's
/// record; and what the record counts as lost must not be more than there was.
/// </remarks>
internal sealed class LossyInvariants(Simulation simulation, Func<NodeId, Promise> promised)
{
    private const string Lost = "a failover lost answered writes";
    private const string Counted = "a failover counted what it lost";

    private readonly SortedDictionary<Epoch, MemberId> _primaries = [];
    private readonly Dictionary<(Epoch Epoch, NodeId Node), MemberId> _votes = [];
    private readonly Dictionary<LogPosition, UInt128> _entries = [];
    private readonly Dictionary<UInt128, (LogPosition Position, UInt128 Previous)> _links = [];
    private readonly Dictionary<LogPosition, LogPosition> _sessions = [];       // id: where it was opened
    private readonly SortedDictionary<Epoch, long> _ends = [];                  // of each reign the highest index that it is known to have come to
    private readonly SortedSet<LogPosition> _answered = [];                     // commands, as long as no primary lacks them

    public void Expect()
    {
        simulation.Sometimes(Lost);
        simulation.Sometimes(Counted);
    }

    /// <summary>A primary sends.</summary>
    public void OnAppend(Append m)
    {
        _primaries.TryAdd(m.Epoch, m.From);
        Require(_primaries[m.Epoch] == m.From, "Election Safety", $"epoch {m.Epoch} has two primaries, {_primaries[m.Epoch]} and {m.From}");
        var hash = m.PreviousHash;
        foreach (var entry in m.Entries)
        {
            Require(_entries.TryAdd(entry.Position, entry.Hash) || _entries[entry.Position] == entry.Hash, "A Position Names One Entry", $"there are two entries {entry.Position}");
            _links[entry.Hash] = (entry.Position, hash);
            hash = entry.Hash;
            if (entry.Kind is EntryKind.View && entry.Epoch == m.Epoch)
                OnReign(entry, ViewRecord.Decode(entry.Payload).Losses);
        }

        ComesTo(m.Epoch, Math.Max(m.Applied, m.Previous.Index + m.Entries.Count));
    }

    /// <summary>A member votes.</summary>
    public void OnVote(Vote m)
    {
        var promise = promised(m.From.Node);
        Require(promise.Epoch > m.Epoch || (promise.Epoch == m.Epoch && !promise.VotedFor.IsNone), "Durable Votes", $"{m.From} voted in epoch {m.Epoch}, its disk says {promise}");
        if (promise.Epoch == m.Epoch && !_votes.TryAdd((m.Epoch, m.From.Node), promise.VotedFor))
            Require(_votes[(m.Epoch, m.From.Node)] == promise.VotedFor, "One Vote", $"{m.From} voted for two in epoch {m.Epoch}");
    }

    /// <summary>A replica answers; what it ordered, it did in the last epoch in which it led.</summary>
    public void OnReplies(Replies m)
    {
        Require(m.IsLossy, "Answers Say That They Are Lossy", $"{m.From} answers as if nothing could be lost");
        var reign = _primaries.Where(p => p.Value.Node == m.From).Select(p => p.Key).DefaultIfEmpty().Max();
        foreach (var reply in m.Items)
        {
            if (reply.Result is not { Outcome: Outcome.Ok, Index: > 0 } || reply.Kind is not (RequestKind.Command or RequestKind.Register))
                continue;
            var at = new LogPosition(reign, reply.Result.Index);
            if (reply.Kind is RequestKind.Register)
                Require(_sessions.TryAdd(reply.Session, at) || _sessions[reply.Session] == at, "A Session Id Is Given Once", $"session {reply.Session} was opened at {_sessions.GetValueOrDefault(reply.Session)} and at {at}");
            if (_entries.ContainsKey(at))
                _answered.Add(at);
            if (_ends.ContainsKey(reign))
                ComesTo(reign, at.Index);
        }
    }

    // The first view entry of a reign stands where it begins.
    private void OnReign(LogEntry begin, IReadOnlyList<Loss> losses)
    {
        foreach (var loss in losses.Where(loss => loss.At == begin.Position))
        {
            var last = _links.GetValueOrDefault(_links[begin.Hash].Previous).Position.Epoch;      // what earlier reigns lacked was counted then
            var most = _ends.Where(end => end.Key >= last && end.Key < begin.Epoch).Select(end => end.Value).DefaultIfEmpty().Max();
            Require(loss.AtLeast <= Math.Max(0, most - (begin.Index - 1)), "Counted Losses Are Lost", $"{loss.AtLeast} entries are said to be lost before {begin.Position}, no log since epoch {last} was longer than {most}");
            if (loss.AtLeast > 0)
                simulation.Reached(Counted);
        }

        foreach (var lacking in Lacking(begin))
        {
            simulation.Reached(Lost);
            Require(losses.Any(loss => loss.At.Epoch > lacking.Epoch), "Losses Are Owned Up To", $"{begin.Position} goes on without the answered entry {lacking}, and nothing on record says so");
            _answered.Remove(lacking);
        }
    }

    // Answered in an earlier reign, and another entry stands there in this log or none. Where the links end nothing is known.
    private List<LogPosition> Lacking(in LogEntry begin)
    {
        var epoch = begin.Epoch;
        var earlier = _answered.Where(a => a.Epoch < epoch).ToList();
        if (earlier.Count == 0)
            return earlier;
        var (log, first) = (new HashSet<LogPosition>(), earlier.Min(a => a.Index));
        for (var hash = begin.Hash; _links.TryGetValue(hash, out var link); hash = link.Previous)
        {
            log.Add(link.Position);
            if (link.Position.Index <= Math.Max(first, 2))       // the founding entry is not sent
                return [.. earlier.Where(a => !log.Contains(a))];
        }

        return [];
    }

    private void ComesTo(Epoch epoch, long index) => _ends[epoch] = Math.Max(index, _ends.GetValueOrDefault(epoch));

    private void Require(bool holds, string property, [InterpolatedStringHandlerArgument(nameof(holds))] ref TextIfBroken detail)
        => simulation.World.Require(holds, property, ref detail);
}
