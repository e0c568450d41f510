using System.Text.Json;
using Actors.Hosting;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary>What <c>POST /v1/groups</c> takes.</summary>
internal sealed record NewGroup(string? Name, Dictionary<string, string>? Settings);

/// <summary>One group in <c>GET /v1/groups</c>.</summary>
internal sealed record CatalogEntry(string Name, string Protocol, bool Created, IReadOnlyDictionary<string, string> Settings);

/// <summary><c>/v1/groups</c>: the groups of the cluster, and new ones.</summary>
internal sealed class GroupsEndpoint(IGroupCatalog catalog)
{
    private const int MaxBodyBytes = 32_768;

    public Task ListAsync(HttpContext context)
    {
        _ = new Query(context);
        return context.Response.WriteAsJsonAsync(new { groups = catalog.Groups.Select(Entry) }, context.RequestAborted);
    }

    public Task ShowAsync(HttpContext context, string name)
    {
        _ = new Query(context);
        return context.Response.WriteAsJsonAsync(Entry(catalog.Groups.Single(group => group.Id.Value == name)), context.RequestAborted);
    }

    public async Task CreateAsync(HttpContext context)
    {
        _ = new Query(context);
        NewGroup? wanted;
        try
        {
            wanted = JsonSerializer.Deserialize<NewGroup>((await RequestBody.ReadAsync(context.Request, MaxBodyBytes, "the description of a group")).Span, JsonSerializerOptions.Web);
        }
        catch (JsonException)
        {
            wanted = null;
        }

        if (wanted?.Name is not { } name)
            throw new ProblemException(Problem.BadParameter("body", "must be JSON such as {\"name\": \"orders\", \"settings\": {\"commit\": \"majority\"}}, all values texts"));
        var (result, error) = await catalog.CreateAsync(name, wanted.Settings ?? []);
        if (result is GroupCreation.Waiting)
        {
            context.Response.StatusCode = 202;
            await context.Response.WriteAsJsonAsync(new { detail = error }, context.RequestAborted);
            return;
        }

        if (result is not GroupCreation.Created)
        {
            throw new ProblemException(result switch
            {
                GroupCreation.Exists => new Problem(409, "group-exists", error),
                GroupCreation.Invalid => new Problem(400, "bad-parameter", error) { Parameter = "body" },
                GroupCreation.Unavailable => new Problem(503, "unavailable", error) { RetryAfter = 1 },
                _ => new Problem(504, "no-answer", error),
            });
        }

        context.Response.StatusCode = 201;
        context.Response.Headers.Location = $"/v1/groups/{name}";
    }

    private static CatalogEntry Entry(CatalogGroup group) => new(group.Id.Value, group.Protocol, group.IsCreated, group.Settings);
}
