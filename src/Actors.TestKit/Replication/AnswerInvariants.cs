using System.IO.Hashing;
using Actors.Membership;
using Actors.Replication;

namespace Actors.TestKit;

/// <summary>What clients are told, judged by what is known of the group: the same reply always, stale reads that were true once and know their age.</summary>
/// <remarks>Replication rules, 5.3 and 5.6 number 8.</remarks>
internal sealed class AnswerInvariants
{
    private const double ClockTolerance = 0.03;     // clocks of a swarm drift by a percent
    private static readonly TimeSpan Rounding = TimeSpan.FromMilliseconds(2);

    private readonly Simulation _simulation;
    private readonly AppliedHistory _history;
    private readonly ReadConfirmations? _reads;
    private readonly string _replica;
    private readonly Dictionary<(LogPosition Session, long Sequence), ulong> _replies = [];
    private readonly Dictionary<Life, long> _readIndex = [];        // of the last stale read that a replica answered in this life
    private readonly Dictionary<Life, TimeSpan> _heardAt = [];      // when it last handled a primary's message; nothing while it leads itself
    private readonly HashSet<Life> _leads = [];

    public AnswerInvariants(Simulation simulation, AppliedHistory history, ReadConfirmations? reads, string replica)
        => (_simulation, _history, _reads, _replica) = (simulation, history, reads, replica);

    /// <summary>A replica answers.</summary>
    public void OnReplies(Replies m)
    {
        _reads?.OnReplies(m);
        foreach (var reply in m.Items)
        {
            if (reply.Kind is RequestKind.Command && reply.Result.Outcome is Outcome.Ok or Outcome.Failed)
                RequireSame(reply);
            else if (reply.Kind is RequestKind.StaleRead && LifeOf(m.From) is { } life)
                OnStaleRead(life, reply);
        }
    }

    /// <summary>A client got <paramref name="reply"/> to a stale read of <paramref name="key"/>.</summary>
    public void OnStaleValue(string key, in GroupReply reply)
    {
        var (value, truth) = (AppliedHistory.ReadValue(reply), _history.ValueAt(key, reply.Index));
        Require(value == truth, "Stale Reads Were True", $"{key} was read as '{value}' at index {reply.Index}, where it had '{truth}'");
    }

    private void RequireSame(in Reply reply)
    {
        var content = Fnv.Mix(Fnv.Mix(XxHash64.HashToUInt64(reply.Result.Payload.Span), (ulong)reply.Result.Outcome), (ulong)reply.Result.Index);
        if (!_replies.TryAdd((reply.Session, reply.Sequence), content))
            Require(_replies[(reply.Session, reply.Sequence)] == content, "Same Reply", $"request {reply.Sequence} of session {reply.Session} got two answers, one of them {reply.Result}");
    }

    private void OnStaleRead(Life life, in Reply reply)
    {
        var before = _readIndex.GetValueOrDefault(life);
        Require(reply.Result.Index >= before, "Stale Reads Never Go Back", $"{life.Node.Id} answers as of {reply.Result.Index} after {before}");
        _readIndex[life] = reply.Result.Index;
        if (life.Stopped > 0 || life.ClockStoppedAt is not null)
            return;     // a clock that stood still tells nothing
        if (!_heardAt.TryGetValue(life, out var heardAt))
            return;
        // Its age is that of the moment at which it was told; where a machine stops after that, it leaves later.
        var (claimed, silence) = (TimeSpan.FromMilliseconds(reply.AgeMs), new TimeSpan(_simulation.World.ToldAt) - heardAt);
        Require(claimed + Rounding >= silence * (1 - ClockTolerance), "Stale Reads Know Their Age", $"{life.Node.Id} claims an age of {claimed.TotalMilliseconds} ms, {silence.TotalMilliseconds} ms after it last heard a primary");
    }

    /// <summary>An actor begins to handle a message.</summary>
    public void OnHandled(SimActor actor, object message)
    {
        if (actor.Life is { } life && message is Append or Requests && actor.Name.EndsWith(_replica, StringComparison.Ordinal))
            OnHandledByReplica(life, message);
    }

    /// <summary>A replica plays another role from now on. While it leads, it hears of no other primary.</summary>
    public void OnRole(Life life, ReplicaRole role)
    {
        if (role is ReplicaRole.Primary or ReplicaRole.Head)
            _leads.Add(life);
        else
            _leads.Remove(life);
        _heardAt.Remove(life);
    }

    private void OnHandledByReplica(Life life, object message)
    {
        if (message is Requests m)
            _reads?.OnRequests(life.Node.Id, m);
        else if (!_leads.Contains(life))
            _heardAt[life] = _simulation.Now;
    }

    private Life? LifeOf(NodeId node) => _simulation.Node(node).CurrentLife;

    private void Require(bool holds, string property, [System.Runtime.CompilerServices.InterpolatedStringHandlerArgument(nameof(holds))] ref TextIfBroken detail)
        => _simulation.World.Require(holds, property, ref detail);
}
