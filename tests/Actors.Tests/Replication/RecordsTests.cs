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
        Gen.Select(Gen.Long[0, long.MaxValue], Gen.OneOf(GenId, Gen.Const(default(MemberId))), Gen.Int[0, 1_000_000]).Sample((epoch, vote, ms) =>
        {
            var promise = new Promise(new Epoch(epoch), vote, TimeSpan.FromMilliseconds(ms));
            return Promise.Decode(promise.Encode()) == promise;
        });

    [Fact]
    public void A_promise_that_was_written_before_there_were_leases_promises_no_silence()
    {
        var promise = new Promise(new Epoch(3), Member("n1"), TimeSpan.FromSeconds(1));
        Assert.Equal(promise with { NoVoteFor = TimeSpan.Zero }, Promise.Decode(promise.Encode()[..^8]));
    }

    [Fact]
    public void The_base_of_a_log_comes_back() =>
        Gen.Select(Gen.Long[0, long.MaxValue], Gen.Long[0, long.MaxValue], Gen.ULong, Gen.Byte).Sample((index, timestamp, hash, generation) =>
        {
            var record = new LogBase(At(index / 2, index), ((UInt128)hash << 64) + 5, timestamp, generation);
            return LogBase.Decode(record.Encode()) == record;
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
    public void A_view_comes_back_with_the_losses_of_its_group()
    {
        var losses = Enumerable.Range(1, ViewRecord.MaxLosses).Select(i => new Loss(At(i, 10 * i), 100 * i)).ToList();
        Assert.Equal(losses, ViewRecord.Decode(new ViewRecord(View("n1"), CommitRule.All, Limits) { Losses = losses }.Encode()).Losses);
        losses.Add(new Loss(At(99, 99), 1));
        Assert.Contains("lists 33 losses; at most 32", Malformed(new ViewRecord(View("n1"), CommitRule.All, Limits) { Losses = losses }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_view_may_be_as_large_as_its_limits_say()
    {
        MemberId[] ids = [.. Enumerable.Range(0, ViewRecord.MaxMembers).Select(i => Member($"n{i}"))];
        var again = ViewRecord.Decode(new ViewRecord(new View(ids, ids), CommitRule.All, Limits).Encode()).View;
        Assert.Equal((32, 32, 32), (again.Members.Count, again.Learners.Count, again.Nodes.Count));
    }

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
        Assert.Contains("lists 33 ids; at most 32", Malformed(new ViewRecord(crowd, CommitRule.All, Limits)), StringComparison.Ordinal);
        var wide = View("n1") with { Nodes = [.. crowd.Members.Select(id => id.Node)] };
        Assert.Contains("lists 33 nodes; at most 32", Malformed(new ViewRecord(wide, CommitRule.All, Limits)), StringComparison.Ordinal);
        var bytes = new ViewRecord(View("name"), CommitRule.All, Limits).Encode();
        bytes[bytes.AsSpan().IndexOf("name"u8)] = (byte)'/';
        Assert.Contains("a node name is not valid", Assert.Throws<MalformedException>(() => ViewRecord.Decode(bytes)).Message, StringComparison.Ordinal);
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
