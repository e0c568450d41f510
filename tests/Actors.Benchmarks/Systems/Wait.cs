using System.Diagnostics;

namespace Actors.Benchmarks.Systems;

/// <summary>Waits for servers to reach a state that they can only be asked about.</summary>
internal static class Wait
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Asks until the answer is not null. An exception of <paramref name="ask"/> means: not yet.</summary>
    /// <param name="what">The state waited for, as it reads in "etcd: no leader within 60 s".</param>
    /// <param name="servers">When one of them has exited there is nothing to wait for.</param>
    /// <param name="ask">Asks the servers.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<T> ForAsync<T>(string what, IReadOnlyList<ServerProcess> servers, Func<Task<T?>> ask, CancellationToken cancellation)
        where T : class
    {
        var clock = Stopwatch.StartNew();
        var lastError = "";
        while (clock.Elapsed < Limit)
        {
            if (servers.FirstOrDefault(s => s.HasExited) is { } dead)
                throw new BenchmarkException($"{dead.Name} exited: {dead.Tail}");
            try
            {
                if (await ask() is { } answer)
                    return answer;
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                lastError = $": {e.Message}";
            }

            await Task.Delay(Pause, cancellation);
        }

        throw new BenchmarkException($"{what} within {Limit.TotalSeconds} s{lastError}");
    }
}
