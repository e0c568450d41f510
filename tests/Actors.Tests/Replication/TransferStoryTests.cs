using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Transfer;
using Actors.Storage;
using Actors.TestKit;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.ReplicationTests;

/// <summary>Stories of machines that come back when the log that they lack is cut, and are sent the state.</summary>
public sealed class TransferStoryTests
{
    private const int Keys = 60;

    [Theory]
    [InlineData(CommitRule.All)]            // it was kicked meanwhile
    [InlineData(CommitRule.Majority)]       // it was a member all the time
    public void A_machine_that_was_away_while_the_log_was_cut_is_sent_the_state(CommitRule rule)
    {
        using var story = new Story(3, s => Small(s) with { Commit = rule }).Begin();
        var away = story.Backup;
        story.Node(away).Crash();
        Fill(story, story.Primary, 1000);
        story.Node(away).Restart();
        story.Repeatedly(() => story.Status(away).CommitIndex == story.Status(story.Primary).LastIndex);
        story.Whole();

        Assert.True(BaseOf(story, away).Position.Index > 1, "no state was sent");
        Assert.Equal(rule is CommitRule.All, IdOf(story, away).Joined > LogPosition.Zero);      // a new member id
        AssertSame(story, away);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(away, "after", "1")).Outcome);
    }

    [Fact]
    public void A_wiped_machine_is_sent_the_state_sessions_and_tokens_included()
    {
        using var story = new Story(3, Small).Begin();
        var wiped = story.Backup;
        story.Node(wiped).Crash();
        story.Node(wiped).Disk.Wipe();
        Fill(story, story.Primary, 1000);
        Assert.Equal(Outcome.Ok, story.Ended(story.Increment(story.Primary, "n", token: "once")).Outcome);
        story.Node(wiped).Restart();
        story.Whole();
        AssertSame(story, wiped);

        Assert.Equal("", story.Transfer(wiped, wiped));
        story.Repeatedly(() => story.Primary == wiped);
        Assert.Equal(Outcome.Ok, story.Ended(story.Increment(wiped, "n", token: "once")).Outcome);
        Assert.Equal("1", story.Value(story.Get(wiped, "n")));
    }

    [Fact]
    public void A_transfer_takes_no_more_of_the_state_in_a_second_than_it_may()
    {
        const int Rate = 100_000;
        using var story = new Story(3, s => Small(s) with { TransferBytesPerSecond = Rate }).Begin();
        var away = story.Backup;
        story.Node(away).Crash();
        Fill(story, story.Primary, 10_000);
        var bySecond = new Dictionary<long, int>();
        story.Messages = m =>
        {
            if (m is StateChunk { SameAs: null } chunk)
                bySecond[(long)story.Simulation.Now.TotalSeconds] = bySecond.GetValueOrDefault((long)story.Simulation.Now.TotalSeconds) + chunk.Pieces.Sum(piece => piece.Bytes.Length);
        };
        story.Node(away).Restart();
        story.Whole();

        Assert.InRange(bySecond.Values.Sum(), Keys * 10_000, 2 * Keys * 10_000);
        Assert.InRange(bySecond.Values.Max(), Rate / 2, Rate + StateRange.ChunksPerFetch * story.Settings.TransferChunkBytes);
        AssertSame(story, away);
    }

    [Fact]
    public void A_transfer_goes_on_where_it_was_when_the_receiver_crashes()
    {
        using var story = new Story(3, Small).Begin();
        var (away, chunks) = (story.Backup, 0);
        story.Node(away).Crash();
        Fill(story, story.Primary, 40_000);
        story.Messages = m => chunks += m is StateChunk { SameAs: null } chunk && chunk.To.Node == away ? 1 : 0;
        story.Node(away).Restart();
        story.Simulation.RunUntil(() => chunks > 20, Seconds(30));
        story.Node(away).Crash();
        var before = chunks;
        story.Node(away).Restart();
        story.Whole();

        AssertSame(story, away);
        Assert.InRange(chunks - before, Keys - before, Keys - before + 8);     // one value each; the first window differs, and the last may not have reached the disk
    }

    [Fact]
    public void A_transfer_goes_on_with_the_next_primary_when_the_sender_crashes()
    {
        using var story = new Story(5, Small).Begin();
        var (away, chunks, same) = (story.Backup, 0, 0);
        story.Node(away).Crash();
        Fill(story, story.Primary, 40_000);
        story.Messages = m =>
        {
            chunks += m is StateChunk { SameAs: null } chunk && chunk.To.Node == away ? 1 : 0;
            same += m is StateChunk { SameAs: not null } ? 1 : 0;
        };
        story.Node(away).Restart();
        story.Simulation.RunUntil(() => chunks > 20, Seconds(30));
        var sender = story.Primary;
        story.Node(sender).Crash();
        story.Repeatedly(() => story.Primary != sender);
        story.Node(sender).Restart();
        story.Whole();

        AssertSame(story, away);
        Assert.True(same > 2, "everything was sent again");
    }

    [Fact]
    public void A_value_longer_than_a_chunk_comes_in_pieces()
    {
        using var story = new Story(3, s => s with { LogLimitBytes = 20_000 }).Begin();
        var away = story.Backup;
        story.Node(away).Crash();
        story.Node(away).Disk.Wipe();
        var pieces = 0;
        story.Messages = m => pieces += m is StateChunk chunk ? chunk.Pieces.Count(p => !p.EndsValue) : 0;
        for (var i = 0; i < Keys; i++)
            Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, $"k{i}", new string((char)('a' + i % 26), 65_536))).Outcome);
        story.Node(away).Restart();
        story.Whole();

        Assert.True(pieces >= Keys / 2, $"{pieces} pieces");
        AssertSame(story, away);
    }

    [Fact]
    public void Copies_that_a_link_makes_do_not_multiply_what_a_transfer_sends()
    {
        using var story = new Story(3, s => Small(s) with { TransferChunkBytes = 200 }).Begin();
        var away = story.Backup;
        story.Node(away).Crash();
        story.Node(away).Disk.Wipe();
        Fill(story, story.Primary, 1000);
        var (first, again, sent) = (new HashSet<(string, int)>(), 0, false);
        story.Messages = m =>
        {
            if (m is FetchState fetch && !first.Add((Convert.ToHexString(fetch.At.Key.Span), fetch.At.Offset)))
                again++;
            sent |= m is StateChunk { Next: null };
        };
        story.Simulation.Network.Faults = new LinkFaults { Duplicate = 0.1 };
        story.Node(away).Restart();
        story.Simulation.RunUntil(() => sent || again > 1000, Seconds(60));
        Assert.True(first.Count > Keys, $"{first.Count} fetches");
        Assert.InRange(again, 0, first.Count / 2);
        story.Simulation.Network.Faults = new LinkFaults();
        story.Whole();
        AssertSame(story, away);
    }

    [Fact]
    public void A_log_that_is_cut_keeps_within_its_limit_on_every_disk()
    {
        using var story = new Story(3, Small).Begin();
        for (var i = 0; i < 5; i++)
            Fill(story, story.Primary, 1000);
        story.Simulation.RunFor(Seconds(1));
        Assert.All([story.Primary, .. story.Backups], node =>
            Assert.InRange(story.Node(node).Disk.Scan(Table.Log, [], null).Sum(e => e.Value.Length), 1, 2 * story.Settings.LogLimitBytes));
    }

    private static GroupSettings Small(GroupSettings settings) => settings with { LogLimitBytes = 20_000, LogCacheBytes = 5_000 };

    private static void Fill(Story story, NodeId at, int bytes)
    {
        for (var i = 0; i < Keys; i++)
            Assert.Equal(Outcome.Ok, story.Ended(story.Put(at, $"k{i}", new string((char)('a' + i % 26), bytes))).Outcome);
        story.Simulation.RunFor(Seconds(1));        // the state reaches the disk, and the log is cut
    }

    private static LogBase BaseOf(Story story, NodeId node) =>
        story.Node(node).Disk.Get(Table.Meta, new GroupKeys(story.Settings.Id).Base) is { } bytes ? LogBase.Decode(bytes) : default;

    private static MemberId IdOf(Story story, NodeId node) =>
        MembershipRecord.Decode(story.Node(node).Disk.Get(Table.Meta, new GroupKeys(story.Settings.Id).Membership)!).Id;

    private static void AssertSame(Story story, NodeId node)
    {
        story.Simulation.RunFor(Seconds(1));
        for (var i = 0; i < Keys; i++)
            Assert.Equal(story.Value(story.Get(story.Primary, $"k{i}")), story.Value(story.Get(node, $"k{i}", ReadMode.Stale)));
    }
}
