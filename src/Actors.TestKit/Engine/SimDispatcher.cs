using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.SysMsg;

namespace Actors.TestKit;

/// <summary>Hands every mailbox to the simulation's queue, whatever the dispatcher's name.</summary>
internal sealed class SimDispatcher : MessageDispatcher
{
    private readonly World _world;

    public SimDispatcher(MessageDispatcherConfigurator configurator, World world) : base(configurator)
    {
        _world = world;
        Id = configurator.Config.GetString("id");
        // One message per run: Throughput = 1 processes two, but a deadline that has passed stops after the first. 0 has always passed.
        Throughput = 1;
        ThroughputDeadlineTime = 0;
    }

    public override void Dispatch(ActorCell cell, Envelope envelope)
    {
        if (_world.IsOrdinary)
            base.Dispatch(cell, envelope);
        else
            DispatchLater(cell, envelope);
    }

    public override void SystemDispatch(ActorCell cell, SystemMessage message)
    {
        if (_world.IsOrdinary)
            base.SystemDispatch(cell, message);
        else
            DispatchLater(cell, message);
    }

    public override void Attach(ActorCell cell)
    {
        _world.Attach(cell);
        base.Attach(cell);
    }

    public override void Detach(ActorCell cell)
    {
        _world.Detach(cell);
        base.Detach(cell);
    }

    protected override void ExecuteTask(IRunnable run) => _world.Schedule(run);

    protected override void Shutdown()
    {
    }

    // Apart from the methods above, so that these allocate no closure in the usual case.
    private void DispatchLater(ActorCell cell, Envelope envelope) => _world.Divert(cell.Self, envelope.Message, () => base.Dispatch(cell, envelope));

    private void DispatchLater(ActorCell cell, SystemMessage message) => _world.Divert(cell.Self, message, () => base.SystemDispatch(cell, message));
}

/// <summary>Named in the configuration as the type of every dispatcher; finds the simulation through the scheduler.</summary>
internal sealed class SimDispatcherConfigurator(Config config, IDispatcherPrerequisites prerequisites) : MessageDispatcherConfigurator(config, prerequisites)
{
    private SimDispatcher? _dispatcher;

    public override MessageDispatcher Dispatcher() => _dispatcher ??= new SimDispatcher(this, ((SimScheduler)Prerequisites.Scheduler).World);
}
