using Actors.Membership;

namespace Actors.Node;

/// <summary>What the HTTP API knows from the configuration: who this node is, and who the others are.</summary>
/// <param name="Name">This node.</param>
/// <param name="Http">The base URL under which this node serves, such as <c>http://127.0.0.1:8081</c>.</param>
/// <param name="Nodes">All nodes, this one included.</param>
/// <param name="DataDirectory">Where this node keeps its data, for a file that is needed for a while.</param>
internal sealed record NodeInfo(NodeId Name, string Http, IReadOnlyList<NodeId> Nodes, string DataDirectory);
