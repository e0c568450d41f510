using System.Buffers.Binary;
using System.IO.Hashing;
using Actors.Wire;

namespace Actors.Replication;

/// <summary>Idempotency tokens: which commands were applied under them, whoever sent them. Replicated state, changed by entries only.</summary>
/// <remarks>
/// A token outlives sessions and nodes: a request repeated through another node with the same token is not applied twice (replication
/// rules, 5.5). Forgotten after a time of log time; when the table is full, new tokens are refused rather than old ones forgotten early.
/// </remarks>
internal sealed class Tokens(StateSpace space)
{
    private int _count;

    public int Count => _count;

    /// <summary>The reply to the command applied under <paramref name="token"/>; TokenReused when it was another command; null when the token is new.</summary>
    public Applied? Find(ReadOnlySpan<byte> token, ReadOnlySpan<byte> command)
    {
        if (space.GetFull(Key(token)) is not { } record)
            return null;
        var reader = new ByteReader(record);
        return reader.UInt128() == XxHash128.HashToUInt128(command)
            ? Applied.Read(ref reader)
            : new Applied(Outcome.TokenReused, default, 0, "the idempotency token was used before with another command");
    }

    /// <summary>Remembers what the command under <paramref name="token"/> led to.</summary>
    public void Store(ReadOnlySpan<byte> token, ReadOnlySpan<byte> command, in Applied reply, long index, long timestamp)
    {
        var writer = new ByteWriter();
        writer.UInt128(XxHash128.HashToUInt128(command));
        reply.Write(writer);
        space.Set(Key(token), writer.ToArray());
        space.Set(AgeKey(timestamp, index), token.ToArray());
        _count++;
    }

    /// <summary>Forgets tokens older than <paramref name="deadline"/> (log time), at most two per call so that no entry pays for many.</summary>
    public void Expire(long deadline)
    {
        // Keys compare as unsigned bytes: a deadline before the beginning of time would come last.
        var expired = space.ScanFull([StateSpace.TokenAgeSpace], AgeKey(Math.Max(deadline, 0), 0)).Take(2).ToList();
        foreach (var (age, token) in expired)
        {
            space.Set(age, null);
            space.Set(Key(token), null);
            _count--;
        }
    }

    /// <summary>Counts the tokens in the state space.</summary>
    public void Load() => _count = space.ScanFull([StateSpace.TokenAgeSpace], [StateSpace.TokenAgeSpace + 1]).Count();

    private static byte[] Key(ReadOnlySpan<byte> token) => [StateSpace.TokenSpace, .. token];

    private static byte[] AgeKey(long timestamp, long index)
    {
        var key = new byte[17];
        key[0] = StateSpace.TokenAgeSpace;
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(1), timestamp);
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(9), index);
        return key;
    }
}
