using System.CommandLine;

namespace Actors.Node.Commands;

/// <summary><c>actors restore FILE</c>: puts a backup into an empty group.</summary>
internal static class RestoreCommand
{
    private const double DaySeconds = 86_400;

    public static Command Create(Terminal terminal)
    {
        var file = new Argument<string>("FILE") { Description = "A backup, also one of another cluster" };
        var description = "Puts a backup into a group that holds no keys. Until it is complete the group serves nothing; when it was broken off, run it again";
        return ClientCommand.Create(terminal, "restore", description, [file], async context =>
        {
            var path = context.Parsed.GetValue(file)!;
            var answer = await context.Client.SendAsync($"/v1/groups/{context.Group}/restore", target => new HttpRequestMessage(HttpMethod.Post, target) { Content = new StreamContent(Open(path), 1 << 16) });
            if (!answer.IsOk)
                throw answer.ToException();
            await terminal.Error.WriteLineAsync($"restored {answer.Member("keys")} keys, {answer.Member("bytes")} bytes of group '{answer.Member("group")}' of cluster '{answer.Member("cluster")}' as of {answer.Member("time")}");
            return ExitCode.Ok;
        }, timeoutSeconds: DaySeconds);
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, useAsync: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(ExitCode.Usage, $"{path}: cannot be read: {e.Message}");
        }
    }
}
