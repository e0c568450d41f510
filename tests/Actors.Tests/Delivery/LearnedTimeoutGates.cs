using Actors.Delivery;
using Actors.TestKit;
using Xunit.Abstractions;

namespace Actors.Tests.DeliveryTests;

/// <summary>What a learned time-out is worth: on each network it is held against every fixed one, by needless copies and by how late the slowest messages come.</summary>
/// <remarks>One message at a time and nothing that follows it, so that only time can tell of a loss. Acks are not lost, so a copy of what had arrived is one that came too soon.</remarks>
public sealed class LearnedTimeoutGates(ITestOutputHelper output)
{
    private const int Messages = 1000;
    private const string Step = "round trip from 10 to 100 ms, 5 % lost", Modes = "a tenth of the messages up to 20 times as slow, 5 % lost", Ten = "10 % lost", Thirty = "30 % lost";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(700);
    private static readonly double[] Fixed = [20, 50, 100, 200, 400, 800];

    private static readonly Dictionary<string, (LinkFaults First, LinkFaults Then, double Loss)> Networks = new()
    {
        [Step] = (Each(5), Each(50), 0.05),
        [Modes] = (Bimodal, Bimodal, 0.05),
        [Ten] = (Each(5), Each(5), 0.1),
        [Thirty] = (Each(5), Each(5), 0.3),
    };

    private static LinkFaults Bimodal => Each(5) with { Slow = 0.1, SlowDelay = TimeSpan.FromMilliseconds(100) };

    /// <summary>The most needless copies, as a share, and by when 99 of 100 messages are there, in ms.</summary>
    private static readonly Dictionary<string, (double Needless, double Late)> Gates = new()
    {
        [Step] = (0.02, 320),
        [Modes] = (0.2, 110),
        [Ten] = (0, 30),
        [Thirty] = (0, 180),
    };

    [Fact]
    public void No_fixed_time_out_suits_all_networks_and_a_learned_one_does()
    {
        var learned = Networks.Keys.ToDictionary(network => network, network => Measure(network, "learned", new DeliverySettings()));

        foreach (var (network, (needless, late)) in Gates)
        {
            Assert.InRange(learned[network].Needless, 0, needless);
            Assert.InRange(learned[network].Late, 0, late);
        }

        foreach (var ms in Fixed)
        {
            var each = TimeSpan.FromMilliseconds(ms);
            var settings = new DeliverySettings { MinRetransmit = each, InitialRetransmit = each, MaxRetransmit = each };
            var measured = Networks.Keys.ToDictionary(network => network, network => Measure(network, $"{ms} ms", settings));
            // Somewhere it sends far more for nothing, or makes wait far longer.
            Assert.Contains(Networks.Keys, network => measured[network].Needless > learned[network].Needless + 0.3 || measured[network].Late > 2 * learned[network].Late);
        }
    }

    /// <summary>Copies that were not needed, as a share of all messages, and by when 99 of 100 messages were there, in ms.</summary>
    private (double Needless, double Late) Measure(string network, string name, DeliverySettings settings)
    {
        using var story = new LinkStory(settings);
        var (first, then, loss) = Networks[network];
        story.RunFor(1);
        var random = new Random(1);
        var arrived = 0;
        story.Loses = message =>
        {
            if (message is not Data { Items.Count: > 0 } data)
                return false;
            if (random.NextDouble() < loss)
                return true;
            arrived += data.Items.Count;
            return false;
        };
        var sentAt = new Dictionary<string, TimeSpan>();
        for (var i = 0; i < Messages; i++)
        {
            story.Sim.Network.Faults = i < Messages / 2 ? first : then;
            sentAt[$"m{i}"] = story.Sim.Now;
            story.Send($"m{i}");
            story.Sim.RunFor(Pause);
        }

        story.RunFor(30);
        Assert.Equal(Messages, story.Delivered.Count);
        var late = story.Delivered.Select(d => (d.At - sentAt[d.Content]).TotalMilliseconds).Order().ToList();
        var result = ((arrived - Messages) / (double)Messages, late[Messages * 99 / 100]);
        output.WriteLine($"{network}; {name}: {result.Item1:P1} needless copies, 99 of 100 messages within {result.Item2:F0} ms");
        return result;
    }

    private static LinkFaults Each(double ms) => new() { MinDelay = TimeSpan.FromMilliseconds(ms), MaxDelay = TimeSpan.FromMilliseconds(ms) };
}
