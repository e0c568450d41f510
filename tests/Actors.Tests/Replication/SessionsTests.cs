using Actors.Membership;
using Actors.Replication;
using Actors.Storage;
using CsCheck;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

public sealed class SessionsTests
{
    private const int Window = ClientSettings.MaxWindow;
    private const long InUse = 10_000;      // ms of log time

    [Theory]
    [InlineData(1, 0, Seen.OutOfWindow)]
    [InlineData(1, 1, Seen.New)]
    [InlineData(1, Window - 1, Seen.New)]
    [InlineData(1, Window, Seen.New)]
    [InlineData(1, Window + 1, Seen.OutOfWindow)]
    [InlineData(2, 1, Seen.OutOfWindow)]
    [InlineData(2, Window + 1, Seen.New)]
    [InlineData(2, Window + 2, Seen.OutOfWindow)]
    [InlineData(long.MaxValue, long.MaxValue, Seen.OutOfWindow)]
    internal void A_request_is_new_from_the_lowest_number_on_for_one_window(long lowest, long sequence, Seen seen)
    {
        var sessions = Opened(At(1, 1));
        sessions.Touch(At(1, 1), lowest, 2, 0);
        Assert.Equal(seen, sessions.Find(At(1, 1), sequence, 1, out _));
    }

    [Fact]
    public void The_window_begins_where_the_request_says_that_its_client_waits()
    {
        var sessions = Opened(At(1, 1));
        Assert.Equal(Seen.OutOfWindow, sessions.Find(At(1, 1), Window + 1, 1, out _));
        Assert.Equal(Seen.New, sessions.Find(At(1, 1), Window + 1, 2, out _));
        Assert.Equal(Seen.New, sessions.Find(At(1, 1), 5, 900, out _));       // a client waits for what it sends
    }

    [Fact]
    public void Numbers_may_come_out_of_order_and_each_counts_once()
    {
        var sessions = Opened(At(1, 1));
        foreach (var sequence in (long[])[5, 2, 9, 1])
        {
            Assert.Equal(Seen.New, sessions.Find(At(1, 1), sequence, 1, out _));
            sessions.Touch(At(1, 1), 1, sequence, 0);
            sessions.Store(At(1, 1), sequence, Reply(sequence));
            Assert.Equal(Seen.Duplicate, sessions.Find(At(1, 1), sequence, 1, out var reply));
            Assert.Equal(sequence, reply.Index);
        }

        Assert.Equal(Seen.New, sessions.Find(At(1, 1), 3, 1, out _));
    }

    [Fact]
    public void A_reply_that_the_client_no_longer_waits_for_is_forgotten_and_never_applied_again()
    {
        var sessions = Opened(At(1, 1));
        for (var sequence = 1; sequence <= 3; sequence++)
            sessions.Store(At(1, 1), sequence, Reply(sequence));
        sessions.Touch(At(1, 1), 3, 9, 0);
        Assert.Equal(Seen.OutOfWindow, sessions.Find(At(1, 1), 1, 1, out _));
        Assert.Equal(Seen.OutOfWindow, sessions.Find(At(1, 1), 2, 1, out _));
        Assert.Equal(Seen.Duplicate, sessions.Find(At(1, 1), 3, 1, out _));
    }

    [Fact]
    public void The_lowest_number_never_falls()
    {
        var sessions = Opened(At(1, 1));
        sessions.Touch(At(1, 1), 10, 2, 0);
        sessions.Touch(At(1, 1), 4, 3, 0);
        Assert.Equal(Seen.OutOfWindow, sessions.Find(At(1, 1), 9, 1, out _));
    }

    [Fact]
    public void An_unknown_session_is_never_new()
    {
        var sessions = Opened(At(1, 1));
        Assert.Equal(Seen.UnknownSession, sessions.Find(At(2, 1), 1, 1, out _));     // the same index in another epoch
        Assert.Equal(Seen.UnknownSession, sessions.Find(LogPosition.Zero, 1, 1, out _));
        Assert.Equal(Seen.UnknownSession, new Sessions().Find(At(1, 1), 1, 1, out _));
    }

    [Fact]
    public void A_session_expires_by_log_time_one_tick_after_its_deadline()
    {
        var sessions = Opened(At(1, 1));
        sessions.Touch(At(1, 1), 1, 2, timestamp: 100);
        sessions.Expire(deadline: 100);
        Assert.Equal(1, sessions.Count);
        sessions.Expire(deadline: 101);
        Assert.Equal(0, sessions.Count);
        Assert.Equal(Seen.UnknownSession, sessions.Find(At(1, 1), 1, 1, out _));
    }

    [Fact]
    public void The_least_recently_used_session_makes_room()
    {
        var sessions = Opened(At(1, 1), At(1, 2), At(1, 3));
        sessions.Touch(At(1, 1), 1, 4, 0);
        Assert.True(sessions.Open(At(1, 5), InUse, maxSessions: 3));
        Assert.Equal(Seen.UnknownSession, sessions.Find(At(1, 2), 1, 1, out _));
        Assert.Equal(Seen.New, sessions.Find(At(1, 1), 1, 1, out _));
        Assert.Equal(3, sessions.Count);
    }

    [Fact]
    public void A_session_in_use_is_not_given_up_for_a_new_one()
    {
        var sessions = Opened(At(1, 1), At(1, 2));
        sessions.Touch(At(1, 1), 1, 3, timestamp: 5);
        sessions.Touch(At(1, 2), 1, 4, timestamp: 6);
        Assert.False(sessions.Open(At(1, 5), 5 + InUse - 1, maxSessions: 2));
        Assert.Equal(Seen.New, sessions.Find(At(1, 1), 1, 1, out _));
        Assert.Equal(Seen.UnknownSession, sessions.Find(At(1, 5), 1, 1, out _));

        Assert.True(sessions.Open(At(1, 6), 5 + InUse, maxSessions: 2));
        Assert.Equal(Seen.UnknownSession, sessions.Find(At(1, 1), 1, 1, out _));
        Assert.Equal(Seen.New, sessions.Find(At(1, 2), 1, 1, out _));
        Assert.False(sessions.Open(At(1, 7), 5 + InUse, maxSessions: 2));
    }

    [Fact]
    public void A_replica_that_reloads_from_its_store_forgets_the_same_sessions_as_one_that_does_not() =>
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 9], Gen.Int[0, 40], Gen.Bool).Array[1, 60].Sample(steps =>
        {
            var (kept, reloaded) = (new Sessions(), new Sessions());
            var store = new InMemoryStore();
            var space = new StateSpace(store, Keys.State(0));
            var ids = new List<LogPosition>();
            var (index, time) = (0L, 0L);
            foreach (var (verb, which, pause, reload) in steps)
            {
                (index, time) = (index + 1, time + (100 * pause));
                foreach (var sessions in (Sessions[])[kept, reloaded])
                    Do(sessions, verb, which);
                if (verb < 3)
                    ids.Add(At(1, index));
                if (reload)
                {
                    reloaded.SaveTo(space);
                    store.Write(space.TakeFlush(), sync: false);
                    space.Flushed();
                    reloaded = new Sessions();
                    reloaded.LoadFrom(space);
                }

                Assert.Equal(kept.Count, reloaded.Count);
                foreach (var id in ids)
                {
                    for (var sequence = 0; sequence < 12; sequence++)
                    {
                        Assert.Equal(kept.Find(id, sequence, 1, out var one), reloaded.Find(id, sequence, 1, out var other));
                        Assert.Equal(one.Index, other.Index);
                    }
                }
            }

            void Do(Sessions sessions, int verb, int which)
            {
                sessions.Expire(time - 20_000);
                if (verb < 3)
                {
                    sessions.Open(At(1, index), time, maxSessions: 4);
                }
                else if (ids.Count > 0)
                {
                    var id = ids[which % ids.Count];
                    if (sessions.Find(id, which, 1, out _) is not Seen.New)
                        return;
                    sessions.Touch(id, Math.Max(1, which - 3), index, time);
                    sessions.Store(id, which, Reply(index));
                }
            }
        });

    [Fact]
    public void Sessions_of_other_epochs_come_back_as_themselves_and_what_did_not_change_is_not_written_again()
    {
        LogPosition[] ids = [At(7, 1), At(8, 1), At(1, 300)];
        var (store, sessions) = (new InMemoryStore(), Opened(ids));
        var space = new StateSpace(store, Keys.State(0));
        sessions.SaveTo(space);
        store.Write(space.TakeFlush(), sync: false);
        space.Flushed();
        sessions.SaveTo(space);
        Assert.Equal(0, space.Changes);

        var reloaded = new Sessions();
        reloaded.LoadFrom(space);
        Assert.Equal(3, reloaded.Count);
        Assert.All(ids, id => Assert.Equal(Seen.New, reloaded.Find(id, 1, 1, out _)));
    }

    private static Sessions Opened(params LogPosition[] ids)
    {
        var sessions = new Sessions();
        foreach (var id in ids)
            sessions.Open(id, 0, maxSessions: 10);
        return sessions;
    }

    private static Applied Reply(long index) => new(Outcome.Ok, "reply"u8.ToArray(), index, "");
}
