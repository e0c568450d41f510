using System.Buffers.Binary;
using System.Text;
using Actors.Membership;
using Actors.Storage;

namespace Actors.Replication;

/// <summary>Where a group keeps what in the node's store: every key begins with the length and the name of the group.</summary>
/// <remarks>A group in memory marks its keys as volatile (<see cref="VolatileStore"/>), except for its promise and its past, which must outlive the process.</remarks>
internal sealed class GroupKeys
{
    private readonly byte[] _prefix;

    public GroupKeys(GroupId group, bool isVolatile = false)
    {
        var name = Encoding.ASCII.GetBytes(group.Value);
        _prefix = [(byte)name.Length, .. name];
        Promise = Key("promise"u8);
        Past = Key("past"u8);
        if (isVolatile)
            _prefix[0] |= VolatileStore.Mark;
        Membership = Key("membership"u8);
        Base = Key("base"u8);
        Genesis = Key("genesis"u8);
        Record = Key("record"u8);
    }

    /// <summary>Meta: epoch and vote.</summary>
    public byte[] Promise { get; }

    /// <summary>Meta: the member id, and the commit index as far as it was known.</summary>
    public byte[] Membership { get; }

    /// <summary>Meta: how far the log of a group in memory had come, for those who begin it anew.</summary>
    public byte[] Past { get; }

    /// <summary>Where the keys begin, except for <see cref="Promise"/> and <see cref="Past"/> of a group in memory.</summary>
    public byte[] Begin => _prefix;

    /// <summary>Where they end (exclusive).</summary>
    public byte[] End => [.. _prefix.AsSpan(0, _prefix.Length - 1), (byte)(_prefix[^1] + 1)];

    /// <summary>Log: the entry at <paramref name="index"/>; big-endian, so that the order of keys is the order of entries.</summary>
    public byte[] Entry(long index)
    {
        var key = new byte[_prefix.Length + 8];
        _prefix.CopyTo(key, 0);
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(_prefix.Length), index);
        return key;
    }

    /// <summary>Meta: where the log begins, and which generation of the state goes with it.</summary>
    public byte[] Base { get; }

    /// <summary>Meta: the group's first entry, which the log need not hold any more.</summary>
    public byte[] Genesis { get; }

    /// <summary>Meta: the latest view, when an authority outside the group holds them.</summary>
    public byte[] Record { get; }

    /// <summary>State: the keys of one generation of the group's state.</summary>
    public StateKeys State(byte generation) => new([.. _prefix, generation]);

    private byte[] Key(ReadOnlySpan<byte> rest) => [.. _prefix, .. rest];
}

/// <summary>The keys of one generation of a group's state. There are two, 0 and 1: one in use, and one that a transfer may be filling.</summary>
internal sealed class StateKeys(byte[] prefix)
{
    /// <summary>The store's key for a key of the state; the empty one is where the generation begins.</summary>
    public byte[] Of(ReadOnlySpan<byte> key) => [.. prefix, .. key];

    /// <summary>Where the generation ends (exclusive).</summary>
    public byte[] End => [.. prefix.AsSpan(0, prefix.Length - 1), (byte)(prefix[^1] + 1)];

    /// <summary>The key of the state that the store keeps under <paramref name="stored"/>.</summary>
    public byte[] Inner(byte[] stored) => stored[prefix.Length..];
}
