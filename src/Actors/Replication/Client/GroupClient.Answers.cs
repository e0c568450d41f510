using Actors.Membership;

namespace Actors.Replication.Client;

/// <summary>What comes back to a client, or does not: replies, redirects, retries.</summary>
internal sealed partial class GroupClient
{
    private void OnReplies(Replies m)
    {
        _isLossy = m.IsLossy;
        Learn(m.From, m.Life);
        if (m.From == _target)
            _heardAt = Now;
        if (m.ReadsHere)
            _reader = m.From;
        foreach (var reply in m.Items)
        {
            if (Find(reply) is not { } call)
                continue;
            if (reply.Kind is not (RequestKind.StaleRead or RequestKind.Read))
                _heardAt = Now;     // in a chain another one answers than the one that was asked
            OnReply(call, reply, m.Number);
        }

        if (_queue.Count > 0 || _toSend.Count > 0)
            PumpSoon();
    }

    private void Answered(Call call)
    {
        if (!_unanswered.TryGetValue(call.Number, out var left))
            return;
        if (left > 1)
            _unanswered[call.Number] = left - 1;
        else
            _unanswered.Remove(call.Number);
    }

    private Call? Find(in Reply reply) => reply.Kind switch
    {
        RequestKind.Command or RequestKind.Operation => _commands.GetValueOrDefault((reply.Session, reply.Sequence)),
        RequestKind.Register => _registration?.Sequence == reply.Sequence ? _registration : null,
        _ => _reads.GetValueOrDefault(reply.Sequence),
    };

    private void OnReply(Call call, in Reply reply, long number)
    {
        if (call.Sends == 1)
            _roundTrip.Sample(Now - call.SentAt);
        var result = reply.Result;
        if (call.Kind is RequestKind.Register)
        {
            Answered(call);
            _whyNoSession = result.Error;
            if (result.Outcome is Outcome.Ok)
                (_session, _nextSequence, _registration) = (reply.Session, 1, null);
            else
                call.RetryAt = Now + _roundTrip.Timeout;
            return;
        }

        if (result.Outcome is Outcome.Expired && call.Session == _session)
            _session = LogPosition.Zero;

        // What was refused when it was applied, other than for its session, is the last word: every copy gets the same.
        var ofOneCopy = result.Outcome is Outcome.Expired || (number != 0 && result.Outcome is Outcome.Overloaded or Outcome.TooLarge or Outcome.Unavailable);
        if (call.IsOrdered && result.Index == 0 && ofOneCopy)
            OnRefusal(call, result, number == 0 ? call.Number : number);
        else
            Finish(call, new GroupReply(result.Outcome, result.Payload, result.Index, TimeSpan.FromMilliseconds(reply.AgeMs), result.Error));
    }

    /// <summary>The copy in message <paramref name="number"/> was not applied; others may have been.</summary>
    private void OnRefusal(Call call, in Applied refusal, long number)
    {
        call.Refused(number);
        if (refusal.Outcome is Outcome.Expired && call.Open == 0)
        {
            Answered(call);
            Remove(call);
            _queue.AddFirst(call);      // nothing of it can come any more: again, in a new session
        }
        else if (refusal.Outcome is Outcome.Expired)
        {
            Finish(call, Nothing(Outcome.Unknown, "the session expired before the answer came"));
        }
        else if (call.Open == 0)
        {
            Finish(call, Nothing(refusal.Outcome, refusal.Error));
        }
    }

    private void OnRedirect(Redirect m)
    {
        foreach (var call in Outstanding())
        {
            if (!call.Refused(m.Number) || call.Number != m.Number)
                continue;       // a later copy is on its way: its own answer decides whether there is another one
            call.RetryAt = Now;
            if (m.From == _home && call.Kind is RequestKind.StaleRead)
                call.AwayFromHome = true;
        }

        if (m.From == _reader && m.From != _target)
        {
            _reader = default;      // not now
            Resend();
        }

        var isNews = Learn(m.From, m.Life);
        if (m.From != _target)
            return;     // late: the requests have gone elsewhere since, or will at the next tick
        if (m.Primary == m.From)
        {
            if (isNews)
                NameLife();
            return;
        }

        if (m.NoQuorum && m.From == _home && m.Primary.IsNone)
        {
            OnNoQuorum(m.Number);
            return;
        }

        var known = m.Primary != m.From && _nodes.Contains(m.Primary);
        _target = known ? m.Primary : NextAfter(m.From);
        _heardAt = Now;

        // At once to a primary that is known, but not again and again between two that point at each other.
        var at = known && Now - _redirectedAt > Tick ? Now : Now + _settings.MinRetransmit;
        _redirectedAt = Now;
        foreach (var call in Outstanding())
            call.RetryAt = at;
        if (at == Now)
            Resend();
    }

    /// <summary>Keeps what <paramref name="node"/> says of its life; true when that was not known.</summary>
    private bool Learn(NodeId node, long life)
    {
        if (life == 0 || _lives.GetValueOrDefault(node) == life || !_nodes.Contains(node))
            return false;
        _lives[node] = life;
        return true;
    }

    // Whatever went to the target named another life, or none.
    private void NameLife()
    {
        foreach (var call in _commands.Values)
            call.RetryAt = Now;
        _heardAt = Now;
        Resend();
    }

    private void OnTick()
    {
        foreach (var call in Outstanding().Concat(_queue).Where(c => c.Deadline <= Now).ToList())
            Finish(call, Undecided(call, call.Number == 0 && _whyNoSession.Length > 0 ? _whyNoSession : "no answer in time"));
        Resend();
        if (_commands.Count == 0 && _reads.Count == 0 && _queue.Count == 0 && _statusCalls.Count == 0)
        {
            DropRegistration();
            _unanswered.Clear();
            Timers.Cancel(ClientTick.Instance);
        }

        foreach (var (number, call) in _statusCalls.Where(c => c.Value.Deadline <= Now).ToList())
            CompleteStatus(number, call);
    }

    private void Resend()
    {
        foreach (var call in Outstanding())
        {
            if (call.RetryAt > Now || call.Number == 0)
                continue;
            _toSend.Add(call);
            if (call.Kind is RequestKind.Read)
                _reader = default;      // it is silent, or has sent them away
        }

        if (_toSend.Count == 0)
            return;
        if (Now - _heardAt > _roundTrip.Timeout)
        {
            // The replica of one's own node knows best who leads, or that nobody on this side can.
            if (_home.IsNone)
                _roundTrip.Expired();
            _target = _home.IsNone || _target == _home ? NextAfter(_target) : _home;
            _heardAt = Now;
        }

        SendAll();
    }

    private IEnumerable<Call> Outstanding()
    {
        var calls = _commands.Values.Concat(_reads.Values);
        return _registration is null ? calls : calls.Append(_registration);
    }

    private NodeId NextAfter(NodeId node)
    {
        for (var i = 0; i < _nodes.Count; i++)
        {
            if (_nodes[i] == node)
                return _nodes[(i + 1) % _nodes.Count];
        }

        return _nodes[0];
    }

    /// <summary>Nobody on this side can serve, says the node's own replica in answer to message <paramref name="number"/>.</summary>
    /// <remarks>
    /// That ends the calls in the message and those not sent yet. Later messages get an answer of their own; what went elsewhere, or
    /// was ordered here before, is asked for once more, so that its fate is told as exactly as it can be known.
    /// </remarks>
    private void OnNoQuorum(long number)
    {
        var why = $"no primary with a quorum can be reached from {_home}";
        if (_registration is { } registration && registration.Number == number)
            DropRegistration();
        foreach (var call in _commands.Values.Concat(_reads.Values).Where(c => c.Number == number || c.Number == 0).Concat(_queue).ToList())
            Finish(call, Undecided(call, why));
        foreach (var call in Outstanding().Where(c => number == 0 || c.Number < number))
            call.RetryAt = Now;
        _heardAt = Now;
        Resend();
    }

    private void DropRegistration()
    {
        if (_registration is not { } registration)
            return;
        Answered(registration);
        _registration = null;
    }

    private static GroupReply Undecided(Call call, string why)
        => Nothing(call.IsOrdered && call.Open > 0 ? Outcome.Unknown : Outcome.Unavailable, why);

    private static GroupReply Nothing(Outcome outcome, string why) => new(outcome, default, 0, default, why);

    private void Finish(Call call, GroupReply reply)
    {
        Answered(call);
        if (call.Number == 0)
            _toSend.Remove(call);
        Remove(call);
        call.Complete(reply with { IsLossy = _isLossy });
    }

    private void Remove(Call call)
    {
        if (call.IsOrdered)
        {
            if (!_commands.Remove((call.Session, call.Sequence)))
                _queue.Remove(call);
        }
        else
        {
            _reads.Remove(call.Sequence);
        }
    }
}
