using System.Net;
using System.Net.Sockets;
using System.Text;
using Actors.Membership;
using Actors.Node.Commands;
using Actors.Node.Up;
using Actors.Replication;
using Actors.Tests.HostingTests;

namespace Actors.Tests.NodeTests;

public sealed class CliTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("actors-cli-").FullName;
    private NodeServer _node = null!;

    public async Task InitializeAsync() => _node = await NodeServer.StartAsync();

    public async Task DisposeAsync()
    {
        await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Put_prints_the_revision_and_get_the_value_and_nothing_else()
    {
        Assert.Equal((0, "1\n", ""), await RunAsync("put", "greeting", "hello"));
        Assert.Equal((0, "hello", ""), await RunAsync("get", "greeting"));
    }

    [Fact]
    public async Task Get_of_a_missing_key_is_exit_code_1_with_one_line_on_standard_error() =>
        Assert.Equal((1, "", "there is no such key\n"), await RunAsync("get", "nothing"));

    [Fact]
    public async Task A_value_is_printed_with_an_end_of_line_only_to_a_person()
    {
        await RunAsync("put", "a", "x");
        var (exitCode, output, _) = await RunAsync(["get", "a", "--at", _node.Url], interactive: true);
        Assert.Equal((0, "x\n"), (exitCode, output));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("a/../b")]
    [InlineData("/")]
    [InlineData("a b?c=d&e#f%2F")]
    [InlineData("grüße 👋")]
    [InlineData("@file")]
    public async Task Any_text_can_be_a_key_and_a_value(string text)
    {
        Assert.Equal(0, (await RunAsync("put", text, text)).ExitCode);
        Assert.Equal((0, text, ""), await RunAsync("get", text));
    }

    [Fact]
    public async Task A_value_may_begin_with_a_dash_and_come_from_standard_input()
    {
        Assert.Equal(0, (await RunAsync("put", "a", "-5")).ExitCode);
        Assert.Equal("-5", (await RunAsync("get", "a")).Output);
        Assert.Equal(0, (await RunAsync("put", "--at", _node.Url, "--", "--key", "--value")).ExitCode);
        Assert.Equal("--value", (await RunAsync("get", "--at", _node.Url, "--", "--key")).Output);
        var binary = new byte[] { 0, 0xFF, 10 };
        Assert.Equal(0, (await RunAsync(["put", "a", "-", "--at", _node.Url], input: binary)).ExitCode);
        using var terminal = new TestTerminal(_folder);
        await Cli.RunAsync(terminal.Terminal, "get", "a", "--at", _node.Url);
        Assert.Equal(binary, terminal.OutputBytes);
    }

    [Fact]
    public async Task Put_takes_a_condition()
    {
        Assert.Equal((0, "1\n", ""), await RunAsync("put", "a", "x", "--if-missing"));
        Assert.Equal((1, "", "the key is at revision 1\n"), await RunAsync("put", "a", "y", "--if-missing"));
        Assert.Equal((1, "", "the key is at revision 1\n"), await RunAsync("put", "a", "y", "--if-revision", "7"));
        Assert.Equal(0, (await RunAsync("put", "a", "y", "--if-revision", "1")).ExitCode);
        Assert.Equal(2, (await RunAsync("put", "a", "y", "--if-revision", "1", "--if-missing")).ExitCode);
        Assert.Equal(2, (await RunAsync("put", "a", "y", "--if-revision", "0")).ExitCode);
        Assert.Equal(2, (await RunAsync("put", "a", "y", "--if-revision", "-3")).ExitCode);
    }

    [Fact]
    public async Task Stale_reads_say_their_index_and_age_on_standard_error()
    {
        await RunAsync("put", "a", "x");
        Assert.Equal((0, "x", "index 1, 12 ms since the primary was heard\n"), await RunAsync("get", "a", "--stale"));
    }

    [Fact]
    public async Task Delete_cas_and_incr_say_by_their_exit_code_what_happened()
    {
        await RunAsync("put", "a", "one");
        Assert.Equal((1, "", "the key is at revision 1; its value is 'one'\n"), await RunAsync("cas", "a", "two", "three"));
        Assert.Equal((0, "3\n", ""), await RunAsync("cas", "a", "one", "two"));
        Assert.Equal((0, "1\n", ""), await RunAsync("incr", "n"));
        Assert.Equal((0, "-41\n", ""), await RunAsync("incr", "n", "--by", "-42"));
        Assert.Equal(1, (await RunAsync("incr", "a")).ExitCode);
        Assert.Equal((0, "", ""), await RunAsync("delete", "a"));
        Assert.Equal(1, (await RunAsync("delete", "a")).ExitCode);
    }

    [Fact]
    public async Task Scan_prints_a_line_for_each_key_through_all_pages()
    {
        for (var i = 0; i < 1005; i++)
            await _node.PutAsync($"k{i:0000}", $"{i}");
        var (exitCode, output, _) = await RunAsync("scan", "k");
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal((0, 1005, "k0000\t0", "k1004\t1004"), (exitCode, lines.Length, lines[0], lines[^1]));
        Assert.Equal("k0003\nk0004\n", (await RunAsync("scan", "k", "--after", "k0002", "--limit", "2", "--keys")).Output);
        Assert.Equal((0, "", ""), await RunAsync("scan", "other"));
    }

    [Fact]
    public async Task Scan_keeps_one_line_for_each_entry_whatever_it_holds()
    {
        await _node.PutAsync("a%0Ab", "tab\there\\\r");
        await _node.PutAsync("%FF", "x");
        Assert.Equal("a\\nb\ttab\\there\\\\\\r\nbase64:/w==\tx\n", (await RunAsync("scan")).Output);
        Assert.Equal("{\"keyBase64\":\"/w==\",\"revision\":2,\"value\":\"x\"}\n", (await RunAsync("scan", "--json", "--after", "b")).Output);
    }

    [Fact]
    public async Task Watch_prints_changes_and_ends_after_the_count()
    {
        foreach (var value in (string[])["1", "2"])
            await _node.PutAsync("a", value);
        await _node.SendAsync(HttpMethod.Delete, "/v1/groups/default/keys/a");
        Assert.Equal((0, "2\tput\ta\t2\n3\tdelete\ta\n", ""), await RunAsync("watch", "a", "--after", "1", "--count", "2"));
    }

    [Fact]
    public async Task Watch_goes_on_where_it_was_when_the_connection_ends()
    {
        await _node.PutAsync("a", "1");
        using var terminal = new TestTerminal(_folder);
        var watch = Cli.RunAsync(terminal.Terminal, "watch", "--after", "0", "--count", "2", "--at", _node.Url);
        await terminal.OutputAsync("1\tput\ta\t1\n");
        _node.Group.EndWatches();
        await _node.PutAsync("a", "2");
        Assert.Equal(0, await watch.WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.Equal("1\tput\ta\t1\n2\tput\ta\t2\n", terminal.Output);
    }

    [Fact]
    public async Task Watch_from_before_what_is_held_says_so()
    {
        _node.Group.Compacted = 5;
        var (exitCode, _, error) = await RunAsync("watch", "--after", "1");
        Assert.Equal(1, exitCode);
        Assert.Contains("no longer held", error);
    }

    [Fact]
    public async Task Status_prints_a_table_or_the_document()
    {
        _node.Replication.Status.Add(new ReplicaStatus(
            new GroupId("default"), new NodeId("n1"), ReplicaRole.Primary, new Epoch(3), 9, 9, 10, new NodeId("n1"), [new NodeId("n1"), new NodeId("n2")], [], "", new Dictionary<string, string>()));
        var (exitCode, output, _) = await RunAsync("status");
        var lines = output.Split('\n');
        Assert.Equal(0, exitCode);
        Assert.Equal(["group", "node", "pid", "role", "epoch", "commit", "last", "http"], lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(["default", "n1", $"{Environment.ProcessId}", "primary", "3", "9", "10", "http://127.0.0.1:8081"], lines[1].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(["default", "n2", "-", "unreachable", "0", "0", "0"], lines[2].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("{\"nodes\":[{\"name\":\"n1\"", (await RunAsync("status", "--json")).Output);
    }

    [Fact]
    public async Task Join_and_remove_say_what_happened()
    {
        _node.Replication.Status.Add(new ReplicaStatus(
            new GroupId("default"), new NodeId("n3"), ReplicaRole.Backup, new Epoch(3), 9, 9, 10, new NodeId("n1"), [new NodeId("n1"), new NodeId("n3")], [], "", new Dictionary<string, string>()));
        Assert.Equal((0, "", "n3 is a member of the group now\n"), await RunAsync("join", "n3"));
        Assert.Equal((0, "", "n3 does not belong to the group any more\n"), await RunAsync("remove", "n3"));
        Assert.Equal([(new NodeId("n3"), true), (new NodeId("n3"), false)], _node.Replication.Changes);
        _node.Replication.TransferReply = "n1 is the last member of group 'default'";
        Assert.Equal((1, "", "n1 is the last member of group 'default'\n"), await RunAsync("remove", "n1"));
    }

    [Fact]
    public async Task Transfer_says_what_happened()
    {
        Assert.Equal((0, "", "n2 is the primary now\n"), await RunAsync("transfer", "n2"));
        _node.Replication.TransferReply = "n3 is not a member";
        Assert.Equal((1, "", "n3 is not a member\n"), await RunAsync("transfer", "n3"));
    }

    [Theory]
    [InlineData(Outcome.Unavailable, 3, "the reason (not applied)\n")]
    [InlineData(Outcome.Overloaded, 3, "the reason (not applied)\n")]
    [InlineData(Outcome.Unknown, 3, "the reason (unknown whether it was applied)\n")]
    [InlineData(Outcome.TokenReused, 2, "the reason\n")]
    [InlineData(Outcome.TooLarge, 2, "the reason\n")]
    [InlineData(Outcome.Failed, 1, "the reason\n")]
    public async Task A_write_that_failed_says_what_became_of_it(Outcome outcome, int exitCode, string error)
    {
        _node.Group.Canned.Enqueue(new GroupReply(outcome, default, 0, TimeSpan.Zero, "the reason"));
        Assert.Equal((exitCode, "", error), await RunAsync("put", "a", "x"));
    }

    [Fact]
    public async Task A_node_that_is_down_is_named_in_one_line()
    {
        var url = UnusedUrl();
        var (exitCode, output, error) = await RunAsync(["get", "a", "--at", url]);
        Assert.Equal((3, ""), (exitCode, output));
        Assert.StartsWith($"nothing answers at {url}: ", error);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Fact]
    public async Task The_first_of_several_nodes_that_answers_is_used_and_a_write_carries_a_token()
    {
        Assert.Equal((0, "1\n", ""), await RunAsync(["put", "a", "x", "--at", $"{UnusedUrl()},{_node.Url}"]));
        Assert.Single(_node.Group.Tokens);
        await RunAsync("put", "a", "y");
        Assert.Single(_node.Group.Tokens);
    }

    [Fact]
    public async Task A_node_without_a_primary_is_passed_over()
    {
        await using var other = await NodeServer.StartAsync();
        _node.Group.Canned.Enqueue(new GroupReply(Outcome.Unavailable, default, 0, TimeSpan.Zero, "no primary"));
        Assert.Equal(0, (await RunAsync(["put", "a", "x", "--at", $"{_node.Url},{other.Url}"])).ExitCode);
        Assert.Equal((0, 1), (_node.Group.Index, other.Group.Index));
    }

    [Fact]
    public async Task A_node_that_accepts_and_does_not_answer_leaves_the_fate_of_a_write_open_unless_it_can_be_repeated()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var url = $"http://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}";
        Assert.Equal((3, "", $"{url}: no answer within 1 s (unknown whether it was applied)\n"), await RunAsync(["put", "a", "x", "--at", url, "--timeout", "1"]));
        Assert.Equal(0, (await RunAsync(["put", "a", "x", "--at", $"{url},{_node.Url}", "--timeout", "3"])).ExitCode);    // the second node's patience too, on a busy machine
        Assert.Equal(3, (await RunAsync(["get", "a", "--at", url, "--timeout", "1"])).ExitCode);
    }

    [Theory]
    [InlineData(Outcome.Unavailable)]
    [InlineData(Outcome.Overloaded)]
    public async Task A_second_node_that_did_not_apply_a_write_says_nothing_of_the_first_attempt(Outcome second)
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var url = $"http://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}";
        _node.Group.Canned.Enqueue(new GroupReply(second, default, 0, TimeSpan.Zero, "not here"));
        Assert.Equal((3, "", $"{url}: no answer within 1 s (unknown whether it was applied)\n"), await RunAsync(["put", "a", "x", "--at", $"{url},{_node.Url}", "--timeout", "1"]));
    }

    [Fact]
    public void Without_an_address_the_other_nodes_of_a_running_cluster_are_asked_too()
    {
        Running(new RunNode("n1", 0, "http://127.0.0.1:8081", "killed"), new RunNode("n2", 1, _node.Url, ""));
        using var terminal = new TestTerminal(_folder);
        var nodes = ClientCommand.Nodes(terminal.Terminal, null);
        Assert.Equal(["http://127.0.0.1:8081", _node.Url], nodes.Select(node => node.OriginalString));
    }

    [Fact]
    public async Task Without_arguments_the_help_has_examples()
    {
        var (exitCode, output, _) = await RunAsync([]);
        Assert.Equal(0, exitCode);
        Assert.Contains("actors put greeting hello", output);
        Assert.Equal(output, (await RunAsync(["--help"])).Output);
        Assert.DoesNotContain("Examples:", (await RunAsync(["put", "--help"])).Output);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("get")]
    [InlineData("get a b")]
    [InlineData("put a")]
    [InlineData("put a b --what")]
    [InlineData("incr a --by x")]
    [InlineData("incr a --by")]
    [InlineData("scan --limit 0")]
    [InlineData("scan --limit x")]
    [InlineData("get a --timeout 0")]
    [InlineData("get a --timeout -1")]
    [InlineData("get a --timeout x")]
    [InlineData("get a --at nonsense")]
    [InlineData("get a --at http://127.0.0.1:8081/v1")]
    [InlineData("get a --at ,")]
    [InlineData("load")]
    [InlineData("load /no/such/file")]
    [InlineData("load / --parallel 0")]
    [InlineData("load /")]
    [InlineData("watch --after x")]
    [InlineData("kill")]
    public async Task A_command_line_that_is_wrong_is_exit_code_2_and_one_line(string line)
    {
        var (exitCode, output, error) = await RunAsync(line.Split(' '));
        Assert.Equal((2, ""), (exitCode, output));
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Fact]
    public async Task What_is_wrong_below_another_command_names_the_help_of_both() =>
        Assert.EndsWith(" See: actors group create --help\n", (await RunAsync(["group", "create"])).Error, StringComparison.Ordinal);

    [Fact]
    public async Task A_group_is_shown_that_of_the_configuration_unless_another_one_is_named() =>
        Assert.StartsWith("default: primary-backup, configured\n", (await RunAsync("group", "show")).Output, StringComparison.Ordinal);

    [Theory]
    [InlineData("get a --group other", "there is no group 'other': there are default\n")]
    [InlineData("get a --group ../x", "there is no group '..%2Fx': there are default\n")]
    public async Task An_unknown_group_is_exit_code_2(string line, string error) =>
        Assert.Equal((2, "", error), await RunAsync([.. line.Split(' '), "--at", _node.Url]));

    [Fact]
    public async Task An_empty_key_is_exit_code_2() => Assert.Equal((2, "", "the key is empty\n"), await RunAsync("get", ""));

    [Fact]
    public async Task Load_writes_every_line_as_a_key_with_its_number()
    {
        var file = FileOf("alpha\nbeta\n\ngamma\r\nA's/ü %\nlast without end");
        var (exitCode, output, _) = await RunAsync("load", file);
        Assert.Equal(0, exitCode);
        Assert.Matches(@"^5 lines acknowledged in \d+\.\d s, \d+/s\n$", output);
        Assert.Equal("A's/ü %\t5\nalpha\t1\nbeta\t2\ngamma\t4\nlast without end\t6\n", (await RunAsync("scan")).Output);
        Assert.Empty(_node.Group.Tokens);
    }

    [Fact]
    public async Task Load_sends_a_line_again_until_it_is_acknowledged()
    {
        foreach (var outcome in (Outcome[])[Outcome.Overloaded, Outcome.Unavailable, Outcome.Unknown])
            _node.Group.Canned.Enqueue(new GroupReply(outcome, default, 0, TimeSpan.Zero, "not now"));
        Assert.Equal(0, (await RunAsync("load", FileOf("a\nb\nc\n"), "--parallel", "1")).ExitCode);
        Assert.Equal(3, _node.Group.Index);
    }

    [Fact]
    public async Task Load_counts_the_lines_that_no_node_would_take_and_goes_on()
    {
        var (exitCode, output, error) = await RunAsync("load", FileOf($"a\n{new string('x', 1025)}\nb\n"));
        Assert.Equal(1, exitCode);
        Assert.Contains("2 lines acknowledged", output);
        Assert.Contains("; 1 refused", output);
        Assert.StartsWith("line 2: ", error);
    }

    [Fact]
    public async Task Load_stops_and_says_so_when_a_line_is_not_acknowledged()
    {
        for (var i = 0; i < 100; i++)
            _node.Group.Canned.Enqueue(new GroupReply(Outcome.Unavailable, default, 0, TimeSpan.Zero, "no primary"));
        var (exitCode, output, error) = await RunAsync("load", FileOf(string.Join('\n', Enumerable.Range(0, 1000))), "--retry-for", "0", "--parallel", "4");
        Assert.Equal(3, exitCode);
        Assert.Matches("^[0-9]+ lines acknowledged .* not acknowledged, and the lines after them not sent\n$", output);
        Assert.Contains("no primary (not applied)", error);
        Assert.True(_node.Group.Submitted < 100);
    }

    [Fact]
    public async Task Kill_and_start_need_a_cluster_of_this_user_that_runs()
    {
        foreach (var command in (string[])["kill", "start"])
        {
            var (exitCode, _, error) = await RunAsync(command, "n1");
            Assert.Equal((3, $"no 'actors up' of yours serves {_node.Url}\n"), (exitCode, error));
        }
    }

    [Fact]
    public async Task Kill_and_start_name_the_nodes_there_are()
    {
        Running(new RunNode("n1", 0, _node.Url, "killed"), new RunNode("n2", 4711, "http://127.0.0.1:1", ""));
        Assert.Equal((2, "", "there is no node 'n3': there are n1, n2\n"), await RunAsync("kill", "n3"));
        Assert.Equal((1, "", "n1 does not run (killed)\n"), await RunAsync("kill", "n1"));
        Assert.Equal((1, "", "n2 runs already (pid 4711)\n"), await RunAsync("start", "n2"));
    }

    [Fact]
    public async Task A_run_whose_process_is_gone_is_not_found()
    {
        new ClusterRun(Environment.ProcessId, DateTime.UtcNow.AddDays(-1), [new RunNode("n1", 1, _node.Url, "")]).Write(ClusterRun.FileOf(_folder, 1));
        Assert.Equal(3, (await RunAsync("kill", "n1")).ExitCode);
        File.WriteAllText(ClusterRun.FileOf(_folder, 2), "{ half a fi");
        Assert.Equal(3, (await RunAsync("kill", "n1")).ExitCode);
    }

    private void Running(params RunNode[] nodes)
    {
        using var self = System.Diagnostics.Process.GetCurrentProcess();
        new ClusterRun(Environment.ProcessId, ClusterRun.StartOf(self), nodes).Write(ClusterRun.FileOf(_folder, 8081));
    }

    private string FileOf(string text)
    {
        var path = Path.Combine(_folder, "lines.txt");
        File.WriteAllText(path, text);
        return path;
    }

    private static string UnusedUrl() => $"http://127.0.0.1:{FreePorts.Take(1)[0]}";

    /// <summary>Runs a command against this test's node.</summary>
    private Task<(int ExitCode, string Output, string Error)> RunAsync(string command, params string[] arguments) =>
        RunAsync(arguments.Contains("--at") ? [command, .. arguments] : [command, .. arguments, "--at", _node.Url]);

    private async Task<(int ExitCode, string Output, string Error)> RunAsync(string[] arguments, byte[]? input = null, bool interactive = false)
    {
        using var terminal = new TestTerminal(_folder, input, interactive);
        var exitCode = await Cli.RunAsync(terminal.Terminal, arguments);
        return (exitCode, terminal.Output, terminal.Error);
    }

    /// <summary>A terminal whose output can be read while a command runs.</summary>
    private sealed class TestTerminal : IDisposable
    {
        private readonly MemoryStream _output = new();
        private readonly StringWriter _error = new();

        public TestTerminal(string runFolder, byte[]? input = null, bool interactive = false) =>
            Terminal = new Terminal(new MemoryStream(input ?? []), Stream.Synchronized(_output), TextWriter.Synchronized(_error), interactive) { RunFolder = runFolder };

        public Terminal Terminal { get; }
        public byte[] OutputBytes => _output.ToArray();
        public string Output => Encoding.UTF8.GetString(OutputBytes);
        public string Error => _error.ToString();

        public void Dispose()
        {
            _output.Dispose();
            _error.Dispose();
        }

        /// <summary>Waits until the output is <paramref name="text"/>.</summary>
        public async Task OutputAsync(string text)
        {
            for (var i = 0; i < 500 && Output != text; i++)
                await Task.Delay(10);
            Assert.Equal(text, Output);
        }
    }
}
