using Actors.Membership;

namespace Actors.Replication.Star;

/// <summary>What an operator asks of a primary about the members: to take a node in, or to do without one for good.</summary>
/// <remarks>
/// A view names the nodes that belong to the group, beside those that are members now: whoever is kicked belongs to it still and comes back by itself;
/// whoever was removed is taken in again only when an operator says so (replication rules, 5.2 rule 4).
/// </remarks>
internal sealed partial class StarReplica
{
    private readonly List<MembersOrder> _orders = [];      // at most one of each client

    private sealed class MembersOrder(MembersRequest request)
    {
        public MembersRequest Request => request;

        /// <summary>The index of the view that carries it out; 0 while it waits for its turn.</summary>
        public long Index { get; set; }
    }

    private bool MayChangeMembers => _views.MembersSettled && _commit >= _reignStart;

    private void OnMembersRequest(MembersRequest m)
    {
        _orders.RemoveAll(order => order.Request.ReplyTo == m.ReplyTo);
        _orders.Add(new MembersOrder(m));
        PursueOrders();
    }

    /// <summary>Begins what may begin, and answers what is committed.</summary>
    private void PursueOrders()
    {
        foreach (var order in _orders.ToList())
        {
            if (order.Index == 0 && MayChangeMembers)
                Begin(order);
            else if (order.Index > 0 && order.Index <= _commit)
                Answer(order, "");
        }
    }

    private void Begin(MembersOrder order)
    {
        var (node, view) = (order.Request.Node, _views.Newest);
        if ((order.Request.Join ? WhyNotJoin(node, view) : WhyNotRemove(node, view)) is { } refusal)
        {
            Answer(order, refusal);
            return;
        }

        if (view.Nodes.Contains(node) != order.Request.Join)
            ChangeView(order.Request.Join ? view.WithNode(node) : view.WithoutNode(node));
        order.Index = _views.NewestIndex;
    }

    private void Answer(MembersOrder order, string refusal)
    {
        _orders.Remove(order);
        Reply(order.Request.ReplyTo, new TransferReply(_settings.Id, order.Request.Number, refusal));
    }

    // Who belongs already is on the way, or will be when it runs.
    private string? WhyNotJoin(NodeId node, View view)
        => view.Members.Any(member => member.Node == node) ? $"{node} is a member of group '{_settings.Id}' already"
        : !_environment.Nodes.Contains(node) ? $"{node} is not one of actors.nodes: {string.Join(", ", _environment.Nodes)}"
        : !view.Nodes.Contains(node) && view.Nodes.Count == ViewRecord.MaxMembers ? $"{ViewRecord.MaxMembers} nodes belong to group '{_settings.Id}', which is the most"
        : null;

    private string? WhyNotRemove(NodeId node, View view)
    {
        if (!view.Nodes.Contains(node))
            return $"{node} does not belong to group '{_settings.Id}': {string.Join(", ", view.Nodes)} do";
        var left = view.WithoutNode(node).Members;
        if (left.Count == view.Members.Count)
            return null;
        var alive = left.Count(id => id == _self || HeardWithin(id, _settings.ElectionTimeout));
        return left.Count == 0 ? $"{node} is the last member of group '{_settings.Id}'"
            : left.Count < _settings.MinInView ? $"without {node} group '{_settings.Id}' would have {left.Count} of at least {_settings.MinInView} members (min-in-view)"
            : alive < Quorum.Majority(left.Count) ? $"without {node} only {alive} of the other {left.Count} members of group '{_settings.Id}' would answer, which is no majority"
            : null;
    }
}
