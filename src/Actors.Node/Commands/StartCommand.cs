using System.CommandLine;
using Actors.Node.Up;

namespace Actors.Node.Commands;

/// <summary><c>actors start NODE</c>: asks the <c>up</c> that started a node to start it again, and waits until it answers.</summary>
internal static class StartCommand
{
    public static Command Create(Terminal terminal) => RunCommand.Create(terminal, "start", "Starts a node again after it ended, with the same data", async (file, node) =>
    {
        if (node.Pid != 0)
            throw new CommandException(ExitCode.Negative, $"{node.Name} runs already (pid {node.Pid})");
        var now = await StartAsync(file, node.Name);
        return $"{now.Name} runs again (pid {now.Pid})";
    });

    /// <summary>Starts a node that does not run, and waits until it answers.</summary>
    /// <exception cref="CommandException">It did not start.</exception>
    public static async Task<RunNode> StartAsync(string file, string node)
    {
        var request = ClusterRun.StartRequest(file, node);
        await File.WriteAllBytesAsync(request, []);
        using var http = new HttpClient(ClientIdentity.Load(ClusterRun.Read(file)?.Certs ?? "", "").Handler()) { Timeout = TimeSpan.FromSeconds(1) };
        var now = await RunCommand.WaitAsync(file, node, async now => !File.Exists(request) && (now.Pid == 0 || await IsLiveAsync(http, now)), $"{node} does not answer yet: see its log");
        return now.Pid > 0 ? now : throw new CommandException(ExitCode.Unavailable, $"{node} did not start ({now.Ended}): see its log");
    }

    private static async Task<bool> IsLiveAsync(HttpClient http, RunNode node)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri(node.Http + "/healthz/live"));
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }
}
