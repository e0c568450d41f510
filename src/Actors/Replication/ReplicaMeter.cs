using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Actors.Membership;

namespace Actors.Replication;

/// <summary>What one replica lets be measured, under the meter <c>Actors</c>. The operator's list, with units and alarms, is in this folder's README.</summary>
/// <remarks>The replica writes from its own thread; whoever collects reads from another one. Without a listener a histogram and a counter cost a branch.</remarks>
internal sealed class ReplicaMeter
{
    private static readonly ConcurrentDictionary<ReplicaMeter, bool> Living = [];
    private static readonly Meter Meter = new("Actors");
    private static readonly Histogram<double> CommitDuration = Meter.CreateHistogram<double>(
        "actors.commit.duration", "s", "Time from the order of a write by the primary to its commit");
    private static readonly Counter<long> Elections = Meter.CreateCounter<long>(
        "actors.elections", "{election}", "Elections that this replica asked for");
    private static readonly Counter<long> Kicks = Meter.CreateCounter<long>(
        "actors.kicks", "{kick}", "Members that this replica, as primary, proposed to leave out");
    private static readonly Counter<long> Refusals = Meter.CreateCounter<long>(
        "actors.refusals", "{request}", "Requests that this replica, as primary, refused because its queue was full");

    private static readonly Histogram<double> Silence = Meter.CreateHistogram<double>(
        "actors.heartbeat.silence", "s", "In each heartbeat interval, how long at most nothing was heard of whom this replica follows");

    private static readonly Counter<long> Lost = Meter.CreateCounter<long>(
        "actors.lost.entries", "{entry}", "Entries of a lossy group that it is known to have gone on without, as counted by the primary that did");

    private readonly KeyValuePair<string, object?>[] _tags;
    private volatile int _role;
    private volatile int _lease = -1;       // -1 where there are no leases
    private long _epoch;
    private long _pendingEntries;
    private long _pendingBytes;
    private volatile IReadOnlyList<(NodeId Member, long Entries)> _lags = [];
    private TimeSpan _longestSilence;       // since it was recorded last
    private TimeSpan _silenceRecordedAt;

    static ReplicaMeter()
    {
        Meter.CreateObservableGauge("actors.replica.role", () => Each(r => r._role), null, "0 joining, 1 learner, 2 backup, 3 candidate, 4 primary, 5 out of service; of a chain 6 head, 7 middle, 8 tail, 9 sealed; 10 outside");
        Meter.CreateObservableGauge("actors.replica.epoch", () => Each(r => Interlocked.Read(ref r._epoch)), null, "The highest epoch that the replica has promised");
        Meter.CreateObservableGauge("actors.queue.entries", () => Each(r => Interlocked.Read(ref r._pendingEntries)), "{entry}", "Writes at the primary that wait for their commit");
        Meter.CreateObservableGauge("actors.queue.size", () => Each(r => Interlocked.Read(ref r._pendingBytes)), "By", "Bytes of the writes at the primary that wait for their commit");
        Meter.CreateObservableGauge("actors.member.lag", Lags, "{entry}", "Entries of the primary's log that a member does not have on disk yet");
        Meter.CreateObservableGauge("actors.lease.held", () => Living.Keys.Where(r => r._lease >= 0).Select(r => new Measurement<long>(r._lease, r._tags)), null, "1 where the primary may answer reads by its lease, 0 where a read would wait for a round; only with reads = lease");
    }

    public ReplicaMeter(GroupId group, NodeId node)
    {
        _tags = [new KeyValuePair<string, object?>("group", group.Value), new KeyValuePair<string, object?>("node", node.Value)];
        Living[this] = true;
    }

    public void Role(ReplicaRole role, Epoch epoch)
    {
        _role = (int)role;
        Interlocked.Exchange(ref _epoch, epoch.Value);
        if (role is ReplicaRole.Primary)
            return;
        Queue(0, 0);
        _lags = [];
        if (_lease > 0)
            _lease = 0;
    }

    public void Lease(bool holds) => _lease = holds ? 1 : 0;

    public void Queue(int entries, long bytes)
    {
        Interlocked.Exchange(ref _pendingEntries, entries);
        Interlocked.Exchange(ref _pendingBytes, bytes);
    }

    public void Lag(IReadOnlyList<(NodeId Member, long Entries)> lags) => _lags = lags;

    public void Committed(TimeSpan after) => CommitDuration.Record(after.TotalSeconds, _tags);

    /// <summary>The primary, or the link before, was heard at <paramref name="now"/> after a silence. One figure per interval, the longest: many short ones between writes would hide it.</summary>
    public void Heard(TimeSpan silence, TimeSpan now, TimeSpan interval)
    {
        if (silence > _longestSilence)
            _longestSilence = silence;
        if (now - _silenceRecordedAt < interval)
            return;
        Silence.Record(_longestSilence.TotalSeconds, _tags);
        (_longestSilence, _silenceRecordedAt) = (TimeSpan.Zero, now);
    }

    public void Election() => Elections.Add(1, _tags);

    public void Kick() => Kicks.Add(1, _tags);

    public void Loss(long entries) => Lost.Add(entries, _tags);

    public void Refused() => Refusals.Add(1, _tags);

    public void End() => Living.TryRemove(this, out _);

    private static IEnumerable<Measurement<long>> Each(Func<ReplicaMeter, long> value) => Living.Keys.Select(replica => new Measurement<long>(value(replica), replica._tags));

    private static IEnumerable<Measurement<long>> Lags()
    {
        foreach (var replica in Living.Keys)
        {
            foreach (var (member, entries) in replica._lags)
            {
                KeyValuePair<string, object?>[] tags = [.. replica._tags, new KeyValuePair<string, object?>("member", member.Value)];
                yield return new Measurement<long>(entries, tags);
            }
        }
    }
}
