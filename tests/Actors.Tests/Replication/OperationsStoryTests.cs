using Actors.Replication;
using Actors.Replication.Operations;
using Actors.Replication.Transfer;
using Actors.Wire;

namespace Actors.Tests.ReplicationTests;

/// <summary>Stories of operations on a group: half restored groups, and checks.</summary>
public sealed class OperationsStoryTests
{
    private const string Machine = "Actors.TestKit";

    [Fact]
    public void A_group_that_is_half_restored_says_so_after_a_crash_of_all_nodes_and_goes_on_from_there()
    {
        using var story = new Story(3);
        story.Simulation.RunUntil(() => !story.Primary.IsNone, Seconds(30));
        var begin = new Operation(OperationKind.BeginRestore, 7, 0, MachineOf(story));
        Assert.Equal(0, Next(story, begin));
        Assert.Equal(1, Next(story, Chunk(0, ("a", "1"))));
        Assert.Equal(1, Next(story, Chunk(0, ("a", "1"))));      // a copy changes nothing
        Assert.Equal(1, Next(story, Chunk(5, ("z", "9"))));      // nor does one that comes too early

        foreach (var node in story.Settings.InitialMembers)
            story.Node(node).Crash();
        foreach (var node in story.Settings.InitialMembers)
            story.Node(node).Restart();
        story.Simulation.RunUntil(() => !story.Primary.IsNone, Seconds(30));
        Assert.Equal(Outcome.Unavailable, story.Ended(story.Put(story.Primary, "a", "2")).Outcome);
        Assert.Equal(Outcome.Unavailable, story.Ended(story.Get(story.Backup, "a", ReadMode.Stale)).Outcome);
        Assert.All(story.Statuses(story.Primary), s => Assert.Contains("1 chunks", s.Condition, StringComparison.Ordinal));

        Assert.Equal(1, Next(story, begin));
        Assert.Equal(2, Next(story, Chunk(1, ("b", "2"))));
        var end = new Operation(OperationKind.EndRestore, 7, 2, default);
        Assert.Equal(Restore.Complete, Next(story, end));
        Assert.Equal(Restore.Complete, Next(story, end));        // its answer may be lost: once more does no harm
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "c", "3")).Outcome);
        story.Whole();
        Assert.Equal(Outcome.Failed, story.Ended(story.Operate(story.Primary, begin)).Outcome);     // not empty
    }

    [Fact]
    public void A_member_that_is_sent_the_state_of_a_half_restored_group_knows_how_far_it_is()
    {
        using var story = new Story(3, s => s with { LogLimitBytes = 2_000, TransferChunkBytes = 256 });
        story.Simulation.RunUntil(() => !story.Primary.IsNone, Seconds(30));
        Assert.Equal(0, Next(story, new Operation(OperationKind.BeginRestore, 7, 1_000, MachineOf(story))));
        var away = story.Backup;
        story.Node(away).Crash();
        var offers = 0;
        story.Messages = m => offers += m is StateOffer ? 1 : 0;
        for (var i = 0; i < 60; i++)
            Assert.Equal(i + 1, Next(story, Chunk(i, ($"k{i}", new string('x', 100)))));
        story.Node(away).Restart();
        story.Whole();
        Assert.True(offers > 0, "no state was sent");
        Assert.Contains("60 chunks", story.Status(away).Condition, StringComparison.Ordinal);
    }

    [Fact]
    public void All_replicas_find_the_same_when_the_group_is_checked_while_it_is_written()
    {
        using var story = new Story(3).Begin();
        for (var round = 0; round < 5; round++)
        {
            var writes = Enumerable.Range(0, 50).Select(i => story.Put(story.Primary, $"k{i}", $"{round}")).ToList();
            var check = story.Operate(story.Backup, new Operation(OperationKind.Check, 0, 0, default));
            var more = Enumerable.Range(0, 50).Select(i => story.Put(story.Primary, $"m{i}", $"{round}")).ToList();
            var index = story.Ended(check).Reply!.Value.Index;
            story.Repeatedly(() => story.Statuses(story.Primary).Count(s => s.Check?.Index == index) == 3);
            var found = story.Statuses(story.Primary).Select(s => s.Check!).ToList();
            Assert.Single(found.Select(c => (c.LogHash, c.StateHash, c.Keys, c.Bytes)).Distinct());
            Assert.All(found, c => Assert.Equal(index, c.Entries));
            foreach (var write in writes.Concat(more))
                Assert.Equal(Outcome.Ok, story.Ended(write).Outcome);
        }
    }

    private static long Next(Story story, Operation operation)
    {
        var reply = story.Ended(story.Operate(story.Primary, operation)).Reply!.Value;
        Assert.True(reply.Outcome is Outcome.Ok, reply.Error);
        return Operation.ReadReply(reply.Payload);
    }

    // The simulation wraps the state machine, and a backup knows it by its type.
    private static byte[] MachineOf(Story story)
    {
        var refusal = story.Ended(story.Operate(story.Primary, new Operation(OperationKind.BeginRestore, 1, 1, "?"u8.ToArray()))).Reply!.Value.Error;
        var machine = refusal[(refusal.LastIndexOf(' ') + 1)..];
        Assert.StartsWith(Machine, machine, StringComparison.Ordinal);
        return System.Text.Encoding.UTF8.GetBytes(machine);
    }

    private static Operation Chunk(long number, params (string Key, string Value)[] pairs)
    {
        var writer = new ByteWriter();
        StateRange.Write(writer, [.. pairs.Select(p => new StatePiece(Key(p.Key), 0, p.Value.Length, System.Text.Encoding.UTF8.GetBytes(p.Value)))]);
        return new Operation(OperationKind.RestoreChunk, 7, number, writer.ToArray());

        static byte[] Key(string key) => [StateSpace.MachineSpace, .. System.Text.Encoding.UTF8.GetBytes(key)];
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
