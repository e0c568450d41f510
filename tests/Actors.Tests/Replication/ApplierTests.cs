using System.Buffers;
using System.Text;
using Actors.Membership;
using Actors.Replication;
using Actors.Storage;
using CsCheck;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

public sealed class ApplierTests
{
    [Fact]
    public void An_exception_in_apply_is_a_failed_reply_and_changes_nothing()
    {
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register();
        replica.Command(session, 1, "set a 1");
        var applied = replica.Command(session, 2, "set a 2 then throw");
        Assert.Equal((Outcome.Failed, 4L), (applied.Outcome, applied.Index));
        Assert.Equal("the state machine failed: InvalidTimeZoneException", applied.Error);
        Assert.Equal("1", replica.Value("a"));
        Assert.Empty(replica.Applier.Events.After(3, default));
    }

    [Fact]
    public void A_refusal_by_the_machine_is_passed_on_in_its_own_words_but_not_in_more_than_512()
    {
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register();
        Assert.Equal("no", replica.Command(session, 1, "reject no").Error);
        Assert.Equal(512, replica.Command(session, 2, $"reject {new string('x', 600)}").Error.Length);
    }

    [Fact]
    public void A_store_that_fails_in_apply_is_no_outcome_of_the_command()
    {
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register();
        Assert.Throws<StoreFailedException>(() => replica.Command(session, 1, "lose the store"));
    }

    [Fact]
    public void A_reply_at_the_limit_passes_and_one_over_it_fails_without_a_change()
    {
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register();
        Assert.Equal(Applier.MaxReplyBytes, replica.Command(session, 1, $"reply {Applier.MaxReplyBytes}").Payload.Length);
        var applied = replica.Command(session, 2, $"reply {Applier.MaxReplyBytes + 1}");
        Assert.Equal(Outcome.Failed, applied.Outcome);
        Assert.Contains("over the limit of 8192", applied.Error, StringComparison.Ordinal);
        Assert.Equal($"{Applier.MaxReplyBytes}", replica.Value("replied"));
    }

    [Fact]
    public void A_repeated_request_is_answered_with_the_stored_reply_and_applied_once()
    {
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register();
        var first = replica.Command(session, 1, "count c");
        var second = replica.Command(session, 1, "count c");
        Assert.Equal((first.Outcome, first.Index, "1"), (second.Outcome, second.Index, Encoding.UTF8.GetString(second.Payload.Span)));
        Assert.Equal("1", replica.Value("c"));
    }

    [Fact]
    public void A_failed_request_fails_again_in_the_same_words_even_when_it_would_succeed_now()
    {
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register();
        var first = replica.Command(session, 1, "require a");
        replica.Command(session, 2, "set a 1");
        Assert.Equal(first, replica.Command(session, 1, "require a"));
        Assert.Equal(Outcome.Ok, replica.Command(session, 3, "require a").Outcome);
    }

    [Fact]
    public void A_token_holds_across_sessions()
    {
        var replica = new Replica(new InMemoryStore());
        var (one, other) = (replica.Register(), replica.Register());
        var first = replica.Command(one, 1, "count c", token: "t");
        var second = replica.Command(other, 1, "count c", token: "t");
        Assert.Equal(first.Index, second.Index);
        Assert.Equal("1", replica.Value("c"));
        Assert.Equal(Outcome.TokenReused, replica.Command(other, 2, "count d", token: "t").Outcome);
        Assert.Null(replica.Value("d"));
    }

    [Fact]
    public void A_full_table_of_tokens_refuses_new_ones_and_knows_the_old_until_they_age()
    {
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register();
        for (var i = 1; i <= Limits.MaxTokens; i++)
            replica.Command(session, i, "count c", token: $"t{i}", time: 100);
        Assert.Equal(Outcome.Overloaded, replica.Command(session, 10, "count c", token: "one more", time: 200).Outcome);
        Assert.Equal(Outcome.Ok, replica.Command(session, 11, "count c", token: "t1", time: 200).Outcome);
        Assert.Equal("3", replica.Value("c"));
        Assert.Equal(Outcome.Ok, replica.Command(session, 12, "count c", token: "one more", time: 101 + Limits.TokenRetentionMs).Outcome);
        Assert.Equal("4", replica.Value("c"));
    }

    [Fact]
    public void A_request_of_an_unknown_session_is_expired_and_not_applied()
    {
        var replica = new Replica(new InMemoryStore());
        Assert.Equal((Outcome.Expired, 0L), (replica.Command(At(1, 99), 1, "count c").Outcome, replica.Command(LogPosition.Zero, 1, "count c").Index));
        Assert.Null(replica.Value("c"));
    }

    [Fact]
    public void A_session_expires_by_the_time_in_the_log()
    {
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register(time: 100);
        Assert.Equal(Outcome.Ok, replica.Command(session, 1, "count c", time: 100 + Limits.SessionTimeoutMs).Outcome);
        Assert.Equal(Outcome.Expired, replica.Command(session, 2, "count c", time: 101 + 2 * Limits.SessionTimeoutMs).Outcome);
    }

    [Fact]
    public void A_client_that_claims_to_wait_for_less_than_it_sends_neither_stops_nor_fills_the_replica()
    {
        // Lowest above the request's own number is no honest client's; it came over the wire, so it is met here.
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register();
        Assert.Equal(Outcome.Ok, replica.Command(session, 1, "count c", lowest: 2).Outcome);
        Assert.Equal(Outcome.Ok, replica.Command(session, 2, "count c", lowest: long.MaxValue).Outcome);
        replica.Command(session, 2, "count c", lowest: long.MaxValue);
        Assert.Equal("2", replica.Value("c"));
        Assert.Equal(Outcome.Ok, replica.Command(session, 3, "count c", lowest: 3).Outcome);
    }

    [Fact]
    public void An_entry_out_of_turn_is_a_broken_invariant()
    {
        var replica = new Replica(new InMemoryStore());
        Assert.Throws<InvariantViolation>(() => replica.Applier.Apply(LogEntry.Create(At(1, 3), default, 0, Draft("x"))));
        Assert.Throws<InvariantViolation>(() => replica.Applier.Apply(LogEntry.Create(At(1, 1), default, 0, Draft("x"))));
    }

    [Fact]
    public void A_query_that_throws_is_a_failed_answer()
    {
        var replica = new Replica(new InMemoryStore());
        Assert.Equal((Outcome.Failed, "no"), (replica.Applier.Query("no"u8.ToArray()).Outcome, replica.Applier.Query("no"u8.ToArray()).Error));
        Assert.Equal((Outcome.Ok, 1L), (replica.Applier.Query("value a"u8.ToArray()).Outcome, replica.Applier.Query("value a"u8.ToArray()).Index));
    }

    [Fact]
    public void Position_view_sessions_and_tokens_come_back_from_the_store()
    {
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register();
        var first = replica.Command(session, 1, "count c", token: "t");
        replica.FlushAndReload();
        Assert.Equal((At(1, 3), 3L, 1L), (replica.Applier.Position, replica.Applier.FlushedIndex, replica.Applier.ViewIndex));
        Assert.Equal(Limits, replica.Applier.View!.Limits);
        Assert.Equal(Seen.Duplicate, replica.Applier.Find(session, 1, 1, out var known));
        Assert.Equal(first.Index, known.Index);
        Assert.Equal(first.Index, replica.Command(session, 2, "count c", token: "t").Index);
        Assert.Equal(3, replica.Applier.Events.CompleteAfter);
    }

    [Fact]
    public void What_was_not_flushed_is_applied_again_from_the_log_to_the_same_state()
    {
        var replica = new Replica(new InMemoryStore());
        var session = replica.Register();
        replica.Command(session, 1, "count c");
        replica.FlushAndReload();
        replica.Command(session, 2, "count c");
        var hash = replica.Applier.StateHash();
        replica.Reload();
        Assert.Equal("1", replica.Value("c"));
        replica.ApplyAgain(from: 4);
        Assert.Equal("2", replica.Value("c"));
        Assert.Equal(hash, replica.Applier.StateHash());
    }

    private static readonly Gen<(int Session, int Sequence, string Command, string Token, int Pause)> GenRequest = Gen.Select(
        Gen.Int[0, 4], Gen.Int[1, 6],
        Gen.OneOf("count c", "count d", "set a 1", "set a 2 then throw", "reject no", "require a", "reply 9000", "reply 10", "delete a", "register"),
        Gen.Frequency((3, Gen.Const("")), (1, Gen.OneOf("t1", "t2", "t3", "t4", "t5"))), Gen.Int[0, 300]);

    [Fact]
    public void Two_replicas_are_equal_at_every_index_also_when_one_crashes_and_reloads() =>
        Gen.Select(GenRequest, Gen.Int[0, 5]).Array[1, 50].Sample(steps =>
        {
            var (steady, shaken) = (new Replica(new InMemoryStore()), new Replica(new InMemoryStore()));
            var sessions = new List<LogPosition> { At(1, 999) };
            var time = 0L;
            foreach (var ((which, sequence, command, token, pause), shake) in steps)
            {
                time += pause;
                if (command == "register")
                {
                    sessions.Add(steady.Register(time));
                    shaken.Register(time);
                }
                else
                {
                    var session = sessions[^(1 + which % sessions.Count)];
                    Assert.Equal(Text(steady.Command(session, sequence, command, token, time)), Text(shaken.Command(session, sequence, command, token, time)));
                }

                if (shake == 1)
                    shaken.FlushAndReload();
                else if (shake == 2)
                    shaken.CrashAndReplay();
                Assert.Equal(steady.Applier.StateHash(), shaken.Applier.StateHash());
            }

            static string Text(Applied applied) => $"{applied.Outcome} {applied.Index} {Convert.ToHexString(applied.Payload.Span)} {applied.Error}";
        });

    /// <summary>The applying half of a replica: a log, a store and an applier that starts with a view.</summary>
    private sealed class Replica
    {
        private readonly InMemoryStore _store;
        private readonly List<LogEntry> _log = [];

        public Replica(InMemoryStore store)
        {
            _store = store;
            Reload();
            Append(EntryKind.View, default, 0, 1, "", new ViewRecord(Entries.View("n1"), CommitRule.All, Limits).Encode(), 0);
        }

        public Applier Applier { get; private set; } = null!;

        public LogPosition Register(long time = 0)
        {
            Append(EntryKind.Register, default, 0, 0, "", [], time);
            return _log[^1].Position;
        }

        public Applied Command(LogPosition session, long sequence, string command, string token = "", long time = 0, long lowest = 1)
            => Append(EntryKind.Command, session, sequence, lowest, token, Encoding.UTF8.GetBytes(command), time);

        public string? Value(string key)
        {
            var reply = Applier.Query(Encoding.UTF8.GetBytes($"value {key}")).Payload;
            return reply.Length == 0 ? null : Encoding.UTF8.GetString(reply.Span);
        }

        public void FlushAndReload()
        {
            _store.Write(Applier.TakeFlush(), sync: false);
            Applier.Flushed();
            Reload();
        }

        public void CrashAndReplay()
        {
            Reload();
            ApplyAgain(Applier.Position.Index + 1);
        }

        public void Reload()
        {
            Applier = new Applier(new Machine(), new StateSpace(_store, Keys.State(0)), eventsKept: 10);
            Applier.Load();
        }

        public void ApplyAgain(long from)
        {
            foreach (var entry in _log.Skip((int)from - 1))
                Applier.Apply(entry);
        }

        private Applied Append(EntryKind kind, LogPosition session, long sequence, long lowest, string token, byte[] payload, long time)
        {
            var draft = new EntryDraft(kind, session, sequence, lowest, Encoding.UTF8.GetBytes(token), payload);
            time = Math.Max(time, _log.Count == 0 ? 0 : _log[^1].Timestamp);
            _log.Add(LogEntry.Create(At(1, _log.Count + 1), _log.Count == 0 ? default : _log[^1].Hash, time, draft));
            return Applier.Apply(_log[^1]);
        }
    }

    /// <summary>A machine that does what the words of a command say, and misbehaves on demand.</summary>
    private sealed class Machine : IStateMachine
    {
        public void Apply(ReadOnlySpan<byte> command, ApplyContext context, IBufferWriter<byte> reply)
        {
            var words = Encoding.UTF8.GetString(command).Split(' ');
            var key = Encoding.UTF8.GetBytes(words[1]);
            switch (words[0])
            {
                case "set":
                    context.State.Put(key, Encoding.UTF8.GetBytes(words[2]));
                    context.Publish(key, []);
                    if (words[^1] == "throw")
                        throw new InvalidTimeZoneException("not for clients");
                    break;
                case "count":
                    var count = context.State.Get(key) is { } old ? int.Parse(Encoding.UTF8.GetString(old), null) + 1 : 1;
                    context.State.Put(key, Encoding.UTF8.GetBytes($"{count}"));
                    reply.Write(Encoding.UTF8.GetBytes($"{count}"));
                    break;
                case "require" when context.State.Get(key) is null:
                    throw new CommandRejectedException($"there is no {words[1]}");
                case "delete":
                    context.State.Delete(key);
                    break;
                case "reject":
                    throw new CommandRejectedException(words[1]);
                case "reply":
                    context.State.Put("replied"u8.ToArray(), key);
                    reply.Write(new byte[int.Parse(words[1], null)]);
                    break;
                case "lose":
                    throw new StoreFailedException("the disk is gone");
            }
        }

        public void Query(ReadOnlySpan<byte> query, IStateReader state, IBufferWriter<byte> reply)
        {
            var words = Encoding.UTF8.GetString(query).Split(' ');
            if (words.Length < 2)
                throw new CommandRejectedException(words[0]);
            reply.Write(state.Get(Encoding.UTF8.GetBytes(words[1])) ?? []);
        }
    }
}
