using System.Net;
using System.Net.Sockets;
using Actors.Hosting;
using Actors.Node.Commands;
using Actors.Node.Http;
using Actors.Node.Up;
using Actors.Tests.HostingTests;
using Akka.Configuration;
using Spectre.Console;
using ConfigFile = Actors.Hosting.Configuration.ConfigFile;

namespace Actors.Tests.NodeTests;

public sealed class UpTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("actors-up-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_plan_has_the_nodes_of_the_file_on_consecutive_ports()
    {
        var plan = ClusterPlan.Create(Example(), null, 5001, 9001, _folder);
        Assert.Equal(
            [("n1", "127.0.0.1:5001", "http://127.0.0.1:9001"), ("n2", "127.0.0.1:5002", "http://127.0.0.1:9002"), ("n3", "127.0.0.1:5003", "http://127.0.0.1:9003")],
            plan.Nodes.Select(node => (node.Name, node.Remoting.ToString(), node.Url)));
    }

    [Theory]
    [InlineData(1, "n1")]
    [InlineData(2, "n1 n2")]
    [InlineData(3, "n1 n2 n3")]
    [InlineData(5, "n1 n2 n3 n4 n5")]
    public void The_nodes_of_a_plan_are_all_its_configurations_know_of_and_found_every_group(int count, string names)
    {
        var plan = ClusterPlan.Create(Example(), count, 5001, 9001, _folder);
        plan.WriteConfigs();
        foreach (var node in plan.Nodes)
        {
            var config = ConfigFile.Load(node.ConfigFile);
            var options = ReplicationOptions.Read(config);
            Assert.Equal(names.Split(' '), options.Nodes.Keys);
            Assert.Equal(names.Split(' '), config.GetStringList("actors.groups.default.members"));
            Assert.Equal((node.Name, node.Folder, node.Http), (options.Node, options.DataDirectory, options.Http));
            Assert.Equal(Math.Min(2, count), config.GetInt("actors.groups.default.min-in-view"));
        }
    }

    [Fact]
    public void Names_that_the_file_gives_are_kept_and_more_are_derived()
    {
        var file = FileOf("""
            actors {
              cluster = demo
              nodes { alpha = "127.0.0.1:1", n2 = "127.0.0.1:2" }
              groups.default { }
            }
            """);
        Assert.Equal(["alpha", "n2", "n1", "n3"], ClusterPlan.Create(file, 4, 5001, 9001, _folder).Nodes.Select(node => node.Name));
        Assert.Equal(["alpha"], ClusterPlan.Create(file, 1, 5001, 9001, _folder).Nodes.Select(node => node.Name));
    }

    [Fact]
    public void A_file_that_names_no_nodes_gets_three()
    {
        var file = FileOf("actors { cluster = demo, groups.default { } }");
        Assert.Equal(["n1", "n2", "n3"], ClusterPlan.Create(file, null, 5001, 9001, _folder).Nodes.Select(node => node.Name));
    }

    [Fact]
    public void A_folder_with_quotes_and_spaces_is_no_trouble()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "a \"b\" \\c")).FullName;
        var plan = ClusterPlan.Create(Example(), null, 5001, 9001, folder);
        plan.WriteConfigs();
        Assert.Equal(plan.Nodes[1].Folder, ReplicationOptions.Read(ConfigFile.Load(plan.Nodes[1].ConfigFile)).DataDirectory);
    }

    [Theory]
    [InlineData(3, 65_534, 9001)]
    [InlineData(3, 5001, 65_534)]
    [InlineData(3, 5001, 5001)]
    [InlineData(3, 5001, 5003)]
    [InlineData(3, 5003, 5001)]
    public void Ports_that_overlap_or_run_out_are_refused(int count, int port, int httpPort) =>
        Assert.Contains("--port", Assert.Throws<ArgumentException>(() => ClusterPlan.Create(Example(), count, port, httpPort, _folder)).Message);

    [Fact]
    public void What_is_wrong_with_the_file_is_said_before_anything_starts()
    {
        var file = FileOf("actors { cluster = demo, groups.default { comit = all } }");
        Assert.Contains("comit", Assert.Throws<ConfigurationException>(() => ClusterPlan.Create(file, 3, 5001, 9001, _folder).WriteConfigs()).Message);
    }

    [Fact]
    public void A_port_in_use_is_named_with_the_node_that_wanted_it()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        var plan = new ClusterPlan("x", [new PlannedNode("n1", new NodeAddress("127.0.0.1", FreePorts.Take(1)[0]), new NodeAddress("127.0.0.1", port), "x")]);
        Assert.Equal($"cannot listen on 127.0.0.1:{port}: Address already in use; wanted for HTTP of n1; choose others with --http-port", plan.CannotListen());
        other.Stop();
        Assert.Null(plan.CannotListen());
    }

    [Theory]
    [InlineData("up --config /no/such.conf", "/no/such.conf: no such file")]
    [InlineData("up --nodes 0", "--nodes must be")]
    [InlineData("up --nodes 33", "--nodes must be")]
    [InlineData("up --http-port 0", "--http-port must be")]
    [InlineData("up --port 70000", "--port must be")]
    [InlineData("up --port many", "--port must be")]
    [InlineData("up --what", "'--what' is not")]
    [InlineData("node", "--config")]
    [InlineData("node --config /no/such.conf", "/no/such.conf: no such file")]
    public async Task A_command_line_that_is_wrong_is_exit_code_2_and_one_line(string line, string error)
    {
        var (exitCode, message) = await RunAsync(line.Split(' '));
        Assert.Equal(2, exitCode);
        Assert.Contains(error, message);
        Assert.Equal(1, message.Count(c => c == '\n'));
    }

    [Fact]
    public async Task A_configuration_that_does_not_parse_is_exit_code_2_with_file_and_line()
    {
        var file = FileOf("actors {\n  cluster = demo\n");
        foreach (var command in (string[])["up", "node"])
            Assert.Equal((2, $"{file}:1: '{{' is never closed\n"), await RunAsync(command, "--config", file));
    }

    [Fact]
    public async Task A_node_without_an_http_port_or_with_one_in_use_says_so()
    {
        var plan = ClusterPlan.Create(Example(), 1, FreePorts.Take(1)[0], FreePorts.Take(1)[0] + 10, _folder);
        plan.WriteConfigs();
        var file = plan.Nodes[0].ConfigFile;
        var withHttp = File.ReadAllText(file);
        File.WriteAllLines(file, withHttp.Split('\n').Where(line => !line.Contains("http.port")));
        Assert.Contains("actors.http.port is missing", (await RunAsync("node", "--config", file)).Error);
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        File.WriteAllText(file, withHttp.Replace($"http.port = {plan.Nodes[0].Http.Port}", $"http.port = {port}"));
        Assert.Equal((2, $"actors.http.port = {port}: cannot listen on 127.0.0.1:{port}: Address already in use\n"), await RunAsync("node", "--config", file));
    }

    [Fact]
    public async Task An_address_that_others_can_reach_is_refused()
    {
        var plan = ClusterPlan.Create(Example(), 1, 5001, 9001, _folder);
        plan.WriteConfigs();
        var file = plan.Nodes[0].ConfigFile;
        File.WriteAllText(file, File.ReadAllText(file).Replace("http.host = \"127.0.0.1\"", "http.host = \"0.0.0.0\""));
        var (exitCode, error) = await RunAsync("node", "--config", file);
        Assert.Equal(2, exitCode);
        Assert.Contains("actors.http", error);
        Assert.Contains("loopback", error);
    }

    [Fact]
    public async Task An_up_beyond_loopback_needs_the_setting_or_the_option()
    {
        var port = FreePorts.Take(1)[0];
        string[] up = ["up", "--config", Example(), "--host", "0.0.0.1", "--port", $"{port}", "--http-port", $"{port + 10}"];
        Assert.Equal(
            (2, $"actors.nodes.n1 = 0.0.0.1:{port} is refused: beyond loopback (127.0.0.1) nodes need TLS and a token (actors.tls.folder, which 'actors certs new' makes), or actors.insecure = on in a network that nobody else can reach\n"),
            await RunAsync(up));
        // No machine has this address: it is tried.
        Assert.StartsWith($"cannot listen on 0.0.0.1:{port}: ", (await RunAsync([.. up, "--insecure"])).Error);
    }

    [Theory]
    [InlineData("[n1]", "warning: the directory has 1 member (n1): while that node is down no chain is repaired\n")]
    [InlineData("[n1, n2, n3, n4]", "warning: the directory has 4 members (n1, n2, n3, n4): one less would survive as many failures\n")]
    [InlineData("[n1, n2, n3]", "")]
    public async Task A_directory_of_a_single_or_even_number_of_members_is_warned_about(string members, string warning)
    {
        var file = FileOf($"include \"{Path.Combine(Path.GetDirectoryName(Example())!, "chain.conf")}\"\nactors.directory.members = {members}");
        var port = FreePorts.Take(1)[0];
        using var other = new TcpListener(IPAddress.Loopback, port);
        other.Start();      // so that it ends there
        Assert.Equal(
            (2, $"{warning}cannot listen on 127.0.0.1:{port}: Address already in use; wanted for Akka.Remote of n1; choose others with --port\n"),
            await RunAsync("up", "--config", file, "--port", $"{port}", "--http-port", $"{port + 10}"));
    }

    [Theory]
    [InlineData("akka.loglevel = LOUD", "a setting of Akka is refused: Unknown LogLevel: \"LOUD\"")]
    [InlineData("akka.remote.dot-netty.tcp.maximum-frame-size = 10b", "a setting of Akka is refused: maximum-frame-size must be at least")]
    public async Task A_setting_that_Akka_itself_refuses_is_exit_code_2_and_one_line(string setting, string error)
    {
        var plan = ClusterPlan.Create(Example(), 1, FreePorts.Take(1)[0], FreePorts.Take(1)[0], _folder);
        plan.WriteConfigs();
        var file = FileOf($"include \"{plan.Nodes[0].ConfigFile}\"\n{setting}");
        var (exitCode, message) = await RunAsync("node", "--config", file);
        Assert.Equal(2, exitCode);
        Assert.StartsWith(error, message);
        Assert.Equal(1, message.Count(c => c == '\n'));
    }

    [Fact]
    public async Task A_data_folder_that_another_up_has_is_refused_first_of_all()
    {
        using (UpFolder.Open(_folder))
        {
            var (exitCode, error) = await RunAsync("up", "--data", _folder, "--config", "/no/such.conf");     // without the lock this is what is wrong
            Assert.Equal(2, exitCode);
            Assert.Equal($"--data {_folder}: another 'actors up' runs there; stop it, or name another folder\n", error);
        }

        UpFolder.Open(_folder).Dispose();
    }

    [Fact]
    public void A_node_keeps_its_row_when_the_view_loses_it()
    {
        var status = new StatusDocument(
            [new NodeEntry("n1", 11, "", true), new NodeEntry("n2", 12, "", false), new NodeEntry("n3", 13, "", true)],
            [new GroupEntry("default", "primary-backup", 2, "n3", [new MemberEntry("n3", "primary", 2, 5, 5, 6, ""), new MemberEntry("n1", "backup", 2, 5, 5, 6, "")])]);
        Assert.Equal(["n1", "n2", "n3"], StatusTable.Rows(status).Select(row => row[1]));
        Assert.Equal(["n1", "n2", "n3"], ClusterView.RowsOf(status, [new RunNode("n2", 0, "", "killed")]).Select(row => row[1]));
    }

    [Fact]
    public void A_chain_stands_in_its_order_and_each_link_has_its_place()
    {
        var chain = new GroupEntry("ledger", "chain", 3, "n2", [Member("n2", "head"), Member("n3", "middle"), Member("n4", "tail"), Member("n1", "learner")]);
        var other = new GroupEntry("orders", "primary-backup", 2, "n4", [Member("n4", "primary"), Member("n1", "backup")]);
        var status = new StatusDocument([.. Enumerable.Range(1, 5).Select(i => new NodeEntry($"n{i}", i, "", true))], [chain, other]);

        Assert.Equal(
            ["ledger n2 head", "ledger n3 middle 2", "ledger n4 tail", "ledger n1 learner", "orders n1 backup", "orders n4 primary", "- n5 not a member"],
            StatusTable.Rows(status).Select(row => $"{row[0]} {row[1]} {row[3]}"));
        Assert.Equal("writes -> n2 head -> n3 middle -> n4 tail -> answers; n1 learner", GroupCommand.Drawing(chain));

        static MemberEntry Member(string node, string role) => new(node, role, 3, 5, 5, 6, "");
    }

    [Fact]
    public void The_view_believes_the_processes_before_the_status()
    {
        var status = new StatusDocument(
            [new NodeEntry("n1", 11, "http://127.0.0.1:1", true), new NodeEntry("n2", 12, "http://127.0.0.1:2", true)],
            [new GroupEntry("default", "primary-backup", 2, "n1", [new MemberEntry("n1", "primary", 2, 5, 5, 6, ""), new MemberEntry("n2", "backup", 2, 5, 5, 6, "")])]);
        var rows = ClusterView.RowsOf(status, [new RunNode("n1", 11, "http://127.0.0.1:1", ""), new RunNode("n2", 0, "http://127.0.0.1:2", "killed"), new RunNode("n3", 13, "http://127.0.0.1:3", "")]);
        Assert.Equal(
            ["default n1 11 primary 2 5 6 http://127.0.0.1:1", "default n2 - killed 2 5 6 http://127.0.0.1:2", "- n3 13 starting 0 0 0 http://127.0.0.1:3"],
            rows.Select(row => string.Join(' ', row)));
    }

    [Fact]
    public void In_a_terminal_the_table_fits_80_characters_and_says_what_to_try_once_there_is_a_primary()
    {
        var view = new ClusterView(TextWriter.Null, primary => [$"kill {primary}"]);
        Assert.EndsWith("waiting for a primary", Shown([["-", "n1", "11", "starting", "0", "0", "0", "http://127.0.0.1:8081"]], isReady: false)[^1]);
        string[] primary = ["default", "n1", "4194304", "primary", "2", "99999999", "99999999", "http://127.0.0.1:8081"];
        var ready = Shown([primary, ["-", "n2", "-", "killed", "0", "0", "0", "http://127.0.0.1:8082"]], isReady: true);
        Assert.Equal(["node", "pid", "role", "epoch", "commit", "http"], ready[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("n1 4194304 primary 2 99999999 http://127.0.0.1:8081", string.Join(' ', ready[2].Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal(["Try, in another terminal:", "  kill n1", "Ctrl-C stops the cluster."], ready[^3..]);
        Assert.Contains("group", Shown([primary, ["other", .. primary[1..]]], isReady: true)[0]);

        string[] Shown(IReadOnlyList<string[]> rows, bool isReady)
        {
            using var text = new StringWriter { NewLine = "\n" };
            var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(text) });
            console.Profile.Width = 80;
            console.Write(view.ToTable(rows, isReady));
            return [.. text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd()).Where(line => line.Length > 0)];
        }
    }

    [Fact]
    public void Without_a_terminal_every_change_is_one_line_and_ready_is_said_once()
    {
        var output = new StringWriter { NewLine = "\n" };
        var view = new ClusterView(output, primary => [$"kill {primary}", "get"]);
        view.Print([["-", "n1", "11", "starting", "0", "0", "0", "http://1"]], isReady: false);
        view.Print([["default", "n1", "11", "primary", "2", "5", "5", "http://1"]], isReady: true);
        view.Print([["default", "n1", "11", "primary", "2", "9", "9", "http://1"]], isReady: true);
        view.Print([["default", "n1", "-", "killed", "2", "9", "9", "http://1"]], isReady: true);
        Assert.Equal(
            """
            n1  pid 11  starting  http://1
            n1  pid 11  primary  group default  epoch 2  http://1
            ready: kill n1; get
            n1  pid -  killed  group default  epoch 2  http://1

            """,
            output.ToString());
    }

    [Fact]
    public void A_cluster_is_ready_when_every_group_has_a_primary()
    {
        Assert.False(ClusterView.IsReady(null));
        Assert.False(ClusterView.IsReady(new StatusDocument([], [])));
        Assert.True(ClusterView.IsReady(new StatusDocument([], [Group("primary"), Group("primary")])));
        Assert.False(ClusterView.IsReady(new StatusDocument([], [Group("primary"), Group("candidate")])));

        static GroupEntry Group(string role) => new("g", "primary-backup", 1, "n1", [new MemberEntry("n1", role, 1, 1, 1, 1, "")]);
    }

    [Fact]
    public void A_run_is_found_by_any_of_its_addresses_while_its_process_lives()
    {
        using var self = System.Diagnostics.Process.GetCurrentProcess();
        var run = new ClusterRun(self.Id, ClusterRun.StartOf(self), [new RunNode("n1", 0, "http://127.0.0.1:1", "killed"), new RunNode("n2", 7, "http://127.0.0.1:2", "")]);
        var file = ClusterRun.FileOf(_folder, 1);
        run.Write(file);
        Assert.Equal(file, ClusterRun.Find(_folder, new Uri("http://127.0.0.1:2"))?.File);
        Assert.Equal(run.Nodes, ClusterRun.Find(_folder, new Uri("http://127.0.0.1:1"))?.Run.Nodes);
        Assert.NotNull(ClusterRun.Find(_folder, new Uri("http://localhost:1/")));
        Assert.Null(ClusterRun.Find(_folder, new Uri("http://127.0.0.1:3")));
        Assert.Null(ClusterRun.Find(_folder, new Uri("http://192.0.2.1:1")));
        (run with { Nodes = [new RunNode("n1", 0, "http://192.0.2.1:1", "")] }).Write(file);
        Assert.NotNull(ClusterRun.Find(_folder, new Uri("http://192.0.2.1:1")));
        Assert.Null(ClusterRun.Find(_folder, new Uri("http://127.0.0.1:1")));
        run.Write(file);
        Assert.Null(ClusterRun.Find(Path.Combine(_folder, "none"), new Uri("http://127.0.0.1:1")));
        (run with { Started = run.Started.AddMinutes(-1) }).Write(file);
        Assert.Null(ClusterRun.Find(_folder, new Uri("http://127.0.0.1:1")));
    }

    private static async Task<(int ExitCode, string Error)> RunAsync(params string[] arguments)
    {
        using var error = new StringWriter { NewLine = "\n" };
        var exitCode = await Cli.RunAsync(new Terminal(Stream.Null, Stream.Null, error, isInteractive: false), arguments);
        return (exitCode, error.ToString());
    }

    /// <summary>The example that comes with the program.</summary>
    private static string Example() => Path.Combine(AppContext.BaseDirectory, "config", "primary-backup.conf");

    private string FileOf(string text)
    {
        var path = Path.Combine(_folder, "user.conf");
        File.WriteAllText(path, text);
        return path;
    }
}
