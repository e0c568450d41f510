using Actors.Replication;
using Actors.Storage;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

public sealed class TokensTests
{
    private static readonly Applied Reply = new(Outcome.Ok, default, 1, "");
    private readonly StateSpace _space = new(new InMemoryStore(), Keys.State(0));

    [Fact]
    public void The_command_under_a_token_is_answered_with_the_first_reply()
    {
        var tokens = new Tokens(_space);
        tokens.Store("t"u8, "command"u8, new Applied(Outcome.Ok, "reply"u8.ToArray(), 7, ""), 7, 0);
        var known = tokens.Find("t"u8, "command"u8);
        Assert.Equal((Outcome.Ok, 7L), (known!.Value.Outcome, known.Value.Index));
        Assert.Equal("reply"u8.ToArray(), known.Value.Payload.ToArray());
        Assert.Null(tokens.Find("T"u8, "command"u8));
    }

    [Fact]
    public void Another_command_under_a_token_is_refused()
    {
        var tokens = new Tokens(_space);
        tokens.Store("t"u8, "command"u8, new Applied(Outcome.Ok, default, 7, ""), 7, 0);
        Assert.Equal(Outcome.TokenReused, tokens.Find("t"u8, "Command"u8)!.Value.Outcome);
    }

    [Fact]
    public void A_failed_reply_is_remembered_too()
    {
        var tokens = new Tokens(_space);
        tokens.Store("t"u8, "command"u8, new Applied(Outcome.Failed, default, 7, "no"), 7, 0);
        Assert.Equal((Outcome.Failed, "no"), (tokens.Find("t"u8, "command"u8)!.Value.Outcome, tokens.Find("t"u8, "command"u8)!.Value.Error));
    }

    [Fact]
    public void Tokens_are_forgotten_by_age_two_at_a_time_oldest_first()
    {
        var tokens = new Tokens(_space);
        foreach (var index in (long[])[1, 2, 3])
            tokens.Store([(byte)index], "c"u8, Reply, index, timestamp: 100 + index);
        tokens.Expire(deadline: 101);       // the first is not older than that
        Assert.Equal(3, tokens.Count);
        tokens.Expire(deadline: 1_000);
        Assert.Equal(1, tokens.Count);
        Assert.Null(tokens.Find([1], "c"u8));
        Assert.NotNull(tokens.Find([3], "c"u8));
        tokens.Expire(deadline: 1_000);
        Assert.Equal(0, tokens.Count);
    }

    [Fact]
    public void A_retention_longer_than_the_log_time_forgets_nothing()
    {
        var tokens = new Tokens(_space);
        tokens.Store("t"u8, "c"u8, Reply, 1, timestamp: 5);
        tokens.Expire(deadline: 5 - 86_400_000);
        Assert.Equal(1, tokens.Count);
    }

    [Fact]
    public void The_count_is_found_again_in_the_state()
    {
        var tokens = new Tokens(_space);
        tokens.Store("a"u8, "c"u8, Reply, 1, 0);
        tokens.Store("b"u8, "c"u8, Reply, 2, 0);
        var again = new Tokens(_space);
        again.Load();
        Assert.Equal(2, again.Count);
    }
}
