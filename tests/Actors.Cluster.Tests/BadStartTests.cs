using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Actors.Cluster.Tests;

/// <summary>A node that cannot start says why in one line, with exit code 2, and leaves alone what belongs to others.</summary>
public sealed class BadStartTests : IClassFixture<BadStartTests.UsedFolder>, IDisposable
{
    private readonly UsedFolder _used;
    private readonly Scratch _scratch = new();
    private readonly int _port = Ports.FreeInARow(2);

    public BadStartTests(UsedFolder used) => _used = used;

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("actors.groups.default.comit = all", "actors.groups.default.comit is not a setting; did you mean commit?")]
    [InlineData("actors.groups.default.election-timeout = 300", "actors.groups.default.election-timeout = 300 has no unit")]
    [InlineData("actors.groups.default.protocol = paxos", "protocol = paxos")]
    [InlineData("actors.groups.default.min-in-view = 4", "min-in-view")]
    [InlineData("actors.node = n9", "actors.node = 'n9' is not one of actors.nodes")]
    [InlineData("actors.nodes.n2 = \"10.0.0.2:4052\"", "actors.nodes.n2 = 10.0.0.2:4052 is refused: beyond loopback (127.0.0.1) nodes need TLS and a token")]
    [InlineData("actors.http.host = \"0.0.0.0\"", "is refused: beyond loopback (127.0.0.1) nodes need TLS and a token")]
    [InlineData("akka.remote.dot-netty.tcp.hostname = \"0.0.0.0\"", "akka.remote.dot-netty.tcp.hostname = 0.0.0.0 is refused: beyond loopback (127.0.0.1) nodes need TLS and a token")]
    [InlineData("actors { node = n1", "n1.conf")]     // the file, and the line
    public Task A_wrong_setting_is_named(string setting, string error) => RefusedAsync(Write(setting), error);

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        using var other = new TcpListener(IPAddress.Loopback, _port);
        other.Start();
        await RefusedAsync(Write(""), FormattableString.Invariant($"actors.nodes.n1 = 127.0.0.1:{_port}: cannot listen there"));
    }

    [Fact]
    public async Task An_http_port_in_use_is_named()
    {
        using var other = new TcpListener(IPAddress.Loopback, _port + 1);
        other.Start();
        await RefusedAsync(Write(""), FormattableString.Invariant($"actors.http.port = {_port + 1}: cannot listen on 127.0.0.1:{_port + 1}"));
    }

    [Fact]
    public async Task A_data_folder_that_another_process_has_is_left_alone()
    {
        await RefusedAsync(Write("", _used.Open), FormattableString.Invariant($"data folder {_used.Open} is in use by another process (pid {_used.Pid})"));
        Assert.True(_used.IsRunning);
    }

    [Fact]
    public Task A_data_folder_of_another_node_is_refused() => RefusedAsync(Write("actors.node = n2", _used.Closed), $"data folder {_used.Closed} belongs to");

    [Fact]
    public Task A_data_folder_of_another_cluster_is_refused() => RefusedAsync(Write("actors.cluster = other", _used.Closed), $"data folder {_used.Closed} belongs to");

    private string Write(string setting, string? folder = null) => WriteConfig(_scratch.File("n1.conf"), _port, folder ?? _scratch.File("data"), setting);

    private async Task RefusedAsync(string config, string error)
    {
        var result = await NodeProgram.RunAsync(_scratch.Path, "node", "--config", config);
        Assert.True(result.ExitCode == 2, $"{result}");
        Assert.Contains(error, Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    // The setting stands in a file of its own, as the same key twice in one file is an error already.
    private static string WriteConfig(string file, int port, string folder, string setting)
    {
        File.WriteAllText(file + ".good", string.Create(CultureInfo.InvariantCulture, $$"""
            include "{{NodeProgram.ExampleConfig}}"
            actors.node = n1
            actors.nodes.n1 = "127.0.0.1:{{port}}"
            actors.data-directory = "{{folder}}"
            actors.http.port = {{port + 1}}
            """));
        File.WriteAllText(file, $"""
            include "{file}.good"
            {setting}
            """);
        return file;
    }

    /// <summary>A folder that a running node has open, and one that a node has used before.</summary>
    public sealed class UsedFolder : IAsyncLifetime, IDisposable
    {
        private readonly Scratch _scratch = new();
        private LoggedProcess? _node;

        public string Open => _scratch.File("open");

        public string Closed => _scratch.File("closed");

        public int Pid => _node!.Pid;

        public bool IsRunning => _node!.IsRunning;

        public async Task InitializeAsync()
        {
            var config = WriteConfig(_scratch.File("n1.conf"), Ports.FreeInARow(2), Closed, "");
            await StartAsync(config);
            _node!.Dispose();
            await StartAsync(WriteConfig(config, Ports.FreeInARow(2), Open, ""));
        }

        public Task DisposeAsync() => Task.CompletedTask;

        public void Dispose()
        {
            _node?.Dispose();
            _scratch.Dispose();
        }

        private async Task StartAsync(string config)
        {
            _node = new LoggedProcess([.. NodeProgram.Built, "node", "--supervised", "--config", config], _scratch.File("n1.log"), _scratch.Path);
            var before = _node.Log.Length;
            _node.Start();
            await RealCluster.UntilAsync("a node that serves", () =>
            {
                Assert.True(_node.IsRunning, _node.Log);
                return Task.FromResult(_node.Log[before..].Contains("serving", StringComparison.Ordinal) ? this : null);
            });
        }
    }
}
