using Akka.Configuration;
using Akka.Dispatch;

namespace Actors.Wire;

/// <summary>Runs an actor on the thread that brought it a message, instead of waking another thread for it.</summary>
/// <remarks>
/// <para>
/// A message from another node passes four actors before a replica has it, and an answer three on its way out; each of them is a few instructions, and
/// a thread that has to be woken for it costs ten microseconds and more. Run one after the other on one thread they cost next to nothing.
/// </para>
/// <para>
/// What an actor sends while it runs is run after it, not within it, so the stack stays flat. A thread that has run <see cref="MaxInTurn"/> of them gives the
/// rest to the thread pool: it belongs to somebody else, as a rule to the network or the disk. For the same reason only actors that do not block belong here.
/// </para>
/// </remarks>
internal sealed class DirectExecutor(string id) : ExecutorService(id)
{
    private const int MaxInTurn = 64;

    [ThreadStatic]
    private static Queue<IRunnable>? Waiting;     // what came while this thread was running another; null outside of a turn

    [ThreadStatic]
    private static Queue<IRunnable>? Spare;

    public override void Execute(IRunnable run)
    {
        if (Waiting is { } waiting)
        {
            waiting.Enqueue(run);
            return;
        }

        waiting = Waiting = Spare ??= new Queue<IRunnable>();
        try
        {
            run.Run();
            for (var turns = 1; turns < MaxInTurn && waiting.TryDequeue(out var next); turns++)
                next.Run();
        }
        finally
        {
            Waiting = null;
            while (waiting.TryDequeue(out var next))
                ThreadPool.UnsafeQueueUserWorkItem(static rest => rest.Run(), next, preferLocal: false);
        }
    }

    public override void Shutdown()
    {
    }
}

/// <summary>Named in the configuration as the executor of a dispatcher.</summary>
internal sealed class DirectExecutorConfigurator(Config config, IDispatcherPrerequisites prerequisites) : ExecutorServiceConfigurator(config, prerequisites)
{
    public override ExecutorService Produce(string id) => new DirectExecutor(id);
}
