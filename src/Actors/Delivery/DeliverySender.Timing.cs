using Actors.Timing;

namespace Actors.Delivery;

/// <summary>The part that waits: sends again what is overdue, and asks for results that are.</summary>
internal sealed partial class DeliverySender
{
    private TimeSpan NextDue()
    {
        if (_session == 0)
            return _openSentAt + _network.Timeout;
        var due = _lossDueAt;
        if (_window.InFlight > 0)
            due = Min(due, _lastSentAt + _network.ProbeTimeout);
        return Min(due, AskDue());
    }

    // Acks carry each result once; when the oldest one is overdue, its ack may be lost.
    private TimeSpan AskDue() =>
        _window.LowestReceivedAt is { } since ? (since > _askedAt ? since : _askedAt) + _network.Timeout + _consumer.Timeout : TimeSpan.MaxValue;

    // A timer that fires too early arms itself again: cheaper than to move it with every message.
    private void Arm()
    {
        var due = NextDue();
        if (_ended is not null || due == TimeSpan.MaxValue || _timerAt <= due)
            return;
        _timerAt = due;
        var wait = due - Now;
        Timers.StartSingleTimer(Tick.Instance, Tick.Instance, wait > ShortestWait ? wait : ShortestWait);
    }

    private void OnTick()
    {
        _timerAt = null;
        var now = Now;
        if (_session == 0 && now >= _openSentAt + _network.Timeout)
        {
            Expired(_network);
            SendOpen();
        }
        else if (_session != 0)
        {
            if (now >= _lossDueAt)
            {
                _lossDueAt = _window.FindLost(now, _network.ReorderingWait);
                SendWhatFits();
            }

            if (_window.InFlight > 0 && now >= _lastSentAt + _network.ProbeTimeout)
                Probe();
            if (now >= AskDue())
            {
                Expired(_consumer);
                Ask();
            }
        }

        Arm();
    }

    private void Probe()
    {
        Expired(_network);
        foreach (var sequence in _window.Probes())
            Put(sequence);
        Flush();
    }

    /// <summary>Asks for the results of what has arrived.</summary>
    private void Ask()
    {
        _askedAt = Now;
        SendData([]);
    }

    private void Expired(RttEstimator estimator)
    {
        DeliveryMetrics.RetransmitTimeout.Record(estimator.Timeout.TotalSeconds);
        estimator.Expired(jitter: 0.25 * _environment.Random.NextDouble());
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
