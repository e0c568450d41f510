using System.Net;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Operations;

namespace Actors.Tests.NodeTests;

/// <summary>Backup, restore, verify and accept-loss over HTTP, and what their commands make of it.</summary>
public sealed class OperationsApiTests : IAsyncLifetime
{
    private static readonly BackupInfo Info = new("shop", new GroupId("default"), "Machine", 17, DateTimeOffset.UnixEpoch, 1, 2, 3);

    private NodeServer _node = null!;

    public async Task InitializeAsync() => _node = await NodeServer.StartAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task A_backup_is_the_stream_that_the_group_writes()
    {
        _node.Replication.Operation = async to =>
        {
            await to.WriteAsync("all of it"u8.ToArray());
            return Info;
        };
        var answer = await _node.GetAsync("/v1/groups/default/backup");
        Assert.Equal((HttpStatusCode.OK, "all of it"), (answer.StatusCode, await answer.TextAsync()));
    }

    [Fact]
    public async Task A_backup_that_cannot_begin_is_a_problem_and_one_that_breaks_off_has_no_end()
    {
        await (await _node.GetAsync("/v1/groups/default/backup")).ProblemAsync(503, "unavailable");
        await (await _node.GetAsync("/v1/groups/other/backup")).ProblemAsync(404, "group-not-found");
        _node.Replication.Operation = async to =>
        {
            await to.WriteAsync("a part of it"u8.ToArray());
            await to.FlushAsync();
            throw new OperationFailedException(Outcome.Unavailable, "gone");
        };
        var answer = await _node.GetAsync("/v1/groups/default/backup");
        await Assert.ThrowsAnyAsync<Exception>(answer.TextAsync);
    }

    [Fact]
    public async Task A_restore_gets_the_whole_body_from_a_file_that_goes_afterwards()
    {
        var body = new byte[200_000];
        Random.Shared.NextBytes(body);
        byte[]? got = null;
        _node.Replication.Operation = async from =>
        {
            Assert.True(from.CanSeek);
            var copy = new MemoryStream();
            await from.CopyToAsync(copy);
            got = copy.ToArray();
            return Info;
        };
        var answer = await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/restore", body);
        Assert.Equal(body, got);
        Assert.Equal(2, (await answer.JsonAsync()).GetProperty("keys").GetInt64());
        Assert.Empty(Directory.EnumerateFiles(Path.GetTempPath(), "*.restore"));
    }

    [Fact]
    public async Task What_is_no_backup_is_422_and_a_group_with_keys_409()
    {
        _node.Replication.Operation = _ => throw new InvalidDataException("the backup is cut: it ends after 12 bytes");
        var problem = await (await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/restore", "x")).ProblemAsync(422, "bad-backup");
        Assert.Contains("12 bytes", problem.GetProperty("detail").GetString());
        _node.Replication.Operation = _ => throw new OperationFailedException(Outcome.Failed, "the group is not empty");
        await (await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/restore", "x")).ProblemAsync(409, "refused");
    }

    [Fact]
    public async Task A_check_has_a_row_for_every_replica_those_that_did_not_answer_too()
    {
        _node.Replication.Check = new GroupCheck(5, [Replica("n1", new ReplicaCheck(5, 1, 2, 5, 3, 40))]);
        var check = await (await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/verify")).JsonAsync();
        Assert.True(check.GetProperty("agree").GetBoolean());
        Assert.Equal(["n1 primary", "n2 unreachable"], check.GetProperty("replicas").EnumerateArray().Select(r => $"{r.GetProperty("node")} {r.GetProperty("role")}"));
        Assert.EndsWith("02", check.GetProperty("replicas")[0].GetProperty("stateHash").GetString());
    }

    [Theory]
    [InlineData(1, 2, true)]
    [InlineData(1, 3, false)]
    public async Task Replicas_agree_when_their_hashes_are_the_same(int logHash, int stateHash, bool agree)
    {
        _node.Replication.Check = new GroupCheck(5, [Replica("n1", new ReplicaCheck(5, 1, 2, 5, 3, 40)), Replica("n2", new ReplicaCheck(5, (UInt128)logHash, (UInt128)stateHash, 4, 3, 40))]);
        var check = await (await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/verify")).JsonAsync();
        Assert.Equal(agree, check.GetProperty("agree").GetBoolean());
    }

    [Fact]
    public async Task A_loss_is_accepted_at_the_position_that_was_seen()
    {
        var answer = await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/accept-loss?epoch=5&index=120");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(new LogPosition(new Epoch(5), 120), Assert.Single(_node.Replication.Losses));
        _node.Replication.LossReply = "group 'default' has a primary: nothing has to be given up";
        await (await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/accept-loss?epoch=5&index=120")).ProblemAsync(409, "not-accepted");
        await (await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/accept-loss?epoch=0")).ProblemAsync(400, "bad-parameter");
        await (await _node.SendAsync(HttpMethod.Post, "/v1/groups/No/accept-loss?epoch=5&index=120")).ProblemAsync(404, "group-not-found");
    }

    private static ReplicaStatus Replica(string node, ReplicaCheck check) => new(
        new GroupId("default"), new NodeId(node), ReplicaRole.Primary, new Epoch(1), 5, 5, 5, new NodeId("n1"), [new NodeId("n1"), new NodeId("n2")], [], "", new Dictionary<string, string>())
    {
        Check = check,
    };
}
