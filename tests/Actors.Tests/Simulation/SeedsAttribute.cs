using System.Globalization;
using System.Reflection;
using Xunit.Sdk;

namespace Actors.Tests.SimulationTests;

/// <summary>Runs a theory once per seed, from 1: <c>[Theory, Seeds(20)] public void Test(int seed)</c>.</summary>
/// <remarks>The environment asks for other seeds: <c>SEED=17</c> replays one, <c>SEEDS=5000</c> sweeps more.</remarks>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SeedsAttribute(int count) : DataAttribute
{
    public int Count { get; } = count;

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => Chosen(Count).Select(seed => new object[] { seed });

    /// <summary>The seeds to run, consecutive, where <paramref name="count"/> is what a test runs unless the environment asks for others.</summary>
    public static IReadOnlyList<int> Chosen(int count) => FromEnvironment("SEED") is { } one ? [one] : [.. Enumerable.Range(1, FromEnvironment("SEEDS") ?? count)];

    private static int? FromEnvironment(string name)
    {
        var text = Environment.GetEnvironmentVariable(name);
        if (string.IsNullOrEmpty(text))
            return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0
            ? value
            : throw new ArgumentException($"environment variable {name} is '{text}'; it must be a number from 1");
    }
}
