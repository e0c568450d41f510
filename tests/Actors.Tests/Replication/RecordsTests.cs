using Actors.Membership;
using Actors.Replication;
using Actors.Wire;
using CsCheck;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

/// <summary>Promise, MembershipRecord and ViewRecord: what a replica writes down about itself and its group.</summary>
public sealed class RecordsTests
{
    private static readonly Gen<MemberId> GenId = Gen.Select(
        Gen.OneOf("n1", "a", "a.b-c_9"), Gen.ULong, Gen.Long[0, long.MaxValue], Gen.Long[0, long.MaxValue],
        (node, incarnation, epoch, index) => new MemberId(new NodeId(node), new Incarnation(incarnation), At(epoch, index)));

    [Fact]
    public void A_promise_comes_back_with_and_without_a_vote() =>
        Gen.Select(Gen.Long[0, long.MaxValue], Gen.OneOf(GenId, Gen.Const(default(MemberId)))).Sample((epoch, vote) =>
        {
            var promise = new Promise(new Epoch(epoch), vote);
            return Promise.Decode(promise.Encode()) == promise;
        });

    [Fact]
    public void A_membership_comes_back() =>
        Gen.Select(GenId, Gen.Long[0, long.MaxValue], Gen.Long[0, long.MaxValue]).Sample((id, commit, index) =>
        {
            var record = new MembershipRecord(id, commit, new LogPosition(new Epoch(index / 2), index));
            return MembershipRecord.Decode(record.Encode()) == record;
        });

    [Fact]
    public void A_view_comes_back() =>
        Gen.Select(GenId.Array[1, ViewRecord.MaxMembers / 2], GenId.Array[0, ViewRecord.MaxMembers / 2], Gen.Bool).Sample((members, learners, all) =>
        {
            var record = new ViewRecord(new View(members, learners), all ? CommitRule.All : CommitRule.Majority, Limits);
            var again = ViewRecord.Decode(record.Encode());
            Assert.True(again.View.SameAs(record.View));
            Assert.Equal(record.View.Nodes, again.View.Nodes);
            Assert.Equal((record.Rule, record.Limits), (again.Rule, again.Limits));
        });

    [Fact]
    public void A_view_that_breaks_off_anywhere_is_malformed()
    {
        var bytes = new ViewRecord(View("n1", "n2").WithLearner(Member("n3", 5)), CommitRule.All, Limits).Encode();
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<MalformedException>(() => ViewRecord.Decode(bytes.AsMemory(0, length)));
    }

    [Fact]
    public void Views_that_no_version_writes_are_malformed()
    {
        Assert.Contains("no members", Malformed(new ViewRecord(new View([], []), CommitRule.All, Limits)), StringComparison.Ordinal);
        Assert.Contains("commit rule 9", Malformed(new ViewRecord(View("n1"), (CommitRule)9, Limits)), StringComparison.Ordinal);
        var crowd = new View([.. Enumerable.Range(0, 33).Select(i => Member($"n{i}"))], []);
        Assert.Contains("at most 32", Malformed(new ViewRecord(crowd, CommitRule.All, Limits)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_limits_of_a_group_are_those_of_its_settings()
    {
        var settings = SettingsTests.Valid() with
        {
            MaxSessions = 5,
            SessionTimeout = TimeSpan.FromSeconds(6),
            MaxTokens = 7,
            TokenRetention = TimeSpan.FromSeconds(8),
        };
        Assert.Equal(new GroupLimits(5, 6_000, 7, 8_000), GroupLimits.Of(settings));
    }

    private static string Malformed(ViewRecord record) => Assert.Throws<MalformedException>(() => ViewRecord.Decode(record.Encode())).Message;
}
