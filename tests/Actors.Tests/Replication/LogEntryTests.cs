using Actors.Membership;
using Actors.Replication;
using Actors.Wire;
using CsCheck;
using static Actors.Tests.ReplicationTests.Entries;

namespace Actors.Tests.ReplicationTests;

public sealed class LogEntryTests
{
    [Fact]
    public void Every_field_comes_back_from_the_frame()
    {
        var draft = new EntryDraft(EntryKind.Command, At(3, 4), 5, 6, "token"u8.ToArray(), "payload"u8.ToArray());
        var entry = LogEntry.FromFrame(LogEntry.Create(At(1, 2), 77, 1234, draft).Frame);

        Assert.Equal(At(1, 2), entry.Position);
        Assert.Equal(1234, entry.Timestamp);
        Assert.Equal(At(3, 4), entry.Session);
        Assert.Equal((5, 6), (entry.Sequence, entry.Lowest));
        Assert.Equal(EntryKind.Command, entry.Kind);
        Assert.Equal("token"u8.ToArray(), entry.Token.ToArray());
        Assert.Equal("payload"u8.ToArray(), entry.Payload.ToArray());
        Assert.Equal(LogEntry.HeaderBytes + 5 + 7, entry.Bytes);
    }

    [Fact]
    public void An_entry_follows_its_predecessor_and_no_other()
    {
        var entry = LogEntry.Create(At(1, 2), 77, 0, Draft("x"));
        Assert.True(entry.Follows(77));
        Assert.False(entry.Follows(78));
        Assert.False(entry.Follows((UInt128)77 << 64 | 1));
        Assert.False(entry.Follows((UInt128)1 << 64 | 77));     // the upper half counts too
    }

    [Fact]
    public void A_single_flipped_bit_anywhere_is_noticed() =>
        Gen.Select(Gen.String, Gen.Int[0, int.MaxValue]).Sample((payload, draw) =>
        {
            var frame = LogEntry.Create(At(1, 2), 77, 0, Draft(payload)).Frame.ToArray();
            var bit = draw % (frame.Length * 8);
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
            try
            {
                return !LogEntry.FromFrame(frame).Follows(77);
            }
            catch (MalformedException)
            {
                return true;
            }
        });

    [Fact]
    public void The_hash_names_the_whole_log_before_the_entry()
    {
        var one = Chain(1, default, "a", "b", "c");
        var other = Chain(1, default, "a", "B", "c");
        Assert.Equal(one[0].Hash, other[0].Hash);
        Assert.NotEqual(one[2].Hash, other[2].Hash);
        Assert.True(one[2].Follows(one[1].Hash));
        Assert.False(one[2].Follows(other[1].Hash));
    }

    [Theory]
    [InlineData(EntryKind.Command, 0)]
    [InlineData(EntryKind.Register, 1)]
    [InlineData(EntryKind.View, LogEntry.MaxTokenBytes - 1)]
    [InlineData(EntryKind.Operation, LogEntry.MaxTokenBytes)]
    internal void Every_kind_and_every_token_up_to_the_longest_comes_back(EntryKind kind, int tokenBytes)
    {
        var draft = new EntryDraft(kind, At(3, 4), 5, 6, new byte[tokenBytes], default);
        var entry = LogEntry.FromFrame(LogEntry.Create(At(1, 2), 77, 0, draft).Frame);
        Assert.Equal((kind, tokenBytes, 0), (entry.Kind, entry.Token.Length, entry.Payload.Length));
    }

    [Fact]
    public void A_token_longer_than_its_length_can_say_is_never_written()
        => Assert.Throws<OverflowException>(() => LogEntry.Create(At(1, 2), 77, 0, Draft("x") with { Token = new byte[256] }));

    [Theory]
    [InlineData(0, 0, "shorter")]           // cut off
    [InlineData(72, 0, "unknown kind 0")]
    [InlineData(72, 5, "unknown kind 5")]
    [InlineData(73, LogEntry.MaxTokenBytes + 1, "token of 129")]
    [InlineData(73, 200, "token of 200")]
    [InlineData(73, 20, "token of 20")]     // longer than what follows
    public void Impossible_fields_are_refused_with_the_reason(int offset, byte value, string reason)
    {
        var frame = LogEntry.Create(At(1, 2), 77, 0, Draft("x")).Frame.ToArray();
        frame[offset] = value;
        var bytes = offset == 0 ? frame.AsMemory(0, LogEntry.HeaderBytes - 1) : frame;
        Assert.Contains(reason, Assert.Throws<MalformedException>(() => LogEntry.FromFrame(bytes)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(-1, 1)]
    [InlineData(1, -1)]
    public void Positions_before_the_first_are_refused(long epoch, long index)
    {
        var frame = LogEntry.Create(new LogPosition(new Epoch(epoch), index), 0, 0, Draft("x")).Frame;
        Assert.Contains("claims position", Assert.Throws<MalformedException>(() => LogEntry.FromFrame(frame)).Message, StringComparison.Ordinal);
    }
}
