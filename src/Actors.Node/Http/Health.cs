using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Actors.Node.Http;

/// <summary>The health checks of the replication: <c>/healthz/live</c> those tagged <c>live</c>, <c>/healthz/ready</c> those tagged <c>ready</c>.</summary>
internal sealed class Health(HealthCheckService checks)
{
    public Task LiveAsync(HttpContext context) => AnswerAsync(context, "live");

    public Task ReadyAsync(HttpContext context) => AnswerAsync(context, "ready");

    private async Task AnswerAsync(HttpContext context, string tag)
    {
        _ = new Query(context);
        var report = await checks.CheckHealthAsync(check => check.Tags.Contains(tag), context.RequestAborted);
        if (report.Status is not HealthStatus.Healthy || report.Entries.Count == 0)
        {
            var reasons = report.Entries.Values.Where(entry => entry.Status is not HealthStatus.Healthy).Select(entry => entry.Description ?? entry.Exception?.Message);
            throw new ProblemException(new Problem(503, $"not-{tag}", string.Join("; ", reasons)) { RetryAfter = 1 });
        }

        await context.Response.WriteAsync(tag + "\n", context.RequestAborted);
    }
}
