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

    /// <summary>Whose failure is a case of its own: what it is called, and which server that is.</summary>
    IReadOnlyList<Victim> Victims => [Victim.Leader];
}

/// <summary>Who leads, and since which election.</summary>
/// <param name="Order">Servers by their numbers, from 0; the leader first, and after the head of a chain the other links in their order.</param>
/// <param name="Epoch">Grows with every election; the term of Raft.</param>
/// <param name="Directory">The server that the directory's primary is on, where the views come from a directory; otherwise -1.</param>
internal sealed record Leadership(IReadOnlyList<int> Order, long Epoch, int Directory = -1)
{
    public int Leader => Order[0];
}

/// <summary>A server whose failure is measured.</summary>
/// <param name="Name">As it stands in the report.</param>
/// <param name="In">Its number, whoever leads.</param>
internal sealed record Victim(string Name, Func<Leadership, int> In)
{
    public static readonly Victim Leader = new("leader", whole => whole.Leader);
}
