using Actors.Membership;
using Akka.Actor;

namespace Actors.Replication.Client;

/// <summary>Questions that are no requests to the state machine: what the replicas are, and handing over.</summary>
internal sealed partial class GroupClient
{
    private readonly Dictionary<long, StatusCall> _statusCalls = [];
    private (long Number, Action<string> Complete) _transfer;   // the one under way

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

    private void OnTransfer(Transfer m)
    {
        var number = _nextRead++;
        _transfer.Complete?.Invoke("another hand-over was asked for");
        _transfer = (number, m.Complete);
        _peers.Replica(m.Primary, _group).Tell(new TransferRequest(_group, _address, number, m.Target), ActorRefs.NoSender);
    }

    private void OnTransferReply(TransferReply m)
    {
        if (m.Number != _transfer.Number)
            return;
        _transfer.Complete?.Invoke(m.Refusal);
        _transfer = default;
    }

    private sealed record StatusCall(CollectStatus Request, TimeSpan Deadline)
    {
        public SortedDictionary<NodeId, ReplicaStatus> Replies { get; } = [];
    }
}
