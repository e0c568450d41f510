using Actors.Membership;
using Akka.Actor;

namespace Actors.Replication.Client;

/// <summary>Questions that are no requests to the state machine: what the replicas are, and what a primary is asked to do.</summary>
internal sealed partial class GroupClient
{
    private readonly Dictionary<long, StatusCall> _statusCalls = [];
    private (long Number, Action<string> Complete) _order;      // the one under way

    private void OnCollectStatus(CollectStatus m)
    {
        var number = _nextRead++;
        _statusCalls.Add(number, new StatusCall(m, Now + m.Timeout));
        foreach (var node in _nodes)
            _peers.Replica(node, _group).Tell(new StatusRequest(_group, _address, number), ActorRefs.NoSender);
        TickWhileBusy();
    }

    private void OnStatusReply(StatusReply m)
    {
        if (!_statusCalls.TryGetValue(m.Number, out var call))
            return;
        call.Replies[m.Status.Node] = m.Status;
        if (call.Replies.Count == _nodes.Count)
            CompleteStatus(m.Number, call);
    }

    private void CompleteStatus(long number, StatusCall call)
    {
        _statusCalls.Remove(number);
        call.Request.Complete([.. call.Replies.Values]);
    }

    private void Order(NodeId primary, Action<string> complete, Func<long, ReplicationMessage> request)
    {
        var number = _nextRead++;
        _order.Complete?.Invoke("another order was given");
        _order = (number, complete);
        _peers.Replica(primary, _group).Tell(request(number), ActorRefs.NoSender);
    }

    private void OnTransferReply(TransferReply m)
    {
        if (m.Number != _order.Number)
            return;
        _order.Complete?.Invoke(m.Refusal);
        _order = default;
    }

    private sealed record StatusCall(CollectStatus Request, TimeSpan Deadline)
    {
        public SortedDictionary<NodeId, ReplicaStatus> Replies { get; } = [];
    }
}
