using Actors.Membership;
using Actors.Storage;
using Akka.Actor;
using Akka.Event;

namespace Actors.Delivery;

/// <summary>The part that tells lives of senders apart: sessions, and whom there is room for.</summary>
internal sealed partial class DeliveryReceiver
{
    private void OnOpen(Open m)
    {
        InboundStream? stream;
        try
        {
            if (!_streams.TryGetValue(m.Origin, out stream) && Recall(m.Origin) is { } recalled)
                _streams.Add(m.Origin, stream = recalled);
        }
        catch (StoreFailedException e)
        {
            OnStoreFailed(new StoreFailed(e.Message));
            return;
        }

        if (stream is null && !HasRoom())
        {
            Refuse(m, 0, m.ReplyTo, Refusal.TooManySenders, $"{_streams.Count} senders are known here already (MaxSenders {_settings.MaxSenders}), and all were heard within {_settings.ForgetAfter}");
            return;
        }

        // Only a life that answers under its new session takes the place of another: an old Open that was delayed cannot.
        if (stream is null)
            _streams.Add(m.Origin, stream = NewStream(m));
        else if (stream.Incarnation != m.Incarnation)
            stream = Pending(m);
        stream.HeardAt = Now;
        stream.ReplyTo = m.ReplyTo;
        Tell(m.ReplyTo, new Opened(m.Origin, m.Incarnation, stream.Session, m.Attempt, stream.Received, _settings.WindowMessages, _settings.WindowBytes));
    }

    private InboundStream? Recall(NodeId origin) => _inbox?.Load(origin, NewSession(), _settings.WindowMessages);

    private InboundStream Pending(Open m)
    {
        if (!_pending.TryGetValue(m.Origin, out var stream) || stream.Incarnation != m.Incarnation)
            _pending[m.Origin] = stream = NewStream(m);
        return stream;
    }

    private InboundStream NewStream(Open m) => new(m.Origin, m.Incarnation, NewSession(), m.Guarantee, m.Level, Math.Max(m.Lowest, 1), _settings.WindowMessages);

    private long NewSession() => _environment.Random.NextInt64(1, long.MaxValue);

    private bool HasRoom()
    {
        if (_streams.Count < _settings.MaxSenders)
            return true;
        var silent = _streams.Values.MinBy(stream => stream.HeardAt)!;
        if (Now - silent.HeardAt < _settings.ForgetAfter)
            return false;
        Drop(silent);
        return true;
    }

    private void OnClose(Close m)
    {
        if (_streams.TryGetValue(m.Origin, out var stream) && stream.Incarnation == m.Incarnation && stream.Session == m.Session)
            Drop(stream);
    }

    private void Drop(InboundStream stream)
    {
        _bytes -= stream.Bytes;
        _streams.Remove(stream.Origin);
        _pending.Remove(stream.Origin);
    }

    /// <summary>The stream of a message under the right session; null when it was refused.</summary>
    private InboundStream? StreamOf(Data m)
    {
        if (_streams.TryGetValue(m.Origin, out var stream) && stream.Incarnation == m.Incarnation && stream.Session == m.Session)
            return stream;
        if (_pending.TryGetValue(m.Origin, out var next) && next.Incarnation == m.Incarnation && next.Session == m.Session)
        {
            if (stream is not null)
                Drop(stream);
            _pending.Remove(m.Origin);
            _streams.Add(m.Origin, next);
            return next;
        }

        if (stream is not null && stream.Incarnation != m.Incarnation)
            Refuse(m, m.Session, m.ReplyTo, Refusal.Replaced, $"incarnation {m.Incarnation} of '{m.Origin}' is not the present one: another sender of this name has taken over");
        else
            Refuse(m, m.Session, m.ReplyTo, Refusal.UnknownSession, $"session {m.Session:x} of '{m.Origin}' is not known here");
        return null;
    }

    private void Refuse(DeliveryMessage m, long session, string replyTo, Refusal reason, string detail)
    {
        DeliveryMetrics.Refused(reason.ToString());
        if (long.IsPow2(++_refusals))       // a flood must not fill the log
            _log.Warning("receiver {0} refuses a message ({1} so far): {2}", _name, _refusals, detail);
        Tell(replyTo, new Refused(m.Origin, m.Incarnation, session, reason, detail));
    }

    private void Tell(string address, DeliveryMessage message) => _environment.Peers.Client(address).Tell(message, ActorRefs.NoSender);
}
