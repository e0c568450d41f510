using Actors.Membership;
using Actors.Replication;

namespace Actors.Tests.ReplicationTests;

public sealed class NodeBeatsTests
{
    private static readonly NodeId N1 = new("n1");
    private static readonly NodeId N2 = new("n2");
    private static readonly GroupId A = new("a");
    private static readonly GroupId B = new("b");
    private static readonly TimeSpan Limit = Ms(300);

    [Fact]
    public void One_heartbeat_to_a_node_does_for_all_groups_that_rest_on_it()
    {
        var beats = new NodeBeats();
        Assert.Null(beats.Interval);
        beats.Rest(A, N1, 7, Limit, Ms(0));
        beats.Rest(B, N1, 7, Limit * 2, Ms(0));

        Assert.Equal((N1, A), Assert.Single(beats.Due));
        Assert.Equal(Ms(50), beats.Interval);
        beats.Stir(A);
        Assert.Equal((N1, B), Assert.Single(beats.Due));
        beats.Stir(B);
        Assert.Empty(beats.Due);
        Assert.Null(beats.Interval);
    }

    [Fact]
    public void Silence_wakes_each_group_at_its_own_limit_and_says_when_the_node_was_heard()
    {
        var beats = new NodeBeats();
        beats.Rest(A, N1, 7, Limit, Ms(0));
        beats.Rest(B, N1, 7, Limit * 2, Ms(0));
        beats.Rest(B, N2, 0, Limit * 2, Ms(0));
        beats.Heard(N1, 7, Ms(100));
        beats.Heard(N2, 3, Ms(500));

        Assert.Empty(beats.TakeBroken(Ms(399)));
        Assert.Equal([(A, N1, Ms(100))], beats.TakeBroken(Ms(400)));
        Assert.Empty(beats.TakeBroken(Ms(699)));
        Assert.Equal([(B, N1, Ms(100))], beats.TakeBroken(Ms(700)));
        Assert.Empty(beats.Due);
    }

    [Fact]
    public void Another_life_of_the_node_wakes_who_rests_on_the_former_one()
    {
        var beats = new NodeBeats();
        beats.Rest(A, N1, 7, Limit, Ms(0));
        beats.Rest(B, N1, 0, Limit, Ms(0));
        beats.Heard(N1, 8, Ms(50));

        Assert.Equal([(A, N1, Ms(50))], beats.TakeBroken(Ms(50)));
        Assert.Equal((N1, B), Assert.Single(beats.Due));
    }

    [Fact]
    public void Who_would_rest_on_a_life_that_has_ended_meanwhile_is_woken_at_once()
    {
        var beats = new NodeBeats();
        beats.Rest(B, N1, 0, Limit, Ms(0));
        beats.Heard(N1, 8, Ms(10));
        Assert.Empty(beats.TakeBroken(Ms(10)));
        beats.Rest(A, N1, 7, Limit, Ms(20));

        Assert.Equal([(A, N1, Ms(20))], beats.TakeBroken(Ms(20)));
    }

    [Fact]
    public void A_heartbeat_of_a_former_life_that_comes_late_says_nothing()
    {
        var beats = new NodeBeats();
        beats.Rest(A, N1, 8, Limit, Ms(0));
        beats.Heard(N1, 7, Ms(200));

        Assert.Equal([(A, N1, Ms(0))], beats.TakeBroken(Ms(300)));
    }

    private static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
