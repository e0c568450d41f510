using Actors.Membership;

namespace Actors.Node;

/// <summary>What the HTTP API knows from the configuration: who this node is, who the others are, and how each group is replicated.</summary>
/// <param name="Name">This node.</param>
/// <param name="Http">The base URL under which this node serves, such as <c>http://127.0.0.1:8081</c>.</param>
/// <param name="Nodes">All nodes, this one included.</param>
/// <param name="Protocols">The protocol of each group, as HOCON names it.</param>
internal sealed record NodeInfo(NodeId Name, string Http, IReadOnlyList<NodeId> Nodes, IReadOnlyDictionary<GroupId, string> Protocols);
