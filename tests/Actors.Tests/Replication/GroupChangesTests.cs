using Actors.GroupDirectory;
using Actors.Membership;
using Actors.Replication;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

/// <summary>What the directory lets a group's view become.</summary>
public sealed class GroupChangesTests
{
    private static readonly MemberId A = Member("a");
    private static readonly MemberId B = Member("b");
    private static readonly MemberId C = Member("c");
    private static readonly MemberId D = Member("d", 7);

    [Fact]
    public void A_view_is_active_once_all_its_members_have_joined_it()
    {
        var record = GroupChanges.Found([A, B, C], 2, default);
        var two = record.WithJoined(new Epoch(1), A).WithJoined(new Epoch(1), C).WithJoined(new Epoch(1), C);
        Assert.False(two.IsActive);
        Assert.True(two.WithJoined(new Epoch(1), B).IsActive);
        Assert.Same(two, two.WithJoined(new Epoch(2), B));
        Assert.Same(two, two.WithJoined(new Epoch(1), D));
    }

    [Fact]
    public void A_view_is_changed_by_compare_and_swap_on_its_epoch()
    {
        var changed = Active(A, B, C).WithView(new Epoch(1), new View([A, C], []), out var refusal);
        Assert.Equal((new Epoch(2), "", false), (changed.Epoch, refusal, changed.IsActive));
        Assert.Equal([A, C], changed.View.Members);
        Assert.Same(changed, changed.WithView(new Epoch(1), new View([A, B], []), out refusal));      // somebody else was faster
        Assert.Equal("", refusal);
    }

    [Fact]
    public void A_view_keeps_a_member_that_served_in_the_last_active_one()
    {
        var pending = Active(A, B, C).WithView(new Epoch(1), new View([B, C], []), out _);
        Assert.Equal([A, B, C], pending.Serving);
        var again = pending.WithView(new Epoch(2), new View([C], []), out var refusal);
        Assert.Equal((new Epoch(3), ""), (again.Epoch, refusal));

        var learning = Active(A).WithLearner(D.Node, D.Incarnation, 9, out _);
        var learner = Assert.Single(learning.View.Learners);
        var only = learning.WithJoined(learning.Epoch, A).WithView(learning.Epoch, new View([learner], []), out refusal);
        Assert.Equal(learning.Epoch, only.Epoch);
        Assert.Contains("must keep a member that served", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Members_keep_their_order_and_only_the_learner_of_an_active_view_is_promoted_and_comes_last()
    {
        Refused(Active(A, B, C), new View([B, A], []), "keep their order");
        Refused(Active(A, B), new View([A, B, D], []), "only the learner of an active view may");
        Refused(Active(A, B), new View([A], [D]), "asking to be taken in");
        var learning = Active(A, B).WithLearner(D.Node, D.Incarnation, 9, out _);
        var learner = Assert.Single(learning.View.Learners);
        Refused(learning, new View([A, B, learner], []), "only the learner of an active view may");
        var active = learning.WithJoined(learning.Epoch, A).WithJoined(learning.Epoch, B);
        Refused(active, new View([learner, A, B], []), "keep their order");
        Assert.Equal([A, B, learner], active.WithView(active.Epoch, new View([A, B, learner], []), out _).View.Members);
    }

    [Fact]
    public void A_machine_that_comes_back_gets_an_id_that_nobody_had_and_loses_the_earlier_ones_in_the_same_step()
    {
        var wiped = new Incarnation(99);
        var record = Active(A, B, C).WithLearner(B.Node, wiped, 12, out _);
        Assert.Equal([A, C], record.View.Members);
        Assert.Equal([A, C], record.Serving);
        Assert.Equal(new MemberId(B.Node, wiped, new LogPosition(new Epoch(2), 12)), Assert.Single(record.View.Learners));
        Assert.Same(record, record.WithLearner(B.Node, wiped, 13, out _));       // asked twice
        Assert.Same(record, record.WithLearner(D.Node, D.Incarnation, 14, out _));       // one learner at a time
    }

    [Fact]
    public void The_last_replica_is_not_taken_in_without_its_data()
    {
        var alone = Active(A);
        Assert.Same(alone, alone.WithLearner(A.Node, new Incarnation(99), 12, out var refusal));
        Assert.Contains("was the last replica", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Requests_and_records_come_back_as_they_were_written()
    {
        AuthorityRequest[] requests =
        [
            new FoundGroup(Group, A.Node, A.Incarnation, [A.Node, B.Node], 2, new GroupLimits(1, 2, 3, 4)),
            new TakeIn(Group, A.Node, A.Incarnation),
            new ChangeView(Group, new Epoch(3), new View([A, B], [D])),
            new HasJoined(Group, new Epoch(3), A),
            new ReadRecord(Group),
        ];
        foreach (var request in requests)
            Assert.Equal(DirectoryCodec.Write(request), DirectoryCodec.Write(DirectoryCodec.ReadRequest(DirectoryCodec.Write(request))));
        var record = Active(A, B).WithLearner(D.Node, D.Incarnation, 9, out _);
        Assert.Equal(record.Encode(), GroupRecord.Decode(record.Encode()).Encode());
        Assert.Null(DirectoryCodec.Record(DirectoryCodec.Write((GroupRecord?)null)));
    }

    private static GroupRecord Active(params MemberId[] members)
        => members.Aggregate(GroupChanges.Found(members, 2, default), (record, id) => record.WithJoined(record.Epoch, id));

    private static void Refused(GroupRecord record, View next, string why)
    {
        Assert.Same(record, record.WithView(record.Epoch, next, out var refusal));
        Assert.Contains(why, refusal, StringComparison.Ordinal);
    }
}
