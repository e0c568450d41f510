using Actors.Broadcast;
using Actors.Membership;
using Akka.Configuration;

namespace Actors.Hosting.Configuration;

/// <summary>The HOCON block of one broadcast group, <c>actors.broadcast.NAME</c>.</summary>
internal static class BroadcastBlock
{
    private static readonly Dictionary<string, Reliability> Reliabilities = new()
    {
        ["reliable"] = Reliability.Reliable,
        ["best-effort"] = Reliability.BestEffort,
        ["uniform"] = Reliability.UniformReliable,
        ["probabilistic"] = Reliability.Probabilistic,
        ["byzantine-consistent"] = Reliability.ByzantineConsistent,
        ["byzantine-reliable"] = Reliability.ByzantineReliable,
    };

    private static readonly Dictionary<string, Ordering> Orderings = new()
    {
        ["fifo"] = Ordering.Fifo,
        ["none"] = Ordering.None,
        ["causal"] = Ordering.Causal,
        ["total"] = Ordering.Total,
        ["total+fifo"] = Ordering.Total | Ordering.Fifo,
        ["total+causal"] = Ordering.Total | Ordering.Causal,
    };

    private static readonly Dictionary<string, FaultModel> Faults = new()
    {
        ["omission"] = FaultModel.Omission,
        ["crash-stop"] = FaultModel.CrashStop,
        ["crash-recovery"] = FaultModel.CrashRecovery,
        ["byzantine"] = FaultModel.Byzantine,
    };

    private static readonly Dictionary<string, DisseminationKind> Ways = new()
    {
        ["direct"] = DisseminationKind.Direct,
        ["eager"] = DisseminationKind.Eager,
        ["tree"] = DisseminationKind.Tree,
        ["plumtree"] = DisseminationKind.Plumtree,
        ["gossip"] = DisseminationKind.Gossip,
    };

    private static readonly Dictionary<string, Acknowledgement> Acknowledgements = new()
    {
        ["majority"] = Acknowledgement.Majority,
        ["all"] = Acknowledgement.All,
    };

    private static readonly Dictionary<string, Orderer> Orderers = new()
    {
        ["sequencer"] = Orderer.Sequencer,
        ["log"] = Orderer.Log,
    };

    private static readonly string[] Views = ["fixed", "agreed"];

    public static void Add(ReplicationOptions options, string name, SettingsBlock groups)
    {
        var block = groups.Block(
            name, "reliability", "ordering", "faults", "dissemination", "children", "acknowledgement", "ordered-by", "members", "views", "max-message-bytes", "window", "max-buffered-bytes",
            "digest-interval", "stability-timeout", "batch-delay", "heartbeat-interval", "election-timeout", "min-retransmit", "delivered-kept");
        var spec = Spec(block);
        var viewsChange = ActorsBlock.Word(block, "views", Views) == "agreed";
        var members = block.Has("members") ? block.List("members").Select(m => new NodeId(m)).ToList() : null;
        options.AddBroadcast(name, defaults => defaults with
        {
            Spec = spec,
            Members = members ?? defaults.Members,
            MayJoin = viewsChange ? [.. defaults.Members.Except(members ?? defaults.Members)] : null,
            MaxMessageBytes = block.SmallBytes("max-message-bytes", defaults.MaxMessageBytes),
            Window = block.Count("window", defaults.Window),
            MaxBufferedBytes = block.Bytes("max-buffered-bytes", defaults.MaxBufferedBytes),
            DigestInterval = block.Duration("digest-interval", defaults.DigestInterval),
            StabilityTimeout = block.Duration("stability-timeout", defaults.StabilityTimeout),
            BatchDelay = block.Duration("batch-delay", defaults.BatchDelay),
            HeartbeatInterval = block.Duration("heartbeat-interval", defaults.HeartbeatInterval),
            ElectionTimeout = block.Duration("election-timeout", defaults.ElectionTimeout),
            MinRetransmit = block.Duration("min-retransmit", defaults.MinRetransmit),
            DeliveredKept = block.Count("delivered-kept", defaults.DeliveredKept),
        });
    }

    private static BroadcastSpec Spec(SettingsBlock block)
    {
        var way = Ways[ActorsBlock.Word(block, "dissemination", [.. Ways.Keys])];
        try
        {
            return new BroadcastSpec(
                Reliabilities[ActorsBlock.Word(block, "reliability", [.. Reliabilities.Keys])],
                Orderings[ActorsBlock.Word(block, "ordering", [.. Orderings.Keys])],
                Faults[ActorsBlock.Word(block, "faults", [.. Faults.Keys])],
                new Dissemination(way, way is DisseminationKind.Tree ? block.Count("children", 2) : 0),
                Acknowledgements[ActorsBlock.Word(block, "acknowledgement", [.. Acknowledgements.Keys])],
                Orderers[ActorsBlock.Word(block, "ordered-by", [.. Orderers.Keys])]);
        }
        catch (ArgumentException e)
        {
            throw new ConfigurationException($"{block.Path}: {e.Message}", e);
        }
    }
}
