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

        var learning = Active(A).WithNode(D.Node, out _).WithLearner(D.Node, D.Incarnation, 9, out _);
        var learner = Assert.Single(learning.View.Learners);
        var only = learning.WithJoined(learning.Epoch, A).WithView(learning.Epoch, new View([learner], []), out refusal);
        Assert.Equal(learning.Epoch, only.Epoch);
        Assert.Contains("must keep a member that served", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void After_a_loss_that_an_operator_accepts_the_group_is_one_folder_and_says_so()
    {
        var dead = Active(A, B, C).WithView(new Epoch(1), new View([A], []), out _).WithJoined(new Epoch(2), A);
        var order = new GoOnFrom(Group, new Epoch(2), C.Node, C.Incarnation, new LogPosition(new Epoch(1), 40));
        Assert.Same(dead, dead.WithLoss(order with { Expected = new Epoch(1) }, 9, out var refusal));
        Assert.Contains("look at the status again", refusal, StringComparison.Ordinal);
        Assert.Same(dead, dead.WithLoss(order with { Node = D.Node }, 9, out refusal));
        Assert.Contains("does not belong to the group", refusal, StringComparison.Ordinal);

        var after = GroupRecord.Decode(dead.WithLoss(order, 9, out refusal).Encode());
        var id = Assert.Single(after.View.Members);
        Assert.Equal(("", new MemberId(C.Node, C.Incarnation, new LogPosition(new Epoch(3), 9))), (refusal, id));
        Assert.Equal([id], after.Serving);
        Assert.Equal([new Loss(new LogPosition(new Epoch(3), 41), 0)], after.Losses);
        Assert.True(after.IsAfterLoss);
        var active = after.WithJoined(after.Epoch, id);
        Assert.False(active.WithLearner(A.Node, A.Incarnation, 11, out _).IsAfterLoss);
    }

    [Fact]
    public void The_reader_is_the_tail_of_the_last_active_view_whatever_becomes_of_its_machine()
    {
        var active = Active(A, B, C);
        Assert.Equal(C, active.Reader);
        Assert.Equal(C, active.WithView(active.Epoch, new View([A, B], []), out _).Reader);
        var wiped = active.WithLearner(C.Node, new Incarnation(99), 12, out _);
        Assert.Equal(C, wiped.Reader);
        Assert.Equal(B, wiped.WithJoined(wiped.Epoch, A).WithJoined(wiped.Epoch, B).Reader);
        Assert.Equal(C, GroupRecord.Decode(wiped.Encode()).Reader);
    }

    [Fact]
    public void Members_keep_their_order_and_only_the_learner_of_an_active_view_is_promoted_and_comes_last()
    {
        Refused(Active(A, B, C), new View([B, A], []), "keep their order");
        Refused(Active(A, B), new View([A, B, D], []), "only the learner of an active view may");
        Refused(Active(A, B), new View([A], [D]), "asking to be taken in");
        var learning = Active(A, B).WithNode(D.Node, out _).WithLearner(D.Node, D.Incarnation, 9, out _);
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
        var record = Active(A, B, C).WithNode(D.Node, out _).WithLearner(B.Node, wiped, 12, out _);
        Assert.Equal([A, C], record.View.Members);
        Assert.Equal([A, C], record.Serving);
        Assert.Equal(new MemberId(B.Node, wiped, new LogPosition(new Epoch(2), 12)), Assert.Single(record.View.Learners));
        Assert.Same(record, record.WithLearner(B.Node, wiped, 13, out _));       // asked twice
        Assert.Same(record, record.WithLearner(D.Node, D.Incarnation, 14, out _));       // one learner at a time
    }

    [Fact]
    public void Only_a_node_that_belongs_to_the_group_is_taken_in()
    {
        var record = Active(A, B, C);
        Assert.Same(record, record.WithLearner(D.Node, D.Incarnation, 9, out var refusal));
        Assert.Equal("", refusal);
        var asked = record.WithNode(D.Node, out refusal);
        Assert.Equal((record.Epoch, ""), (asked.Epoch, refusal));      // nobody has to join anew
        Assert.Equal(D.Node, Assert.Single(asked.WithLearner(D.Node, D.Incarnation, 9, out _).View.Learners).Node);
        Assert.Same(record, record.WithNode(B.Node, out refusal));
        Assert.Equal("b is a member already", refusal);
    }

    [Fact]
    public void A_node_is_removed_with_every_id_that_it_has_and_stays_out()
    {
        var removed = Active(A, B, C).WithoutNode(B.Node, out var refusal);
        Assert.Equal((new Epoch(2), "", false), (removed.Epoch, refusal, removed.IsActive));
        Assert.Equal([A, C], removed.View.Members);
        var changed = removed.WithView(new Epoch(2), new View([A], []), out _);
        Assert.Same(changed, changed.WithLearner(B.Node, B.Incarnation, 9, out _));      // no later view forgets it

        var learning = Active(A, C).WithNode(D.Node, out _).WithLearner(D.Node, D.Incarnation, 9, out _).WithoutNode(D.Node, out refusal);
        Assert.Empty(learning.View.Learners);
        Assert.Equal("", refusal);
    }

    [Fact]
    public void What_must_not_be_removed_is_refused_in_one_line()
    {
        NotRemoved(Active(A, B), D.Node, "d does not belong to the group: a, b do");
        NotRemoved(Active(A, B), B.Node, "without b there would be 1 of at least 2 members (min-in-view)");
        NotRemoved(Active(A), A.Node, "a is the last member");
        NotRemoved(Active(A, B, C, D).WithoutNode(D.Node, out _), C.Node, "another change of the members is under way: try again");
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
            new ChangeNodes(Group, D.Node, true),
            new GoOnFrom(Group, new Epoch(3), D.Node, D.Incarnation, new LogPosition(new Epoch(2), 9)),
            new ReadRecord(Group),
            new ReadEpochs([Group, new GroupId("another")]),
        ];
        foreach (var request in requests)
            Assert.Equal(DirectoryCodec.Write(request), DirectoryCodec.Write(DirectoryCodec.ReadRequest(DirectoryCodec.Write(request))));
        var record = Active(A, B).WithNode(D.Node, out _).WithNode(C.Node, out _).WithLearner(D.Node, D.Incarnation, 9, out _);
        Assert.Equal(record.Encode(), GroupRecord.Decode(record.Encode()).Encode());
        Assert.Equal([A.Node, B.Node, D.Node, C.Node], GroupRecord.Decode(record.Encode()).View.Nodes);
        Epoch[] epochs = [new(7), Epoch.Zero];
        Assert.Equal(epochs, DirectoryCodec.Epochs(DirectoryCodec.Write(epochs)));
        Assert.Null(DirectoryCodec.Record(DirectoryCodec.Write((GroupRecord?)null)));
    }

    private static GroupRecord Active(params MemberId[] members)
        => members.Aggregate(GroupChanges.Found(members, 2, default), (record, id) => record.WithJoined(record.Epoch, id));

    private static void NotRemoved(GroupRecord record, NodeId node, string why)
    {
        Assert.Same(record, record.WithoutNode(node, out var refusal));
        Assert.Equal(why, refusal);
    }

    private static void Refused(GroupRecord record, View next, string why)
    {
        Assert.Same(record, record.WithView(record.Epoch, next, out var refusal));
        Assert.Contains(why, refusal, StringComparison.Ordinal);
    }
}
