namespace Actors.Benchmarks.Systems;

/// <summary>The systems that can be measured, by the names used on the command line.</summary>
internal static class SystemCatalog
{
    private static readonly Dictionary<string, Func<Site, ISystemUnderTest>> Factories = new()
    {
        ["actors"] = site => new ActorsCluster(site),
        ["lease"] = site => new ActorsCluster(site, reads: "lease"),
        ["directed"] = site => new ActorsCluster(site, isDirected: true),
        ["chain"] = site => new ActorsCluster(site, isChain: true),
        ["chain-lease"] = site => new ActorsCluster(site, isChain: true, reads: "lease"),
        ["etcd"] = site => new EtcdCluster(site),
        ["redis"] = site => new RedisTrio(site),
        ["akka"] = site => new BareAkkaCluster(site),
    };

    /// <summary>Checks that each of them exists, is installed and can be measured in this way, before anything is measured.</summary>
    /// <exception cref="BenchmarkException">One does not, is not or cannot.</exception>
    public static void Check<T>(IEnumerable<string> names, Site site) where T : ISystemUnderTest
    {
        foreach (var name in names)
            Create<T>(name, site).Dispose();
    }

    /// <summary>Creates the system called <paramref name="name"/>; nothing is started yet.</summary>
    /// <exception cref="BenchmarkException">There is none of that name, or it cannot be measured in this way.</exception>
    public static T Create<T>(string name, Site site) where T : ISystemUnderTest
    {
        if (!Factories.TryGetValue(name, out var create))
            throw new BenchmarkException($"unknown system '{name}': choose from {string.Join(", ", Factories.Keys)}");
        var system = create(site);
        if (system is T wanted)
            return wanted;
        system.Dispose();
        throw new BenchmarkException(typeof(T) == typeof(IElectsLeader)
            ? $"'{name}' elects no leader by itself, so there is no failover to measure"
            : $"'{name}' takes no writes or reads, so there is nothing to measure");
    }
}
