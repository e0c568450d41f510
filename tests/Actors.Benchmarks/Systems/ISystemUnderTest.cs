using Actors.Benchmarks.Load;

namespace Actors.Benchmarks.Systems;

/// <summary>Three server processes of one kind on this machine, with data of their own; disposing kills them and removes the data.</summary>
internal interface ISystemUnderTest : IDisposable
{
    /// <summary>The server program and its version, such as <c>etcd 3.4.23</c>.</summary>
    string Version { get; }

    /// <summary>The processes whose CPU and memory are the system's; in the order in which they are numbered.</summary>
    IReadOnlyList<ServerProcess> Servers { get; }

    /// <summary>Starts all servers on empty data and returns when they have formed their group.</summary>
    /// <exception cref="BenchmarkException">They did not; the message holds what a server printed last.</exception>
    Task StartAsync(CancellationToken cancellation);
}

/// <summary>A system that answers writes and reads.</summary>
internal interface ILoadable : ISystemUnderTest
{
    /// <summary>The ways in which the system is measured under <paramref name="operation"/>: one row of the report each.</summary>
    Task<IReadOnlyList<LoadTarget>> TargetsAsync(Operation operation, CancellationToken cancellation);
}

/// <summary>A system that elects a new leader by itself when the old one fails.</summary>
internal interface IElectsLeader : ILoadable
{
    /// <summary>Waits until every server is up, follows the same leader and holds its whole log.</summary>
    /// <exception cref="BenchmarkException">That is not so after 60 s.</exception>
    Task<Leadership> WholeAsync(CancellationToken cancellation);

    /// <summary>A client that knows these servers only, by their numbers.</summary>
    LoadTarget TargetAt(IEnumerable<int> servers, Operation operation);
}

/// <summary>Who leads, and since which election.</summary>
/// <param name="Leader">The number of the server, from 0.</param>
/// <param name="Epoch">Grows with every election; the term of Raft.</param>
internal sealed record Leadership(int Leader, long Epoch);
