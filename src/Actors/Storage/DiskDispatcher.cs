using Akka.Configuration;
using Akka.Dispatch;

namespace Actors.Storage;

/// <summary>One thread for actors that wait for the disk; it sleeps whenever there is nothing to do.</summary>
/// <remarks>
/// Akka's pinned dispatcher spins before it sleeps. A writer that wakes a thousand times a second then takes a third of its time from
/// the other threads of a small machine, the very ones that have the work it waits for.
/// </remarks>
internal sealed class DiskDispatcher : MessageDispatcher
{
    private readonly Queue<IRunnable> _work = new();    // also the lock
    private bool _hasThread;
    private bool _idle;         // the thread waits to be pulsed
    private bool _ending;

    public DiskDispatcher(MessageDispatcherConfigurator configurator) : base(configurator)
    {
        Id = configurator.Config.GetString("id");
        Throughput = 100;
    }

    protected override void ExecuteTask(IRunnable run)
    {
        lock (_work)
        {
            _work.Enqueue(run);
            _ending = false;
            if (!_hasThread)
            {
                _hasThread = true;
                new Thread(Run) { Name = Id, IsBackground = true }.Start();
            }
            else if (_idle)
            {
                Monitor.Pulse(_work);
            }
        }
    }

    protected override void Shutdown()
    {
        lock (_work)
        {
            _ending = true;
            Monitor.Pulse(_work);
        }
    }

    private void Run()
    {
        while (Next() is { } run)
            run.Run();
    }

    private IRunnable? Next()
    {
        lock (_work)
        {
            while (_work.Count == 0)
            {
                if (_ending)
                {
                    _hasThread = false;
                    return null;
                }

                _idle = true;
                Monitor.Wait(_work);
                _idle = false;
            }

            return _work.Dequeue();
        }
    }
}

/// <summary>Named in the configuration as the type of a dispatcher.</summary>
internal sealed class DiskDispatcherConfigurator : MessageDispatcherConfigurator
{
    private readonly DiskDispatcher _dispatcher;

    public DiskDispatcherConfigurator(Config config, IDispatcherPrerequisites prerequisites) : base(config, prerequisites)
        => _dispatcher = new DiskDispatcher(this);

    public override MessageDispatcher Dispatcher() => _dispatcher;
}
