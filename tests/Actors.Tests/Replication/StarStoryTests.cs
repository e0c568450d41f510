using Actors.Membership;
using Actors.Replication;
using Actors.Replication.Client;
using Actors.Replication.KeyValue;
using Actors.Storage;
using Actors.TestKit;
using Akka.Actor;
using static Actors.Tests.SimulationTests.TestActors;

namespace Actors.Tests.ReplicationTests;

/// <summary>Short stories of a primary-backup group: one fault at a time, and what must come of it.</summary>
public sealed class StarStoryTests
{
    [Fact]
    public void A_backup_that_falls_silent_is_kicked_by_a_committed_view_and_comes_back_under_a_new_id()
    {
        using var story = new Story(3).Begin();
        var silent = story.Backup;
        var ids = new HashSet<MemberId>();
        story.Messages = m =>
        {
            if (m is Append append && append.To.Node == silent)
                ids.Add(append.To);
        };
        story.Simulation.RunFor(Ms(200));
        var cut = story.Simulation.Network.Isolate(silent);
        var put = story.Ended(story.Put(story.Primary, "k", "1"));

        Assert.Equal(Outcome.Ok, put.Outcome);
        Assert.InRange(put.Took, story.Settings.KickAfter - story.Settings.HeartbeatInterval * 2, story.Settings.KickAfter * 2);
        story.Simulation.RunFor(Ms(100));
        var primary = story.Status(story.Primary);
        Assert.DoesNotContain(silent, primary.Members);
        Assert.Equal(primary.LastIndex, primary.CommitIndex);
        Assert.Contains(silent, story.Status(silent).Members);      // it does not know yet

        cut.End();
        story.Whole();
        Assert.Equal(2, ids.Count);
        Assert.Equal(LogPosition.Zero, ids.Min().Joined);
        Assert.True(ids.Max().Joined.Index > 1);
        Assert.Equal(ids.Min().Incarnation, ids.Max().Incarnation);      // the same folder
        Assert.Equal("1", story.Value(story.Get(silent, "k", ReadMode.Stale)));
    }

    [Fact]
    public void A_primary_cut_off_from_its_quorum_answers_no_linearizable_read()
    {
        using var story = new Story(3).Begin();
        var old = story.Primary;
        using var _ = new Ending(story.Simulation.Network.Isolate(old));
        var early = story.Get(old, "begin", timeout: Seconds(20));
        story.Simulation.RunUntil(() => story.Primary != old, Seconds(10));
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "begin", "2")).Outcome);
        var late = story.Get(old, "begin");

        Assert.Equal(Outcome.Unavailable, story.Ended(early).Outcome);
        Assert.Equal(Outcome.Unavailable, story.Ended(late).Outcome);
        Assert.Equal("1", story.Value(story.Get(old, "begin", ReadMode.Stale)));        // stale, and says so
        Assert.True(story.Ended(story.Get(old, "begin", ReadMode.Stale)).Reply!.Value.Age > Ms(100));
        Assert.Equal("2", story.Value(story.Get(story.Primary, "begin")));
    }

    [Fact]
    public void Of_many_requests_at_a_cut_off_node_each_sent_later_is_told_that_it_was_not_applied()
    {
        using var story = new Story(3).Begin();
        var old = story.Primary;
        using var _ = new Ending(story.Simulation.Network.Isolate(old));
        var early = story.Put(old, "begin", "2", timeout: Seconds(20));
        story.Simulation.RunUntil(() => story.Primary != old, Seconds(10));
        Assert.Equal(Outcome.Unknown, story.Ended(early).Outcome);      // ordered here, and nobody here knows whether it will be applied

        // Requests in flight at the same time: the refusal of one message says nothing about those that overtake it on their way.
        var late = new List<Answer>();
        for (var i = 0; i < 50; i++)
        {
            late.Add(story.Put(old, "begin", "3"));
            late.Add(story.Get(old, "begin"));
            story.Simulation.RunFor(TimeSpan.FromMicroseconds(150));
        }

        Assert.All(late, answer => Assert.Equal(Outcome.Unavailable, story.Ended(answer).Outcome));
        Assert.All(late, answer => Assert.InRange(answer.Took, TimeSpan.Zero, Ms(50)));
    }

    [Fact]
    public void A_group_of_two_never_shrinks_to_one()
    {
        using var story = new Story(2).Begin();
        var primary = story.Primary;
        var epoch = story.Epoch;
        var cut = story.Simulation.Network.Isolate(story.Backup);
        var put = story.Put(primary, "k", "1", timeout: Seconds(20));
        story.Simulation.RunFor(Seconds(20));

        Assert.True(put.Outcome is Outcome.Unknown or Outcome.Unavailable, $"{put.Outcome}");
        Assert.All((NodeId[])[primary, story.Backup], n => Assert.Equal(2, story.Status(n).Members.Count));
        Assert.DoesNotContain(story.Statuses(primary), s => s.Role is ReplicaRole.Primary);
        Assert.Equal(epoch, story.Epoch);

        cut.End();
        story.Whole();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(primary, "k", "2")).Outcome);
    }

    [Fact]
    public void Two_wiped_nodes_of_three_never_found_a_second_group()
    {
        using var story = new Story(3).Begin();
        var (epoch, kept, wiped) = (story.Epoch, story.Primary, story.Backups);
        var last = story.Status(kept).LastIndex;
        story.Node(kept).Crash();
        foreach (var node in wiped)
        {
            story.Node(node).Crash();
            story.Node(node).Disk.Wipe();
            story.Node(node).Restart();
        }

        story.Simulation.RunFor(Seconds(30));
        Assert.All(wiped, n => Assert.Equal((ReplicaRole.Joining, 0L), (story.Status(n).Role, story.Status(n).LastIndex)));
        story.Node(kept).Restart();
        story.Simulation.RunFor(Seconds(30));

        // One disk of three says what was acknowledged: it cannot know that it has everything, so it waits for a person.
        Assert.Equal(epoch, story.Epoch);
        Assert.All(wiped, n => Assert.Equal(ReplicaRole.Joining, story.Status(n).Role));
        Assert.Equal((ReplicaRole.Candidate, last), (story.Status(kept).Role, story.Status(kept).LastIndex));
    }

    [Fact]
    public void A_founder_that_is_wiped_while_its_founding_entry_is_on_its_way_founds_one_group_and_not_two()
    {
        using var story = new Story(3);
        var (founder, others, network) = (new NodeId("n1"), (NodeId[])[new("n2"), new("n3")], story.Simulation.Network);
        story.Simulation.RunUntil(() => new LogOnDisk(story.Node(founder), new GroupKeys(story.Settings.Id)).Genesis is not null, Seconds(1));
        foreach (var other in others)
            network.SetFaults(founder, other, new LinkFaults { MinDelay = Ms(100), MaxDelay = Ms(100) });
        var told = 0;
        story.Messages = m => told += m is Probed { Genesis.IsEmpty: false } ? 1 : 0;
        story.Simulation.RunUntil(() => told == others.Length, Seconds(1));
        story.Node(founder).Crash();
        story.Node(founder).Disk.Wipe();
        story.Node(founder).Restart();
        foreach (var other in others)
            network.SetFaults(founder, other, null);

        story.Whole();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(founder, "k", "1")).Outcome);
    }

    [Fact]
    public void A_founding_entry_is_told_of_when_it_is_durable_and_not_before()
    {
        using var story = new Story(3);
        story.Node(new NodeId("n1")).Disk.Stall(Seconds(2));
        var told = new List<TimeSpan>();
        story.Messages = m =>
        {
            if (m is Probed { Genesis.IsEmpty: false })
                told.Add(story.Simulation.Now);
        };
        story.Whole();
        Assert.InRange(told[0], Seconds(2), Seconds(3));
    }

    [Fact]
    public void Whose_votes_are_there_when_the_others_have_gone_on_without_it_leads_nobody()
    {
        using var story = new Story(3, s => s with { Commit = CommitRule.Majority, KickAfter = s.ElectionTimeout }).Begin();
        var (old, late, voter, network) = (story.Primary, story.Backups[0], story.Backups[1], story.Simulation.Network);
        var faults = new List<NetworkFault> { network.CutOneWay(late, old) };
        var (led, promised) = (new HashSet<Epoch>(), Epoch.Zero);
        story.Messages = m =>
        {
            if (m is Append append && append.From.Node == late)
                led.Add(append.Epoch);
            if (promised == Epoch.Zero && m is Vote { Pre: false, Granted: true } vote && vote.From.Node == voter)
            {
                promised = vote.Epoch;
                story.Simulation.After(Ms(5), () => faults.AddRange([network.CutOneWay(old, late), network.CutOneWay(voter, late)]));
            }
        };

        // Its own vote waits for its disk. Meanwhile the others elect one of them, and an operator removes it.
        story.Node(late).Disk.Stall(Seconds(6));
        story.Transfer(old, late);
        story.Simulation.RunUntil(() => story.Epoch > promised && promised > Epoch.Zero, Seconds(5));
        Assert.Equal("", story.Change(late, join: false));
        Assert.Empty(led);
        story.Repeatedly(() => led.Count > 0);
        Assert.Equal([promised], led);
        Assert.True(story.Epoch > promised);

        faults.ForEach(fault => fault.End());
        story.Repeatedly(() => story.Status(late).Role is ReplicaRole.Outside);
        Assert.Equal("", story.Change(late, join: true));
        story.Whole();
    }

    [Fact]
    public void A_member_that_only_a_pending_view_leaves_out_leads_until_that_view_is_committed()
    {
        using var story = new Story(4).Begin();
        story.Simulation.RunFor(Seconds(1));
        NodeId[] nodes = [.. story.Simulation.Nodes.Select(n => n.Id).Order()];
        foreach (var node in nodes)
            story.Node(node).Crash();

        // All four must be asked for the pending views n1, n2 and n3, and n1 and n2. Those two alone are no majority of
        // four, and the others, which have a later entry, do not vote for them.
        var (keys, members) = (new GroupKeys(story.Settings.Id), MembersOf(story));
        var last = Log(story, nodes[0])[^1];
        Assert.All(nodes, node => Assert.Equal(last.Hash, Log(story, node)[^1].Hash));
        var entries = new List<LogEntry>();
        foreach (var view in (View[])[new(members[..3], []), new(members[..2], []), new(members[..2], [])])
        {
            var before = entries.Count == 0 ? last : entries[^1];
            var draft = new EntryDraft(EntryKind.View, default, 0, 0, default, new ViewRecord(view with { Nodes = nodes }, story.Settings.Commit, GroupLimits.Of(story.Settings)).Encode());
            entries.Add(LogEntry.Create(new LogPosition(before.Epoch.Next(), before.Index + 1), before.Hash, before.Timestamp, draft));
        }

        foreach (var node in nodes)
        {
            var writes = new WriteSet();
            foreach (var entry in node.CompareTo(nodes[2]) < 0 ? entries[..2] : entries)
                writes.Put(Table.Log, keys.Entry(entry.Index), entry.Frame);
            writes.Put(Table.Meta, keys.Promise, new Promise(entries[^1].Epoch, default).Encode());
            story.Node(node).Disk.Write(writes);
            story.Node(node).Restart();
        }

        story.Whole();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "k", "1")).Outcome);
        foreach (var node in nodes[2..])
            Assert.NotEqual(LogPosition.Zero, MembershipRecord.Decode(story.Node(node).Disk.Get(Table.Meta, keys.Membership)!).Id.Joined);

        static List<LogEntry> Log(Story story, NodeId node) =>
            [.. story.Node(node).Disk.Scan(Table.Log, [], null).Select(pair => LogEntry.FromFrame(pair.Value))];

        static List<MemberId> MembersOf(Story story) =>
            [.. ViewRecord.Decode(Log(story, story.Simulation.Nodes[0].Id).Last(e => e.Kind is EntryKind.View).Payload).View.Members.Order()];
    }

    [Fact]
    public void One_wiped_node_of_three_is_replaced_by_itself()
    {
        using var story = new Story(3).Begin();
        var wiped = story.Backup;
        story.Node(wiped).Crash();
        story.Node(wiped).Disk.Wipe();
        story.Node(wiped).Restart();
        story.Whole();
        Assert.Equal("1", story.Value(story.Get(wiped, "begin", ReadMode.Stale)));
    }

    [Fact]
    public void A_repeated_request_after_a_change_of_primary_gets_the_stored_reply()
    {
        using var story = new Story(3).Begin();
        var client = story.Outside();
        var session = client.Register(story.Primary);
        client.Send(story.Primary, session, RawClient.Increment(1, "n"));
        story.Simulation.RunUntil(() => client.Replies.Any(r => r.Kind is RequestKind.Command), Seconds(5));
        var first = client.Replies.Last().Result;

        var old = story.Primary;
        story.Node(old).Crash();
        story.Simulation.RunUntil(() => story.Primary != old, Seconds(10));
        story.Simulation.RunFor(Seconds(3));
        client.Send(story.Primary, session, RawClient.Increment(1, "n"));       // names no life, and learns which
        story.Simulation.RunFor(Seconds(1));
        client.Send(story.Primary, session, RawClient.Increment(1, "n"));
        story.Simulation.RunFor(Seconds(1));
        var second = client.Replies.Last().Result;
        client.Send(story.Primary, session, RawClient.Increment(2, "n"));
        story.Simulation.RunFor(Seconds(1));

        Assert.Equal(3, client.Replies.Count(r => r.Kind is RequestKind.Command));
        Assert.Equal((first.Outcome, first.Index), (second.Outcome, second.Index));
        Assert.Equal(first.Payload.ToArray(), second.Payload.ToArray());
        Assert.Equal("2", story.Value(story.Get(story.Primary, "n")));
    }

    /// <summary>Found by seed 908 of the chain swarm: what was refused was applied nevertheless, by a later life of the node that had refused it.</summary>
    [Fact]
    public void A_command_that_was_not_ordered_here_is_not_ordered_by_a_later_life_that_gets_a_copy_of_it()
    {
        using var story = new Story(3).Begin();
        var (client, node) = (story.Outside(), story.Backup);
        var session = client.Register(story.Primary);
        client.Send(node, default, new Request(RequestKind.StaleRead, 1, default, KeyValueCodec.WriteQuery(new KeyValueQuery { Op = KeyValueOp.Get, Key = "n"u8.ToArray() })));
        story.Simulation.RunFor(Seconds(1));
        client.Send(node, session, RawClient.Increment(1, "n"));
        story.Simulation.RunFor(Seconds(1));
        Assert.NotEqual(0, client.Redirects.Last().Number);     // it vouches for that message

        story.Node(node).Crash();
        story.Node(node).Restart();
        story.Whole();
        Assert.Equal("", story.Transfer(story.Primary, node));
        story.Simulation.RunUntil(() => story.Primary == node, Seconds(10));
        client.Repeat(node);
        story.Simulation.RunFor(Seconds(1));
        Assert.Equal((node, 0L), (client.Redirects.Last().Primary, client.Redirects.Last().Number));
        Assert.Null(story.Value(story.Get(node, "n")));

        client.Send(node, session, RawClient.Increment(1, "n"));
        story.Simulation.RunFor(Seconds(1));
        Assert.Equal("1", story.Value(story.Get(node, "n")));
    }

    [Fact]
    public void A_client_with_its_whole_window_on_the_way_keeps_its_session()
    {
        using var story = new Story(3).Begin();
        var registered = 0;
        story.Messages = m => registered += m is Requests requests ? requests.Items.Count(r => r.Kind is RequestKind.Register) : 0;
        var answers = Enumerable.Range(0, 5 * ClientSettings.MaxWindow).Select(_ => story.Increment(story.Backup, "n")).ToList();

        Assert.All(answers, answer => Assert.Equal(Outcome.Ok, story.Ended(answer).Outcome));
        Assert.Equal($"{answers.Count}", story.Value(story.Get(story.Primary, "n")));
        Assert.Equal(1, registered);
        Assert.All(answers, answer => Assert.InRange(answer.Took, TimeSpan.Zero, Ms(500)));       // no number waited to be sent again
    }

    [Fact]
    public void A_full_queue_is_answered_Overloaded_at_once()
    {
        using var story = new Story(3, s => s with { MaxPendingEntries = 5, KickAfter = Seconds(60) }).Begin();
        var client = story.Outside();
        var session = client.Register(story.Primary);
        var cut = story.Simulation.Network.Isolate(story.Backup);
        client.Send(story.Primary, session, [.. Enumerable.Range(1, 8).Select(i => RawClient.Increment(i, "n"))]);
        story.Simulation.RunFor(Ms(10));

        var refused = client.Replies.Where(r => r.Kind is RequestKind.Command).ToList();
        Assert.Equal([6L, 7L, 8L], refused.Select(r => r.Sequence));
        Assert.All(refused, r => Assert.Equal((Outcome.Overloaded, 0L), (r.Result.Outcome, r.Result.Index)));
        Assert.Contains("5 entries", refused[0].Result.Error, StringComparison.Ordinal);

        cut.End();
        story.Simulation.RunFor(Seconds(1));
        Assert.Equal([1L, 2L, 3L, 4L, 5L], client.Replies.Where(r => r.Kind is RequestKind.Command && r.Result.Outcome is Outcome.Ok).Select(r => r.Sequence));
        Assert.Equal("5", story.Value(story.Get(story.Primary, "n")));
    }

    [Fact]
    public void A_minority_side_refuses_within_one_check_quorum_interval_and_at_once_after_that()
    {
        using var story = new Story(3).Begin();
        var cutOff = story.Primary;
        using var _ = new Ending(story.Simulation.Network.Isolate(cutOff));
        var put = story.Ended(story.Put(cutOff, "k", "1", timeout: Seconds(20)));
        Assert.Equal(Outcome.Unknown, put.Outcome);         // it was ordered here; a later primary may still find it
        Assert.InRange(put.Took, TimeSpan.Zero, story.Settings.ElectionTimeout + 2 * story.Settings.HeartbeatInterval);

        var next = story.Ended(story.Put(cutOff, "k", "2", timeout: Seconds(20)));
        var read = story.Ended(story.Get(cutOff, "k", timeout: Seconds(20)));
        Assert.Equal((Outcome.Unavailable, Outcome.Unavailable), (next.Outcome, read.Outcome));
        Assert.InRange(next.Took, TimeSpan.Zero, Ms(50));
        Assert.InRange(read.Took, TimeSpan.Zero, Ms(50));
    }

    [Fact]
    public void A_backup_cut_off_alone_refuses_once_it_has_tried_to_be_elected_and_failed()
    {
        using var story = new Story(3).Begin();
        var cutOff = story.Backup;
        using var _ = new Ending(story.Simulation.Network.Isolate(cutOff));
        var put = story.Ended(story.Put(cutOff, "k", "1", timeout: Seconds(20)));
        Assert.InRange(put.Took, TimeSpan.Zero, Seconds(1.2));      // up to two election time-outs until the backup stops believing in its primary, and a few retransmissions
        Assert.True(put.Outcome is Outcome.Unavailable or Outcome.Unknown, $"{put.Outcome}");

        var next = story.Ended(story.Put(cutOff, "k", "2", timeout: Seconds(20)));
        Assert.Equal(Outcome.Unavailable, next.Outcome);
        Assert.InRange(next.Took, TimeSpan.Zero, Ms(50));
    }

    [Fact]
    public void A_hand_over_loses_no_request()
    {
        using var story = new Story(3).Begin();
        var answers = new List<Answer>();
        foreach (var target in (NodeId[])[.. story.Backups, story.Primary])
        {
            for (var i = 0; i < 20; i++)
            {
                answers.Add(story.Increment(story.Settings.InitialMembers[i % 3], "n"));
                story.Simulation.RunFor(Ms(2));
                if (i == 10)
                    Assert.Equal("", story.Transfer(story.Backup, target));
            }

            story.Simulation.RunUntil(() => story.Primary == target, Seconds(1));
        }

        Assert.All(answers, a => Assert.Equal(Outcome.Ok, story.Ended(a).Outcome));
        Assert.Equal("60", story.Value(story.Get(story.Backup, "n")));
        Assert.All(answers, a => Assert.InRange(a.Took, TimeSpan.Zero, story.Settings.ElectionTimeout));     // nobody waited for silence
    }

    [Fact]
    public void A_hand_over_to_a_node_that_is_not_there_is_refused()
    {
        using var story = new Story(3).Begin();
        Assert.Equal("n9 is not a live member of group 'story'", story.Transfer(story.Primary, new NodeId("n9")));
        var gone = story.Backup;
        story.Node(gone).Crash();
        story.Simulation.RunFor(story.Settings.ElectionTimeout * 1.5);
        Assert.Contains("not a live member", story.Transfer(story.Primary, gone), StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_sync_takes_the_replica_out_of_service_and_the_group_goes_on()
    {
        using var story = new Story(3).Begin();
        var failed = story.Backup;
        story.Node(failed).Disk.FailNextSync();
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "k", "1")).Outcome);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(failed, "k", "2")).Outcome);     // through its own client, elsewhere

        var status = story.Status(failed);
        Assert.Equal(ReplicaRole.OutOfService, status.Role);
        Assert.Contains("sync of the disk", status.Fault, StringComparison.Ordinal);
        Assert.DoesNotContain(failed, story.Status(story.Primary).Members);

        story.Simulation.RunFor(Seconds(30));
        Assert.Equal(ReplicaRole.OutOfService, story.Status(failed).Role);      // nothing but a person brings it back
        story.Node(failed).Crash();
        story.Node(failed).Restart();
        story.Whole();
    }

    [Fact]
    public void A_failed_sync_of_the_primary_passes_the_lead_on()
    {
        using var story = new Story(3).Begin();
        var failed = story.Primary;
        story.Node(failed).Disk.FailNextSync();
        var put = story.Ended(story.Put(story.Backup, "k", "1"));
        Assert.Equal(Outcome.Ok, put.Outcome);
        Assert.NotEqual(failed, story.Primary);
        Assert.Equal(ReplicaRole.OutOfService, story.Status(failed).Role);
    }

    [Fact]
    public void A_reused_token_with_another_command_is_refused()
    {
        using var story = new Story(3).Begin();
        var first = story.Ended(story.Increment(story.Primary, "n", token: "t"));
        var again = story.Ended(story.Increment(story.Backup, "n", token: "t"));
        var other = story.Ended(story.Increment(story.Backup, "m", token: "t"));
        Assert.Equal((Outcome.Ok, first.Reply!.Value.Index), (again.Outcome, again.Reply!.Value.Index));
        Assert.Equal(Outcome.TokenReused, other.Outcome);
        Assert.True(other.Reply!.Value.NotApplied);
        Assert.Equal("1", story.Value(story.Get(story.Backup, "n")));
        Assert.Null(story.Value(story.Get(story.Backup, "m")));
    }

    [Fact]
    public void What_is_over_a_limit_is_refused_by_the_client_before_it_is_sent()
    {
        using var story = new Story(2).Begin();
        Assert.Equal(Outcome.TooLarge, story.Ended(story.Put(story.Primary, "k", "v", token: new string('t', 129))).Outcome);
        Assert.Equal(Outcome.Ok, story.Ended(story.Put(story.Primary, "k", "v", token: new string('t', 128))).Outcome);
        Assert.Equal(Outcome.TooLarge, story.Ended(story.Put(story.Primary, "k", new string('v', 73_728))).Outcome);
    }

    [Fact]
    public void A_dead_primary_is_replaced_sooner_when_the_membership_service_says_so()
    {
        TimeSpan Failover(bool hinted)
        {
            using var story = new Story(3).Begin();
            var old = story.Primary;
            var since = story.Simulation.Now;
            story.Node(old).Crash();
            if (hinted)
            {
                foreach (var node in story.Backups)
                    story.Simulation.GiveHint(node, new MembershipHint(old, Suspected: true));
            }

            story.Simulation.RunUntil(() => story.Primary != old, Seconds(10));
            return story.Simulation.Now - since;
        }

        var (hinted, silent) = (Failover(true), Failover(false));
        Assert.True(hinted < Ms(150), $"{hinted}");
        Assert.True(silent >= Ms(250), $"{silent}");
    }

    [Fact]
    public void A_wrong_hint_does_not_unseat_a_primary_that_is_heard()
    {
        using var story = new Story(3).Begin();
        var (primary, epoch) = (story.Primary, story.Epoch);
        story.Simulation.GiveHint(story.Backup, new MembershipHint(primary, Suspected: true));
        story.Simulation.RunFor(Seconds(5));
        Assert.Equal((primary, epoch), (story.Primary, story.Epoch));
    }

    [Fact]
    public void A_replica_whose_configured_commit_rule_differs_from_the_founding_one_says_so_and_stays_out()
    {
        var rule = CommitRule.All;
        using var simulation = new Simulation(1, new SimulationOptions { Config = ActorsConfig.Default });
        simulation.Network.ReplicaName = _ => ReplicationNode.Name;
        var node = simulation.AddNode("n1", context =>
        {
            var environment = new ReplicationEnvironment
            {
                Cluster = "story",
                Node = context.Id,
                Nodes = [context.Id],
                Incarnation = new Incarnation(1),
                Store = context.OpenStore(),
                Peers = context.Peers,
                Clock = context.Clock,
                Seed = 1,
            };
            var settings = new GroupSettings { Id = Entries.Group, InitialMembers = [context.Id], MinInView = 1, Commit = rule, StateMachine = () => new KeyValueMachine() };
            context.ActorOf(ReplicationNode.Props(environment, [settings], new ClientSettings()), ReplicationNode.Name);
        });
        Assert.Equal(ReplicaRole.Primary, Status().Role);

        node.Crash();
        rule = CommitRule.Majority;
        node.Restart();
        var status = Status();
        Assert.Equal(ReplicaRole.OutOfService, status.Role);
        Assert.Equal("group 'test' was founded with commit = all, this node is configured with commit = majority; use the founding value", status.Fault);

        node.Crash();
        rule = CommitRule.All;
        node.Restart();
        Assert.Equal(ReplicaRole.Primary, Status().Role);

        ReplicaStatus Status()
        {
            simulation.RunFor(Seconds(3));
            IReadOnlyList<ReplicaStatus> statuses = [];
            node.Actor(ReplicationNode.Name).Tell(new ForClient(Entries.Group, new CollectStatus(Ms(100), s => statuses = s)), ActorRefs.NoSender);
            simulation.RunFor(Seconds(1));
            return statuses.Single();
        }
    }

    private sealed class Ending(NetworkFault fault) : IDisposable
    {
        public void Dispose() => fault.End();
    }
}
