using System.CommandLine;
using System.Globalization;
using Actors.Replication.Operations;

namespace Actors.Node.Commands;

/// <summary><c>actors backup FILE</c>: the state of a group at one index.</summary>
internal static class BackupCommand
{
    public static Command Create(Terminal terminal)
    {
        var file = new Argument<string>("FILE") { Description = "Where it goes; a file that is not there yet" };
        return ClientCommand.Create(terminal, "backup", "Writes the state of a group, as it is at one index, to a file; the group goes on meanwhile", [file], async context =>
        {
            var path = context.Parsed.GetValue(file)!;
            if (File.Exists(path))
                throw new CommandException(ExitCode.Usage, $"{path} is there already; name a file that is not");
            var unfinished = path + ".part";
            try
            {
                var info = await FetchAsync(context, unfinished);
                File.Move(unfinished, path);
                await terminal.Error.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture, $"{path}: group '{info.Group}' of cluster '{info.Cluster}' at index {info.Index}, {info.Keys} keys, {info.Bytes} bytes"));
                return ExitCode.Ok;
            }
            catch (UnauthorizedAccessException e)
            {
                throw new CommandException(ExitCode.Usage, $"{path}: {e.Message}");
            }
            catch (Exception e) when (e is IOException or HttpRequestException or InvalidDataException)
            {
                throw new CommandException(ExitCode.Unavailable, $"the backup was not written: {e.Message}");
            }
            finally
            {
                File.Delete(unfinished);
            }
        });
    }

    private static async Task<BackupInfo> FetchAsync(ClientContext context, string path)
    {
        await using var file = new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 16, useAsync: true);
        using var answer = await context.Client.OpenAsync($"/v1/groups/{context.Group}/backup", target => new HttpRequestMessage(HttpMethod.Get, target));
        if (!answer.IsSuccessStatusCode)
            throw new Answer(answer.StatusCode, answer.Headers, await answer.Content.ReadAsByteArrayAsync()).ToException();
        await answer.Content.CopyToAsync(file);
        file.Flush(flushToDisk: true);
        file.Position = 0;
        return await BackupFile.CheckAsync(file, CancellationToken.None);      // what was written, not what was sent
    }
}
