using System.CommandLine;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using Actors.Node.Http;
using Actors.Node.Up;

namespace Actors.Node.Commands;

/// <summary>What a command that talks to a running cluster was given beside its own arguments.</summary>
internal sealed record ClientContext(ParseResult Parsed, NodeClient Client, string Group, Terminal Terminal)
{
    /// <summary>The path of a key; every byte that is not a letter or digit is percent-encoded.</summary>
    public string KeyPath(string key) =>
        key.Length > 0 ? $"/v1/groups/{Group}/keys/{RequestTarget.Encode(Encoding.UTF8.GetBytes(key))}" : throw new CommandException(ExitCode.Usage, "the key is empty");

    /// <summary>Sends a write, with a token if it may go out more than once, and ends the command unless it was done.</summary>
    public async Task<Answer> WriteAsync(HttpMethod method, string path, byte[]? body = null, Action<HttpRequestHeaders>? headers = null)
    {
        var token = Client.MayRepeat ? Guid.NewGuid().ToString() : null;
        var answer = await Client.SendAsync(path, target =>
        {
            var request = new HttpRequestMessage(method, target) { Content = body is null ? null : new ByteArrayContent(body) };
            if (token is not null)
                request.Headers.Add("Idempotency-Key", token);
            headers?.Invoke(request.Headers);
            return request;
        });
        return Checked(answer);
    }

    /// <summary>Sends a read, and ends the command unless it was answered.</summary>
    public async Task<Answer> ReadAsync(string path)
    {
        return Checked(await Client.SendAsync(path, target => new HttpRequestMessage(HttpMethod.Get, target)));
    }

    // The value stays alone on standard output.
    private Answer Checked(Answer answer)
    {
        if (answer.Headers.Contains(HttpApi.LossyHeader))
            Terminal.Error.WriteLine($"group {Group} is lossy (durability = memory): what was answered may be lost");
        return answer.IsOk ? answer : throw answer.ToException();
    }
}

/// <summary>The commands that talk to a running cluster share <c>--group</c> (unless they take a group of another kind), <c>--at</c>, <c>--timeout</c>, <c>--certs</c> and <c>--token</c>.</summary>
internal static class ClientCommand
{
    public const string DefaultNode = "http://127.0.0.1:8081";

    public static Command Create(Terminal terminal, string name, string description, IEnumerable<Symbol> symbols, Func<ClientContext, Task<int>> run, bool hasGroup = true, double timeoutSeconds = 15.0)
    {
        var group = new Option<string>("--group") { Description = "The replicated group", DefaultValueFactory = _ => "default", HelpName = "NAME" };
        var at = AtOption($"Base URLs of nodes, with commas between them; the first that answers is used [default: {DefaultNode} and the nodes that 'actors up' started beside it]");
        var timeout = NumberOption.Create("--timeout", "The longest wait for one node's answer, in seconds", otherwise: timeoutSeconds, min: 0.001, max: 86_400.0, helpName: "SECONDS");
        var certs = CertsOption();
        var token = new Option<string?>("--token") { Description = $"The token that the nodes ask for [default: {ClientIdentity.TokenVariable}, or the one in --certs]", HelpName = "TOKEN" };
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
                command.Add(argument);
            else
                command.Add((Option)symbol);
        }

        if (hasGroup)
            command.Add(group);
        command.Add(at);
        command.Add(timeout);
        command.Add(certs);
        command.Add(token);
        command.SetAction(async parsed =>
        {
            var identity = Identity(terminal, parsed.GetValue(at), parsed.GetValue(certs), parsed.GetValue(token));
            using var client = new NodeClient(Nodes(terminal, parsed.GetValue(at)), TimeSpan.FromSeconds(parsed.GetValue(timeout)!.Value), identity);
            return await run(new ClientContext(parsed, client, hasGroup ? Uri.EscapeDataString(parsed.GetValue(group)!) : "", terminal));
        });
        return command;
    }

    public static Option<string> AtOption(string description) => new("--at") { Description = description, HelpName = "URL" };

    public static Option<string?> CertsOption() => new("--certs")
    {
        Description = $"The folder with trusted.pem and token, for nodes with TLS [default: {ClientIdentity.CertsVariable}, or that of the 'actors up' of yours]",
        HelpName = "DIR",
    };

    /// <summary>What the options say, else the environment, else the <c>up</c> of this user that serves where they ask.</summary>
    public static ClientIdentity Identity(Terminal terminal, string? at, string? certs, string? token) => ClientIdentity.Load(
        certs ?? Environment.GetEnvironmentVariable(ClientIdentity.CertsVariable) ?? Nodes(terminal, at).Select(node => ClusterRun.Find(terminal.RunFolder, node)?.Run.Certs).FirstOrDefault(folder => folder is not null) ?? "",
        token ?? Environment.GetEnvironmentVariable(ClientIdentity.TokenVariable) ?? "");

    /// <summary>The base URLs to try. Without <c>--at</c>, a node that was killed on purpose should not end the tour: the others of its cluster are asked.</summary>
    public static IReadOnlyList<Uri> Nodes(Terminal terminal, string? at)
    {
        if (at is null)
        {
            var first = new Uri(DefaultNode);
            return ClusterRun.Find(terminal.RunFolder, first) is { } found ? [.. found.Run.Nodes.Select(node => new Uri(node.Http)).OrderBy(node => node.Port != first.Port)] : [first];
        }

        var nodes = at.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Node).ToArray();
        return nodes.Length > 0 ? nodes : throw new CommandException(ExitCode.Usage, $"--at is empty: it must be a URL such as {DefaultNode}");
    }

    private static Uri Node(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps) && uri.PathAndQuery == "/"
        ? uri
        : throw new CommandException(ExitCode.Usage, string.Create(CultureInfo.InvariantCulture, $"--at: '{text}' is not the base URL of a node, such as {DefaultNode}"));
}
