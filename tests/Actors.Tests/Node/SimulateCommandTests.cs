using System.Text;
using System.Text.Json;
using Actors.Node.Commands;
using Spectre.Console;

namespace Actors.Tests.NodeTests;

public sealed class SimulateCommandTests
{
    [Fact]
    public async Task A_sweep_ends_with_what_was_done_and_found()
    {
        var (exitCode, output, error) = await RunAsync("simulate --protocol primary-backup --seeds 1-2");

        Assert.Equal((0, ""), (exitCode, error));
        foreach (var line in new[] { "seeds           2 (1 to 2)", "virtual time ", "steps ", "operations ", "faults ", "sometimes       a member was kicked: ", "violations      0", "trace hash      " })
            Assert.Contains(line, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_are_swept_as_well()
    {
        var (exitCode, output, error) = await RunAsync("simulate --protocol delivery --seeds 1-20");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("violations      0", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_document_has_these_fields_and_is_the_same_whatever_the_number_of_threads()
    {
        var (exitCode, output, error) = await RunAsync("simulate --seeds 1-3 --json --parallel 1");

        Assert.Equal((0, ""), (exitCode, error));
        using var document = JsonDocument.Parse(output);
        Assert.Equal(["seeds", "virtualHours", "steps", "operations", "faults", "violations", "traceHash"], document.RootElement.EnumerateObject().Select(field => field.Name));
        Assert.Equal(3, document.RootElement.GetProperty("seeds").GetInt32());
        Assert.Empty(document.RootElement.GetProperty("violations").EnumerateArray());
        Assert.Equal(output, (await RunAsync("simulate --seeds 1-3 --json --parallel 3")).Output);
    }

    [Fact]
    public async Task Who_watches_sees_how_far_it_is_and_who_reads_the_output_does_not()
    {
        using var screen = new StringWriter();
        using var output = new MemoryStream();
        using var error = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes, Out = new AnsiConsoleOutput(screen) });

        var exitCode = await Cli.RunAsync(new Terminal(Stream.Null, output, error, isInteractive: true) { Screen = console }, ["simulate", "--seeds", "1-3"]);

        Assert.Equal((0, ""), (exitCode, error.ToString()));
        Assert.Contains("3 seeds, 0 violations", screen.ToString(), StringComparison.Ordinal);
        Assert.Contains("100%", screen.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("seeds           3 (1 to 3)", Encoding.UTF8.GetString(output.ToArray()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--protocol paxos", "--protocol 'paxos' is unknown; there is: primary-backup, chain, lossy, delivery, broadcast.")]
    [InlineData("--seeds 9-1", "--seeds must be two numbers of at least 0, the first not above the second, such as 1-10000.")]
    [InlineData("--seeds 1-x", "--seeds must be two numbers of at least 0, the first not above the second, such as 1-10000.")]
    [InlineData("--seed 1-2", "--seed must be a number of at least 0.")]
    [InlineData("--loss 1.5", "--loss must be a number from 0 to 1.")]
    [InlineData("--duplicate -0.1", "--duplicate must be a number from 0 to 1.")]
    [InlineData("--nodes 8", "--nodes must be a number from 1 to 7.")]
    [InlineData("--parallel 0", "--parallel must be a number from 1 to 64.")]
    [InlineData("--nodes 5 --down 3", "--down must be from 0 to 2, a minority of --nodes 5: a majority that never heals can finish nothing.")]
    [InlineData("--down 1", "--down needs --nodes: what is a minority depends on it.")]
    [InlineData("--protocol delivery --nodes 3", "--nodes and --down are for groups; --protocol delivery has no members.")]
    [InlineData("--trace", "--trace needs --seed: the trace of one run.")]
    public async Task What_is_wrong_is_one_line_with_the_option_and_its_range(string options, string line) =>
        Assert.Equal((2, "", $"{line} See: actors simulate --help\n"), await RunAsync($"simulate {options}"));

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(string line)
    {
        using var output = new MemoryStream();
        using var error = new StringWriter { NewLine = "\n" };
        var exitCode = await Cli.RunAsync(new Terminal(Stream.Null, output, error, isInteractive: false), line.Split(' '));
        return (exitCode, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }
}
