using System.Net;
using Actors.Broadcast;
using Actors.Hosting;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.KeyValue;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;

namespace Actors.Node.Http;

/// <summary>The HTTP API of a node: what it needs, what each request passes through, and the table of its routes.</summary>
internal static class HttpApi
{
    /// <summary>The longest key, every byte percent-encoded, and room for the rest of the line.</summary>
    private const int MaxRequestLineBytes = 3 * KeyValueLimits.MaxKeyBytes + 16_384;

    private const int MaxNamed = 20;        // groups that an error names

    /// <summary>On every answer of a lossy group, whatever it says.</summary>
    public const string LossyHeader = "Actors-Lossy";

    /// <summary>Adds the server, listening at <paramref name="endPoint"/>, by TLS when it has an <paramref name="identity"/>, and the endpoints' parts.</summary>
    public static void AddHttpApi(this WebApplicationBuilder builder, NodeInfo node, IPEndPoint endPoint, NodeIdentity? identity = null)
    {
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestLineSize = MaxRequestLineBytes;
            kestrel.Limits.MaxRequestBodySize = null;    // each endpoint has its own limit
            kestrel.Listen(endPoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                if (identity is not null)
                    listen.UseHttps(identity.Certificate);
            });
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddHealthChecks();
        builder.Services.AddSingleton(node);
        builder.Services.AddSingleton(_ => Telemetry.CreateProvider(node));
        builder.Services.AddSingleton<StatusEndpoint>();
        builder.Services.AddSingleton<GroupsEndpoint>();
        builder.Services.AddSingleton<Health>();
        builder.Services.AddSingleton<TransferEndpoint>();
        builder.Services.AddSingleton<MembersEndpoint>();
        builder.Services.AddSingleton<WatchEndpoint>();
        builder.Services.AddSingleton<OperationEndpoints>();
        builder.Services.AddSingleton<BroadcastEndpoint>();
    }

    /// <summary>Builds the pipeline and the routes.</summary>
    /// <param name="app">The application.</param>
    /// <param name="token">What each request must show; null or empty for nothing.</param>
    public static void UseHttpApi(this WebApplication app, string? token = null)
    {
        app.Use(RequestTarget.TakeKey);
        app.Use((context, next) => AnswerProblemsAsync(context, next, app.Logger));
        app.UseStatusCodePages(status => NoRoute(status.HttpContext).WriteAsync(status.HttpContext));
        if (token is { Length: > 0 })
            app.Use(new BearerToken(token).RequireAsync);      // which a page of another site does not have
        else
            app.Use(new ForeignPages(app.Services.GetRequiredService<NodeInfo>()).RefuseAsync);
        app.UseRouting();
        MapRoutes(app);
    }

    private static void MapRoutes(WebApplication app)
    {
        var replication = app.Services.GetRequiredService<IReplication>();
        var catalog = app.Services.GetRequiredService<IGroupCatalog>();
        var status = app.Services.GetRequiredService<StatusEndpoint>();
        var health = app.Services.GetRequiredService<Health>();
        var transfer = app.Services.GetRequiredService<TransferEndpoint>();
        var members = app.Services.GetRequiredService<MembersEndpoint>();
        var watch = app.Services.GetRequiredService<WatchEndpoint>();
        var operations = app.Services.GetRequiredService<OperationEndpoints>();

        var groups = app.Services.GetRequiredService<GroupsEndpoint>();
        var broadcast = app.Services.GetRequiredService<IBroadcast>();
        var broadcastGroups = broadcast.Groups.ToDictionary(id => id.Value, broadcast.Group);
        var listen = app.Services.GetRequiredService<BroadcastEndpoint>();

        const string Key = "/v1/groups/{group}/keys/{key}";
        app.MapMethods(Key, [HttpMethods.Get, HttpMethods.Head], context => KeysEndpoints.GetAsync(context, Group(context)));
        app.MapPut(Key, context => KeysEndpoints.PutAsync(context, Group(context)));
        app.MapDelete(Key, context => KeysEndpoints.DeleteAsync(context, Group(context)));
        app.MapPost(Key, context => KeysEndpoints.PostAsync(context, Group(context)));
        app.MapGet("/v1/groups/{group}/keys", context => ScanEndpoint.GetAsync(context, Group(context), Name(context)));
        app.MapGet("/v1/groups/{group}/watch", context => watch.GetAsync(context, Group(context)));
        app.MapPost("/v1/groups/{group}/transfer", context => transfer.PostAsync(context, Id(context)));
        app.MapPut("/v1/groups/{group}/members/{node}", context => members.PutAsync(context, Id(context)));
        app.MapDelete("/v1/groups/{group}/members/{node}", context => members.DeleteAsync(context, Id(context)));
        app.MapGet("/v1/groups/{group}/backup", context => operations.BackupAsync(context, Id(context)));
        app.MapPost("/v1/groups/{group}/restore", context => operations.RestoreAsync(context, Id(context)));
        app.MapPost("/v1/groups/{group}/verify", context => operations.VerifyAsync(context, Id(context)));
        app.MapPost("/v1/groups/{group}/accept-loss", context => operations.AcceptLossAsync(context, Name(context)));
        app.MapGet("/v1/groups", groups.ListAsync);
        app.MapPost("/v1/groups", groups.CreateAsync);
        app.MapGet("/v1/groups/{group}", context =>
        {
            _ = Group(context);
            return groups.ShowAsync(context, Name(context));
        });

        const string BroadcastPath = "/v1/broadcast/{group}";
        app.MapPost(BroadcastPath, context => BroadcastEndpoint.PostAsync(context, BroadcastGroup(context)));
        app.MapGet(BroadcastPath, context => listen.GetAsync(context, BroadcastGroup(context)));
        app.MapGet(BroadcastPath + "/members", context => MembersEndpoint.GetAsync(context, BroadcastGroup(context)));
        app.MapPut(BroadcastPath + "/members/{node}", context => MembersEndpoint.PutAsync(context, BroadcastGroup(context)));
        app.MapDelete(BroadcastPath + "/members/{node}", context => MembersEndpoint.DeleteAsync(context, BroadcastGroup(context)));
        app.MapGet("/v1/status", status.GetAsync);
        app.MapGet("/healthz/live", health.LiveAsync);
        app.MapGet("/healthz/ready", health.ReadyAsync);
        app.MapMetrics(app.Services.GetRequiredService<MeterProvider>());

        GroupId Id(HttpContext context)
        {
            _ = Group(context);
            return new GroupId(Name(context));
        }

        IBroadcastGroup BroadcastGroup(HttpContext context) => broadcastGroups.GetValueOrDefault(Name(context))
            ?? throw new ProblemException(new Problem(
                404,
                "group-not-found",
                $"there is no broadcast group '{Name(context)}': there {(broadcastGroups.Count == 0 ? "is none in this node's configuration" : $"are {string.Join(", ", broadcastGroups.Keys.Order())}")}"));

        KeyValueClient Group(HttpContext context)
        {
            var known = replication.Groups;
            if (catalog.Groups.Any(group => group.IsLossy && group.Id.Value == Name(context)))
                context.Response.Headers[LossyHeader] = "true";
            return known.FirstOrDefault(id => id.Value == Name(context)) is { Value.Length: > 0 } id
                ? new KeyValueClient(replication.Group(id))
                : throw new ProblemException(new Problem(404, "group-not-found", $"there is no group '{Name(context)}': there are {string.Join(", ", known.Take(MaxNamed))}{(known.Count > MaxNamed ? " and others" : "")}"));
        }
    }

    private static string Name(HttpContext context) => (string)context.Request.RouteValues["group"]!;

    /// <summary>The one place where a request that cannot be served becomes a problem document.</summary>
    private static async Task AnswerProblemsAsync(HttpContext context, RequestDelegate next, ILogger log)
    {
        try
        {
            await next(context);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to read an answer.
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            var problem = e switch
            {
                ProblemException refused => refused.Problem,
                Microsoft.AspNetCore.Http.BadHttpRequestException bad => new Problem(bad.StatusCode, "bad-request", bad.Message),
                _ => new Problem(500, "internal-error", "an error in the node itself: see its log") { Write = WriteFate.Unknown },
            };
            if (problem.Status == 500)
                log.LogError(e, "{Method} {Path} failed", context.Request.Method, context.Request.Path);
            await problem.WriteAsync(context);
        }
    }

    private static Problem NoRoute(HttpContext context) => context.Response.StatusCode switch
    {
        404 => new Problem(404, "no-such-path", $"there is nothing at {context.Request.Path}"),
        405 => new Problem(405, "method-not-allowed", $"{context.Request.Method} is not possible here: {context.Response.Headers.Allow} is"),
        var status => new Problem(status, "bad-request", ReasonPhrases.GetReasonPhrase(status)),
    };
}
