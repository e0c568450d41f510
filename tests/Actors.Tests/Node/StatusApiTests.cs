using System.Net;
using System.Text.Json;
using Actors.Membership;
using Actors.Replication;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Actors.Tests.NodeTests;

public sealed class StatusApiTests : IAsyncLifetime
{
    private NodeServer _node = null!;

    public async Task InitializeAsync() => _node = await NodeServer.StartAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task Status_names_processes_and_the_members_of_every_group()
    {
        Replica("n1", ReplicaRole.Primary, epoch: 3, commit: 10, last: 12);
        Replica("n2", ReplicaRole.Backup, epoch: 3, commit: 9, last: 11);
        var status = await (await _node.GetAsync("/v1/status")).JsonAsync();

        Assert.Equal(
            [("n1", Environment.ProcessId, "http://127.0.0.1:8081", true), ("n2", 4711, "http://127.0.0.1:8082", true)],
            status.GetProperty("nodes").EnumerateArray().Select(n => (Text(n, "name"), n.GetProperty("pid").GetInt32(), Text(n, "http"), n.GetProperty("reachable").GetBoolean())));
        var group = Assert.Single(status.GetProperty("groups").EnumerateArray());
        Assert.Equal(("default", "primary-backup", 3L, "n1"), (Text(group, "name"), Text(group, "protocol"), group.GetProperty("epoch").GetInt64(), Text(group, "primary")));
        Assert.Equal(
            [("n1", "primary", 10L, 12L), ("n2", "backup", 9L, 11L)],
            group.GetProperty("members").EnumerateArray().Select(m => (Text(m, "node"), Text(m, "role"), m.GetProperty("commitIndex").GetInt64(), m.GetProperty("lastIndex").GetInt64())));
    }

    [Fact]
    public async Task The_status_of_one_group_alone_may_be_that_of_the_directory()
    {
        Replica("n1", ReplicaRole.Primary, epoch: 3);
        _node.Replication.Status.Add(_node.Replication.Status[0] with { Group = GroupSettings.Directory, Role = ReplicaRole.Backup });

        Assert.Equal("default", Text(Assert.Single((await (await _node.GetAsync("/v1/status")).JsonAsync()).GetProperty("groups").EnumerateArray()), "name"));
        var group = Assert.Single((await (await _node.GetAsync("/v1/status?group=actors.directory")).JsonAsync()).GetProperty("groups").EnumerateArray());
        Assert.Equal(("actors.directory", "backup"), (Text(group, "name"), Text(group.GetProperty("members")[0], "role")));
        await (await _node.GetAsync("/v1/status?group=other")).ProblemAsync(404, "group-not-found");
        await (await _node.GetAsync("/v1/status?group=Other")).ProblemAsync(400, "bad-parameter");
    }

    [Fact]
    public async Task A_member_that_does_not_answer_is_named_unreachable_with_the_process_it_last_was()
    {
        Replica("n1", ReplicaRole.Primary, epoch: 3);
        Replica("n2", ReplicaRole.Backup, epoch: 3);
        await _node.GetAsync("/v1/status");
        _node.Replication.Status.RemoveAt(1);
        var status = await (await _node.GetAsync("/v1/status")).JsonAsync();
        var n2 = status.GetProperty("nodes")[1];
        Assert.Equal((4711, "http://127.0.0.1:8082", false), (n2.GetProperty("pid").GetInt32(), Text(n2, "http"), n2.GetProperty("reachable").GetBoolean()));
        Assert.Equal("unreachable", Text(status.GetProperty("groups")[0].GetProperty("members")[1], "role"));
    }

    [Fact]
    public async Task A_lossy_group_says_so_in_its_status_with_what_it_is_known_to_have_lost_and_on_every_answer()
    {
        Replica("n1", ReplicaRole.Primary, epoch: 5);
        Assert.Null((await _node.GetAsync("/v1/groups/default/keys/a")).Header("Actors-Lossy"));
        _node.Catalog.Groups = [.. _node.Catalog.Groups.Select(group => group with { IsLossy = true })];
        _node.Replication.Status[0] = _node.Replication.Status[0] with { IsLossy = true, Losses = [new Loss(new LogPosition(new Epoch(5), 120), 7)] };

        var group = (await (await _node.GetAsync("/v1/status")).JsonAsync()).GetProperty("groups")[0];
        Assert.True(group.GetProperty("lossy").GetBoolean());
        Assert.Equal("""[{"epoch":5,"index":120,"atLeast":7}]""", group.GetProperty("dataLoss").GetRawText());
        await _node.PutAsync("a", "x");
        foreach (var path in (string[])["keys/a", "keys/missing", "keys", "keys?limit=0"])
            Assert.Equal("true", (await _node.GetAsync($"/v1/groups/default/{path}")).Header("Actors-Lossy"));
    }

    [Fact]
    public async Task A_node_that_was_never_seen_has_neither_process_nor_address()
    {
        var status = await (await _node.GetAsync("/v1/status")).JsonAsync();
        Assert.Equal("""{"name":"n2","pid":0,"http":"","reachable":false}""", status.GetProperty("nodes")[1].GetRawText());
        Assert.Equal((0L, 0), (status.GetProperty("groups")[0].GetProperty("epoch").GetInt64(), status.GetProperty("groups")[0].GetProperty("members").GetArrayLength()));
    }

    [Fact]
    public async Task The_members_are_those_of_the_newest_view_and_roles_are_in_lower_case()
    {
        Replica("n1", ReplicaRole.Primary, epoch: 1, members: ["n1", "n2", "n3"]);
        Replica("n2", ReplicaRole.Primary, epoch: 2, members: ["n2", "n3"], learners: ["n4"]);
        Replica("n4", ReplicaRole.Learner, epoch: 2, members: ["n2", "n3"]);
        Replica("n5", ReplicaRole.OutOfService, epoch: 0, members: [], fault: "a damaged entry");
        var group = (await (await _node.GetAsync("/v1/status")).JsonAsync()).GetProperty("groups")[0];
        Assert.Equal(2, group.GetProperty("epoch").GetInt64());
        Assert.Equal(
            [("n2", "primary"), ("n3", "unreachable"), ("n4", "learner"), ("n1", "left-out"), ("n5", "out-of-service")],
            group.GetProperty("members").EnumerateArray().Select(m => (Text(m, "node"), Text(m, "role"))));
        Assert.Equal("a damaged entry", Text(group.GetProperty("members")[4], "fault"));
    }

    [Fact]
    public async Task A_restarted_member_that_the_primary_has_left_out_meanwhile_is_not_shown_as_a_member()
    {
        Replica("n2", ReplicaRole.Backup, epoch: 2, members: ["n1", "n2", "n3"]);
        Replica("n1", ReplicaRole.Primary, epoch: 2, members: ["n1", "n3"]);
        Replica("n3", ReplicaRole.Backup, epoch: 2, members: ["n1", "n3"]);
        var group = (await (await _node.GetAsync("/v1/status")).JsonAsync()).GetProperty("groups")[0];
        Assert.Equal([("n1", "primary"), ("n3", "backup"), ("n2", "left-out")], group.GetProperty("members").EnumerateArray().Select(m => (Text(m, "node"), Text(m, "role"))));
    }

    [Theory]
    [InlineData("live")]
    [InlineData("ready")]
    public async Task Health_is_that_of_the_checks_with_its_tag(string tag)
    {
        var answer = await _node.GetAsync($"/healthz/{tag}");
        Assert.Equal((HttpStatusCode.OK, tag + "\n"), (answer.StatusCode, await answer.TextAsync()));
        _node.Health[tag] = HealthCheckResult.Unhealthy("default: no primary is known");
        answer = await _node.GetAsync($"/healthz/{tag}");
        Assert.Equal("default: no primary is known", Text(await answer.ProblemAsync(503, $"not-{tag}"), "detail"));
        Assert.Equal("1", answer.Header("Retry-After"));
        Assert.Equal(HttpStatusCode.OK, (await _node.GetAsync(tag == "live" ? "/healthz/ready" : "/healthz/live")).StatusCode);
    }

    [Fact]
    public async Task Members_are_changed_by_name_and_a_refusal_says_why()
    {
        Assert.Equal(HttpStatusCode.OK, (await _node.SendAsync(HttpMethod.Put, "/v1/groups/default/members/n3")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await _node.SendAsync(HttpMethod.Delete, "/v1/groups/default/members/n3")).StatusCode);
        Assert.Equal([(new NodeId("n3"), true), (new NodeId("n3"), false)], _node.Replication.Changes);
        _node.Replication.TransferReply = "n1 is a member already";
        Assert.Equal("n1 is a member already", Text(await (await _node.SendAsync(HttpMethod.Put, "/v1/groups/default/members/n1")).ProblemAsync(409, "not-joined"), "detail"));
        await (await _node.SendAsync(HttpMethod.Delete, "/v1/groups/default/members/n1")).ProblemAsync(409, "not-removed");
        await (await _node.SendAsync(HttpMethod.Put, "/v1/groups/default/members/N1")).ProblemAsync(400, "bad-parameter");
        await (await _node.SendAsync(HttpMethod.Put, "/v1/groups/other/members/n1")).ProblemAsync(404, "group-not-found");
    }

    [Fact]
    public async Task Transfer_asks_for_the_node_and_says_why_it_did_not_happen()
    {
        var done = await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/transfer?to=n2");
        Assert.Equal("""{"group":"default","primary":"n2"}""", await done.TextAsync());
        Assert.Equal([new NodeId("n2")], _node.Replication.Transfers);
        _node.Replication.TransferReply = "n2 is not a member";
        Assert.Equal("n2 is not a member", Text(await (await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/transfer?to=n2")).ProblemAsync(409, "not-transferred"), "detail"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("?to=")]
    [InlineData("?to=N%202")]
    [InlineData("?too=n2")]
    public async Task A_transfer_to_nobody_is_400(string query)
    {
        await (await _node.SendAsync(HttpMethod.Post, "/v1/groups/default/transfer" + query)).ProblemAsync(400, "bad-parameter");
        Assert.Empty(_node.Replication.Transfers);
    }

    [Fact]
    public async Task Metrics_show_the_instruments_of_the_project_in_prometheus_text()
    {
        using var meter = new System.Diagnostics.Metrics.Meter("Actors");
        var histogram = meter.CreateHistogram<double>("actors.test.duration", "s");
        histogram.Record(0.0003);
        var answer = await _node.GetAsync("/metrics");
        Assert.Equal("text/plain", answer.Content.Headers.ContentType?.MediaType);
        var text = await answer.TextAsync();
        Assert.Matches("(?m)^actors_test_duration_seconds_bucket\\{.*le=\"0.0005\".*\\} 1", text);
        Assert.Contains("dotnet_process_cpu_time_seconds", text);
    }

    [Fact]
    public async Task Requests_that_are_refused_are_counted_by_the_code_of_their_problem()
    {
        await (await _node.SendAsync(HttpMethod.Post, "/v1/broadcast/nowhere", "hello")).ProblemAsync(404, "group-not-found");

        Assert.Matches("(?m)^actors_http_problems_total\\{.*code=\"group-not-found\".*\\} [1-9]", await (await _node.GetAsync("/metrics")).TextAsync());
    }

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private void Replica(string node, ReplicaRole role, long epoch, long commit = 0, long last = 0, string[]? members = null, string[]? learners = null, string fault = "") =>
        _node.Replication.Status.Add(new ReplicaStatus(
            new GroupId("default"), new NodeId(node), role, new Epoch(epoch), commit, commit, last, role is ReplicaRole.Primary ? new NodeId(node) : default,
            [.. (members ?? ["n1", "n2"]).Select(name => new NodeId(name))], [.. (learners ?? []).Select(name => new NodeId(name))], fault,
            new Dictionary<string, string> { ["pid"] = "4711", ["http"] = "http://127.0.0.1:8082" }));
}
