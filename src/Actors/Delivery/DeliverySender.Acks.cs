using Akka.Event;

namespace Actors.Delivery;

/// <summary>The part that hears what arrived and what came of it, and tells the producers.</summary>
internal sealed partial class DeliverySender
{
    private void OnAck(Ack m)
    {
        if (_window.TrySample(m.Echo, m.EchoAttempt, out var sentAt, out var wasNeedless))
            _network.Sample(Now - sentAt, m.Delay);
        if (wasNeedless)
            DeliveryMetrics.Needless.Add(1);
        if (!_window.Received(m.Received, m.Bitmap, Now))
        {
            DeliveryMetrics.Refused("ack of what was never sent");
            _log.Warning("link {0} to {1}: an ack claims what was never sent", _origin, _receiver);
            return;
        }

        switch (_settings.Level)
        {
            case AckLevel.Received: SettleUpTo(m.Received, DeliveryStatus.Received); break;
            case AckLevel.Delivered: SettleUpTo(m.Delivered, DeliveryStatus.Delivered); break;
        }

        foreach (var result in m.Results)
            OnResult(result);
        _lossDueAt = _window.FindLost(Now, _network.ReorderingWait);
        if (_slowed.Count > 0 && !IsFilled(0.25))
            LetGoOn();
        _outbox?.Forget(_window.Lowest);
        OnPump();
    }

    // Only whole messages: what is below the lowest unsettled one, a receiver that comes back empty is never sent again.
    private void SettleUpTo(long watermark, DeliveryStatus status)
    {
        var last = Math.Min(watermark, _window.Next - 1);
        for (var end = _window.Lowest; end <= last; end++)
        {
            if (!_window.HasMore(end))
                Settle(_window.Lowest, end, status);
        }
    }

    private void OnResult(in Result result)
    {
        var (first, last) = (Math.Max(result.First, _window.Lowest), Math.Min(result.Last, _window.Next - 1));
        switch (result.Kind)
        {
            case ResultKind.Confirmed:
                Settle(first, last, DeliveryStatus.Processed);
                break;
            case ResultKind.Replied:
                SettleWithReply(first, last, result.Reply);
                break;
            case ResultKind.DeadLettered:
                Settle(first, last, DeliveryStatus.DeadLettered, reason: "the consumer did not confirm it in time: it may or may not have been processed");
                break;
            case ResultKind.Unreadable:
                Settle(first, last, DeliveryStatus.Refused, reason: "the receiver's codec could not read it");
                break;
            case ResultKind.ReplyLost:
                Settle(first, last, DeliveryStatus.Processed, reason: $"the consumer's reply could not be sent: longer than {DeliveryCodec.MaxReplyBytes} bytes, or not of the codec");
                break;
        }
    }

    private void SettleWithReply(long first, long last, ReadOnlyMemory<byte> bytes)
    {
        object? reply = null;
        string? reason = null;
        try
        {
            reply = _codec.Decode(bytes);
        }
        catch (Exception e)
        {
            reason = $"the consumer's reply could not be read: {e.Message}";
        }

        Settle(first, last, DeliveryStatus.Processed, reply, reason);
    }

    private void Settle(long first, long last, DeliveryStatus status, object? reply = null, string? reason = null)
    {
        var before = _window.Bytes;
        for (var sequence = first; sequence <= last; sequence++)
        {
            var (cargo, receivedAt) = _window.Settle(sequence);
            if (receivedAt > TimeSpan.Zero)
                _consumer.Sample(Now - receivedAt);
            if (cargo is Parcel parcel)
                Tell(parcel, status, sequence, reply, reason);
        }

        DeliveryMetrics.Buffered.Add(_window.Bytes - before);
    }

    private void LetGoOn()
    {
        foreach (var producer in _slowed)
            producer.Tell(GoOn.Instance, Self);
        _slowed.Clear();
    }
}
