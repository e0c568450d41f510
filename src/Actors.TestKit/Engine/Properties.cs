namespace Actors.TestKit;

/// <summary>The named properties of a run.</summary>
internal sealed class Properties
{
    private readonly List<(string Name, Func<string?> Check)> _always = [];
    private readonly List<Event> _sometimes = [];
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, long> Counts => _counts;

    public void Always(string name, Func<string?> check) => _always.Add((name, check));

    public void Sometimes(string name, Func<bool> happens)
    {
        Declare(name);
        _sometimes.Add(new Event(name, happens));
    }

    public void Declare(string name) => _counts.TryAdd(name, 0);

    public void Reached(string name) => _counts[name] = _counts.GetValueOrDefault(name) + 1;

    /// <summary>The first property that does not hold, or null; counts what has become true.</summary>
    public Violation? Check()
    {
        foreach (var item in _sometimes)
        {
            var holds = item.Happens();
            if (holds && !item.Held)
                Reached(item.Name);
            item.Held = holds;
        }

        foreach (var (name, check) in _always)
        {
            if (check() is { } wrong)
                return new Violation(name, wrong);
        }

        return null;
    }

    private sealed class Event(string name, Func<bool> happens)
    {
        public string Name { get; } = name;

        public Func<bool> Happens { get; } = happens;

        public bool Held { get; set; }
    }
}
