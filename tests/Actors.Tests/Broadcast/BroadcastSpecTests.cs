using System.Diagnostics.Metrics;
using Actors.Broadcast;
using Actors.Membership;

namespace Actors.Tests.BroadcastTests;

public sealed class BroadcastSpecTests
{
    [Theory]
    [InlineData(Reliability.BestEffort, Ordering.Causal, FaultModel.Omission, "causal order over best effort is refused")]
    [InlineData(Reliability.BestEffort, Ordering.Total, FaultModel.Omission, "total order over best effort is refused")]
    [InlineData(Reliability.Reliable, Ordering.Total, FaultModel.Omission, "total order that is not uniform is refused under Omission")]
    [InlineData(Reliability.Probabilistic, Ordering.None, FaultModel.Omission, "reliability Probabilistic is not available yet: there are BestEffort, Reliable and UniformReliable")]
    [InlineData(Reliability.ByzantineConsistent, Ordering.None, FaultModel.Byzantine, "reliability ByzantineConsistent is not available yet")]
    [InlineData(Reliability.ByzantineReliable, Ordering.None, FaultModel.Byzantine, "reliability ByzantineReliable is not available yet")]
    [InlineData(Reliability.Reliable, Ordering.Fifo, FaultModel.Byzantine, "fault model Byzantine is not available yet: there are CrashStop, Omission and CrashRecovery")]
    [InlineData(Reliability.Reliable, Ordering.Fifo, FaultModel.CrashRecovery, "fault model CrashRecovery without a log is refused: what members have is in memory alone")]
    [InlineData(Reliability.UniformReliable, Ordering.Total, FaultModel.CrashRecovery, "fault model CrashRecovery without a log is refused: a sequencer and its order are in memory alone")]
    public void What_cannot_be_promised_is_refused_with_the_reason(Reliability reliability, Ordering ordering, FaultModel faults, string reason) =>
        Assert.StartsWith(reason, Refusal(() => new BroadcastSpec(reliability, ordering, faults)), StringComparison.Ordinal);

    [Fact]
    public void Ways_that_do_not_exist_yet_or_do_not_fit_are_refused_with_the_reason()
    {
        Assert.StartsWith("dissemination Plumtree is not available yet", Refusal(() => new BroadcastSpec(dissemination: new(DisseminationKind.Plumtree))), StringComparison.Ordinal);
        Assert.StartsWith("dissemination Gossip is not available yet", Refusal(() => new BroadcastSpec(dissemination: new(DisseminationKind.Gossip, 3))), StringComparison.Ordinal);
        Assert.StartsWith("a tree with 0 children", Refusal(() => new BroadcastSpec(dissemination: Dissemination.Tree(0))), StringComparison.Ordinal);
        Assert.StartsWith("dissemination eager of best effort is refused", Refusal(() => new BroadcastSpec(Reliability.BestEffort, dissemination: Dissemination.Eager)), StringComparison.Ordinal);
        Assert.StartsWith("dissemination tree(2) of total order is refused", Refusal(() => new BroadcastSpec(Reliability.UniformReliable, Ordering.Total, dissemination: Dissemination.Tree(2))), StringComparison.Ordinal);
        Assert.StartsWith(
            "acknowledgement by all is refused under Omission",
            Refusal(() => new BroadcastSpec(Reliability.UniformReliable, Ordering.Fifo, FaultModel.Omission, acknowledgement: Acknowledgement.All)),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_log_is_refused_where_it_orders_nothing_or_promises_less_than_it_gives()
    {
        Assert.StartsWith("a log gives a total order, ordering Causal needs none", Refusal(() => new BroadcastSpec(ordering: Ordering.Causal, orderedBy: Orderer.Log)), StringComparison.Ordinal);
        Assert.StartsWith(
            "Reliable total order by a log is refused",
            Refusal(() => new BroadcastSpec(Reliability.Reliable, Ordering.Total, FaultModel.CrashStop, orderedBy: Orderer.Log)),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_majority_of_two_is_refused()
    {
        var settings = new BroadcastSettings { Id = new GroupId("g"), Members = [new NodeId("n1"), new NodeId("n2")], Spec = new BroadcastSpec(Reliability.UniformReliable) };

        Assert.Equal(
            "broadcast group 'g': members: a majority of 2 members is both of them, so the group would stop with the first that crashes: name at least 3 members, or only 1",
            Refusal(settings.Validated));
    }

    [Theory]
    [InlineData(Reliability.Reliable, Ordering.None, Orderer.Sequencer, "state needs an ordering, at least fifo")]
    [InlineData(Reliability.BestEffort, Ordering.Fifo, Orderer.Sequencer, "state needs at least reliable")]
    [InlineData(Reliability.UniformReliable, Ordering.Total, Orderer.Log, "state is not for a group that a log orders")]
    public void A_state_is_refused_where_it_could_not_be_handed_on(Reliability reliability, Ordering ordering, Orderer orderedBy, string reason)
    {
        var settings = new BroadcastSettings
        {
            Id = new GroupId("g"),
            Members = [new NodeId("n1"), new NodeId("n2"), new NodeId("n3")],
            Spec = new BroadcastSpec(reliability, ordering, orderedBy: orderedBy),
            State = () => throw new InvalidOperationException("is never made"),
        };

        Assert.StartsWith($"broadcast group 'g': {reason}", Refusal(settings.Validated), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Reliability.BestEffort, Ordering.None, "BEB1 validity, BEB2 no duplication, BEB3 no creation")]
    [InlineData(Reliability.Reliable, Ordering.Fifo, "RB1 validity, RB2 no duplication, RB3 no creation, RB4 agreement, FRB5 FIFO delivery")]
    [InlineData(Reliability.UniformReliable, Ordering.Causal, "URB1 validity, URB2 no duplication, URB3 no creation, URB4 uniform agreement, FRB5 FIFO delivery, CRB5 causal delivery")]
    [InlineData(
        Reliability.UniformReliable,
        Ordering.Total,
        "UTOB1 validity, UTOB2 no duplication, UTOB3 no creation, UTOB4 uniform agreement, UTOB5 uniform total order, FRB5 FIFO delivery, CRB5 causal delivery")]
    public void Guarantees_have_their_textbook_names(Reliability reliability, Ordering ordering, string names) =>
        Assert.Equal(names, string.Join(", ", new BroadcastSpec(reliability, ordering).Guarantees));

    [Fact]
    public void Costs_for_25_members_are_those_of_the_textbook()
    {
        Assert.Equal(24, Messages(Reliability.BestEffort, Ordering.None, FaultModel.CrashStop));
        Assert.Equal(48, Messages(Reliability.BestEffort, Ordering.None, FaultModel.Omission));
        Assert.Equal(24, Messages(Reliability.Reliable, Ordering.Causal, FaultModel.Omission));
        Assert.Equal(576, new BroadcastSpec(dissemination: Dissemination.Eager).Cost(25).Messages);
        Assert.Equal(600, Messages(Reliability.UniformReliable, Ordering.Fifo, FaultModel.Omission));
        Assert.Equal(25, Messages(Reliability.Reliable, Ordering.Total, FaultModel.CrashStop));
        Assert.Equal(73, Messages(Reliability.UniformReliable, Ordering.Total, FaultModel.Omission));
        Assert.Equal(new BroadcastCost(24, 4, 16), new BroadcastSpec(dissemination: Dissemination.Tree(2)).Cost(25));

        static long Messages(Reliability reliability, Ordering ordering, FaultModel faults) => new BroadcastSpec(reliability, ordering, faults).Cost(25).Messages;
    }

    [Theory]
    [InlineData("members", "must name 1 to 64 nodes, names 0")]
    [InlineData("window", "must be a power of two from 64 to 65536, is 100")]
    [InlineData("max-message-bytes", "must be from 1 to 65536, is 0")]
    [InlineData("stability-timeout", "must be at least digest-interval (1000 ms), is 1 ms")]
    [InlineData("election-timeout", "must be at least three times heartbeat-interval (50 ms), is 60 ms")]
    public void A_setting_out_of_range_is_named_with_the_range(string setting, string rule)
    {
        var settings = new BroadcastSettings { Id = new GroupId("g"), Members = [new NodeId("n1")] };
        settings = setting switch
        {
            "members" => settings with { Members = [] },
            "window" => settings with { Window = 100 },
            "max-message-bytes" => settings with { MaxMessageBytes = 0 },
            "stability-timeout" => settings with { StabilityTimeout = TimeSpan.FromMilliseconds(1) },
            _ => settings with { ElectionTimeout = TimeSpan.FromMilliseconds(60) },
        };

        Assert.Equal($"broadcast group 'g': {setting} {rule}", Refusal(settings.Validated));
    }

    [Fact]
    public void What_is_refused_when_it_is_built_is_counted()
    {
        var refused = new System.Collections.Concurrent.ConcurrentBag<string>();       // other tests add to it
        using var meters = new MeterListener();
        meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "actors.broadcast.refused")
                listener.EnableMeasurementEvents(instrument);
        };
        meters.SetMeasurementEventCallback<long>((_, _, tags, _) => refused.Add($"{tags[0].Value}: {tags[1].Value}"));
        meters.Start();

        Refusal(() => new BroadcastSpec(Reliability.BestEffort, Ordering.Causal));
        Refusal(new BroadcastSettings { Id = new GroupId("counted"), Members = [] }.Validated);

        Assert.Contains(": a specification that cannot be kept", refused);
        Assert.Contains("counted: a setting", refused);
    }

    private static string Refusal(Func<object> make) => Assert.ThrowsAny<ArgumentException>(make).Message;
}
