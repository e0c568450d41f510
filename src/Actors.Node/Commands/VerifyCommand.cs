using System.CommandLine;
using System.Text.Json;
using Actors.Node.Http;

namespace Actors.Node.Commands;

/// <summary><c>actors verify</c>: every replica looks through its log and state at one index, and they are compared.</summary>
internal static class VerifyCommand
{
    private const double LimitSeconds = 900;     // above what a node waits for its replicas
    private const int ShownDigits = 16;

    private static readonly string[] Header = ["node", "role", "index", "log hash", "state hash", "entries", "keys", "bytes"];

    public static Command Create(Terminal terminal)
    {
        var json = new Option<bool>("--json") { Description = "Prints the answer of the node as it is" };
        var description = "Has every replica look through its log and state at one index, and compares what they find; exits with 1 when they differ";
        return ClientCommand.Create(terminal, "verify", description, [json], async context =>
        {
            var answer = await context.Client.SendAsync($"/v1/groups/{context.Group}/verify", target => new HttpRequestMessage(HttpMethod.Post, target));
            if (!answer.IsOk)
                throw answer.ToException();
            var check = JsonSerializer.Deserialize<CheckDocument>(answer.Body, JsonSerializerOptions.Web)!;
            if (context.Parsed.GetValue(json))
            {
                await terminal.Output.WriteAsync(answer.Body);
                await terminal.Text.WriteLineAsync();
            }
            else
            {
                foreach (var line in StatusTable.Lines([Header, .. check.Replicas.Select(Row)]))
                    await terminal.Text.WriteLineAsync(line);
            }

            var (exitCode, verdict) = Verdict(check);
            await terminal.Error.WriteLineAsync(verdict);
            return exitCode;
        }, timeoutSeconds: LimitSeconds);
    }

    private static string[] Row(CheckEntry entry) =>
    [
        entry.Node,
        entry.Fault.Length > 0 ? $"{entry.Role}: {entry.Fault}" : entry.Role,
        StatusTable.Number(entry.Index),
        Short(entry.LogHash),
        Short(entry.StateHash),
        StatusTable.Number(entry.Entries),
        StatusTable.Number(entry.Keys),
        StatusTable.Number(entry.Bytes),
    ];

    private static string Short(string hash) => hash.Length > 0 ? hash[..ShownDigits] : "-";

    private static (int, string) Verdict(CheckDocument check)
    {
        if (!check.Agree)
            return (ExitCode.Negative, $"the replicas differ at index {check.Index}: compare their hashes");
        if (check.Replicas.FirstOrDefault(entry => entry.Fault.Length > 0) is { } faulty)
            return (ExitCode.Negative, $"{faulty.Node} is out of service: {faulty.Fault}");
        if (check.Replicas.FirstOrDefault(entry => entry.Index != check.Index) is { } absent)
            return (ExitCode.Unavailable, $"{absent.Node} ({absent.Role}) has not looked at index {check.Index}; the others agree");
        return (ExitCode.Ok, $"{check.Replicas.Count} replicas agree at index {check.Index}");
    }
}
