using Actors.Benchmarks.Load;

namespace Actors.Benchmarks.Systems;

/// <summary>Server processes of one kind, usually three, on this machine, with data of their own; disposing kills them and removes the data.</summary>
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

    /// <summary>Whose failure is a case of its own: what it is called, and its place in <see cref="Leadership.Order"/>.</summary>
    IReadOnlyList<(string Name, int Place)> Roles => [("leader", 0)];
}

/// <summary>Who leads, and since which election.</summary>
/// <param name="Order">Servers by their numbers, from 0; the leader first, and after the head of a chain the other links in their order.</param>
/// <param name="Epoch">Grows with every election; the term of Raft.</param>
internal sealed record Leadership(IReadOnlyList<int> Order, long Epoch)
{
    public int Leader => Order[0];
}
