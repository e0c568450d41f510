namespace Actors.TestKit;

/// <summary>Over a sweep of seeds: how often each <c>Sometimes</c> happened. One that never did means that the sweep is blind there.</summary>
public sealed class Coverage
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>Sums by name.</summary>
    public IReadOnlyDictionary<string, long> Counts
    {
        get
        {
            lock (_lock)
                return new SortedDictionary<string, long>(_counts, StringComparer.Ordinal);
        }
    }

    /// <summary>The names of those that never happened.</summary>
    public IReadOnlyList<string> Missing => [.. Counts.Where(count => count.Value == 0).Select(count => count.Key)];

    /// <summary>Adds the counts of one run; may be called from several threads.</summary>
    public void Add(Simulation simulation)
    {
        ArgumentNullException.ThrowIfNull(simulation);
        lock (_lock)
        {
            foreach (var (name, count) in simulation.SometimesCounts)
                _counts[name] = _counts.GetValueOrDefault(name) + count;
        }
    }
}
