using System.Net;

namespace Actors.Tests.NodeTests;

/// <summary><c>/v1/groups</c>: what is answered for what the catalog says.</summary>
public sealed class GroupsApiTests : IAsyncLifetime
{
    private NodeServer _node = null!;

    public async Task InitializeAsync() => _node = await NodeServer.StartAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    public async Task Groups_are_listed_and_shown_with_where_they_come_from()
    {
        var all = await (await _node.GetAsync("/v1/groups")).JsonAsync();
        Assert.Equal("""{"groups":[{"name":"default","protocol":"primary-backup","created":false,"settings":{}}]}""", all.GetRawText());
        Assert.Equal("default", (await (await _node.GetAsync("/v1/groups/default")).JsonAsync()).GetProperty("name").GetString());
        await (await _node.GetAsync("/v1/groups/other")).ProblemAsync(404, "group-not-found");
    }

    [Fact]
    public async Task A_created_group_is_where_the_answer_says()
    {
        var answer = await _node.SendAsync(HttpMethod.Post, "/v1/groups", """{"name": "orders", "settings": {"commit": "majority"}}""");
        Assert.Equal((HttpStatusCode.Created, "/v1/groups/orders"), (answer.StatusCode, answer.Header("Location")));
    }

    [Fact]
    public async Task A_group_that_waits_for_a_member_is_accepted_with_the_reason()
    {
        var answer = await _node.SendAsync(HttpMethod.Post, "/v1/groups", """{"name": "waiting"}""");
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal("waiting it is", (await answer.JsonAsync()).GetProperty("detail").GetString());
    }

    [Theory]
    [InlineData("exists", 409, "group-exists")]
    [InlineData("invalid", 400, "bad-parameter")]
    [InlineData("unavailable", 503, "unavailable")]
    [InlineData("unknown", 504, "no-answer")]
    public async Task What_the_catalog_refuses_is_a_problem_with_its_reason(string name, int status, string code)
    {
        var problem = await (await _node.SendAsync(HttpMethod.Post, "/v1/groups", $$"""{"name": "{{name}}"}""")).ProblemAsync(status, code);
        Assert.Equal($"{name} it is", problem.GetProperty("detail").GetString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"name": 7}""")]
    [InlineData("""{"name": "orders", "settings": {"min-in-view": 2}}""")]
    public async Task A_body_of_another_form_is_refused(string body) =>
        await (await _node.SendAsync(HttpMethod.Post, "/v1/groups", body)).ProblemAsync(400, "bad-parameter");
}
