using Akka.Actor;
using Akka.Event;

namespace Actors.Delivery;

/// <summary>The part that opens sessions with the receiver, again when it has forgotten them, and ends the link.</summary>
internal sealed partial class DeliverySender
{
    private void SendOpen()
    {
        _session = 0;
        _openAttempt++;
        _openSentAt = Now;
        Peer.Tell(new Open(_origin, _incarnation, _address, _openAttempt, _window.Lowest, _settings.Guarantee, _settings.Level), ActorRefs.NoSender);
        Arm();
    }

    private void OnOpened(Opened m)
    {
        if (_session != 0 || _ended is not null)
            return;     // the answer to another copy
        if (m.Session == 0 || m.WindowMessages < _settings.Chunks(_settings.MaxMessageBytes) || m.WindowBytes < 4L * _settings.MaxMessageBytes)
        {
            End($"the receiver takes {m.WindowMessages} messages of {m.WindowBytes} bytes at a time: too few for a message of {_settings.MaxMessageBytes} (MaxMessageBytes)");
            return;
        }

        if (m.Attempt == _openAttempt)
            _network.Sample(Now - _openSentAt);
        _session = m.Session;
        _window.Limit(m.WindowMessages, m.WindowBytes);
        _window.Restart();
        _window.Received(Math.Min(m.Received, _window.Next - 1), [], Now);
        if (_settings.Level is AckLevel.Received)
            SettleUpTo(m.Received, DeliveryStatus.Received);
        OnPump();
        if (_window.Unsettled > 0)
            Ask();
    }

    private void OnRefused(Refused m)
    {
        DeliveryMetrics.Refused($"by the receiver: {m.Reason}");
        switch (m.Reason)
        {
            case Refusal.UnknownSession when _session != 0:
                _log.Debug("link {0} to {1} opens a new session: {2}", _origin, _receiver, m.Detail);
                SendOpen();
                break;
            case Refusal.Replaced:
                End(m.Detail);
                break;
            case Refusal.NoRoom:
                _log.Debug("link {0} to {1}: {2}", _origin, _receiver, m.Detail);
                break;
            case Refusal.TooFar or Refusal.TooManySenders:
                _log.Warning("link {0} to {1}: {2}", _origin, _receiver, m.Detail);
                break;
        }
    }

    private void End(string reason)
    {
        _ended = reason;
        _log.Error("link {0} to {1} has ended: {2}", _origin, _receiver, reason);
        GiveUp(reason);
        Timers.CancelAll();
    }

    private void GiveUp(string reason)
    {
        foreach (var parcel in _window.Cargo().OfType<Parcel>())
            Tell(parcel, DeliveryStatus.Unknown, reason: reason);
        DeliveryMetrics.Buffered.Add(-_window.Bytes);
        _window = new SendWindow(_window.End, _settings.WindowMessages, _settings.WindowBytes);
    }
}
