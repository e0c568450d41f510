using Actors.Membership;
using Actors.TestKit;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.SimulationTests;

public class HintTests
{
    [Fact]
    public void A_crash_is_suspected_after_a_while_and_a_restart_is_noticed()
    {
        using var world = new Watched();
        world.Sim.Node(new("n2")).Crash();
        world.Sim.RunFor(Seconds(5));
        world.Sim.Node(new("n2")).Restart();
        world.Sim.RunFor(Seconds(5));

        Assert.Equal([("n2", true), ("n2", false)], world.Hints.Select(h => (h.Hint.Peer.Value, h.Hint.Suspected)));
        Assert.InRange(world.Hints[0].At, Seconds(0.5), Seconds(3));
        Assert.InRange(world.Hints[1].At, Seconds(5.5), Seconds(8));
    }

    [Fact]
    public void A_pause_and_a_cut_towards_the_observer_are_suspected_and_a_cut_away_from_it_is_not()
    {
        using var world = new Watched();
        world.Sim.Node(new("n2")).Pause(Seconds(10));
        world.Sim.Network.CutOneWay(new("n3"), new("n1"));
        world.Sim.Network.CutOneWay(new("n1"), new("n4"));

        world.Sim.RunFor(Seconds(5));

        Assert.Equal([("n2", true), ("n3", true)], world.Hints.Select(h => (h.Hint.Peer.Value, h.Hint.Suspected)).Order());
    }

    [Fact]
    public void A_failure_that_is_over_before_it_is_noticed_gives_no_hint()
    {
        using var world = new Watched();
        world.Sim.Node(new("n2")).Pause(Seconds(0.4));

        world.Sim.RunFor(Seconds(10));

        Assert.Empty(world.Hints);
    }

    [Fact]
    public void Hints_can_be_missing()
    {
        using var world = new Watched();
        world.Sim.HintFaults = new HintFaults { Missing = 1 };
        world.Sim.Node(new("n2")).Crash();

        world.Sim.RunFor(Seconds(10));

        Assert.Empty(world.Hints);
    }

    [Fact]
    public void Wrong_hints_are_corrected_later()
    {
        using var world = new Watched();
        world.Sim.GiveHint(new("n1"), new MembershipHint(new("n3"), Suspected: true));

        world.Sim.RunFor(Seconds(5));

        Assert.Equal([true, false], world.Hints.Select(h => h.Hint.Suspected));
        Assert.Equal(TimeSpan.Zero, world.Hints[0].At);
        Assert.InRange(world.Hints[1].At, Seconds(0.5), Seconds(3));
    }

    [Fact]
    public void A_restarted_observer_learns_of_peers_that_are_still_gone()
    {
        using var world = new Watched();
        world.Sim.Node(new("n2")).Crash();
        world.Sim.RunFor(Seconds(5));
        world.Sim.Node(new("n1")).Crash();
        world.Sim.Node(new("n1")).Restart();
        world.Sim.RunFor(Seconds(5));

        Assert.Equal(2, world.Hints.Count(h => h.Hint == new MembershipHint(new("n2"), Suspected: true)));
    }

    /// <summary>Four nodes, of which n1 notes the hints it gets.</summary>
    private sealed class Watched : IDisposable
    {
        public Watched()
        {
            foreach (var name in (string[])["n1", "n2", "n3", "n4"])
            {
                Sim.AddNode(name, node =>
                {
                    if (node.Id == new NodeId("n1"))
                        node.OnHint(hint => Hints.Add((hint, Sim.Now)));
                });
            }
        }

        public Simulation Sim { get; } = new(1);

        public List<(MembershipHint Hint, TimeSpan At)> Hints { get; } = [];

        public void Dispose() => Sim.Dispose();
    }
}
