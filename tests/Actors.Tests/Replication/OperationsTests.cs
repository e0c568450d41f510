using System.Text;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Actors.Replication.Operations;
using Actors.Storage;
using Xunit.Abstractions;

namespace Actors.Tests.ReplicationTests;

/// <summary>Backup, restore and checks of groups on real dispatchers.</summary>
public sealed class OperationsTests(ITestOutputHelper output) : Akka.TestKit.Xunit2.TestKit(ActorsConfig.Default, output: output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_backup_is_restored_into_another_group_with_its_revisions_and_later_writes_have_higher_ones()
    {
        var from = new LocalCluster(Sys, 3);
        var client = KeyValue(from, "n1");
        for (var i = 0; i < 200; i++)
            await OkAsync(() => client.PutAsync($"k{i}", $"v{i}"));
        await OkAsync(() => client.PutAsync("large", new string('x', 60_000)));
        await OkAsync(() => client.DeleteAsync("k7"));

        var (file, info) = await BackupAsync(from, "n2");
        Assert.Equal(200, info.Keys);
        var to = new LocalCluster(Sys, 3);
        var restored = await Operations(to, "n3").RestoreAsync(file, default);
        Assert.Equal(info, restored);

        var there = KeyValue(to, "n2");
        foreach (var key in Enumerable.Range(0, 200).Select(i => $"k{i}").Append("large"))
        {
            var (was, now) = (await AnsweredAsync(() => client.GetAsync(key)), await AnsweredAsync(() => there.GetAsync(key)));
            Assert.Equal((was.Found, was.Revision, Encoding.UTF8.GetString(was.Value.Span)), (now.Found, now.Revision, Encoding.UTF8.GetString(now.Value.Span)));
        }

        Assert.True((await AnsweredAsync(() => there.PutAsync("new", "1"))).Revision > info.Index);
        var check = await Operations(to, "n1").CheckAsync(Limit, default);
        Assert.True(check.Agree);
        Assert.Equal(3, check.Replicas.Count(r => r.Check?.Index == check.Index));
    }

    [Fact]
    public async Task A_backup_that_is_cut_and_a_group_that_is_not_empty_are_refused_and_nothing_is_changed()
    {
        var from = new LocalCluster(Sys, 1);
        await OkAsync(() => KeyValue(from, "n1").PutAsync("a", "1"));
        var (file, _) = await BackupAsync(from, "n1");

        var refused = await Assert.ThrowsAsync<OperationFailedException>(() => Operations(from, "n1").RestoreAsync(file, default));
        Assert.Equal(Outcome.Failed, refused.Outcome);
        Assert.Contains("not empty", refused.Message, StringComparison.Ordinal);
        Assert.Equal("1", Encoding.UTF8.GetString((await AnsweredAsync(() => KeyValue(from, "n1").GetAsync("a"))).Value.Span));

        var to = new LocalCluster(Sys, 1);
        var before = await PointAsync(to);
        await Assert.ThrowsAsync<InvalidDataException>(() => Operations(to, "n1").RestoreAsync(new MemoryStream(file.ToArray(), 0, (int)file.Length - 1), default));
        Assert.Equal(before + 1, await PointAsync(to));     // no entry between
    }

    [Fact]
    public async Task A_backup_of_another_state_machine_is_refused()
    {
        var from = new LocalCluster(Sys, 1, s => s with { StateMachine = () => new Other() });
        var (file, _) = await BackupAsync(from, "n1");
        var refused = await Assert.ThrowsAsync<OperationFailedException>(() => Operations(new LocalCluster(Sys, 1), "n1").RestoreAsync(file, default));
        Assert.Contains("Other", refused.Message, StringComparison.Ordinal);
        Assert.Contains("KeyValueMachine", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restore_that_was_broken_off_serves_nothing_and_goes_on_where_it_was()
    {
        var from = new LocalCluster(Sys, 1);
        for (var i = 0; i < 6; i++)
            await OkAsync(() => KeyValue(from, "n1").PutAsync($"k{i}", new string('x', 40_000)));
        var (file, info) = await BackupAsync(from, "n1");
        Assert.True(info.Chunks >= 5);

        var to = new LocalCluster(Sys, 3);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Operations(to, "n1").RestoreAsync(new Interrupted(file.ToArray(), file.Length * 3 / 2, stop), stop.Token));
        var put = await AnsweredAsync(() => KeyValue(to, "n2").PutAsync("other", "1"));
        Assert.Equal(Outcome.Unavailable, put.Outcome);
        Assert.Contains("run the restore again", put.Error, StringComparison.Ordinal);
        Assert.Equal(Outcome.Unavailable, (await AnsweredAsync(() => KeyValue(to, "n3").GetAsync("k0", ReadMode.Stale))).Outcome);
        Assert.Equal(Outcome.Failed, (await Assert.ThrowsAsync<OperationFailedException>(() => BackupAsync(to, "n1"))).Outcome);
        var status = await to.Client(new NodeId("n1")).StatusAsync(TimeSpan.FromSeconds(1));
        Assert.All(status, s => Assert.Contains("part of a backup", s.Condition, StringComparison.Ordinal));

        Assert.Equal(info, await Operations(to, "n2").RestoreAsync(file, default));
        Assert.Equal(40_000, (await AnsweredAsync(() => KeyValue(to, "n2").GetAsync("k5"))).Value.Length);
        Assert.True((await Operations(to, "n1").CheckAsync(Limit, default)).Agree);
    }

    [Fact]
    public async Task The_remains_of_one_backup_make_room_for_another()
    {
        var first = new LocalCluster(Sys, 1);
        for (var i = 0; i < Restore.KeysPerEntry + 200; i++)
            await OkAsync(() => KeyValue(first, "n1").PutAsync($"first-{i}", new string('x', 100)));
        var second = new LocalCluster(Sys, 1);
        await OkAsync(() => KeyValue(second, "n1").PutAsync("second", "2"));
        var (one, _) = await BackupAsync(first, "n1");
        var (other, _) = await BackupAsync(second, "n1");

        var to = new LocalCluster(Sys, 1);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Operations(to, "n1").RestoreAsync(new Interrupted(one.ToArray(), one.Length * 2 - 50, stop), stop.Token));
        await Operations(to, "n1").RestoreAsync(other, default);
        var scan = await AnsweredAsync(() => KeyValue(to, "n1").ScanAsync(""));
        Assert.Equal(["second"], scan.Entries.Select(e => Encoding.UTF8.GetString(e.Key.Span)));
    }

    [Fact]
    public async Task A_replica_whose_state_differs_shows_when_the_group_is_checked()
    {
        var cluster = new LocalCluster(Sys, 3);
        await OkAsync(() => KeyValue(cluster, "n1").PutAsync("a", "1"));
        var key = await StoredKeyAsync(cluster, "n2");
        var writes = new WriteSet();
        writes.Put(Table.State, key, "other"u8.ToArray());
        cluster.Store(new NodeId("n2")).Write(writes, sync: true);

        var check = await Operations(cluster, "n1").CheckAsync(Limit, default);
        Assert.False(check.Agree);
        Assert.Equal(["n1", "n3"], check.Replicas.GroupBy(r => r.Check!.StateHash).Single(g => g.Count() == 2).Select(r => r.Node.Value).Order());
        Assert.Single(check.Replicas.Select(r => r.Check!.LogHash).Distinct());
    }

    [Fact]
    public async Task A_flipped_bit_in_an_old_log_entry_takes_the_replica_out_of_service_when_the_group_is_checked()
    {
        var cluster = new LocalCluster(Sys, 3);
        for (var i = 0; i < 20; i++)
            await OkAsync(() => KeyValue(cluster, "n1").PutAsync("a", $"{i}"));
        var statuses = await UntilAsync(cluster, new NodeId("n1"), s => s.Count(r => r.Role is ReplicaRole.Primary) == 1 && s.Count(r => r.Role is ReplicaRole.Backup) == 2);
        var backup = statuses.First(s => s.Role is ReplicaRole.Backup).Node;
        var (key, frame) = cluster.Store(backup).Scan(Table.Log, [], null).ElementAt(9);
        frame[^1] ^= 4;
        var writes = new WriteSet();
        writes.Put(Table.Log, key, frame);
        cluster.Store(backup).Write(writes, sync: true);

        var check = await Operations(cluster, statuses.Single(s => s.Role is ReplicaRole.Primary).Node.Value).CheckAsync(Limit, default);
        Assert.True(check.Agree);       // the two that could look
        var damaged = check.Replicas.Single(r => r.Node == backup);
        Assert.Equal(ReplicaRole.OutOfService, damaged.Role);
        Assert.Contains("log entry 10 is damaged", damaged.Fault, StringComparison.Ordinal);
        await OkAsync(() => KeyValue(cluster, check.Replicas.First(r => r.Node != backup).Node.Value).PutAsync("a", "after"));
    }

    [Theory]
    [InlineData(CommitRule.All)]
    [InlineData(CommitRule.Majority)]
    public async Task A_group_that_lost_its_quorum_goes_on_from_one_replica_with_all_that_it_holds(CommitRule rule)
    {
        var cluster = new LocalCluster(Sys, 3, s => s with { Commit = rule });
        for (var i = 0; i < 20; i++)
            await OkAsync(() => KeyValue(cluster, "n1").PutAsync($"k{i}", $"{i}"));
        var (left, lost) = (new NodeId("n1"), new[] { new NodeId("n2"), new NodeId("n3") });
        await UntilAsync(cluster, left, s => s.Select(r => r.LastIndex).Distinct().Count() == 1);
        var own = await OwnAsync(cluster, left);
        var last = new LogPosition(own.LastEpoch, own.LastIndex);
        Assert.Contains("has a primary", await Operations(cluster, "n1").AcceptLossAsync(last), StringComparison.Ordinal);
        await Task.WhenAll(lost.Select(cluster.Kill));
        await UntilAsync(cluster, left, s => s is [{ Role: ReplicaRole.Candidate, Primary.IsNone: true }]);
        Assert.Contains("look at the status again", await Operations(cluster, "n1").AcceptLossAsync(new LogPosition(last.Epoch, 1)), StringComparison.Ordinal);
        own = await OwnAsync(cluster, left);
        last = new LogPosition(own.LastEpoch, own.LastIndex);

        Assert.Equal("", await Operations(cluster, "n1").AcceptLossAsync(last));
        await UntilAsync(cluster, left, s => s is [{ Role: ReplicaRole.Primary }]);
        var loss = Assert.Single((await OwnAsync(cluster, left)).Losses);
        Assert.True(loss.At.Epoch > last.Epoch);
        for (var i = 0; i < 20; i++)
            Assert.Equal($"{i}", Encoding.UTF8.GetString((await AnsweredAsync(() => KeyValue(cluster, "n1").GetAsync($"k{i}"))).Value.Span));
        await OkAsync(() => KeyValue(cluster, "n1").PutAsync("after", "1"));

        // One of the others comes back as it was, the other one empty.
        cluster.Wipe(lost[0]);
        foreach (var node in lost)
            cluster.Start(node);
        await UntilAsync(cluster, left, s => s.Count == 3 && s.All(r => r.Members.Count == 3 && r.Role is ReplicaRole.Primary or ReplicaRole.Backup));
        Assert.Equal("", await cluster.Client(left).TransferAsync(lost[0], Limit));
        await OkAsync(() => KeyValue(cluster, "n1").PutAsync("after", "2"));
        await UntilAsync(cluster, left, s => s.Count == 3 && s.All(r => r.Losses.SequenceEqual([loss])));       // whoever leads
        Assert.True((await Operations(cluster, "n1").CheckAsync(Limit, default)).Agree);
    }

    private static async Task<ReplicaStatus> OwnAsync(LocalCluster cluster, NodeId node) => (await cluster.Client(node).StatusAsync(TimeSpan.FromMilliseconds(300))).Single(s => s.Node == node);

    private static async Task<IReadOnlyList<ReplicaStatus>> UntilAsync(LocalCluster cluster, NodeId node, Func<IReadOnlyList<ReplicaStatus>, bool> isSo)
    {
        IReadOnlyList<ReplicaStatus> statuses = [];
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); clock.Elapsed < Limit; await Task.Delay(50))
        {
            statuses = await cluster.Client(node).StatusAsync(TimeSpan.FromMilliseconds(300));
            if (isSo(statuses))
                return statuses;
        }

        Assert.Fail(string.Join("\n", statuses));
        return statuses;
    }

    private static GroupOperations Operations(LocalCluster cluster, string node) => cluster.Client(new NodeId(node)).Operations;

    private static KeyValueClient KeyValue(LocalCluster cluster, string node) => new(cluster.Client(new NodeId(node)));

    private static async Task<(MemoryStream File, BackupInfo Info)> BackupAsync(LocalCluster cluster, string node)
    {
        var file = new MemoryStream();
        var info = await Operations(cluster, node).BackupAsync(file, default);
        file.Position = 0;
        return (file, info);
    }

    /// <summary>The index of an entry that changes nothing.</summary>
    private static async Task<long> PointAsync(LocalCluster cluster) => (await BackupAsync(cluster, "n1")).Info.Index;

    private static async Task OkAsync(Func<Task<WriteResult>> write)
    {
        var result = await AnsweredAsync(write);
        Assert.True(result.Outcome is Outcome.Ok, result.Error);
    }

    /// <summary>A busy machine may hold an election at any time: what was not applied for it, or may have been, is asked again; what is asked here may be done twice.</summary>
    private static async Task<T> AnsweredAsync<T>(Func<Task<T>> ask)
        where T : KeyValueResult
    {
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); ; await Task.Delay(20))
        {
            var result = await ask();
            if (result.Outcome is not (Outcome.Unavailable or Outcome.Unknown) || result.Error.Contains("restore", StringComparison.Ordinal) || clock.Elapsed > Limit)
                return result;
        }
    }

    /// <summary>Where a node's store has the one key of the group, once it has.</summary>
    private static async Task<byte[]> StoredKeyAsync(LocalCluster cluster, string node)
    {
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); clock.Elapsed < Limit; await Task.Delay(20))
        {
            var pair = cluster.Store(new NodeId(node)).Scan(Table.State, [], null).LastOrDefault();
            if (pair.Key is [.., StateSpace.MachineSpace, (byte)'a'])
                return pair.Key;
        }

        throw new TimeoutException($"the store of {node} does not get the key");
    }

    /// <summary>Cancels the restore that reads it when it has read so many bytes in all.</summary>
    private sealed class Interrupted(byte[] bytes, long after, CancellationTokenSource stop) : MemoryStream(bytes)
    {
        private long _left = after;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if ((_left -= buffer.Length) < 0)
                await stop.CancelAsync();
            return await base.ReadAsync(buffer, cancellationToken);
        }
    }

    private sealed class Other : IStateMachine
    {
        public void Apply(ReadOnlySpan<byte> command, ApplyContext context, System.Buffers.IBufferWriter<byte> reply)
        {
        }

        public void Query(ReadOnlySpan<byte> query, IStateReader state, System.Buffers.IBufferWriter<byte> reply)
        {
        }
    }
}
