using Actors.Sample;
using Actors.Tests.StorageTests;

namespace Actors.Tests.HostingTests;

public class SampleTests
{
    [Fact]
    public async Task The_sample_application_tells_its_story()
    {
        using var folder = new TemporaryFolder();
        var ports = FreePorts.Take(3);
        var nodes = new SortedDictionary<string, int> { ["n1"] = ports[0], ["n2"] = ports[1], ["n3"] = ports[2] };
        var output = new StringWriter();

        await Story.TellAsync(nodes, folder.Root, output);

        var lines = output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        var primary = lines[0].Split(' ', 6)[4];
        var other = nodes.Keys.First(n => n != primary);
        var next = lines[^3].Split(' ')[0];
        Assert.Equal(
            [
                $"3 nodes are up, {primary} is the primary",
                $"{other}: received 10 apples, in stock: 10",
                $"{other}: reserved 4 apples: True",
                $"{other}: reserved 7 apples: False",
                $"{primary} was killed",
                $"{other}: apples in stock: 6",
                $"{next} is the primary now",
                $"{primary}: is back, reserved 6 apples: True",
                $"{primary}: apples in stock: 0",
            ],
            lines);
        Assert.NotEqual(primary, next);
    }
}
