using System.CommandLine;
using System.Net.Http.Headers;
using System.Text;

namespace Actors.Node.Commands;

/// <summary><c>actors put KEY VALUE</c>: prints the new revision.</summary>
internal static class PutCommand
{
    public static Command Create(Terminal terminal)
    {
        var key = new Argument<string>("KEY") { Description = "The key" };
        var value = new Argument<string>("VALUE") { Description = "The value; - reads it from standard input" };
        var ifRevision = NumberOption.Create("--if-revision", "Only if the key is at this revision", otherwise: null, min: 1, max: long.MaxValue);
        var ifMissing = new Option<bool>("--if-missing") { Description = "Only if there is no such key" };
        return ClientCommand.Create(terminal, "put", "Sets a key to a value and prints its new revision", [key, value, ifRevision, ifMissing], async context =>
        {
            var (revision, missing) = (context.Parsed.GetValue(ifRevision), context.Parsed.GetValue(ifMissing));
            if (revision is not null && missing)
                throw new CommandException(ExitCode.Usage, "--if-revision and --if-missing cannot both be given");
            var answer = await context.WriteAsync(HttpMethod.Put, context.KeyPath(context.Parsed.GetValue(key)!), await ReadAsync(terminal, context.Parsed.GetValue(value)!), headers =>
            {
                if (revision is not null)
                    headers.IfMatch.Add(new EntityTagHeaderValue($"\"{revision}\""));
                if (missing)
                    headers.IfNoneMatch.Add(EntityTagHeaderValue.Any);
            });
            await terminal.Text.WriteLineAsync(answer.Revision);
            return ExitCode.Ok;
        });
    }

    private static async Task<byte[]> ReadAsync(Terminal terminal, string value)
    {
        if (value != "-")
            return Encoding.UTF8.GetBytes(value);
        using var bytes = new MemoryStream();
        await terminal.Input.CopyToAsync(bytes);
        return bytes.ToArray();
    }
}
