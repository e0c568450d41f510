using Actors.Storage;
using Akka.Actor;
using Akka.Event;

namespace Actors.Delivery;

/// <summary>The part that deals with the consumer: what it replies, what is then durable, and what it leaves without an answer.</summary>
internal sealed partial class DeliveryReceiver
{
    private void OnReply(ConsumerReply m)
    {
        var stream = m.Stream;
        if (!IsPresent(stream) || !stream.Awaits(m.Sequence))
            return;     // it has replied already, or too late
        var (kind, reply, writes) = (ResultKind.Confirmed, default(ReadOnlyMemory<byte>), default(WriteSet));
        var content = m.Message is Processed processed ? (writes = processed.Writes, processed.Reply).Reply : m.Message is Confirm ? null : m.Message;
        if (writes is not null && (_inbox is null || stream.Guarantee is not Guarantee.EffectivelyOnce))
        {
            _log.Error("receiver {0}: a consumer wants to write together with message {1}, but this receiver has no store for it; the message counts as not confirmed", _name, m.Sequence);
            return;
        }

        if (content is not null)
            (kind, reply) = Encode(content, m.Sequence);
        Conclude(stream, new Complete(stream.FirstOf(m.Sequence), m.Sequence, default), kind, reply, writes);
    }

    private bool IsPresent(InboundStream stream) => _streams.TryGetValue(stream.Origin, out var present) && present == stream;

    private (ResultKind Kind, ReadOnlyMemory<byte> Reply) Encode(object content, long sequence)
    {
        try
        {
            var reply = _codec.Encode(content);
            if (reply.Length <= DeliveryCodec.MaxReplyBytes)
                return (ResultKind.Replied, reply);
            _log.Warning("receiver {0}: the reply to message {1} has {2} bytes; the limit is {3}", _name, sequence, reply.Length, DeliveryCodec.MaxReplyBytes);
        }
        catch (Exception e)
        {
            _log.Warning("receiver {0}: the reply to message {1} cannot be sent: {2}", _name, sequence, e.Message);
        }

        return (ResultKind.ReplyLost, default);
    }

    /// <summary>A message has come to its end: at once, or when the inbox has it on disk.</summary>
    private void Conclude(InboundStream stream, in Complete message, ResultKind kind, ReadOnlyMemory<byte> reply, WriteSet? writes)
    {
        if (_inbox is null || stream.Guarantee is not Guarantee.EffectivelyOnce)
        {
            Finish(stream, message, kind, reply);
            return;
        }

        if (stream.Awaits(message.Last))
            stream.Store(message.Last);
        writes ??= new WriteSet();
        _inbox.Add(writes, stream, message, kind, reply);
        _environment.Store!.Writer.Tell(new StoreWrite(writes, Sync: true, Self, new ResultStored(stream, message, kind, reply)), ActorRefs.NoSender);
    }

    private void OnStored(ResultStored m)
    {
        if (IsPresent(m.Stream))
            Finish(m.Stream, m.Message, m.Kind, m.Reply);
    }

    private void Finish(InboundStream stream, in Complete message, ResultKind kind, ReadOnlyMemory<byte> reply)
    {
        var before = stream.Bytes;
        stream.Finish(message, kind, reply);
        _bytes += stream.Bytes - before;
        OweAck(stream);
        HandOver(stream);
    }

    private void OnConsumerTick()
    {
        var now = Now;
        var waiting = false;
        foreach (var stream in _streams.Values.ToList())
        {
            for (var sequence = stream.Overdue(0, now, _settings.ConsumerTimeout, out var message, out var deliveries); sequence != 0;
                sequence = stream.Overdue(sequence + 1, now, _settings.ConsumerTimeout, out message, out deliveries))
            {
                OnOverdue(stream, sequence, message, deliveries);
            }

            waiting |= stream.AtConsumer > 0;
        }

        if (!waiting)
            Timers.Cancel(ConsumerTick.Instance);
    }

    // Effectively once, a second delivery could be a second processing: whoever has it may still be at it.
    private void OnOverdue(InboundStream stream, long sequence, object message, int deliveries)
    {
        if (stream.Guarantee is Guarantee.AtLeastOnce && deliveries < _settings.MaxDeliveries)
        {
            DeliveryMetrics.Redelivered.Add(1);
            stream.Redeliver(sequence, Now);
            Give(stream, sequence, message);
            return;
        }

        DeliveryMetrics.DeadLettered.Add(1);
        _log.Warning("receiver {0}: message {1} of '{2}' was given to the consumer {3} times, each for {4}, and not confirmed: it is a dead letter", _name, sequence, stream.Origin, deliveries, _settings.ConsumerTimeout);
        Context.System.EventStream.Publish(new DeadLetter(message, Self, _consumer));
        Conclude(stream, new Complete(stream.FirstOf(sequence), sequence, default), ResultKind.DeadLettered, default, null);
    }

    private void OnStoreFailed(StoreFailed m)
    {
        _log.Error("receiver {0} stops: its inbox failed: {1}; what its consumer did since then is not durable", _name, m.Reason);
        Context.Stop(Self);
    }
}
