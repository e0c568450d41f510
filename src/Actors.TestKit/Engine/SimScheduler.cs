using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Event;

namespace Actors.TestKit;

/// <summary>Akka's scheduler in virtual time; it owns the simulated world.</summary>
/// <remarks>A timer belongs to the node whose actor starts it and runs by that node's clock: it dies with the node, waits while it is paused, and drifts.</remarks>
internal sealed class SimScheduler(Config config, ILoggingAdapter log) : SchedulerBase(config, log), IDateTimeOffsetNowTimeProvider
{
    public World World { get; } = new();

    public override TimeSpan MonotonicClock => World.RunningLife is { } life ? life.Node.Clock.Elapsed : new TimeSpan(World.LocalNow);

    public override TimeSpan HighResMonotonicClock => MonotonicClock;

    protected override DateTimeOffset TimeNow =>
        World.RunningLife is { } life ? life.Node.Clock.UtcNow : SimClock.Start + new TimeSpan(World.LocalNow);

    protected override void InternalScheduleTellOnce(TimeSpan delay, ICanTell receiver, object message, IActorRef sender, ICancelable? cancelable) =>
        Add(delay, new TellTimer(this, default, cancelable, receiver, message, sender) { Owner = World.RunningLife });

    protected override void InternalScheduleTellRepeatedly(TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef sender, ICancelable? cancelable) =>
        Add(initialDelay, new TellTimer(this, interval, cancelable, receiver, message, sender) { Owner = World.RunningLife });

    protected override void InternalScheduleOnce(TimeSpan delay, Action action, ICancelable? cancelable) =>
        Add(delay, new ActionTimer(this, default, cancelable, action) { Owner = World.RunningLife });

    protected override void InternalScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action, ICancelable? cancelable) =>
        Add(initialDelay, new ActionTimer(this, interval, cancelable, action) { Owner = World.RunningLife });

    protected override void InternalScheduleOnce(TimeSpan delay, IRunnable action, ICancelable? cancelable) =>
        InternalScheduleOnce(delay, action.Run, cancelable);

    protected override void InternalScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, IRunnable action, ICancelable? cancelable) =>
        InternalScheduleRepeatedly(initialDelay, interval, action.Run, cancelable);

    private void Add(TimeSpan delay, SimEvent timer) => World.After(timer.Owner?.Node.Clock.ToTrue(delay) ?? delay.Ticks, timer);

    private abstract class Timer(SimScheduler scheduler, TimeSpan interval, ICancelable? cancelable) : SimEvent
    {
        public override bool GoesByClock => true;

        public override void Fire()
        {
            if (cancelable is { IsCancellationRequested: true })
                return;
            Act();
            if (interval > TimeSpan.Zero)
                scheduler.Add(interval, this);
        }

        protected abstract void Act();
    }

    private sealed class TellTimer(SimScheduler scheduler, TimeSpan interval, ICancelable? cancelable, ICanTell receiver, object message, IActorRef sender)
        : Timer(scheduler, interval, cancelable)
    {
        protected override void Act() => receiver.Tell(message, sender);
    }

    private sealed class ActionTimer(SimScheduler scheduler, TimeSpan interval, ICancelable? cancelable, Action action) : Timer(scheduler, interval, cancelable)
    {
        protected override void Act() => action();
    }
}
