using System.Globalization;
using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Operations;
using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary>What a replica found, as <c>POST .../verify</c> says it; the hashes are empty when it has not looked.</summary>
internal sealed record CheckEntry(string Node, string Role, long Index, string LogHash, string StateHash, long Entries, long Keys, long Bytes, string Fault);

/// <summary>What all replicas found at one index.</summary>
internal sealed record CheckDocument(long Index, bool Agree, IReadOnlyList<CheckEntry> Replicas);

/// <summary>What an operator does with a group: <c>GET .../backup</c>, <c>POST .../restore</c>, <c>POST .../verify</c>.</summary>
internal sealed class OperationEndpoints(IReplication replication, NodeInfo self)
{
    private static readonly TimeSpan CheckLimit = TimeSpan.FromMinutes(10);

    public async Task BackupAsync(HttpContext context, GroupId group)
    {
        _ = new Query(context);
        context.Response.ContentType = "application/octet-stream";
        await RunAsync(() => replication.BackupAsync(group, context.Response.Body, context.RequestAborted));
    }

    /// <summary>The body is kept in a file until all of it was checked: a backup that is cut must change nothing.</summary>
    public async Task RestoreAsync(HttpContext context, GroupId group)
    {
        _ = new Query(context);
        await using var file = new FileStream(
            Path.Combine(self.DataDirectory, Path.GetRandomFileName() + ".restore"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose | FileOptions.Asynchronous);
        await context.Request.Body.CopyToAsync(file, context.RequestAborted);
        file.Position = 0;
        var info = await RunAsync(() => replication.RestoreAsync(group, file, context.RequestAborted));
        await context.Response.WriteAsJsonAsync(new { info.Cluster, Group = info.Group.Value, info.Index, info.Time, info.Keys, info.Bytes }, context.RequestAborted);
    }

    public async Task VerifyAsync(HttpContext context, GroupId group)
    {
        _ = new Query(context);
        var check = await RunAsync(() => replication.CheckAsync(group, CheckLimit, context.RequestAborted));
        var missing = check.Replicas.SelectMany(r => r.Members.Concat(r.Learners)).Distinct().Except(check.Replicas.Select(r => r.Node));
        CheckEntry[] entries =
        [
            .. check.Replicas.Select(Describe),
            .. missing.Select(node => new CheckEntry(node.Value, "unreachable", 0, "", "", 0, 0, 0, "")),
        ];
        await context.Response.WriteAsJsonAsync(new CheckDocument(check.Index, check.Agree, [.. entries.OrderBy(e => e.Node, StringComparer.Ordinal)]), context.RequestAborted);
    }

    /// <summary>Of a group of the project's own too, such as the directory.</summary>
    public async Task AcceptLossAsync(HttpContext context, string group)
    {
        var query = new Query(context, "epoch", "index");
        var last = new LogPosition(new Epoch(query.Number("epoch", 1, long.MaxValue, 0)), query.Number("index", 1, long.MaxValue, 0));
        string refusal;
        try
        {
            refusal = await replication.AcceptLossAsync(new GroupId(group), last);
        }
        catch (Exception e) when (e is KeyNotFoundException or ArgumentException)
        {
            throw new ProblemException(Problem.NoSuchGroup(e.Message));
        }

        if (refusal.Length > 0)
            throw new ProblemException(new Problem(409, "not-accepted", refusal));
        await context.Response.WriteAsJsonAsync(new { group, node = self.Name.Value }, context.RequestAborted);
    }

    private static CheckEntry Describe(ReplicaStatus r) => r.Check is { } check
        ? new CheckEntry(r.Node.Value, Roles.NameOf(r.Role), check.Index, Hex(check.LogHash), Hex(check.StateHash), check.Entries, check.Keys, check.Bytes, r.Fault)
        : new CheckEntry(r.Node.Value, Roles.NameOf(r.Role), 0, "", "", 0, 0, 0, r.Fault);

    private static string Hex(UInt128 hash) => hash.ToString("x32", CultureInfo.InvariantCulture);

    private static async Task<T> RunAsync<T>(Func<Task<T>> operation)
    {
        try
        {
            return await operation();
        }
        catch (InvalidDataException e)
        {
            throw new ProblemException(new Problem(422, "bad-backup", e.Message));
        }
        catch (OperationFailedException e)
        {
            throw new ProblemException(Problem.Of(e.Outcome, e.Message));
        }
    }
}
