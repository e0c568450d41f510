using System.Text;
using Actors.Node.Commands;

namespace Actors.Tests.NodeTests;

public sealed class PlanCommandTests
{
    [Fact]
    public async Task Both_protocols_are_compared_and_one_is_recommended_with_its_reason()
    {
        var (exitCode, output, error) = await RunAsync("plan --replicas 5 --rtt 10ms --write-ratio 0.2");

        Assert.Equal((0, ""), (exitCode, error));
        foreach (var line in new[]
        {
            "5 replicas, 10 ms from one machine to another and back",
            "  write            20 ms (4L)",
            "  read, lease      10 ms (2L)",
            "  write            30 ms (6L)",
            "  read, barrier    30 ms (6L)",
            "  load             messages of a write, if nothing shares them: 10 at the primary, 2 at a backup",
            "  load             messages of a write, if nothing shares them: 4 at the head, at most 6 at a middle, 3 at the tail",
            "  bytes            the primary sends each write 4 times, a backup never",
            "  bytes            each link sends each write once, the tail never",
            "3 failures one after the other",
            "take primary-backup: its latency does not grow with the replicas: 4 one-way latencies against 6 of a chain",
        })
            Assert.Contains(line, output, StringComparison.Ordinal);
        Assert.Contains("take chain: most operations are writes", (await RunAsync("plan --replicas 7 --write-ratio 0.9")).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--replicas 1", "--replicas must be a number from 2 to 32.")]
    [InlineData("--rtt 10", "--rtt '10' is not a time: write a number above 0 and ms, such as 10ms.")]
    [InlineData("--rtt 0ms", "--rtt '0ms' is not a time: write a number above 0 and ms, such as 10ms.")]
    [InlineData("--write-ratio 2", "--write-ratio must be a number from 0 to 1.")]
    public async Task What_is_wrong_is_one_line_with_the_option_and_its_range(string options, string line) =>
        Assert.Equal((2, "", $"{line} See: actors plan --help\n"), await RunAsync($"plan {options}"));

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(string line)
    {
        using var output = new MemoryStream();
        using var error = new StringWriter { NewLine = "\n" };
        var exitCode = await Cli.RunAsync(new Terminal(Stream.Null, output, error, isInteractive: false), line.Split(' '));
        return (exitCode, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }
}
