using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;

namespace Actors.Tests.ReplicationTests;

/// <summary>What an operator sees of a group: the trace of a write, and the figures.</summary>
public sealed class TelemetryTests
{
    [Fact]
    public void One_write_is_one_trace_with_spans_on_all_three_nodes()
    {
        using var story = new Story(3).Begin();
        using var caller = new Activity("caller").SetIdFormat(ActivityIdFormat.W3C);
        caller.ActivityTraceFlags = ActivityTraceFlags.Recorded;
        caller.Start();
        using var recording = new Recording(caller.TraceId);

        var put = Put(story, story.Backup, "traced");
        caller.Stop();
        story.Simulation.RunUntil(() => put.IsCompleted, TimeSpan.FromSeconds(10));
        story.Simulation.RunFor(TimeSpan.FromMilliseconds(200));

        Assert.Equal(["actors.commit", "actors.replicate", "actors.replicate", "actors.submit"], recording.Spans.Select(s => s.OperationName).Order());
        Assert.All(recording.Spans, span => Assert.Equal(caller.TraceId, span.TraceId));
        var submit = recording.Spans.Single(s => s.OperationName == "actors.submit");
        var commit = recording.Spans.Single(s => s.OperationName == "actors.commit");
        var copies = recording.Spans.Where(s => s.OperationName == "actors.replicate").ToList();
        Assert.Equal((caller.SpanId, submit.SpanId), (submit.ParentSpanId, commit.ParentSpanId));
        Assert.All(copies, copy => Assert.Equal(commit.SpanId, copy.ParentSpanId));
        Assert.Equal(story.Primary.Value, commit.GetTagItem("actors.node"));
        Assert.Equal(story.Backups.Select(b => b.Value), copies.Select(c => (string)c.GetTagItem("actors.node")!).Order());
        Assert.All([commit, .. copies], span => Assert.Equal(commit.GetTagItem("actors.index"), span.GetTagItem("actors.index")));
        Assert.Null(Activity.Current);
    }

    [Fact]
    public void Without_a_recorder_no_message_carries_anything_of_a_trace()
    {
        using var story = new Story(3).Begin();
        var traces = 0;
        story.Messages = m => traces += m is Append append ? append.Traces.Count : m is Requests requests ? requests.Traces.Count : 0;
        using var caller = new Activity("caller").SetIdFormat(ActivityIdFormat.W3C).Start();

        var put = Put(story, story.Backup, "untraced");
        story.Simulation.RunUntil(() => put.IsCompleted, TimeSpan.FromSeconds(10));

        Assert.Equal(0, traces);
    }

    [Fact]
    public void The_figures_tell_of_commits_of_a_member_that_lags_and_of_its_kick()
    {
        using var figures = new Figures("measured");
        using var story = new Story(3, s => s with { Id = new GroupId("measured") }).Begin();
        story.Simulation.RunFor(TimeSpan.FromMilliseconds(200));
        var silent = story.Backup;
        Assert.True(figures.Of("actors.commit.duration") > 0);
        Assert.True(figures.Of("actors.elections") >= 1);
        Assert.All(story.Backups, backup => Assert.True(figures.Of("actors.heartbeat.silence", node: backup) > 0));
        Assert.Equal((0, 0), (figures.Of("actors.kicks"), figures.Of("actors.member.lag", silent)));
        Assert.Equal((int)ReplicaRole.Primary, figures.Of("actors.replica.role", node: story.Primary));

        var cut = story.Simulation.Network.Isolate(silent);
        var put = story.Put(story.Primary, "k", "1");
        story.Simulation.RunFor(TimeSpan.FromMilliseconds(300));
        Assert.Equal(1, figures.Of("actors.member.lag", silent));
        Assert.Equal(1, figures.Of("actors.queue.entries", node: story.Primary));
        story.Ended(put);
        Assert.Equal(1, figures.Of("actors.kicks"));
        Assert.Equal(0, figures.Of("actors.queue.entries", node: story.Primary));
        cut.End();
    }

    [Fact]
    public void Of_each_heartbeat_interval_the_longest_silence_is_one_figure()
    {
        var seen = new List<double>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name == "actors.heartbeat.silence")
                l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((_, value, tags, _) =>
        {
            if (tags[0].Value is "silent")
                seen.Add(value);
        });
        listener.Start();
        var meter = new ReplicaMeter(new GroupId("silent"), new NodeId("n1"));

        foreach (var (silence, now) in ((int, int)[])[(1, 50), (9, 60), (2, 99), (1, 100), (3, 150)])
            meter.Heard(TimeSpan.FromMilliseconds(silence), TimeSpan.FromMilliseconds(now), TimeSpan.FromMilliseconds(50));
        meter.End();

        Assert.Equal([0.001, 0.009, 0.003], seen);
    }

    [Fact]
    public void The_lease_gauge_is_1_at_the_primary_while_its_lease_holds()
    {
        using var figures = new Figures("leased");
        using var story = new Story(3, s => s with { Id = new GroupId("leased"), Reads = ReadGuard.Lease, QuietHeartbeats = 1_000 }).Begin();
        story.Simulation.RunFor(TimeSpan.FromMilliseconds(200));
        Assert.Equal((1, 1), (figures.Of("actors.lease.held", node: story.Primary), figures.Of("actors.lease.held")));

        using var unleased = new Figures("unleased");
        using var other = new Story(3, s => s with { Id = new GroupId("unleased") }).Begin();
        Assert.Equal(0, unleased.Count("actors.lease.held"));
        Assert.Equal(3, figures.Count("actors.lease.held"));

        story.Simulation.Network.Isolate(story.Primary);
        story.Simulation.RunFor(story.Settings.LeaseDuration + story.Settings.HeartbeatInterval);
        Assert.Equal(0, figures.Of("actors.lease.held"));
    }

    [Fact]
    public void A_new_primary_of_a_lossy_group_counts_what_it_knows_to_be_lost()
    {
        using var figures = new Figures("forgetful");
        using var story = new Story(3, s => s with { Id = new GroupId("forgetful"), Commit = CommitRule.One, Durability = Durability.Memory, Reads = ReadGuard.Stale }).Begin();
        story.Simulation.RunFor(TimeSpan.FromMilliseconds(100));
        var old = story.Primary;
        foreach (var backup in story.Backups)
            story.Simulation.Network.Clog(backup, old);
        for (var i = 0; i < 20; i++)
            story.Ended(story.Put(old, $"k{i}", "1"));
        story.Simulation.RunFor(2 * story.Settings.HeartbeatInterval);
        story.Node(old).Crash();
        story.Simulation.RunUntil(() => story.Primary != old, TimeSpan.FromSeconds(10));

        Assert.InRange(figures.Of("actors.lost.entries", node: story.Primary), 1, 20);
    }

    private static Task<GroupReply> Put(Story story, NodeId at, string key) =>
        story.Handle(at).SubmitAsync(KeyValueCodec.WriteCommand(new KeyValueCommand { Op = KeyValueOp.Put, Key = System.Text.Encoding.UTF8.GetBytes(key), Value = "v"u8 }));

    /// <summary>Records the spans of one trace.</summary>
    private sealed class Recording : IDisposable
    {
        private readonly ActivityListener _listener;
        private readonly ConcurrentQueue<Activity> _spans = [];

        public Recording(ActivityTraceId trace)
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == Tracing.SourceName,
                Sample = (ref ActivityCreationOptions<ActivityContext> options) => options.Parent.TraceId == trace ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
                ActivityStopped = _spans.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public IReadOnlyCollection<Activity> Spans => _spans;

        public void Dispose() => _listener.Dispose();
    }

    /// <summary>The figures of one group; of counters and histograms what has come together.</summary>
    private sealed class Figures : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly string _group;
        private readonly Dictionary<(string Name, string Member, string Node), long> _values = [];

        public Figures(string group)
        {
            _group = group;
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "Actors")
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Take(instrument, 1, tags));
            _listener.Start();
        }

        public long Of(string name, NodeId member = default, NodeId node = default)
        {
            _listener.RecordObservableInstruments();
            lock (_values)
                return _values.Where(v => v.Key.Name == name && (member.IsNone || v.Key.Member == member.Value) && (node.IsNone || v.Key.Node == node.Value)).Sum(v => v.Value);
        }

        /// <summary>How many have reported <paramref name="name"/>.</summary>
        public int Count(string name)
        {
            _listener.RecordObservableInstruments();
            lock (_values)
                return _values.Count(v => v.Key.Name == name);
        }

        public void Dispose() => _listener.Dispose();

        private void Take(Instrument instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var texts = tags.ToArray().ToDictionary(t => t.Key, t => t.Value?.ToString() ?? "");
            if (texts.GetValueOrDefault("group") != _group)
                return;
            var key = (instrument.Name, texts.GetValueOrDefault("member", ""), texts.GetValueOrDefault("node", ""));
            lock (_values)
                _values[key] = instrument.IsObservable ? value : _values.GetValueOrDefault(key) + value;
        }
    }
}
