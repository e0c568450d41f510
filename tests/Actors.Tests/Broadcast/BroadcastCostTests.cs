using Actors.Broadcast;
using Actors.Membership;
using Xunit.Abstractions;

namespace Actors.Tests.BroadcastTests;

/// <summary>What a broadcast costs in a simulation in which nothing fails is what its specification says, exactly.</summary>
public sealed class BroadcastCostTests(ITestOutputHelper output)
{
    private const int Broadcasts = 10;

    public static TheoryData<string, int> Rows()
    {
        var data = new TheoryData<string, int>();
        foreach (var spec in BroadcastSpec.Legal().Where(spec => spec.OrderedBy is Orderer.Sequencer).Select(spec => spec.ToString()).Distinct())
        {
            foreach (var members in new[] { 1, 3, 7 })
                data.Add(spec, members);
        }

        return data;
    }

    [Theory, MemberData(nameof(Rows))]
    public void Messages_of_a_broadcast_are_as_many_as_the_specification_says(string name, int members)
    {
        var spec = BroadcastSpec.Legal().First(spec => spec.ToString() == name);
        using var story = new BroadcastStory(spec, members, Quiet);
        story.Run(1);
        long sent = 0;
        story.OnSend = m => sent++;
        for (var i = 0; i < Broadcasts; i++)
        {
            story.Broadcast(members);       // the last one is not the sequencer
            story.Run(0.1);
        }

        Assert.Equal(Broadcasts * spec.Cost(members).Messages, sent);
        foreach (var node in story.Up)
            Assert.Equal(Broadcasts, story.Group.DeliveredBy(node).Count);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(7)]
    public void Messages_of_a_broadcast_that_a_log_orders_are_as_many_as_the_specification_says(int members)
    {
        var spec = new BroadcastSpec(Reliability.UniformReliable, Ordering.Total, FaultModel.CrashRecovery, orderedBy: Orderer.Log);
        using var story = new BroadcastStory(spec, members, s => s with { DigestInterval = TimeSpan.FromMinutes(10), StabilityTimeout = TimeSpan.FromHours(1) });
        var (sent, carrying, primary) = (0, new Dictionary<long, long>(), new NodeId("n1"));
        story.Group.SentByLog = m =>
        {
            if (m is Replication.Append append)
                primary = append.From.Node;
            if (m is Replication.Append { Entries.Count: > 0 } carrier)
                carrying[carrier.Number] = carrier.Entries[^1].Index;
            // Heartbeats and their answers are no part of it, nor is that a member lives while its disk still writes.
            if (m is Replication.Requests or Replication.Replies or Replication.Append { Entries.Count: > 0 } || (m is Replication.Appended ack && ack.Durable >= carrying.GetValueOrDefault(ack.Number, long.MaxValue)))
                sent++;
        };
        story.Run(1);
        var from = Enumerable.Range(1, members).First(i => BroadcastStory.N(i) != primary);
        story.Broadcast(from);      // opens the session
        story.Run(1);
        sent = 0;
        for (var i = 0; i < Broadcasts; i++)
        {
            story.Broadcast(from);
            story.Run(0.5);
        }

        Assert.Equal(Broadcasts * spec.Cost(members).Messages, sent);
    }

    /// <summary>Maelstrom's count for its broadcast challenges: 25 nodes, 100 ms, 100 operations a second of which half are reads.</summary>
    [Fact]
    public void Direct_with_digests_takes_at_most_12_and_a_half_messages_per_operation_and_100_ms()
    {
        var (perOperation, median, _) = Measure(new BroadcastSpec(Reliability.Reliable, Ordering.None, FaultModel.Omission), s => s);

        Assert.InRange(perOperation, 12, 12.5);
        Assert.InRange(median.TotalMilliseconds, 99, 101);
    }

    [Fact]
    public void A_sequencer_that_batches_for_100_ms_takes_at_most_3_messages_per_operation_and_about_250_ms_in_total_order()
    {
        var (perOperation, median, longest) = Measure(
            new BroadcastSpec(Reliability.Reliable, Ordering.Total, FaultModel.CrashStop),
            s => s with { BatchDelay = TimeSpan.FromMilliseconds(100), HeartbeatInterval = TimeSpan.FromSeconds(1), ElectionTimeout = TimeSpan.FromSeconds(5), MinRetransmit = TimeSpan.FromMilliseconds(100) });

        Assert.InRange(perOperation, 2, 3);
        Assert.InRange(median.TotalMilliseconds, 200, 300);
        Assert.InRange(longest.TotalMilliseconds, 200, 310);
    }

    private (double PerOperation, TimeSpan Median, TimeSpan Longest) Measure(BroadcastSpec spec, Func<BroadcastSettings, BroadcastSettings> change)
    {
        const double Seconds = 20, BroadcastsPerSecond = 50;
        using var story = new BroadcastStory(spec, 25, change, latency: TimeSpan.FromMilliseconds(100));
        story.Run(5);
        var random = story.Simulation.RandomFor("load");
        long sent = 0;
        story.OnSend = _ => sent++;
        var times = new SortedDictionary<TimeSpan, int>();
        for (var i = 0; i < Seconds * BroadcastsPerSecond; i++)
        {
            story.Broadcast(1 + random.Next(25));
            story.Run(1 / BroadcastsPerSecond);
        }

        var perOperation = sent / (2 * Seconds * BroadcastsPerSecond);
        story.OnSend = null;
        story.Run(5);
        story.ShouldLackNothing();
        var last = story.Group.Checker.SlowestDeliveries.Order().ToList();
        var (median, longest) = (last[last.Count / 2], last[^1]);
        output.WriteLine($"{spec}: {perOperation:F2} messages per operation; until all have it: median {median.TotalMilliseconds:F0} ms, at most {longest.TotalMilliseconds:F0} ms");
        return (perOperation, median, longest);
    }

    // Digests and heartbeats are no part of a broadcast's cost: none comes while it is measured.
    private static BroadcastSettings Quiet(BroadcastSettings settings) => settings with
    {
        DigestInterval = TimeSpan.FromMinutes(30),
        HeartbeatInterval = TimeSpan.FromMinutes(10),
        ElectionTimeout = TimeSpan.FromHours(1),
    };
}
